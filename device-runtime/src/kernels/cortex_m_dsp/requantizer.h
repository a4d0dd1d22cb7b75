// From accumulators to int8 outputs, in two speeds with equal bits.
#pragma once

#include <cstdint>

#include "kernels/cortex_m_dsp/instructions.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::dsp {

struct OutputQuantization {
  const std::int32_t* multipliers;
  const std::int8_t* shifts;
  std::int32_t zero_point, activation_min, activation_max;
};

// Any multiplier, shift, zero point and activation.
class ExactRequantizer {
 public:
  explicit ExactRequantizer(const OutputQuantization& output) : output_(output) {}

  struct Channel {
    std::int32_t multiplier, shift;
  };
  [[nodiscard]] Channel channel(std::uint32_t index) const {
    return Channel{output_.multipliers[index], output_.shifts[index]};
  }
  [[nodiscard]] std::int8_t operator()(std::int32_t accumulator, Channel channel) const {
    const std::int32_t scaled =
        multiply_by_quantized_multiplier(accumulator, channel.multiplier, channel.shift);
    return clamp_to_int8(scaled + output_.zero_point, output_.activation_min, output_.activation_max);
  }

 private:
  OutputQuantization output_;
};

// For outputs that are clamped to [-128, 127] around zero point -128:
// what a fused RELU gives. Negative values end at
// -128 whichever way a half is rounded, so both roundings become floors of a sum:
//   floor((floor((2 a m + 2^31) / 2^32) + 2^(s - 1) - 128 * 2^s) / 2^s),  s = right shift,
// and offset = 2^(s - 1) - 128 * 2^s = -255 * 2^(s - 1). `shift` is s - 1: saturation shifts once more.
[[nodiscard]] inline std::int8_t saturating_requantize(std::int32_t accumulator, std::int32_t multiplier,
                                                       std::int32_t shift, std::int32_t offset) {
  const auto doubled = static_cast<std::int32_t>(static_cast<std::uint32_t>(accumulator) << 1);
  return static_cast<std::int8_t>(
      halve_to_int8(add_rounded_high_product(offset, doubled, multiplier) >> shift));
}

// Prepares saturating_requantize().
class SaturatingRequantizer {
 public:
  explicit SaturatingRequantizer(const OutputQuantization& output) : output_(output) {}

  // Whether it gives the exact requantizer's bits for all `channels` whose dot products have at most 2^15
  // terms.
  [[nodiscard]] static bool serves(const OutputQuantization& output, const std::int32_t* biases,
                                   std::uint32_t channels, std::uint32_t scales) {
    bool serves = output.zero_point == -128 && output.activation_min == -128 && output.activation_max == 127;
    for (std::uint32_t i = 0; i < scales; ++i) serves &= output.shifts[i] < 0 && output.shifts[i] >= -22;
    // |accumulator| < 2^29 + 2^15 * 2^14: twice that fits.
    for (std::uint32_t i = 0; i < channels; ++i)
      serves &= (biases[i] < 0 ? ~biases[i] : biases[i]) < (1 << 29);
    return serves;
  }

  struct Channel {
    std::int32_t multiplier, shift, offset;
  };
  [[nodiscard]] Channel channel(std::uint32_t index) const {
    // -1 - shift; the mask is for channels that fill up.
    const std::int32_t shift = ~output_.shifts[index] & 31;
    return Channel{output_.multipliers[index], shift, -255 << shift};
  }
  [[nodiscard]] std::int8_t operator()(std::int32_t accumulator, Channel channel) const {
    return saturating_requantize(accumulator, channel.multiplier, channel.shift, channel.offset);
  }

 private:
  OutputQuantization output_;
};

inline constexpr std::uint32_t kSaturatingDepthMax = 1u << 15;

}  // namespace sotto::device::dsp
