// Numbers of the configuration, computed with integers: opening a front end needs no floating-point code, and
// the folded normalisation is the same on every machine.
#pragma once

#include <cstdint>

namespace sotto::device::front_end {

// mantissa * 2^exponent; 2^30 <= |mantissa| < 2^31, or the number is zero.
struct Scaled {
  std::int32_t mantissa = 0;
  std::int32_t exponent = 0;
};

// What an IEEE 754 float holds; false for infinities and NaN. Subnormal numbers count as zero.
[[nodiscard]] bool read_float(float value, Scaled& scaled);

[[nodiscard]] Scaled multiply(Scaled a, Scaled b);
[[nodiscard]] Scaled divide(Scaled a, Scaled b);  // b is not zero
// sqrt(numerator / denominator); both at least 1.
[[nodiscard]] Scaled square_root_of_ratio(std::uint32_t numerator, std::uint32_t denominator);

// value * 2^bits rounded to nearest, halves away from zero; false when that reaches 2^limit_bits in
// magnitude. limit_bits is at most 62.
[[nodiscard]] bool to_fixed(Scaled value, int bits, int limit_bits, std::int64_t& fixed);

}  // namespace sotto::device::front_end
