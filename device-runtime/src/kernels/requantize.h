// From accumulators to int8, in the double rounding of the .tflite reference kernels (gemmlowp): multiply by
// a Q31 number and round, then shift right and round half away from zero.
#pragma once

#include <cstdint>

namespace sotto::device {

// Wraps instead of trapping, which only a hostile image can tell: the compiler refuses models whose
// accumulators could overflow.
[[nodiscard]] constexpr std::int32_t wrapping_add(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

[[nodiscard]] constexpr std::int32_t wrapping_multiply(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) * static_cast<std::uint32_t>(b));
}

// round(a * b / 2^31), halves up: for every pair but (-2^31, -2^31) what SaturatingRoundingDoublingHighMul
// gives, because truncation towards zero with a sign-dependent nudge is a floor with the positive one.
[[nodiscard]] constexpr std::int32_t rounding_doubling_high_multiply(std::int32_t a, std::int32_t b) {
  const std::int64_t product = static_cast<std::int64_t>(a) * b + (std::int64_t{1} << 30);
  return static_cast<std::int32_t>(product >> 31);
}

// value / 2^exponent, halves away from zero; exponent in [0, 31]. Requires value + 2^(exponent - 1) < 2^31,
// which holds for every accumulator of a compiled model.
[[nodiscard]] constexpr std::int32_t rounding_divide_by_power_of_two(std::int32_t value,
                                                                     std::int32_t exponent) {
  const std::int32_t half = static_cast<std::int32_t>((std::uint32_t{1} << exponent) >> 1);
  const std::int32_t nudge = exponent == 0 ? 0 : value >> 31;
  return wrapping_add(wrapping_add(value, half), nudge) >> exponent;
}

// value * multiplier * 2^(shift - 31); shift in [-31, 30], positive is to the left.
[[nodiscard]] constexpr std::int32_t multiply_by_quantized_multiplier(std::int32_t value,
                                                                      std::int32_t multiplier,
                                                                      std::int32_t shift) {
  const std::int32_t left = shift > 0 ? shift : 0;
  const std::int32_t right = shift > 0 ? 0 : -shift;
  const auto shifted = static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << left);
  return rounding_divide_by_power_of_two(rounding_doubling_high_multiply(shifted, multiplier), right);
}

[[nodiscard]] constexpr std::int8_t clamp_to_int8(std::int32_t value, std::int32_t min, std::int32_t max) {
  return static_cast<std::int8_t>(value < min ? min : (value > max ? max : value));
}

}  // namespace sotto::device
