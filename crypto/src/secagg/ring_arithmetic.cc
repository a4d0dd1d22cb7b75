#include "secagg/ring_arithmetic.h"

#include <array>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#define SOTTO_RING_X86 1
#include <immintrin.h>
#else
#define SOTTO_RING_X86 0
#endif

namespace sotto::secagg {
namespace {

constexpr std::size_t kLaneBytes = 2;
constexpr std::size_t kWordBytes = 16;
enum class Operation : std::uint8_t { kAdd, kSubtract };

// No alignment, no aliasing, no carried dependency: compilers vectorise this as far as the baseline allows.
template <Operation Which>
void combine_lanes(std::uint8_t* __restrict accumulator, const std::uint8_t* __restrict operand,
                   std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += kLaneBytes) {
    std::uint16_t a = 0;
    std::uint16_t b = 0;
    std::memcpy(&a, accumulator + i, kLaneBytes);
    std::memcpy(&b, operand + i, kLaneBytes);
    a = static_cast<std::uint16_t>(Which == Operation::kAdd ? a + b : a - b);
    std::memcpy(accumulator + i, &a, kLaneBytes);
  }
}

struct Word {
  std::uint64_t low;
  std::uint64_t high;
};

// Two 64-bit halves with the carry by hand: boards have no 128-bit integer.
template <Operation Which>
void combine_words(std::uint8_t* __restrict accumulator, const std::uint8_t* __restrict operand,
                   std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += kWordBytes) {
    Word a;
    Word b;
    std::memcpy(&a, accumulator + i, kWordBytes);
    std::memcpy(&b, operand + i, kWordBytes);
    Word result;
    if constexpr (Which == Operation::kAdd) {
      result.low = a.low + b.low;
      result.high = a.high + b.high + (result.low < a.low ? 1 : 0);
    } else {
      result.low = a.low - b.low;
      result.high = a.high - b.high - (a.low < b.low ? 1 : 0);
    }
    std::memcpy(accumulator + i, &result, kWordBytes);
  }
}

#if SOTTO_RING_X86

// In both instruction sets a word's two halves are neighbouring 64-bit elements. The low half has carried
// when the sum is below a summand, borrowed when it was below what was taken away.

template <Operation Which>
__attribute__((target("avx2"))) void combine_lanes_avx2(std::uint8_t* accumulator,
                                                        const std::uint8_t* operand, std::size_t bytes) {
  std::size_t i = 0;
  for (; i + sizeof(__m256i) <= bytes; i += sizeof(__m256i)) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(accumulator + i));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(operand + i));
    const __m256i result = Which == Operation::kAdd ? _mm256_add_epi16(a, b) : _mm256_sub_epi16(a, b);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(accumulator + i), result);
  }
  combine_lanes<Which>(accumulator + i, operand + i, bytes - i);
}

template <Operation Which>
__attribute__((target("avx2"))) void combine_words_avx2(std::uint8_t* accumulator,
                                                        const std::uint8_t* operand, std::size_t bytes) {
  // Comparisons are signed: flipping the top bits makes them unsigned.
  const __m256i top = _mm256_set1_epi64x(static_cast<long long>(std::uint64_t{1} << 63));
  std::size_t i = 0;
  for (; i + sizeof(__m256i) <= bytes; i += sizeof(__m256i)) {
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(accumulator + i));
    const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(operand + i));
    __m256i result;
    if constexpr (Which == Operation::kAdd) {
      result = _mm256_add_epi64(a, b);
      const __m256i carried = _mm256_cmpgt_epi64(_mm256_xor_si256(a, top), _mm256_xor_si256(result, top));
      result = _mm256_sub_epi64(result, _mm256_slli_si256(carried, 8));  // a carry is -1
    } else {
      result = _mm256_sub_epi64(a, b);
      const __m256i borrowed = _mm256_cmpgt_epi64(_mm256_xor_si256(b, top), _mm256_xor_si256(a, top));
      result = _mm256_add_epi64(result, _mm256_slli_si256(borrowed, 8));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(accumulator + i), result);
  }
  combine_words<Which>(accumulator + i, operand + i, bytes - i);
}

template <Operation Which>
__attribute__((target("avx512f,avx512bw"))) void combine_lanes_avx512(std::uint8_t* accumulator,
                                                                      const std::uint8_t* operand,
                                                                      std::size_t bytes) {
  std::size_t i = 0;
  for (; i + sizeof(__m512i) <= bytes; i += sizeof(__m512i)) {
    const __m512i a = _mm512_loadu_si512(accumulator + i);
    const __m512i b = _mm512_loadu_si512(operand + i);
    _mm512_storeu_si512(accumulator + i,
                        Which == Operation::kAdd ? _mm512_add_epi16(a, b) : _mm512_sub_epi16(a, b));
  }
  combine_lanes<Which>(accumulator + i, operand + i, bytes - i);
}

template <Operation Which>
__attribute__((target("avx512f,avx512bw"))) void combine_words_avx512(std::uint8_t* accumulator,
                                                                      const std::uint8_t* operand,
                                                                      std::size_t bytes) {
  const __m512i one = _mm512_set1_epi64(1);
  const auto high_halves = [](__mmask8 low) { return static_cast<__mmask8>((low & 0x55) << 1); };
  std::size_t i = 0;
  for (; i + sizeof(__m512i) <= bytes; i += sizeof(__m512i)) {
    const __m512i a = _mm512_loadu_si512(accumulator + i);
    const __m512i b = _mm512_loadu_si512(operand + i);
    __m512i result;
    if constexpr (Which == Operation::kAdd) {
      result = _mm512_add_epi64(a, b);
      result = _mm512_mask_add_epi64(result, high_halves(_mm512_cmplt_epu64_mask(result, a)), result, one);
    } else {
      result = _mm512_sub_epi64(a, b);
      result = _mm512_mask_sub_epi64(result, high_halves(_mm512_cmplt_epu64_mask(a, b)), result, one);
    }
    _mm512_storeu_si512(accumulator + i, result);
  }
  combine_words<Which>(accumulator + i, operand + i, bytes - i);
}

#endif  // SOTTO_RING_X86

constexpr std::array kArithmetics = {
    RingArithmetic{"portable", combine_lanes<Operation::kAdd>, combine_lanes<Operation::kSubtract>,
                   combine_words<Operation::kAdd>, combine_words<Operation::kSubtract>},
#if SOTTO_RING_X86
    RingArithmetic{"avx2", combine_lanes_avx2<Operation::kAdd>, combine_lanes_avx2<Operation::kSubtract>,
                   combine_words_avx2<Operation::kAdd>, combine_words_avx2<Operation::kSubtract>},
    RingArithmetic{"avx512", combine_lanes_avx512<Operation::kAdd>,
                   combine_lanes_avx512<Operation::kSubtract>, combine_words_avx512<Operation::kAdd>,
                   combine_words_avx512<Operation::kSubtract>},
#endif
};

#if SOTTO_RING_X86
std::size_t runnable_count() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2")) return 1;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") ? 3 : 2;
}
#endif

}  // namespace

std::span<const RingArithmetic> ring_arithmetics() {
#if SOTTO_RING_X86
  static const std::size_t count = runnable_count();
  return std::span(kArithmetics).first(count);
#else
  return kArithmetics;
#endif
}

const RingArithmetic& ring_arithmetic() { return ring_arithmetics().back(); }

}  // namespace sotto::secagg
