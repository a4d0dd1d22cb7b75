// The prime field of p = 2^61 - 1. Every operation takes and gives values in [0, p), in time that does not
// depend on them. Boards have no 128-bit integer, so there a product is built from 32-bit multiplications.
#pragma once

#include <cstdint>

namespace sotto::secagg::field {

inline constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;

// Any 64-bit number to [0, p): 2^61 = 1, so the top bits are added to the bottom ones.
constexpr std::uint64_t reduce(std::uint64_t value) {
  const std::uint64_t folded = (value & kPrime) + (value >> 61);  // at most p + 7
  const std::uint64_t difference = folded - kPrime;
  return difference + (kPrime & (0 - (difference >> 63)));
}

constexpr std::uint64_t add(std::uint64_t a, std::uint64_t b) { return reduce(a + b); }
constexpr std::uint64_t subtract(std::uint64_t a, std::uint64_t b) { return reduce(a + kPrime - b); }

// With a = a1 2^32 + a0 and b likewise: a b = a1 b1 2^64 + middle 2^32 + a0 b0, where 2^64 = 8 and, with
// middle = m1 2^29 + m0, middle 2^32 = m1 + m0 2^32.
constexpr std::uint64_t multiply_by_halves(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a0 = a & 0xffffffff;
  const std::uint64_t a1 = a >> 32;  // below 2^29
  const std::uint64_t b0 = b & 0xffffffff;
  const std::uint64_t b1 = b >> 32;
  const std::uint64_t high = a1 * b1;              // below 2^58
  const std::uint64_t middle = a1 * b0 + a0 * b1;  // below 2^62
  const std::uint64_t low = a0 * b0;
  const std::uint64_t middle_low = middle & ((std::uint64_t{1} << 29) - 1);
  // Four terms below 2^61 and two below 2^34: no overflow.
  return reduce(8 * high + (middle >> 29) + (middle_low << 32) + (low & kPrime) + (low >> 61));
}

#ifdef __SIZEOF_INT128__
constexpr std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a} * b;  // below 2^122
  return reduce((static_cast<std::uint64_t>(product) & kPrime) + static_cast<std::uint64_t>(product >> 61));
}
#else
constexpr std::uint64_t multiply(std::uint64_t a, std::uint64_t b) { return multiply_by_halves(a, b); }
#endif

// a^(p-2) (Fermat); 0 for 0.
constexpr std::uint64_t invert(std::uint64_t a) {
  std::uint64_t result = 1;
  for (int bit = 60; bit >= 0; --bit) {
    result = multiply(result, result);
    if (((kPrime - 2) >> bit & 1) != 0) result = multiply(result, a);  // the exponent is public
  }
  return result;
}

static_assert(multiply(kPrime - 1, kPrime - 1) == 1);
static_assert(multiply_by_halves(kPrime - 1, kPrime - 1) == 1);
static_assert(multiply(invert(12345), 12345) == 1);

}  // namespace sotto::secagg::field
