// Convolution: three windows at once are gathered, widened and multiplied with every output channel.
#include "kernels/cortex_m_dsp/pixel_block.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/cortex_m_dsp.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/window_gather.h"

namespace sotto::device::dsp {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return convolution_is_sound(check, convolution_weight_bytes(p)) &&
         requantization_is_filled_up(check, p.requantization, p.output_channels, p.output_channels) &&
         check.scratch_bytes >= convolution_scratch_bytes(p);
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const BlockProduct multiply(call);
  const std::uint32_t depth = window_depth(p);
  const std::uint32_t filled_depth = round_up(depth, 4);
  auto* widened = reinterpret_cast<std::uint32_t*>(call.scratch);
  auto* windows = reinterpret_cast<std::int8_t*>(widened + kBlockPixels * filled_depth / 2);
  WindowGather gather(p, call.input(0));
  std::uint32_t remaining = std::uint32_t{p.batches} * p.output_height * p.output_width;
  std::int8_t* output = call.output();
  std::int32_t step = p.output_channels;
  if (p.descending != 0) {
    output += (remaining - 1) * p.output_channels;
    step = -step;
  }
  while (remaining != 0) {
    BlockInput in{{windows, windows, windows}, depth};
    BlockOutput out{{output, output, output}};
    const std::uint32_t pixels = remaining < kBlockPixels ? remaining : kBlockPixels;
    for (std::uint32_t i = 0; i < pixels; ++i) {
      std::int8_t* window = windows + i * filled_depth;
      gather.next(window);
      in.windows[i] = window;
      out.pixels[i] = output;
      output += step;
    }
    widen_block(in, widened);
    multiply(widened, out);
    remaining -= pixels;
  }
}

}  // namespace
}  // namespace sotto::device::dsp

extern "C" constinit const sotto_kernel sotto_cortex_m_dsp_conv_2d = {
    sotto::device::KernelKind::kConv2d, sotto::device::Layout::kCortexMDsp,
    sizeof(sotto::device::ConvParameters), sotto::device::dsp::check, sotto::device::dsp::run};
