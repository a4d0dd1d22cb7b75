// The inner loop of every matrix product: two columns of activations against a group of four rows of weights.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/portable/portable_scratch.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::portable {

// Armv6-M has eight registers to work in: there more steps or more columns at once only spill more.
#if defined(__ARM_ARCH_6M__)
inline constexpr bool kHasFewRegisters = true;
#else
inline constexpr bool kHasFewRegisters = false;
#endif

// Steps of a dot product in one turn of the loop.
inline constexpr std::uint32_t kStepsPerTurn = kHasFewRegisters ? 1 : 4;

// Eight accumulators live in registers; each weight is loaded once for two pixels, each activation once for
// four channels.
struct Accumulators {
  std::int32_t of[kPixelsPerGroup][kRowsPerGroup];
};

inline void multiply_column(const std::int8_t* weights, const std::int8_t* column, std::uint32_t depth,
                            std::int32_t (&sums)[kRowsPerGroup]) {
  std::int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
  const auto step = [&](std::uint32_t i) {
    const std::int32_t x = column[i];
    const std::int8_t* w = weights + kRowsPerGroup * i;
    a0 += w[0] * x;
    a1 += w[1] * x;
    a2 += w[2] * x;
    a3 += w[3] * x;
  };
  const std::int8_t* const end = column + depth / kStepsPerTurn * kStepsPerTurn;
  while (column != end) {
    step(0);
    if constexpr (kStepsPerTurn == 4) {
      step(1);
      step(2);
      step(3);
    }
    weights += kStepsPerTurn * kRowsPerGroup;
    column += kStepsPerTurn;
  }
  for (std::uint32_t i = 0; i < depth % kStepsPerTurn; ++i) step(i);
  sums[0] = a0;
  sums[1] = a1;
  sums[2] = a2;
  sums[3] = a3;
}

inline Accumulators multiply_two_columns(const std::int8_t* weights, const std::int8_t* first,
                                         const std::int8_t* second, std::uint32_t depth) {
  if constexpr (kHasFewRegisters) {
    Accumulators sums;
    multiply_column(weights, first, depth, sums.of[0]);
    multiply_column(weights, second, depth, sums.of[1]);
    return sums;
  }
  std::int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
  const auto step = [&](std::uint32_t i) {
    const std::int32_t x = first[i];
    const std::int32_t y = second[i];
    const std::int8_t* w = weights + kRowsPerGroup * i;
    a0 += w[0] * x;
    b0 += w[0] * y;
    a1 += w[1] * x;
    b1 += w[1] * y;
    a2 += w[2] * x;
    b2 += w[2] * y;
    a3 += w[3] * x;
    b3 += w[3] * y;
  };
  const std::int8_t* const end = first + depth / kStepsPerTurn * kStepsPerTurn;
  while (first != end) {
    step(0);
    if constexpr (kStepsPerTurn == 4) {
      step(1);
      step(2);
      step(3);
    }
    weights += kStepsPerTurn * kRowsPerGroup;
    first += kStepsPerTurn;
    second += kStepsPerTurn;
  }
  for (std::uint32_t i = 0; i < depth % kStepsPerTurn; ++i) step(i);
  return {{{a0, a1, a2, a3}, {b0, b1, b2, b3}}};
}

// What turns channel accumulators into int8.
struct ChannelOutput {
  const std::int32_t* biases;
  const std::int32_t* multipliers;
  const std::int8_t* shifts;
  std::int32_t zero_point, min, max;

  template <typename Parameters>
  ChannelOutput(const KernelCall& call, const Parameters& p)
      : ChannelOutput(call, p, call.constant<std::int32_t>(p.requantization.biases)) {}
  template <typename Parameters>
  ChannelOutput(const KernelCall& call, const Parameters& p, const std::int32_t* channel_biases)
      : biases(channel_biases),
        multipliers(call.constant<std::int32_t>(p.requantization.multipliers)),
        shifts(call.constant<std::int8_t>(p.requantization.shifts)),
        zero_point(p.output_zero_point),
        min(p.activation_min),
        max(p.activation_max) {}

  [[nodiscard]] std::int8_t value(std::int32_t accumulator, std::uint32_t channel) const {
    return value(accumulator, channel, channel);
  }
  [[nodiscard]] std::int8_t value(std::int32_t accumulator, std::uint32_t channel,
                                  std::uint32_t scale) const {
    const std::int32_t sum = wrapping_add(accumulator, biases[channel]);
    const std::int32_t scaled = multiply_by_quantized_multiplier(sum, multipliers[scale], shifts[scale]);
    return clamp_to_int8(wrapping_add(scaled, zero_point), min, max);
  }
};

// One group of output pixels from their columns: `outputs` of `channels` each. With one column, `second` is
// null.
void multiply_pixels(const ChannelOutput& output, const std::int8_t* weights, const std::int8_t* first,
                     const std::int8_t* second, std::uint32_t depth, std::uint32_t channels,
                     std::int8_t* first_out, std::int8_t* second_out);

}  // namespace sotto::device::portable
