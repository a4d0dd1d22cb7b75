#include "kernels/avx2/inner_loops.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

// Of each function that holds vector instructions. The rest of the program may run
// on processors without them.
#define SOTTO_AVX2 __attribute__((target("avx2")))

namespace sotto::device::avx2 {
namespace {

// What eight channels' accumulators are scaled with.
struct Scales {
  __m256i multipliers;
  __m256i left;
  __m256i right;
  __m256i half;      // 2^(right - 1), or 0
  __m256i negative;  // all ones where bits are shifted out
};

// A group's constants.
struct Group {
  __m256i biases[2];
  Scales scales[2];
};

SOTTO_AVX2 inline Scales make_scales(const std::int32_t* multipliers, const std::int8_t* shifts) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i shift = _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(shifts)));
  const __m256i right = _mm256_max_epi32(_mm256_sub_epi32(zero, shift), zero);
  return {_mm256_load_si256(reinterpret_cast<const __m256i*>(multipliers)), _mm256_max_epi32(shift, zero),
          right, _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), right), 1),
          _mm256_cmpgt_epi32(right, zero)};
}

// The constants of the channels from `first` on; those that do not exist get any.
SOTTO_AVX2 inline Group load_group(const OutputQuantization& output, std::uint32_t first,
                                   std::uint32_t count) {
  alignas(32) std::int32_t biases[kGroupChannels] = {};
  alignas(32) std::int32_t multipliers[kGroupChannels] = {};
  alignas(32) std::int8_t shifts[kGroupChannels] = {};
  std::memcpy(biases, output.biases + first, count * sizeof(std::int32_t));
  if (output.per_channel) {
    std::memcpy(multipliers, output.multipliers + first, count * sizeof(std::int32_t));
    std::memcpy(shifts, output.shifts + first, count);
  } else {
    for (std::uint32_t i = 0; i < kGroupChannels; ++i) {
      multipliers[i] = output.multipliers[0];
      shifts[i] = output.shifts[0];
    }
  }
  return {{_mm256_load_si256(reinterpret_cast<const __m256i*>(biases)),
           _mm256_load_si256(reinterpret_cast<const __m256i*>(biases + 8))},
          {make_scales(multipliers, shifts), make_scales(multipliers + 8, shifts + 8)}};
}

// multiply_by_quantized_multiplier() of requantize.h in eight lanes.
SOTTO_AVX2 inline __m256i scale(__m256i value, const Scales& scales) {
  const __m256i shifted = _mm256_sllv_epi32(value, scales.left);
  const __m256i nudge = _mm256_set1_epi64x(std::int64_t{1} << 30);
  const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(shifted, scales.multipliers), nudge);
  const __m256i odd = _mm256_add_epi64(
      _mm256_mul_epi32(_mm256_srli_epi64(shifted, 32), _mm256_srli_epi64(scales.multipliers, 32)), nudge);
  const __m256i high = _mm256_blend_epi32(_mm256_srli_epi64(even, 31), _mm256_slli_epi64(odd, 1), 0xAA);
  const __m256i sign = _mm256_and_si256(_mm256_srai_epi32(high, 31), scales.negative);
  return _mm256_srav_epi32(_mm256_add_epi32(_mm256_add_epi32(high, scales.half), sign), scales.right);
}

SOTTO_AVX2 inline __m256i quantize(__m256i sums, const Scales& scales, const OutputQuantization& output) {
  const __m256i moved = _mm256_add_epi32(scale(sums, scales), _mm256_set1_epi32(output.zero_point));
  return _mm256_max_epi32(_mm256_min_epi32(moved, _mm256_set1_epi32(output.activation_max)),
                          _mm256_set1_epi32(output.activation_min));
}

// Sixteen channels' outputs, the first `count` of them.
SOTTO_AVX2 inline void store(__m256i first, __m256i second, std::uint32_t count, std::int8_t* to) {
  const __m256i words = _mm256_packs_epi32(first, second);
  const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(words, words),
                                                    _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5));
  if (count >= kGroupChannels) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(bytes));
    return;
  }
  alignas(16) std::int8_t all[kGroupChannels];
  _mm_store_si128(reinterpret_cast<__m128i*>(all), _mm256_castsi256_si128(bytes));
  std::memcpy(to, all, count);
}

SOTTO_AVX2 inline __m256i widened(const std::int8_t* bytes) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}

SOTTO_AVX2 inline __m256i broadcast_pair(const std::int16_t* steps) {
  std::int32_t pair;
  std::memcpy(&pair, steps, sizeof pair);
  return _mm256_set1_epi32(pair);
}

template <std::uint32_t kPixels>
SOTTO_AVX2 inline void multiply(const MatrixProduct& product, const std::int16_t* windows,
                                std::int8_t* const* outputs) {
  const std::int8_t* weights = product.weights;
  const std::uint32_t window_length = 2 * product.pairs;
  for (std::uint32_t channel = 0; channel < product.channels; channel += kGroupChannels) {
    const std::uint32_t rest = product.channels - channel;
    const std::uint32_t count = rest < kGroupChannels ? rest : kGroupChannels;
    const Group group = load_group(product.output, channel, count);
    __m256i sums[kPixels][2];
    for (auto& pixel : sums) {
      pixel[0] = group.biases[0];
      pixel[1] = group.biases[1];
    }
    for (std::uint32_t step = 0; step < window_length; step += 2, weights += 2 * kGroupChannels) {
      const __m256i first = widened(weights);
      const __m256i second = widened(weights + kGroupChannels);
      for (std::uint32_t i = 0; i < kPixels; ++i) {
        const __m256i pair = broadcast_pair(windows + i * window_length + step);
        sums[i][0] = _mm256_add_epi32(sums[i][0], _mm256_madd_epi16(first, pair));
        sums[i][1] = _mm256_add_epi32(sums[i][1], _mm256_madd_epi16(second, pair));
      }
    }
    for (std::uint32_t i = 0; i < kPixels; ++i) {
      store(quantize(sums[i][0], group.scales[0], product.output),
            quantize(sums[i][1], group.scales[1], product.output), count, outputs[i] + channel);
    }
  }
}

}  // namespace

SOTTO_AVX2 void widen(const std::int8_t* from, std::uint32_t count, std::int16_t* to) {
  std::uint32_t i = 0;
  for (; i + 16 <= count; i += 16) _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), widened(from + i));
  for (; i < count; ++i) to[i] = from[i];
}

SOTTO_AVX2 void multiply_block(const MatrixProduct& product, const std::int16_t* windows,
                               std::int8_t* const (&outputs)[kBlockPixels]) {
  multiply<kBlockPixels>(product, windows, outputs);
}

SOTTO_AVX2 void multiply_window(const MatrixProduct& product, const std::int16_t* window,
                                std::int8_t* output) {
  multiply<1>(product, window, &output);
}

SOTTO_AVX2 void compute_depthwise_row(const DepthwiseRow& row, std::int8_t* output) {
  const std::int16_t* weights = row.weights;
  for (std::uint32_t channel = 0; channel < row.channels; channel += kGroupChannels) {
    const std::uint32_t rest = row.channels - channel;
    const Group group = load_group(row.output, channel, rest < kGroupChannels ? rest : kGroupChannels);
    const std::int8_t* base = row.ring + channel;
    std::int8_t* to = output + channel;
    for (std::uint32_t x = 0; x < row.pixels; ++x, base += row.step_bytes, to += row.channels) {
      __m256i low = _mm256_setzero_si256();   // channels 0-3 and 8-11
      __m256i high = _mm256_setzero_si256();  // channels 4-7 and 12-15
      const auto* pairs = reinterpret_cast<const __m256i*>(weights);
      for (std::uint32_t i = 0; i < row.pairs; ++i) {
        const __m256i first = widened(base + row.offsets[2 * i]);
        const __m256i second = widened(base + row.offsets[2 * i + 1]);
        low = _mm256_add_epi32(
            low, _mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), _mm256_loadu_si256(pairs + 2 * i)));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second),
                                                        _mm256_loadu_si256(pairs + 2 * i + 1)));
      }
      const __m256i front = _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x20), group.biases[0]);
      const __m256i back = _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x31), group.biases[1]);
      store(quantize(front, group.scales[0], row.output), quantize(back, group.scales[1], row.output), rest,
            to);
    }
    weights += 2 * kGroupChannels * row.pairs;
  }
}

}  // namespace sotto::device::avx2

#endif
