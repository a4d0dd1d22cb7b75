// From accumulators to int8, four lanes at a time: multiply_by_quantized_multiplier() of requantize.h.
// VQRDMULH is its rounding multiplication;
// VRSHL rounds halves up, so negative values are lowered by one first.
#pragma once

#include <arm_mve.h>

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device::helium {

// value / 2^-right rounded, halves away from zero; right <= 0 in every lane.
[[nodiscard]] inline int32x4_t rounding_shift(int32x4_t value, int32x4_t right) {
  const int32x4_t lowered = vaddq_s32(value, vshrq_n_s32(vandq_s32(value, right), 31));
  return vrshlq_s32(lowered, right);
}

class Requantizer {
 public:
  // `per_channel`: whether each channel has its own multiplier and shift.
  template <typename Parameters>
  Requantizer(const KernelCall& call, const Parameters& p, bool per_channel)
      : multipliers_(call.constant<std::int32_t>(p.requantization.multipliers)),
        shifts_(call.constant<std::int8_t>(p.requantization.shifts)),
        per_channel_(per_channel),
        zero_point_(p.output_zero_point),
        min_(p.activation_min),
        max_(p.activation_max) {}

  struct Scales {
    int32x4_t multipliers, shifts;
  };
  // Of the four channels from `channel` on.
  [[nodiscard]] Scales channels(std::uint32_t channel) const {
    if (!per_channel_) return {vdupq_n_s32(multipliers_[0]), vdupq_n_s32(shifts_[0])};
    return {vldrwq_s32(multipliers_ + channel), vldrbq_s32(shifts_ + channel)};
  }

  [[nodiscard]] int32x4_t operator()(int32x4_t sums, const Scales& scales) const {
    const int32x4_t left = vmaxq_s32(scales.shifts, vdupq_n_s32(0));
    const int32x4_t right = vminq_s32(scales.shifts, vdupq_n_s32(0));
    const int32x4_t high = vqrdmulhq_s32(vshlq_s32(sums, left), scales.multipliers);
    const int32x4_t moved = vaddq_n_s32(rounding_shift(high, right), zero_point_);
    return vminq_s32(vmaxq_s32(moved, vdupq_n_s32(min_)), vdupq_n_s32(max_));
  }

 private:
  const std::int32_t* multipliers_;
  const std::int8_t* shifts_;
  bool per_channel_;
  std::int32_t zero_point_, min_, max_;
};

// The first `count` lanes as bytes, at most four.
inline void store_lanes(std::int8_t* to, int32x4_t values, std::uint32_t count) {
  vstrbq_p_s32(to, values, vctp32q(count));
}

}  // namespace sotto::device::helium
