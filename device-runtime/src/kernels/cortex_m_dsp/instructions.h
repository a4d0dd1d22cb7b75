// The DSP extension's instructions that the kernels are made of (Cortex-M4, M7, M33 and larger), and the same
// arithmetic in plain C++ elsewhere, so that the kernels can be tested, and run under sanitizers, on any
// host.
#pragma once

#include <cstdint>
#include <cstring>

namespace sotto::device::dsp {

// Four bytes from any address.
[[nodiscard]] inline std::uint32_t load_word(const std::int8_t* bytes) {
  std::uint32_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// The first `count` bytes of a word, count below 4; the others are 0.
[[nodiscard]] inline std::uint32_t load_bytes(const std::int8_t* bytes, std::uint32_t count) {
  std::uint32_t word = 0;
  for (std::uint32_t i = 0; i < count; ++i)
    word |= std::uint32_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  return word;
}

#if defined(__ARM_FEATURE_DSP)

// Bytes 0 and 2 as two int16.
[[nodiscard]] inline std::uint32_t widen_even(std::uint32_t bytes) {
  std::uint32_t pair;
  asm("sxtb16 %0, %1" : "=r"(pair) : "r"(bytes));
  return pair;
}

// Bytes 1 and 3 as two int16.
[[nodiscard]] inline std::uint32_t widen_odd(std::uint32_t bytes) {
  std::uint32_t pair;
  asm("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(bytes));
  return pair;
}

// sum + a.low * b.low + a.high * b.high.
[[nodiscard]] inline std::int32_t multiply_add_pairs(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
  asm("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

[[nodiscard]] inline std::int32_t multiply_add_low(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
  asm("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

[[nodiscard]] inline std::int32_t multiply_add_high(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
  asm("smlatt %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}

// a's low half below b's low half.
[[nodiscard]] inline std::uint32_t join_low(std::uint32_t a, std::uint32_t b) {
  std::uint32_t joined;
  asm("pkhbt %0, %1, %2, lsl #16" : "=r"(joined) : "r"(a), "r"(b));
  return joined;
}

// a's high half below b's high half.
[[nodiscard]] inline std::uint32_t join_high(std::uint32_t a, std::uint32_t b) {
  std::uint32_t joined;
  asm("pkhtb %0, %1, %2, asr #16" : "=r"(joined) : "r"(b), "r"(a));
  return joined;
}

// sum + round(a * b / 2^32), halves up.
[[nodiscard]] inline std::int32_t add_rounded_high_product(std::int32_t sum, std::int32_t a, std::int32_t b) {
  std::int32_t result;
  asm("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

// value / 2, rounded down, saturated to int8.
[[nodiscard]] inline std::int32_t halve_to_int8(std::int32_t value) {
  asm("ssat %0, #8, %0, asr #1" : "+r"(value));
  return value;
}

#else

[[nodiscard]] constexpr std::uint32_t join(std::int32_t low, std::int32_t high) {
  return (static_cast<std::uint32_t>(low) & 0xFFFF) | (static_cast<std::uint32_t>(high) << 16);
}

[[nodiscard]] constexpr std::int32_t low_half(std::uint32_t pair) { return static_cast<std::int16_t>(pair); }
[[nodiscard]] constexpr std::int32_t high_half(std::uint32_t pair) {
  return static_cast<std::int16_t>(pair >> 16);
}

[[nodiscard]] constexpr std::int32_t wrap(std::int64_t value) { return static_cast<std::int32_t>(value); }

[[nodiscard]] constexpr std::uint32_t widen_even(std::uint32_t bytes) {
  return join(static_cast<std::int8_t>(bytes), static_cast<std::int8_t>(bytes >> 16));
}

[[nodiscard]] constexpr std::uint32_t widen_odd(std::uint32_t bytes) { return widen_even(bytes >> 8); }

[[nodiscard]] constexpr std::int32_t multiply_add_low(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
  return wrap(std::int64_t{sum} + low_half(a) * low_half(b));
}

[[nodiscard]] constexpr std::int32_t multiply_add_high(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
  return wrap(std::int64_t{sum} + high_half(a) * high_half(b));
}

[[nodiscard]] constexpr std::int32_t multiply_add_pairs(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
  return multiply_add_high(a, b, multiply_add_low(a, b, sum));
}

[[nodiscard]] constexpr std::uint32_t join_low(std::uint32_t a, std::uint32_t b) {
  return join(low_half(a), low_half(b));
}

[[nodiscard]] constexpr std::uint32_t join_high(std::uint32_t a, std::uint32_t b) {
  return join(high_half(a), high_half(b));
}

[[nodiscard]] constexpr std::int32_t add_rounded_high_product(std::int32_t sum, std::int32_t a,
                                                              std::int32_t b) {
  return wrap(sum + ((std::int64_t{a} * b + (std::int64_t{1} << 31)) >> 32));
}

[[nodiscard]] constexpr std::int32_t halve_to_int8(std::int32_t value) {
  const std::int32_t half = value >> 1;
  return half < -128 ? -128 : (half > 127 ? 127 : half);
}

#endif

}  // namespace sotto::device::dsp
