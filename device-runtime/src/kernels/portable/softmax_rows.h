// SOFTMAX over the last dimension of int8 logits, to integers of a width of their own.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/fixed_point.h"
#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device::portable {

inline constexpr std::int32_t kSoftmaxSumIntegerBits = 12;

inline std::int32_t largest(const std::int8_t* row, std::uint32_t depth) {
  std::int32_t max = row[0];
  for (std::uint32_t i = 1; i < depth; ++i) max = row[i] > max ? row[i] : max;
  return max;
}

// e^(beta * scale * difference), Q0.31; difference <= 0.
inline std::int32_t exponential(const SoftmaxParameters& p, std::int32_t difference) {
  const std::int32_t shifted =
      wrapping_multiply(difference, static_cast<std::int32_t>(1u << p.input_left_shift));
  const std::int32_t scaled = rounding_doubling_high_multiply(shifted, p.input_multiplier);
  return exp_on_negative_values(scaled > 0 ? 0 : scaled);
}

template <typename Output>
void run_softmax_row(const SoftmaxParameters& p, const std::int8_t* row, Output* out) {
  constexpr std::int32_t kBits = 8 * sizeof(Output);
  constexpr std::int32_t kMin = -(1 << (kBits - 1));
  const std::int32_t max = largest(row, p.depth);
  std::int32_t sum = 0;  // Q12.19
  for (std::uint32_t i = 0; i < p.depth; ++i) {
    const std::int32_t difference = row[i] - max;
    if (difference >= p.difference_min) {
      sum += rounding_divide_by_power_of_two(exponential(p, difference), kSoftmaxSumIntegerBits);
    }
  }
  const Reciprocal scale = reciprocal(sum, kSoftmaxSumIntegerBits);
  for (std::uint32_t i = 0; i < p.depth; ++i) {
    const std::int32_t difference = row[i] - max;
    if (difference < p.difference_min) {
      out[i] = static_cast<Output>(kMin);
      continue;
    }
    const std::int32_t product = rounding_doubling_high_multiply(scale.value, exponential(p, difference));
    const std::int32_t exponent = scale.exponent + 31 - kBits;
    const std::int32_t value = exponent > 31 ? 0 : rounding_divide_by_power_of_two(product, exponent);
    const std::int32_t moved = value + kMin;
    out[i] = static_cast<Output>(moved < kMin ? kMin : (moved > -kMin - 1 ? -kMin - 1 : moved));
  }
}

template <typename Output>
void run_softmax(const KernelCall& call) {
  const auto& p = call.as<SoftmaxParameters>();
  const std::int8_t* input = call.input(0);
  auto* out = reinterpret_cast<Output*>(call.output());
  for (std::uint32_t row = 0; row < p.rows; ++row, input += p.depth, out += p.depth)
    run_softmax_row(p, input, out);
}

}  // namespace sotto::device::portable
