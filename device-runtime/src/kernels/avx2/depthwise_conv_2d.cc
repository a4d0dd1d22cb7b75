// Depthwise convolution: sixteen channels at once, taps two by two, input rows from a ring in the scratch.
#include "kernels/avx2/inner_loops.h"
#include "sotto/device_runtime/kernels/avx2/avx2.h"
#include "sotto/device_runtime/kernels/avx2/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/row_ring.h"

#if defined(__x86_64__)

namespace sotto::device::avx2 {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return depthwise_convolution_is_sound(check, depthwise_weight_bytes(p)) &&
         check.scratch_bytes >= depthwise_scratch_bytes(p) && is_supported();
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const std::uint32_t pairs = tap_pairs(p);
  auto* offsets = reinterpret_cast<std::uint32_t*>(call.scratch);
  auto* ring = reinterpret_cast<std::int8_t*>(offsets + std::size_t{2} * pairs);
  const DepthwiseRow row{ring,
                         offsets,
                         call.constant<std::int16_t>(p.weights),
                         pairs,
                         p.output_channels,
                         p.output_width,
                         p.stride_width * row_ring_shape(p).pixel_bytes,
                         OutputQuantization(call, p, true)};
  const std::size_t input_bytes = std::size_t{p.input_height} * p.input_width * p.input_channels;
  const std::size_t row_bytes = std::size_t{p.output_width} * p.output_channels;
  const bool descending = p.descending != 0;
  for (std::int32_t i = 0; i < p.batches; ++i) {
    const auto batch = static_cast<std::size_t>(descending ? p.batches - 1 - i : i);
    RowRing rows(p, call.input(0) + batch * input_bytes, ring);
    for (std::int32_t j = 0; j < p.output_height; ++j) {
      const std::int32_t y = descending ? p.output_height - 1 - j : j;
      rows.move_to(y);
      rows.find_taps(offsets);
      compute_depthwise_row(
          row, call.output() + (batch * p.output_height + static_cast<std::size_t>(y)) * row_bytes);
    }
  }
}

}  // namespace
}  // namespace sotto::device::avx2

extern "C" constinit const sotto_kernel sotto_avx2_depthwise_conv_2d = {
    sotto::device::KernelKind::kDepthwiseConv2d, sotto::device::Layout::kAvx2,
    sizeof(sotto::device::ConvParameters), sotto::device::avx2::check, sotto::device::avx2::run};

#endif
