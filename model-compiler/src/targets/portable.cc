// The portable kernels, as the compiler sees them.
#include "sotto/device_runtime/kernels/portable/portable_scratch.h"

#include "targets/targets.h"

namespace sotto::model_compiler {
namespace {

using device::ConvParameters;
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

constexpr auto kConvolutionScratch =
    scratch_bytes_of<ConvParameters, device::portable::conv_2d_scratch_bytes>;
constexpr auto kDepthwiseScratch =
    scratch_bytes_of<ConvParameters, device::portable::depthwise_conv_2d_scratch_bytes>;

constexpr KernelPlan kPlans[] = {
    {KernelKind::kConv2d, Layout::kPortable, "sotto_portable_conv_2d", 0, true, kConvolutionScratch,
     pack_convolution<interleave>},
    {KernelKind::kPointwiseConv2d, Layout::kPortable, "sotto_portable_pointwise_conv_2d", 0, true,
     kConvolutionScratch, pack_convolution<interleave>},
    // Channel by channel, so a pixel's window is read until its last channel is written.
    {KernelKind::kDepthwiseConv2d, Layout::kPlain, "sotto_portable_depthwise_conv_2d", 1, true,
     kDepthwiseScratch, nullptr},
    {KernelKind::kFullyConnected, Layout::kPortable, "sotto_portable_fully_connected", kReadsEverything,
     false, nullptr, pack_fully_connected<interleave>},
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
    {KernelKind::kRequantize, Layout::kPlain, "sotto_portable_requantize", 0, false, nullptr, nullptr},
    {KernelKind::kSvdf, Layout::kPlain, "sotto_portable_svdf", kReadsEverything, false, nullptr, nullptr},
    {KernelKind::kLstm, Layout::kPlain, "sotto_portable_lstm", kReadsEverything, false, nullptr, nullptr},
    {KernelKind::kPaddedAveragePool2d, Layout::kPlain, "sotto_portable_padded_average_pool_2d", 1, true,
     nullptr, nullptr},
    {KernelKind::kPaddedMaxPool2d, Layout::kPlain, "sotto_portable_padded_max_pool_2d", 1, true, nullptr,
     nullptr},
    {KernelKind::kResizeBilinear, Layout::kPlain, "sotto_portable_resize_bilinear", kReadsEverything, false,
     nullptr, nullptr},
    {KernelKind::kTransposeConv2d, Layout::kPlain, "sotto_portable_transpose_conv_2d", kReadsEverything,
     false, nullptr, nullptr},
    {KernelKind::kGroupedConv2d, Layout::kPlain, "sotto_portable_grouped_conv_2d", 1, true, nullptr, nullptr},
    {KernelKind::kBatchMatmul, Layout::kPlain, "sotto_portable_batch_matmul", kReadsEverything, false,
     nullptr, nullptr},
    {KernelKind::kGather, Layout::kPlain, "sotto_portable_gather", kReadsEverything, false, nullptr, nullptr},
    {KernelKind::kL2Normalization, Layout::kPlain, "sotto_portable_l2_normalization", 0, false, nullptr,
     nullptr},
    {KernelKind::kSquaredDifference, Layout::kPlain, "sotto_portable_squared_difference", 0, false, nullptr,
     nullptr},
    {KernelKind::kDivide, Layout::kPlain, "sotto_portable_divide", 0, false, nullptr, nullptr},
    {KernelKind::kCompare, Layout::kPlain, "sotto_portable_compare", kReadsEverything, false, nullptr,
     nullptr},
    {KernelKind::kSelect, Layout::kPlain, "sotto_portable_select", kReadsEverything, false, nullptr, nullptr},
    {KernelKind::kPad, Layout::kPlain, "sotto_portable_pad", 0, false, nullptr, nullptr},
    {KernelKind::kStates, Layout::kPlain, "sotto_portable_states", kReadsEverything, false, nullptr, nullptr},
    {KernelKind::kSoftmaxToInt16, Layout::kPlain, "sotto_portable_softmax_to_int16", 0, false, nullptr,
     nullptr},
};

}  // namespace

std::span<const KernelPlan> portable_kernel_plans() { return kPlans; }

}  // namespace sotto::model_compiler
