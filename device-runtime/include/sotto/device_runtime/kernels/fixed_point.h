// Fixed-point exponential and reciprocal with the rounding of gemmlowp's, which the .tflite reference kernels
// of SOFTMAX use. A number is an int32 whose binary point is named beside it: Qm.n has m integer and n
// fractional bits, m + n = 31.
#pragma once

#include <bit>
#include <cstdint>

#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device {

// value * 2^exponent, saturated; exponent in [0, 30].
[[nodiscard]] constexpr std::int32_t saturating_shift_left(std::int32_t value, std::int32_t exponent) {
  const std::int64_t wide = static_cast<std::int64_t>(value) * (std::int64_t{1} << exponent);
  if (wide > INT32_MAX) return INT32_MAX;
  return wide < INT32_MIN ? INT32_MIN : static_cast<std::int32_t>(wide);
}

// e^a for a in [-1/4, 0), Q0.31 in and out: the Taylor polynomial of degree 4 around -1/8.
[[nodiscard]] constexpr std::int32_t exp_in_last_quarter(std::int32_t a) {
  constexpr std::int32_t kExpOfMinusEighth = 1895147668;
  constexpr std::int32_t kOneThird = 715827883;
  const std::int32_t x = wrapping_add(a, 1 << 28);
  const std::int32_t x2 = rounding_doubling_high_multiply(x, x);
  const std::int32_t x3 = rounding_doubling_high_multiply(x2, x);
  const std::int32_t x4 = rounding_doubling_high_multiply(x2, x2);
  const std::int32_t x4_over_4 = rounding_divide_by_power_of_two(x4, 2);
  const std::int32_t tail = rounding_divide_by_power_of_two(
      wrapping_add(rounding_doubling_high_multiply(wrapping_add(x4_over_4, x3), kOneThird), x2), 1);
  return wrapping_add(kExpOfMinusEighth,
                      rounding_doubling_high_multiply(kExpOfMinusEighth, wrapping_add(x, tail)));
}

// e^a for a <= 0, Q5.26 in, Q0.31 out: the last quarter times the powers of e in a's remaining bits.
[[nodiscard]] constexpr std::int32_t exp_on_negative_values(std::int32_t a) {
  constexpr std::int32_t kFractionalBits = 26;
  constexpr std::int32_t kOneQuarter = 1 << (kFractionalBits - 2);
  // e^-(2^k) for k = -2..4, Q0.31.
  constexpr std::int32_t kPowers[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
  if (a == 0) return INT32_MAX;
  const std::int32_t in_quarter = (a & (kOneQuarter - 1)) - kOneQuarter;
  std::int32_t result = exp_in_last_quarter(saturating_shift_left(in_quarter, 5));
  const auto remainder = static_cast<std::uint32_t>(in_quarter) - static_cast<std::uint32_t>(a);
  for (int k = 0; k < 7; ++k) {
    if ((remainder >> (kFractionalBits - 2 + k) & 1) != 0)
      result = rounding_doubling_high_multiply(result, kPowers[k]);
  }
  return result;
}

// 1 / (1 + a) for a in [0, 1), Q0.31: three Newton-Raphson steps from 48/17 - 32/17 * denominator.
[[nodiscard]] constexpr std::int32_t one_over_one_plus(std::int32_t a) {
  constexpr std::int32_t k48Over17 = 1515870810;        // Q2.29
  constexpr std::int32_t kMinus32Over17 = -1010580540;  // Q2.29
  constexpr std::int32_t kOne = 1 << 29;                // Q2.29
  const auto half_denominator = static_cast<std::int32_t>((static_cast<std::int64_t>(a) + INT32_MAX + 1) / 2);
  std::int32_t x = wrapping_add(k48Over17, rounding_doubling_high_multiply(half_denominator, kMinus32Over17));
  for (int step = 0; step < 3; ++step) {
    const std::int32_t product = rounding_doubling_high_multiply(half_denominator, x);
    const std::int32_t correction = rounding_doubling_high_multiply(x, kOne - product);  // Q4.27
    x = wrapping_add(x, saturating_shift_left(correction, 2));
  }
  return saturating_shift_left(x, 1);
}

struct Reciprocal {
  std::int32_t value;  // Q0.31
  std::int32_t exponent;
};

// 1 / sum = value * 2^-exponent; sum > 0 with `integer_bits` integer bits.
[[nodiscard]] constexpr Reciprocal reciprocal(std::int32_t sum, std::int32_t integer_bits) {
  const auto bits = static_cast<std::uint32_t>(sum);
  const std::int32_t headroom = std::countl_zero(bits);
  const auto fraction = static_cast<std::int32_t>((bits << headroom) - (std::uint32_t{1} << 31));
  return {one_over_one_plus(fraction), integer_bits - headroom};
}

}  // namespace sotto::device
