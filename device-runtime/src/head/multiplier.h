// The multiplier of a layer, as the model compiler computes it in double precision, in integers.
#pragma once

#include <bit>
#include <cstdint>

namespace sotto::device::head {

// real = multiplier * 2^(shift - 31), as the kernels want it; 0, 0 below 2^-32.
struct Multiplier {
  std::int32_t multiplier;
  std::int32_t shift;
};

// first * second / divisor: the product is exact in double precision, the quotient is rounded to its 53 bits
// (halves to even), then to 31 (halves up). All three are normal positive numbers.
[[nodiscard]] inline Multiplier quantize_ratio(float first, float second, float divisor) {
  constexpr std::uint32_t kImplicit = 1u << 23;
  const auto mantissa = [](float value) {
    return (std::bit_cast<std::uint32_t>(value) & (kImplicit - 1)) | kImplicit;
  };
  const auto exponent = [](float value) {
    return static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(value) >> 23);
  };
  const std::uint64_t dividend = std::uint64_t{mantissa(first)} * mantissa(second);
  const std::uint32_t by = mantissa(divisor);
  std::uint64_t quotient = 0;
  std::uint32_t rest = 0;
  std::int32_t place = 48;                     // of the next bit of the dividend, which has at most that many
  while (quotient < std::uint64_t{1} << 53) {  // 53 bits and one to round by
    --place;
    rest = rest << 1 | (place >= 0 ? static_cast<std::uint32_t>(dividend >> place & 1) : 0);
    quotient <<= 1;
    if (rest >= by) {
      rest -= by;
      quotient |= 1;
    }
  }
  // A remainder, bits of the dividend among it, is more than a half.
  const bool is_above = rest != 0 || (place > 0 && (dividend & ((std::uint64_t{1} << place) - 1)) != 0);
  const bool is_rounded_up = (quotient & 1) != 0 && (is_above || (quotient >> 1 & 1) != 0);
  quotient = (quotient >> 1) + (is_rounded_up ? 1 : 0);  // times 2^(place + 1)
  auto fixed = static_cast<std::int64_t>((quotient + (1u << 21)) >> 22);
  // Each mantissa is its number times 2^(150 - exponent).
  std::int32_t shift = place + 1 + 53 + exponent(first) + exponent(second) - exponent(divisor) - 150;
  if (fixed >= std::int64_t{1} << 31) {
    fixed /= 2;
    ++shift;
  }
  if (shift < -31) return {0, 0};
  return {static_cast<std::int32_t>(fixed), shift};
}

}  // namespace sotto::device::head
