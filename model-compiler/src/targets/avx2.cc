// The kernels in kernels/avx2, as the compiler sees them.
#include "sotto/device_runtime/kernels/avx2/avx2.h"

#include "sotto/device_runtime/kernels/avx2/layout.h"
#include "targets/targets.h"

namespace sotto::model_compiler {
namespace {

using device::ConvParameters;
using device::FullyConnectedParameters;
using device::KernelKind;
using device::Layout;
using device::avx2::kGroupChannels;

std::vector<std::int8_t> pack_matrix(std::uint32_t channels, std::uint32_t depth,
                                     std::span<const std::int8_t> weights) {
  std::vector<std::int8_t> packed(device::avx2::matrix_weight_bytes(channels, depth));
  const std::size_t filled_depth = device::avx2::round_up(depth, 2);
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    std::int8_t* group = packed.data() + channel / kGroupChannels * kGroupChannels * filled_depth;
    for (std::uint32_t step = 0; step < depth; ++step) {
      group[step / 2 * 2 * kGroupChannels + channel % kGroupChannels * 2 + step % 2] =
          weights[std::size_t{channel} * depth + step];
    }
  }
  return packed;
}

std::vector<std::int8_t> pack_depthwise(const void* parameters, std::span<const std::int8_t> weights) {
  constexpr std::uint32_t kPlaces[4] = {0, 2, 1, 3};  // of four channels each: 0-3, 8-11, 4-7, 12-15
  const auto& p = *static_cast<const ConvParameters*>(parameters);
  std::vector<std::int8_t> packed(device::avx2::depthwise_weight_bytes(p));
  const std::uint32_t taps = std::uint32_t{p.kernel_height} * p.kernel_width;
  for (std::uint32_t tap = 0; tap < taps; ++tap) {
    for (std::uint32_t channel = 0; channel < p.output_channels; ++channel) {
      const std::size_t pair = std::size_t{channel / kGroupChannels} * device::avx2::tap_pairs(p) + tap / 2;
      const std::uint32_t place = kPlaces[channel % kGroupChannels / 4] * 4 + channel % 4;
      std::int8_t* low_byte = packed.data() + (pair * kGroupChannels + place) * 4 + tap % 2 * 2;
      low_byte[0] = weights[std::size_t{tap} * p.output_channels + channel];
      low_byte[1] = low_byte[0] < 0 ? std::int8_t{-1} : std::int8_t{0};
    }
  }
  return packed;
}

constexpr auto kConvolutionScratch =
    scratch_bytes_of<ConvParameters, device::avx2::convolution_scratch_bytes>;
constexpr auto kDepthwiseScratch = scratch_bytes_of<ConvParameters, device::avx2::depthwise_scratch_bytes>;
constexpr auto kFullyConnectedScratch =
    scratch_bytes_of<FullyConnectedParameters, device::avx2::fully_connected_scratch_bytes>;

constexpr KernelPlan kPlans[] = {
    {KernelKind::kConv2d, Layout::kAvx2, "sotto_avx2_conv_2d", 0, true, kConvolutionScratch,
     pack_convolution<pack_matrix>},
    {KernelKind::kPointwiseConv2d, Layout::kAvx2, "sotto_avx2_pointwise_conv_2d", 0, true,
     kConvolutionScratch, pack_convolution<pack_matrix>},
    {KernelKind::kDepthwiseConv2d, Layout::kAvx2, "sotto_avx2_depthwise_conv_2d", 0, true, kDepthwiseScratch,
     pack_depthwise},
    {KernelKind::kFullyConnected, Layout::kAvx2, "sotto_avx2_fully_connected", kReadsEverything, false,
     kFullyConnectedScratch, pack_fully_connected<pack_matrix>},
};

}  // namespace

std::span<const KernelPlan> host_kernel_plans() {
  return device::avx2::is_supported() ? std::span<const KernelPlan>(kPlans) : portable_kernel_plans();
}

}  // namespace sotto::model_compiler
