// Nested loops over axes whose number is known only at run time: two addresses move together.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"

namespace sotto::device {

inline constexpr std::uint32_t kLoopRankMax = kImageRankMax + 1;

// Visits every position of the axes in order, from {0, 0} on.
class StridedLoop {
 public:
  StridedLoop(const Axis* axes, std::uint32_t rank) : axes_(axes), rank_(rank) {}

  [[nodiscard]] std::int32_t offset(int which) const { return static_cast<std::int32_t>(offsets_[which]); }

  // False, and back at the start, when all positions have been visited.
  bool next() {
    for (std::uint32_t i = rank_; i-- != 0;) {
      const Axis& axis = axes_[i];
      const std::uint32_t strides[] = {static_cast<std::uint32_t>(axis.strides[0]),
                                       static_cast<std::uint32_t>(axis.strides[1])};
      offsets_[0] += strides[0];
      offsets_[1] += strides[1];
      if (++steps_[i] < axis.count) return true;
      offsets_[0] -= strides[0] * axis.count;
      offsets_[1] -= strides[1] * axis.count;
      steps_[i] = 0;
    }
    return false;
  }

 private:
  const Axis* axes_;
  std::uint32_t rank_;
  std::uint32_t steps_[kLoopRankMax] = {};
  std::uint32_t offsets_[2] = {};  // modulo 2^32: nobody checks a stride that nobody reads
};

// The positions of the axes; 0 when an axis is empty, or when they are more than `limit`.
[[nodiscard]] inline std::uint64_t position_count(const Axis* axes, std::uint32_t rank, std::uint64_t limit) {
  std::uint64_t count = 1;
  for (std::uint32_t i = 0; i < rank; ++i) {
    count *= axes[i].count;  // below 2^64: both factors are below 2^32
    if (count == 0 || count > limit || count > UINT32_MAX) return 0;
  }
  return count <= limit ? count : 0;
}

// How far one axis may lead: with kLoopRankMax of them no sum leaves int32.
inline constexpr std::int64_t kReachMax = std::int64_t{1} << 27;

// Every address stays in [0, bytes), and every sum on the way in int32.
[[nodiscard]] inline bool stays_inside(const Axis* axes, std::uint32_t rank, int which, std::uint32_t start,
                                       std::uint32_t bytes) {
  std::int64_t low = start;
  std::int64_t high = start;
  for (std::uint32_t i = 0; i < rank; ++i) {
    const std::int64_t reach = std::int64_t{axes[i].strides[which]} * axes[i].count;
    if (reach > kReachMax || reach < -kReachMax) return false;
    const std::int64_t span = reach - axes[i].strides[which];
    (span < 0 ? low : high) += span;
  }
  return low >= 0 && high < bytes;
}

}  // namespace sotto::device
