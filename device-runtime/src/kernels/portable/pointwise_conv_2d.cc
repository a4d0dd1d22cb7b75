// 1x1 convolution: one matrix product over all pixels, two at a time, staged so that the output may lie over
// the input.
#include "kernels/copy_bytes.h"
#include "kernels/portable/matrix_block.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::portable {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return conv_2d_scratch_bytes(p) <= check.scratch_bytes &&
         pointwise_convolution_is_sound(check, matrix_bytes(p.output_channels, p.input_channels));
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const ChannelOutput output(call, p);
  const std::uint32_t pixels = std::uint32_t{p.batches} * p.output_height * p.output_width;
  const std::uint32_t depth = p.input_channels;
  const std::int8_t* input = call.input(0);
  std::int8_t* out = call.output();
  auto* first = reinterpret_cast<std::int8_t*>(call.scratch);
  std::int8_t* second = first + depth;
  for (std::uint32_t done = 0; done < pixels; done += kPixelsPerGroup) {
    const bool pair = pixels - done >= kPixelsPerGroup;
    const std::uint32_t a = p.descending != 0 ? pixels - 1 - done : done;
    const std::uint32_t b = !pair ? a : (p.descending != 0 ? a - 1 : a + 1);
    copy_bytes(first, input + a * depth, depth);
    if (pair) copy_bytes(second, input + b * depth, depth);
    multiply_pixels(output, call.constant<std::int8_t>(p.weights), first, pair ? second : nullptr, depth,
                    p.output_channels, out + a * p.output_channels, out + b * p.output_channels);
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_pointwise_conv_2d = {
    sotto::device::KernelKind::kPointwiseConv2d, sotto::device::Layout::kPortable,
    sizeof(sotto::device::ConvParameters), sotto::device::portable::check, sotto::device::portable::run};
