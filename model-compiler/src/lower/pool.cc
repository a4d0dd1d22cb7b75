// AVERAGE_POOL_2D and MAX_POOL_2D.
#include "lower/lowering.h"
#include "lower/sliding_window.h"
#include "lower/tensor_lowering.h"
#include "operators.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::model_compiler {
namespace {

Result<SlidingWindow> window_of(const Operator& op, const Lowering& lowering, std::uint32_t in,
                                std::uint32_t out) {
  const auto height = op.options.scalar<std::int32_t>(slot::kPoolFilterHeight, 0);
  const auto width = op.options.scalar<std::int32_t>(slot::kPoolFilterWidth, 0);
  if (height < 1 || width < 1) return invalid_argument("its filter is smaller than 1");
  const KernelSize filter{static_cast<std::uint32_t>(height), static_cast<std::uint32_t>(width)};
  const auto window = sliding_window(lowering, in, out, window_options(op, slot::kPoolWindow), filter);
  if (!window) return window.error();
  if (window->input_channels != window->output_channels)
    return lowering.refuse(out, "its channels are not the input's");
  if (std::uint64_t{window->height.kernel} * window->width.kernel > device::kDotProductLengthMax) {
    return invalid_argument("its filter has more than 65536 taps");
  }
  return window;
}

}  // namespace

Status lower_pool_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto in = lowering.input(op, 0);
  const auto out = lowering.output(op, 0);
  if (!in) return in.error();
  if (!out) return out.error();
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*in));
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*out));
  // Pools choose or average values, so both sides must mean the same by them.
  SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, *in, *out));
  const auto window = window_of(op, lowering, *in, *out);
  if (!window) return window.error();
  const Tensor& output = lowering.tensor(*out);
  const auto range = fused_activation(op, slot::kPoolActivation, output);
  if (!range) return range.error();
  const device::PoolParameters p{window->batches,
                                 window->height.input,
                                 window->width.input,
                                 window->input_channels,
                                 window->height.output,
                                 window->width.output,
                                 window->height.kernel,
                                 window->width.kernel,
                                 window->height.stride,
                                 window->width.stride,
                                 window->height.padding,
                                 window->width.padding,
                                 range->min,
                                 range->max,
                                 0,
                                 0};
  const OperatorRow& row = *find_operator(op.code);
  const auto kernel = lowering.kernel(row.kernels[op.padding.any() ? 1 : 0]);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  if (op.padding.any()) {
    const device::PaddedPoolParameters padded{p, static_cast<std::int8_t>(zero_point_of(output)), {}};
    set_window_kernel(lowering, lowered, padded, *in, *out);
    lowered.descending_offset = offsetof(device::PoolParameters, descending);
    return {};
  }
  set_window_kernel(lowering, lowered, p, *in, *out);
  return {};
}

}  // namespace sotto::model_compiler
