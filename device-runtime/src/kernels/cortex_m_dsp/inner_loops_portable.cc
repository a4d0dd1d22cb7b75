// inner_loops.h in C++, for processors without the DSP extension: tests on hosts.
#include "kernels/cortex_m_dsp/inner_loops.h"

#if !defined(__ARM_FEATURE_DSP)

#include "kernels/cortex_m_dsp/instructions.h"
#include "kernels/cortex_m_dsp/requantizer.h"

namespace sotto::device::dsp {

const std::uint32_t* multiply_windows(const std::uint32_t* weights, const std::uint32_t* widened,
                                      std::uint32_t quads, std::int32_t* sums) {
  for (std::uint32_t pair = 0; pair < 2 * quads; ++pair, ++weights, widened += 3) {
    for (int window = 0; window < 3; ++window) {
      sums[2 * window] = multiply_add_pairs(widen_even(*weights), widened[window], sums[2 * window]);
      sums[2 * window + 1] = multiply_add_pairs(widen_odd(*weights), widened[window], sums[2 * window + 1]);
    }
  }
  return weights;
}

void compute_block(WindowBlock& block) {
  for (; block.channel_pairs != 0; --block.channel_pairs) {
    const std::int32_t a = block.biases[0];
    const std::int32_t b = block.biases[1];
    std::int32_t sums[6] = {a, b, a, b, a, b};
    block.weights = multiply_windows(block.weights, block.widened, block.quads, sums);
    for (std::uint32_t i = 6; i-- != 0;) {
      const std::int32_t shift = -1 - block.shifts[i % 2];
      block.outputs[i / 2][i % 2] =
          saturating_requantize(sums[i], block.multipliers[i % 2], shift, -255 * (1 << shift));
    }
    block.biases += 2;
    block.multipliers += 2;
    block.shifts += 2;
    for (std::int8_t*& output : block.outputs) output += 2;
  }
}

const std::uint32_t* multiply_rows(const std::uint32_t* weights, const std::int8_t* input,
                                   std::uint32_t quads, std::int32_t* sums) {
  for (; quads != 0; --quads, input += 4) {
    const std::uint32_t pairs[2] = {widen_even(load_word(input)), widen_odd(load_word(input))};
    for (const std::uint32_t pair : pairs) {
      for (int row = 0; row < 4; row += 2, ++weights) {
        sums[row] = multiply_add_pairs(widen_even(*weights), pair, sums[row]);
        sums[row + 1] = multiply_add_pairs(widen_odd(*weights), pair, sums[row + 1]);
      }
    }
  }
  return weights;
}

void multiply_taps(const DepthwiseTaps& taps, std::int32_t* sums) {
  for (std::uint32_t i = 0; i < taps.pairs; ++i) {
    const std::uint32_t first = load_word(taps.base + taps.offsets[2 * i]);
    const std::uint32_t second = load_word(taps.base + taps.offsets[2 * i + 1]);
    const std::uint32_t* weights = taps.weights + 4 * i;
    const std::uint32_t low = join_low(first, second);
    const std::uint32_t high = join_high(first, second);
    sums[0] = multiply_add_pairs(widen_even(low), weights[0], sums[0]);
    sums[1] = multiply_add_pairs(widen_odd(low), weights[1], sums[1]);
    sums[2] = multiply_add_pairs(widen_even(high), weights[2], sums[2]);
    sums[3] = multiply_add_pairs(widen_odd(high), weights[3], sums[3]);
  }
}

void compute_depthwise_row(DepthwiseRow& row) {
  const std::uint32_t column = row.column_bytes;
  for (std::uint32_t at = 0; row.output != row.output_end;
       row.output += row.output_step_bytes, at += row.step_bytes) {
    const std::int8_t* bases[3] = {row.top + at, row.middle + at, row.bottom + at};
    std::int32_t sums[4] = {row.biases[0], row.biases[1], row.biases[2], row.biases[3]};
    for (std::uint32_t tap = 0; tap < 9; ++tap) {
      const std::uint32_t bytes = load_word(bases[tap / 3] + tap % 3 * column);
      const std::uint32_t even = widen_even(bytes);
      const std::uint32_t odd = widen_odd(bytes);
      const std::uint32_t* pairs = row.weights + tap / 2 * 4;
      std::uint32_t weights[4];
      for (int i = 0; i < 4; ++i) weights[i] = tap % 2 == 0 ? pairs[i] : pairs[i] >> 16;
      sums[0] = multiply_add_low(even, weights[0], sums[0]);
      sums[1] = multiply_add_low(odd, weights[1], sums[1]);
      sums[2] = multiply_add_low(even >> 16, weights[2], sums[2]);
      sums[3] = multiply_add_low(odd >> 16, weights[3], sums[3]);
    }
    for (int i = 0; i < 4; ++i) {
      const auto& channel = row.channels[i];
      row.output[i] = saturating_requantize(sums[i], channel.multiplier, channel.shift, channel.offset);
    }
  }
}

}  // namespace sotto::device::dsp

#endif
