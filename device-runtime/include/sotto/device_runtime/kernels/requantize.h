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

// round(a * b / 2^31), halves up, from products of 16-bit halves: Armv6-M has no longer ones, and would call
// a function for the 64-bit product. No sum here leaves 32 bits. Not inlined:
// it would take the registers of the loop around it.
[[nodiscard, gnu::noinline]] constexpr std::int32_t rounding_doubling_high_multiply_of_halves(
    std::int32_t a, std::int32_t b) {
  const std::uint32_t a_low = static_cast<std::uint32_t>(a) & 0xffff;
  const std::uint32_t b_low = static_cast<std::uint32_t>(b) & 0xffff;
  const std::int32_t a_high = a >> 16;
  const std::int32_t b_high = b >> 16;
  const std::uint32_t low = a_low * b_low;
  const std::int32_t middle =
      a_high * static_cast<std::int32_t>(b_low) + static_cast<std::int32_t>(low >> 16);
  const std::int32_t cross = b_high * static_cast<std::int32_t>(a_low) + (middle & 0xffff);
  const std::uint32_t bottom = static_cast<std::uint32_t>(cross) << 16 | (low & 0xffff);
  const std::uint32_t rounded = bottom + (1u << 30);
  const std::int32_t high = a_high * b_high + (middle >> 16) + (cross >> 16) + (rounded < bottom);
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(high) << 1 | rounded >> 31);
}

// round(a * b / 2^31), halves up: for every pair but (-2^31, -2^31) what SaturatingRoundingDoublingHighMul
// gives, because truncation towards zero with a sign-dependent nudge is a floor with the positive one.
[[nodiscard]] constexpr std::int32_t rounding_doubling_high_multiply(std::int32_t a, std::int32_t b) {
#if defined(__ARM_ARCH_6M__)
  return rounding_doubling_high_multiply_of_halves(a, b);
#else
  const std::int64_t product = static_cast<std::int64_t>(a) * b + (std::int64_t{1} << 30);
  return static_cast<std::int32_t>(product >> 31);
#endif
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
