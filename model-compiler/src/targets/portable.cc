// The portable kernels, as the compiler sees them.
#include "sotto/device_runtime/kernels/portable/portable_scratch.h"

#include "targets/targets.h"

namespace sotto::model_compiler {
namespace {

using device::ConvParameters;
using device::FullyConnectedParameters;
using device::KernelKind;
using device::Layout;

std::vector<std::int8_t> interleave(std::uint32_t rows, std::uint32_t depth,
                                    std::span<const std::int8_t> weights) {
  constexpr std::uint32_t kGroup = device::portable::kRowsPerGroup;
  std::vector<std::int8_t> packed(device::portable::matrix_bytes(rows, depth));
  for (std::uint32_t row = 0; row < rows; ++row) {
    std::int8_t* group = packed.data() + std::size_t{row / kGroup} * kGroup * depth;
    for (std::uint32_t i = 0; i < depth; ++i)
      group[i * kGroup + row % kGroup] = weights[std::size_t{row} * depth + i];
  }
  return packed;
}

std::vector<std::int8_t> pack_convolution(const void* parameters, std::span<const std::int8_t> weights) {
  const auto& p = *static_cast<const ConvParameters*>(parameters);
  return interleave(p.output_channels, device::portable::window_length(p), weights);
}

std::vector<std::int8_t> pack_fully_connected(const void* parameters, std::span<const std::int8_t> weights) {
  const auto& p = *static_cast<const FullyConnectedParameters*>(parameters);
  return interleave(p.output_depth, p.input_depth, weights);
}

std::uint32_t convolution_scratch(const void* parameters) {
  return static_cast<std::uint32_t>(
      device::portable::conv_2d_scratch_bytes(*static_cast<const ConvParameters*>(parameters)));
}

std::uint32_t depthwise_scratch(const void* parameters) {
  return static_cast<std::uint32_t>(
      device::portable::depthwise_conv_2d_scratch_bytes(*static_cast<const ConvParameters*>(parameters)));
}

constexpr KernelPlan kPlans[] = {
    {KernelKind::kConv2d, Layout::kPortable, "sotto_portable_conv_2d", 0, true, convolution_scratch,
     pack_convolution},
    {KernelKind::kPointwiseConv2d, Layout::kPortable, "sotto_portable_pointwise_conv_2d", 0, true,
     convolution_scratch, pack_convolution},
    // Channel by channel, so a pixel's window is read until its last channel is written.
    {KernelKind::kDepthwiseConv2d, Layout::kPlain, "sotto_portable_depthwise_conv_2d", 1, true,
     depthwise_scratch, nullptr},
    {KernelKind::kFullyConnected, Layout::kPortable, "sotto_portable_fully_connected", kReadsEverything,
     false, nullptr, pack_fully_connected},
    {KernelKind::kAdd, Layout::kPlain, "sotto_portable_add", 0, false, nullptr, nullptr},
    {KernelKind::kAveragePool2d, Layout::kPlain, "sotto_portable_average_pool_2d", 1, true, nullptr, nullptr},
    {KernelKind::kMaxPool2d, Layout::kPlain, "sotto_portable_max_pool_2d", 1, true, nullptr, nullptr},
    {KernelKind::kCopy, Layout::kPlain, "sotto_portable_copy", 0, false, nullptr, nullptr},
    {KernelKind::kSoftmax, Layout::kPlain, "sotto_portable_softmax", 0, false, nullptr, nullptr},
    {KernelKind::kLookup, Layout::kPlain, "sotto_portable_lookup", 0, false, nullptr, nullptr},
    {KernelKind::kElementwise, Layout::kPlain, "sotto_portable_elementwise", 0, false, nullptr, nullptr},
    {KernelKind::kRearrange, Layout::kPlain, "sotto_portable_rearrange", kReadsEverything, false, nullptr,
     nullptr},
    {KernelKind::kReduce, Layout::kPlain, "sotto_portable_reduce", kReadsEverything, false, nullptr, nullptr},
    {KernelKind::kArgMax, Layout::kPlain, "sotto_portable_arg_max", kReadsEverything, false, nullptr,
     nullptr},
    {KernelKind::kResizeNearest, Layout::kPlain, "sotto_portable_resize_nearest", kReadsEverything, false,
     nullptr, nullptr},
    {KernelKind::kQuantize, Layout::kPlain, "sotto_portable_quantize", 0, false, nullptr, nullptr},
    {KernelKind::kDequantize, Layout::kPlain, "sotto_portable_dequantize", 0, false, nullptr, nullptr},
};

}  // namespace

std::span<const KernelPlan> portable_kernel_plans() { return kPlans; }

}  // namespace sotto::model_compiler
