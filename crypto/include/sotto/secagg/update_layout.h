// What the lanes of an update mean (PROTOCOL.md "Update vector"): how many bytes each declared sum has, and
// the runs of values, each with its own clip, encoding and weighting. A value without a heap, so that a board
// builds it from a plan.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/base/inline_list.h"

namespace sotto::secagg {

inline constexpr std::size_t kSegmentsMax = 64;
inline constexpr std::size_t kSumsMax = 8;
inline constexpr std::size_t kSumBytesMax = 6;
inline constexpr std::size_t kCountBytesMax = 4;
// Clips from here on have a scale, and weights a product, that no device's arithmetic flushes to zero.
inline constexpr float kSmallestClip = 0x1p-64f;
inline constexpr float kLargestClip = 1e6f;

enum class Encoding : std::uint8_t {
  kSigned = 1,  // one lane a value: a signed number, quantised to 255 steps of the clip
  kCount = 2,   // count_bytes lanes a value: a whole number, exact
};

enum class Weighting : std::uint8_t {
  kExamples = 1,  // a device's values count as often as its examples
  kOne = 2,       // every device's values count once
};

// A run of values.
struct Segment {
  std::uint32_t length = 0;  // values, at least 1
  float clip = 0;            // kSigned: kSmallestClip .. kLargestClip; else 0
  Encoding encoding = Encoding::kSigned;
  std::uint8_t count_bytes = 0;                // kCount: 1 .. kCountBytesMax; else 0
  Weighting weighting = Weighting::kExamples;  // of counts kOne
  bool clipped_lane = false;                   // a lane of its own says whether one of its values was clipped

  [[nodiscard]] std::size_t lanes_per_value() const {
    return encoding == Encoding::kCount ? count_bytes : std::size_t{1};
  }
  [[nodiscard]] bool valid() const;
  friend bool operator==(const Segment&, const Segment&) = default;
};

// Lanes in order: count (1 lane), weight (4), examples (4), each declared sum (its bytes), clipped (1), one
// for each segment with a clipped lane of its own, and the segments' values.
struct UpdateLayout {
  InlineList<Segment, kSegmentsMax> segments;
  InlineList<std::uint8_t, kSumsMax> sum_bytes;  // of each declared sum, 1 .. kSumBytesMax
  std::uint32_t weight_max = 1;                  // at least 1

  // One segment, and sums of 4 and 6 bytes: correctly classified examples, and loss in 1/1024 nat.
  [[nodiscard]] static UpdateLayout classification(std::uint32_t values, float clip,
                                                   std::uint32_t weight_max);

  [[nodiscard]] bool valid() const;
  [[nodiscard]] std::size_t value_count() const;
  [[nodiscard]] std::size_t clipped_lane() const;  // its place
  [[nodiscard]] std::size_t metric_lanes() const;  // all before the first segment's values
  [[nodiscard]] std::size_t lane_count() const;
  friend bool operator==(const UpdateLayout&, const UpdateLayout&) = default;
};

// Of UpdateLayout::classification().
inline constexpr std::size_t kMetricLanes = 20;
[[nodiscard]] constexpr std::size_t update_lanes(std::size_t values) { return kMetricLanes + values; }

// The largest number that so many bytes hold. Requires 1 .. 7.
[[nodiscard]] constexpr std::uint64_t largest_of_bytes(std::size_t bytes) {
  return (std::uint64_t{1} << (8 * bytes)) - 1;
}

}  // namespace sotto::secagg
