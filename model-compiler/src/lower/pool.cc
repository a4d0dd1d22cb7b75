// AVERAGE_POOL_2D and MAX_POOL_2D.
#include "lower/lowering.h"
#include "lower/sliding_window.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::model_compiler {
namespace {

// Pools choose or average values, so both sides must mean the same by them.
Status require_same_quantization(const Lowering& lowering, std::uint32_t input, std::uint32_t output) {
  const Tensor& in = lowering.tensor(input);
  const Tensor& out = lowering.tensor(output);
  if (scale_of(in) == scale_of(out) && zero_point_of(in) == zero_point_of(out)) return {};
  return lowering.refuse(output, "its scale and zero point must be the input's");
}

Result<SlidingWindow> window_of(const Operator& op, const Lowering& lowering, std::uint32_t in,
                                std::uint32_t out) {
  WindowOptions options;
  options.padding = static_cast<Padding>(op.options.scalar<std::int8_t>(slot::kPoolPadding, 0));
  options.stride_height = op.options.scalar<std::int32_t>(slot::kPoolStrideHeight, 0);
  options.stride_width = op.options.scalar<std::int32_t>(slot::kPoolStrideWidth, 0);
  const auto height = op.options.scalar<std::int32_t>(slot::kPoolFilterHeight, 0);
  const auto width = op.options.scalar<std::int32_t>(slot::kPoolFilterWidth, 0);
  if (height < 1 || width < 1) return invalid_argument("its filter is smaller than 1");
  options.kernel_height = static_cast<std::uint32_t>(height);
  options.kernel_width = static_cast<std::uint32_t>(width);
  const auto window = sliding_window(lowering, in, out, options);
  if (!window) return window.error();
  if (window->input_channels != window->output_channels)
    return lowering.refuse(out, "its channels are not the input's");
  if (std::uint64_t{window->height.kernel} * window->width.kernel > device::kDotProductLengthMax) {
    return invalid_argument("its filter has more than 65536 taps");
  }
  return window;
}

Status lower_pool(const Operator& op, Lowering& lowering, LoweredOperator& lowered, device::KernelKind kind) {
  const auto in = lowering.input(op, 0);
  const auto out = lowering.output(op, 0);
  if (!in) return in.error();
  if (!out) return out.error();
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*in));
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*out));
  SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, *in, *out));
  const auto window = window_of(op, lowering, *in, *out);
  if (!window) return window.error();
  const Tensor& output = lowering.tensor(*out);
  const auto activation = static_cast<Activation>(op.options.scalar<std::int8_t>(slot::kPoolActivation, 0));
  const auto range = activation_range(activation, scale_of(output), zero_point_of(output));
  if (!range)
    return invalid_argument("its fused activation is not supported; NONE, RELU, RELU6 and RELU_N1_TO_1 are");
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
  const auto kernel = lowering.kernel(kind);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  Lowering::set_parameters(lowered, p);
  lowered.inputs = {lowering.arena_operand(*in)};
  lowered.outputs = {lowering.arena_operand(*out)};
  if (lowered.kernel->lag_pixels != kReadsEverything) {
    lowered.overlaps = {window_overlap(geometry_of(p), lowered.kernel->lag_pixels, lowered.kernel->descends)};
  }
  if (lowered.kernel->descends) lowered.descending_offset = offsetof(device::PoolParameters, descending);
  if (lowered.kernel->scratch_bytes != nullptr) lowered.scratch_bytes = lowered.kernel->scratch_bytes(&p);
  return {};
}

}  // namespace

Status lower_average_pool_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  return lower_pool(op, lowering, lowered, device::KernelKind::kAveragePool2d);
}

Status lower_max_pool_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  return lower_pool(op, lowering, lowered, device::KernelKind::kMaxPool2d);
}

}  // namespace sotto::model_compiler
