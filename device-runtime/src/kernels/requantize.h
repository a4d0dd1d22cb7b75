// From accumulators to int8, in the double rounding of the .tflite reference kernels (gemmlowp): multiply by
// a Q31 number and round, then shift right and round half away from zero.
#pragma once

#include <cstdint>

namespace sotto::device {

// Modulo 2^32. With the zero point folded into the bias a partial sum may wrap although the reference
// kernel's would not; the total is right again whenever the reference's fits 32 bits.
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

// value / 2^exponent, halves away from zero; exponent in [0, 31], value > -2^31. Shifting by exponent - 1 and
// halving what is left needs no sum that could overflow.
[[nodiscard]] constexpr std::int32_t rounding_divide_by_power_of_two(std::int32_t value,
                                                                     std::int32_t exponent) {
  if (exponent == 0) return value;
  const std::int32_t doubled = wrapping_add(value, value >> 31) >> (exponent - 1);
  return (doubled & 1) + (doubled >> 1);
}

// value * multiplier * 2^(shift - 31); shift in [-31, 30], positive is to the left.
[[nodiscard]] constexpr std::int32_t multiply_by_quantized_multiplier(std::int32_t value,
                                                                      std::int32_t multiplier,
                                                                      std::int32_t shift) {
  if (shift < 0)
    return rounding_divide_by_power_of_two(rounding_doubling_high_multiply(value, multiplier), -shift);
  const auto shifted = static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << shift);
  return rounding_doubling_high_multiply(shifted, multiplier);
}

[[nodiscard]] constexpr std::int8_t clamp_to_int8(std::int32_t value, std::int32_t min, std::int32_t max) {
  return static_cast<std::int8_t>(value < min ? min : (value > max ? max : value));
}

}  // namespace sotto::device
