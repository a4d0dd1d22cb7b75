#include "front_end/scaled.h"

#include <bit>

#include "front_end/fixed_point.h"

namespace sotto::device::front_end {
namespace {

static_assert(sizeof(float) == sizeof(std::uint32_t));

// |magnitude| * 2^exponent with the mantissa where it belongs; truncates.
Scaled normalised(std::uint64_t magnitude, int exponent, bool negative) {
  if (magnitude == 0) return {};
  const int shift = static_cast<int>(std::bit_width(magnitude)) - 31;
  const auto mantissa = static_cast<std::int32_t>(shift >= 0 ? magnitude >> shift : magnitude << -shift);
  return {negative ? -mantissa : mantissa, exponent + shift};
}

std::uint64_t magnitude_of(Scaled value) {
  return static_cast<std::uint64_t>(value.mantissa < 0 ? -std::int64_t{value.mantissa} : value.mantissa);
}

}  // namespace

bool read_float(float value, Scaled& scaled) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto biased = static_cast<int>((bits >> 23) & 0xff);
  scaled = {};
  if (biased == 0xff) return false;
  if (biased != 0) scaled = normalised((bits & 0x7fffff) | 0x800000, biased - 150, (bits >> 31) != 0);
  return true;
}

Scaled multiply(Scaled a, Scaled b) {
  return normalised(magnitude_of(a) * magnitude_of(b), a.exponent + b.exponent,
                    (a.mantissa < 0) != (b.mantissa < 0));
}

Scaled divide(Scaled a, Scaled b) {
  return normalised((magnitude_of(a) << 32) / magnitude_of(b), a.exponent - b.exponent - 32,
                    (a.mantissa < 0) != (b.mantissa < 0));
}

Scaled square_root_of_ratio(std::uint32_t numerator, std::uint32_t denominator) {
  // The ratio with an even number of fraction bits, as large as 64 bits allow.
  const int shift = (64 - static_cast<int>(std::bit_width(numerator))) & ~1;
  return normalised(square_root((std::uint64_t{numerator} << shift) / denominator), -shift / 2, false);
}

bool to_fixed(Scaled value, int bits, int limit_bits, std::int64_t& fixed) {
  fixed = 0;
  const int shift = value.exponent + bits;
  if (value.mantissa == 0 || shift < -32) return true;
  if (shift + 31 > limit_bits) return false;
  const std::uint64_t magnitude = magnitude_of(value);
  const std::uint64_t rounded =
      shift >= 0 ? magnitude << shift : (magnitude + (std::uint64_t{1} << (-shift - 1))) >> -shift;
  fixed = value.mantissa < 0 ? -static_cast<std::int64_t>(rounded) : static_cast<std::int64_t>(rounded);
  return (rounded >> limit_bits) == 0;
}

}  // namespace sotto::device::front_end
