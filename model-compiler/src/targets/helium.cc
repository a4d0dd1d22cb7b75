// The kernels in kernels/helium, as the compiler sees them.
#include "sotto/device_runtime/kernels/helium/layout.h"
#include "targets/targets.h"

namespace sotto::model_compiler {
namespace {

using device::ConvParameters;
using device::KernelKind;
using device::Layout;
using device::helium::kDepthwiseChannels;
using device::helium::kMatrixChannels;
using device::helium::kMatrixSteps;

std::vector<std::int8_t> pack_matrix(std::uint32_t channels, std::uint32_t depth,
                                     std::span<const std::int8_t> weights) {
  std::vector<std::int8_t> packed(device::helium::matrix_weight_bytes(channels, depth));
  const std::size_t filled_depth = device::helium::round_up(depth, kMatrixSteps);
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    std::int8_t* group = packed.data() + channel / kMatrixChannels * kMatrixChannels * filled_depth;
    for (std::uint32_t step = 0; step < depth; ++step) {
      std::int8_t* run = group + std::size_t{step / kMatrixSteps} * kMatrixChannels * kMatrixSteps;
      run[channel % kMatrixChannels * kMatrixSteps + step % kMatrixSteps] =
          weights[std::size_t{channel} * depth + step];
    }
  }
  return packed;
}

std::vector<std::int8_t> pack_depthwise(const void* parameters, std::span<const std::int8_t> weights) {
  const auto& p = *static_cast<const ConvParameters*>(parameters);
  std::vector<std::int8_t> packed(device::helium::depthwise_weight_bytes(p));
  const std::uint32_t taps = std::uint32_t{p.kernel_height} * p.kernel_width;
  for (std::uint32_t tap = 0; tap < taps; ++tap) {
    for (std::uint32_t channel = 0; channel < p.output_channels; ++channel) {
      const std::size_t group = std::size_t{channel / kDepthwiseChannels} * taps + tap;
      packed[group * kDepthwiseChannels + channel % kDepthwiseChannels] =
          weights[std::size_t{tap} * p.output_channels + channel];
    }
  }
  return packed;
}

constexpr auto kConvolutionScratch =
    scratch_bytes_of<ConvParameters, device::helium::convolution_scratch_bytes>;
constexpr auto kDepthwiseScratch = scratch_bytes_of<ConvParameters, device::helium::depthwise_scratch_bytes>;

constexpr KernelPlan kPlans[] = {
    {KernelKind::kConv2d, Layout::kHelium, "sotto_helium_conv_2d", 0, true, kConvolutionScratch,
     pack_convolution<pack_matrix>},
    {KernelKind::kPointwiseConv2d, Layout::kHelium, "sotto_helium_pointwise_conv_2d", 0, true,
     kConvolutionScratch, pack_convolution<pack_matrix>},
    {KernelKind::kDepthwiseConv2d, Layout::kHelium, "sotto_helium_depthwise_conv_2d", 0, true,
     kDepthwiseScratch, pack_depthwise},
    {KernelKind::kFullyConnected, Layout::kHelium, "sotto_helium_fully_connected", kReadsEverything, false,
     nullptr, pack_fully_connected<pack_matrix>},
    {KernelKind::kAdd, Layout::kHelium, "sotto_helium_add", 0, false, nullptr, nullptr},
};

}  // namespace

std::span<const KernelPlan> helium_kernel_plans() { return kPlans; }

}  // namespace sotto::model_compiler
