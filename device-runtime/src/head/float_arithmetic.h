// Single precision with the same bits on every machine: products through a barrier, so that no compiler fuses
// one with a sum (which rounds once instead of twice) or puts it into a vector unit (Helium's flushes
// subnormals); sums of whole arrays likewise. tests/device/test_head.py looks for such instructions.
#pragma once

#include <bit>
#include <cstdint>

#if defined(__FAST_MATH__)
#error "heads need IEEE arithmetic: compile without -ffast-math"
#endif

namespace sotto::device::head {

// The value in a register, as rounded.
[[nodiscard, gnu::always_inline]] inline float rounded(float value) {
#if defined(__arm__) && defined(__ARM_FP)
  asm("" : "+t"(value));
#elif defined(__x86_64__)
  asm("" : "+x"(value));
#elif defined(__aarch64__)
  asm("" : "+w"(value));
#else
  asm("" : "+r"(value));
#endif
  return value;
}

[[nodiscard, gnu::always_inline]] inline float product(float a, float b) { return rounded(a * b); }

// Larger outputs are refused, so nothing here ever becomes infinite.
inline constexpr float kMagnitudeMax = 1e15f;

// False for what is no number, too.
[[nodiscard]] inline bool is_moderate(float value) { return value > -kMagnitudeMax && value < kMagnitudeMax; }

[[nodiscard]] inline float magnitude(float value) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFF);
}

// To the nearest, halves away from zero; clamped to +-2^30.
[[nodiscard]] inline std::int32_t to_integer(float value) {
  constexpr float kLimit = 1073741824.0f;
  if (value >= kLimit) return 1 << 30;
  if (value <= -kLimit) return -(1 << 30);
  const auto whole = static_cast<std::int32_t>(value);
  const float rest = value - static_cast<float>(whole);  // exact
  if (rest >= 0.5f) return whole + 1;
  return rest <= -0.5f ? whole - 1 : whole;
}

// e^x for x <= 0: the polynomial of degree 5 of Cephes (S. Moshier) around the nearest multiple of ln 2;
// within 2 units in the last place, and 0 below -86.
[[nodiscard]] float exponential(float x);

// ln x for x in [1, 2^24], as Cephes; within 2 units in the last place.
[[nodiscard]] float logarithm(float x);

// 1 / (1 + e^-x).
[[nodiscard]] float sigmoid(float x);

}  // namespace sotto::device::head
