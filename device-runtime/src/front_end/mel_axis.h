// Where mel bands have their edges, and bins of the transform their places beside them. Runs
// while tables are built.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/front_end.h"

namespace sotto::device::front_end {

// Places on the axis where the triangles are straight, Hz or mel. Only their proportions mean something.
class MelAxis {
 public:
  // The mel fields of `config` are valid.
  explicit MelAxis(const sotto_front_end_config& config);

  // i <= mel_bands + 1.
  [[nodiscard]] std::int64_t edge(std::uint32_t i) const;
  // k <= fft_length / 2.
  [[nodiscard]] std::int64_t bin(std::uint32_t k) const;

 private:
  // A number of Hz over a common divisor, and log2 of the scale's corner over it.
  struct Hz {
    std::uint32_t multiple;
    std::uint32_t divisor;
    std::int64_t log2_corner;
  };
  // In mel, in units of 2^-32 of whatever the scale's own unit is; and from there to Hz in units of 2^-16.
  [[nodiscard]] std::int64_t to_mel(const Hz& hz) const;
  [[nodiscard]] std::int64_t to_hz(std::int64_t mel) const;

  bool slaney_;
  bool in_mel_;
  std::uint32_t bands_;
  std::uint32_t rate_;
  std::uint32_t length_;
  std::int64_t bins_log2_corner_;  // over length_
  std::int64_t lower_;
  std::int64_t upper_;
};

}  // namespace sotto::device::front_end
