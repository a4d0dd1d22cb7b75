#include "kernels/cortex_m_dsp/pixel_block.h"

#include "kernels/cortex_m_dsp/inner_loops.h"
#include "kernels/cortex_m_dsp/instructions.h"
#include "kernels/cortex_m_dsp/requantizer.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/layout.h"

namespace sotto::device::dsp {
namespace {

static_assert(kBlockPixels == 3, "the loops below are written out for three");

std::uint32_t quads(const ConvParameters& p) { return round_up(window_depth(p), 4) / 4; }

OutputQuantization output_quantization(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  return OutputQuantization{call.constant<std::int32_t>(p.requantization.multipliers),
                            call.constant<std::int8_t>(p.requantization.shifts), p.output_zero_point,
                            p.activation_min, p.activation_max};
}

// All channels from `first` on, two by two; `weights` are theirs.
template <typename Requantizer>
void multiply_channels(const KernelCall& call, std::uint32_t first, const std::uint32_t* weights,
                       const std::uint32_t* widened, const BlockOutput& output) {
  const auto& p = call.as<ConvParameters>();
  const Requantizer requantize(output_quantization(call));
  const auto* biases = call.constant<std::int32_t>(p.requantization.biases);
  for (std::uint32_t channel = first; channel < p.output_channels; channel += 2) {
    const std::int32_t a = biases[channel];
    const std::int32_t b = biases[channel + 1];
    std::int32_t sums[6] = {a, b, a, b, a, b};
    weights = multiply_windows(weights, widened, quads(p), sums);
    // What is stored twice is stored right the last time: b before a, the pixels from the last to the first.
    for (std::uint32_t row = 2; row-- != 0;) {
      const std::uint32_t at = channel + row < p.output_channels ? channel + row : channel;
      const auto scale = requantize.channel(at);
      output.pixels[2][at] = requantize(sums[4 + row], scale);
      output.pixels[1][at] = requantize(sums[2 + row], scale);
      output.pixels[0][at] = requantize(sums[row], scale);
    }
  }
}

// All pairs of channels in one loop, then an odd last one.
void multiply_saturating(const KernelCall& call, const std::uint32_t* widened, const BlockOutput& output) {
  const auto& p = call.as<ConvParameters>();
  WindowBlock block{call.constant<std::uint32_t>(p.weights),
                    call.constant<std::int32_t>(p.requantization.biases),
                    call.constant<std::int32_t>(p.requantization.multipliers),
                    call.constant<std::int8_t>(p.requantization.shifts),
                    {output.pixels[0], output.pixels[1], output.pixels[2]},
                    p.output_channels / 2u,
                    widened,
                    quads(p)};
  if (block.channel_pairs != 0) compute_block(block);
  if (p.output_channels % 2 != 0) {
    multiply_channels<SaturatingRequantizer>(call, p.output_channels - 1u, block.weights, widened, output);
  }
}

}  // namespace

void widen_block(const BlockInput& input, std::uint32_t* widened) {
  const std::int8_t* const* windows = input.windows;
  std::uint32_t step = 0;
  const auto put = [&widened](std::uint32_t a, std::uint32_t b, std::uint32_t c) {
    widened[0] = widen_even(a);
    widened[1] = widen_even(b);
    widened[2] = widen_even(c);
    widened[3] = widen_odd(a);
    widened[4] = widen_odd(b);
    widened[5] = widen_odd(c);
    widened += 6;
  };
  for (; step + 4 <= input.depth; step += 4) {
    put(load_word(windows[0] + step), load_word(windows[1] + step), load_word(windows[2] + step));
  }
  if (const std::uint32_t rest = input.depth - step; rest != 0) {
    put(load_bytes(windows[0] + step, rest), load_bytes(windows[1] + step, rest),
        load_bytes(windows[2] + step, rest));
  }
}

BlockProduct::BlockProduct(const KernelCall& call) : call_(call) {
  const auto& p = call.as<ConvParameters>();
  saturating_ = window_depth(p) <= kSaturatingDepthMax &&
                SaturatingRequantizer::serves(output_quantization(call),
                                              call.constant<std::int32_t>(p.requantization.biases),
                                              p.output_channels, p.output_channels);
}

void BlockProduct::operator()(const std::uint32_t* widened, const BlockOutput& output) const {
  if (saturating_) {
    multiply_saturating(call_, widened, output);
  } else {
    const auto& p = call_.as<ConvParameters>();
    multiply_channels<ExactRequantizer>(call_, 0, call_.constant<std::uint32_t>(p.weights), widened, output);
  }
}

}  // namespace sotto::device::dsp
