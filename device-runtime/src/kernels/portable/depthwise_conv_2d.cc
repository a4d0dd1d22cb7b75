// DEPTHWISE_CONV_2D: for each output pixel the places of its taps once, then all channels. A tap in the
// padding points at a pixel of zero points, so inside and border run the same loop.
#include "kernels/copy_bytes.h"
#include "kernels/portable/matrix_block.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::portable {
namespace {

struct Window {
  const std::int8_t* base;  // tap t's pixel is base + taps[t]
  const std::uint32_t* taps;
  std::uint32_t count;
};

// Places of the taps of one output pixel, relative to the arena.
void place_taps(const ConvParameters& p, std::uint32_t pixel, std::uint32_t input, std::uint32_t padding,
                std::uint32_t* taps) {
  const std::uint32_t channels = p.input_channels;
  const std::int32_t top =
      static_cast<std::int32_t>(pixel / p.output_width * p.stride_height) - p.padding_top;
  const std::int32_t left =
      static_cast<std::int32_t>(pixel % p.output_width * p.stride_width) - p.padding_left;
  for (std::uint32_t i = 0; i < p.kernel_height; ++i) {
    const std::int32_t y = top + static_cast<std::int32_t>(i * p.dilation_height);
    const bool row_inside = y >= 0 && y < p.input_height;
    for (std::uint32_t j = 0; j < p.kernel_width; ++j) {
      const std::int32_t x = left + static_cast<std::int32_t>(j * p.dilation_width);
      const bool inside = row_inside && x >= 0 && x < p.input_width;
      *taps++ =
          inside ? input + (static_cast<std::uint32_t>(y) * p.input_width + static_cast<std::uint32_t>(x)) *
                               channels
                 : padding;
    }
  }
}

// Four channels at a time, all taps, as far as there are four. How many channels are done.
std::uint32_t run_channels_by_four(const Window& window, const std::int8_t* weights, std::uint32_t channels,
                                   const ChannelOutput& channel_output, std::int8_t* out) {
  // A copy whose address nobody has: stores of int8 cannot change it.
  const ChannelOutput output = channel_output;
  const std::uint32_t* const end = window.taps + window.count;
  std::uint32_t channel = 0;
  for (; channel + 4 <= channels; channel += 4) {
    std::int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    const std::int8_t* w = weights + channel;
    const std::int8_t* const base = window.base + channel;
    for (const std::uint32_t* tap = window.taps; tap != end; ++tap, w += channels) {
      const std::int8_t* x = base + *tap;
      a0 += w[0] * x[0];
      a1 += w[1] * x[1];
      a2 += w[2] * x[2];
      a3 += w[3] * x[3];
    }
    out[channel] = output.value(a0, channel);
    out[channel + 1] = output.value(a1, channel + 1);
    out[channel + 2] = output.value(a2, channel + 2);
    out[channel + 3] = output.value(a3, channel + 3);
  }
  return channel;
}

std::int8_t one_channel(const Window& window, const std::int8_t* weights, std::uint32_t channels,
                        std::uint32_t channel, std::uint32_t input_channel, const ChannelOutput& output) {
  std::int32_t sum = 0;
  for (std::uint32_t tap = 0; tap < window.count; ++tap) {
    sum += weights[tap * channels + channel] * window.base[window.taps[tap] + input_channel];
  }
  return output.value(sum, channel);
}

void run_pixel(const ConvParameters& p, const Window& window, const std::int8_t* weights,
               const ChannelOutput& output, std::int8_t* out) {
  const std::uint32_t channels = p.output_channels;
  std::uint32_t channel = 0;
  if (p.depth_multiplier == 1) channel = run_channels_by_four(window, weights, channels, output, out);
  for (; channel < channels; ++channel) {
    out[channel] = one_channel(window, weights, channels, channel, channel / p.depth_multiplier, output);
  }
}

bool check(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return check.has(1, 1) && check.operands[0].place == Place::kArena &&
         depthwise_conv_2d_scratch_bytes(p) <= check.scratch_bytes &&
         depthwise_convolution_is_sound(check,
                                        std::uint64_t{p.kernel_height} * p.kernel_width * p.output_channels);
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const ChannelOutput output(call, p);
  const std::uint32_t count = std::uint32_t{p.kernel_height} * p.kernel_width;
  auto* taps = reinterpret_cast<std::uint32_t*>(call.scratch);
  auto* padding = reinterpret_cast<std::int8_t*>(call.scratch + 4 * count);
  fill_bytes(padding, p.input_zero_point, p.input_channels);
  const auto padding_offset =
      static_cast<std::uint32_t>(padding - reinterpret_cast<std::int8_t*>(call.activations));
  const Window window{reinterpret_cast<const std::int8_t*>(call.activations), taps, count};
  const std::uint32_t input_bytes = std::uint32_t{p.input_height} * p.input_width * p.input_channels;
  const std::uint32_t pixels = std::uint32_t{p.output_height} * p.output_width;
  for (std::uint32_t done = 0; done < p.batches * pixels; ++done) {
    const std::uint32_t q = p.descending != 0 ? p.batches * pixels - 1 - done : done;
    place_taps(p, q % pixels, call.operands[0].offset + q / pixels * input_bytes, padding_offset, taps);
    run_pixel(p, window, call.constant<std::int8_t>(p.weights), output,
              call.output() + q * p.output_channels);
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_depthwise_conv_2d = {
    sotto::device::KernelKind::kDepthwiseConv2d, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ConvParameters), sotto::device::portable::check, sotto::device::portable::run};
