// 1x1 convolution: blocks of three pixels, widened once and then multiplied with every output channel.
#include "kernels/cortex_m_dsp/pixel_block.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/cortex_m_dsp.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::dsp {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return pointwise_convolution_is_sound(check, convolution_weight_bytes(p)) &&
         requantization_is_filled_up(check, p.requantization, p.output_channels, p.output_channels) &&
         check.scratch_bytes >= pointwise_scratch_bytes(p);
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const BlockProduct multiply(call);
  auto* widened = reinterpret_cast<std::uint32_t*>(call.scratch);
  std::int32_t input_step = p.input_channels;
  std::int32_t output_step = p.output_channels;
  std::uint32_t remaining = std::uint32_t{p.batches} * p.output_height * p.output_width;
  const std::int8_t* input = call.input(0);
  std::int8_t* output = call.output();
  if (p.descending != 0) {
    input += static_cast<std::ptrdiff_t>(remaining - 1) * input_step;
    output += static_cast<std::ptrdiff_t>(remaining - 1) * output_step;
    input_step = -input_step;
    output_step = -output_step;
  }
  while (remaining != 0) {
    const std::int32_t second = remaining > 1 ? 1 : 0;
    const std::int32_t third = remaining > 2 ? 2 : 0;
    widen_block({{input, input + second * input_step, input + third * input_step}, p.input_channels},
                widened);
    multiply(widened, {{output, output + second * output_step, output + third * output_step}});
    if (remaining <= kBlockPixels) break;
    remaining -= kBlockPixels;
    input += 3 * input_step;
    output += 3 * output_step;
  }
}

}  // namespace
}  // namespace sotto::device::dsp

extern "C" constinit const sotto_kernel sotto_cortex_m_dsp_pointwise_conv_2d = {
    sotto::device::KernelKind::kPointwiseConv2d, sotto::device::Layout::kCortexMDsp,
    sizeof(sotto::device::ConvParameters), sotto::device::dsp::check, sotto::device::dsp::run};
