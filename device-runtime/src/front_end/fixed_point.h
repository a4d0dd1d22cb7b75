// Integer arithmetic for tables, exact to about 2^-30: it runs while tables are built or at compile time,
// never per sample. Results do not depend on the machine.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sotto::device::front_end {

// (a * b) >> 32 without loss before the shift.
[[nodiscard]] constexpr std::int32_t multiply_high(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>((std::int64_t{a} * b) >> 32);
}

// floor(sqrt(value)).
[[nodiscard]] constexpr std::uint32_t square_root(std::uint64_t value) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 62; bit != 0; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return static_cast<std::uint32_t>(root);
}

// log2(value) * 2^32 for 1 <= value < 2^32, one bit of the fraction per squaring.
[[nodiscard]] constexpr std::int64_t log2_q32(std::uint32_t value) {
  const int leading_zeros = std::countl_zero(value);
  std::uint64_t mantissa = std::uint64_t{value} << leading_zeros;  // in [2^31, 2^32)
  auto result = static_cast<std::uint64_t>(31 - leading_zeros);
  for (int bit = 0; bit < 32; ++bit) {
    mantissa = (mantissa * mantissa) >> 31;
    result <<= 1;
    if (mantissa >= std::uint64_t{1} << 32) {
      result |= 1;
      mantissa >>= 1;
    }
  }
  return static_cast<std::int64_t>(result);
}

// 2^(2^(i - 32)) * 2^31.
inline constexpr std::array<std::uint32_t, 32> kRootsOfTwo = [] {
  std::array<std::uint32_t, 32> roots{};
  std::uint64_t root = std::uint64_t{1} << 32;
  for (std::size_t i = roots.size(); i-- > 0;) {
    root = square_root(root << 31);
    roots[i] = static_cast<std::uint32_t>(root);
  }
  return roots;
}();

// 2^(exponent / 2^32) * 2^16 for 0 <= exponent < 24 * 2^32.
[[nodiscard]] constexpr std::uint64_t exp2_q16(std::uint64_t exponent) {
  std::uint64_t result = std::uint64_t{1} << 31;  // in [2^31, 2^32)
  for (std::size_t bit = 0; bit < kRootsOfTwo.size(); ++bit) {
    if ((exponent >> bit) & 1) result = (result * kRootsOfTwo[bit]) >> 31;
  }
  return (result << (exponent >> 32)) >> 15;
}

// 2^32 / ((k - 1) k): the factors of Taylor's series for sine and cosine.
inline constexpr std::array<std::uint32_t, 14> kTaylorFactors = [] {
  std::array<std::uint32_t, 14> factors{};
  for (std::uint32_t k = 2; k < factors.size(); ++k) {
    factors[k] = static_cast<std::uint32_t>((std::uint64_t{1} << 32) / ((k - 1) * k));
  }
  return factors;
}();

// sin(2 pi phase / 2^32) * 2^31, at most 2^31 - 1 in magnitude.
[[nodiscard]] constexpr std::int32_t sine_q31(std::uint32_t phase) {
  constexpr std::uint64_t kPi = 3373259426;  // pi * 2^30
  const std::uint32_t quadrant = phase >> 30;
  std::uint32_t first = phase & 0x3fffffff;  // sin on the quadrant is sin or its mirror image on the first
  if (quadrant & 1) first = 0x40000000 - first;
  const bool upper = first > 0x20000000;  // sin(a) = cos(pi / 2 - a) keeps the series within pi / 4
  const std::uint64_t angle = ((upper ? 0x40000000 - first : first) * kPi) >> 30;  // radians * 2^31
  const std::uint64_t square = (angle * angle) >> 31;
  std::uint64_t series = std::uint64_t{1} << 31;  // Taylor's, in Horner's form
  for (std::uint32_t k = upper ? 12 : 13; k >= 2; k -= 2) {
    series = (std::uint64_t{1} << 31) - ((((square * series) >> 31) * kTaylorFactors[k]) >> 32);
  }
  std::uint64_t sine = upper ? series : (angle * series) >> 31;
  if (sine > 0x7fffffff) sine = 0x7fffffff;
  const auto magnitude = static_cast<std::int32_t>(sine);
  return quadrant & 2 ? -magnitude : magnitude;
}

// cos(2 pi phase / 2^32) * 2^31.
[[nodiscard]] constexpr std::int32_t cosine_q31(std::uint32_t phase) { return sine_q31(phase + 0x40000000); }

// numerator / denominator turns as a phase, rounded to nearest; numerator < denominator < 2^31.
[[nodiscard]] constexpr std::uint32_t phase_of(std::uint32_t numerator, std::uint32_t denominator) {
  return static_cast<std::uint32_t>(((std::uint64_t{numerator} << 32) + denominator / 2) / denominator);
}

}  // namespace sotto::device::front_end
