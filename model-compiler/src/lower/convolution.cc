// CONV_2D and DEPTHWISE_CONV_2D.
#include "lower/constant_channels.h"
#include "lower/lowering.h"
#include "lower/sliding_window.h"
#include "lower/weights.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::model_compiler {
namespace {

std::span<const std::int8_t> values_of(const Tensor& tensor) {
  return {reinterpret_cast<const std::int8_t*>(tensor.constant.data()), tensor.constant.size()};
}

// Real multiplier of each channel, as int32 and shift.
Result<std::vector<QuantizedMultiplier>> channel_multipliers(const Lowering& lowering,
                                                             const LayerTensors& tensors,
                                                             std::uint32_t channels) {
  const Tensor& weights = lowering.tensor(tensors.weights);
  const double input_scale = scale_of(lowering.tensor(tensors.input));
  const double output_scale = scale_of(lowering.tensor(tensors.output));
  std::vector<QuantizedMultiplier> multipliers;
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    const double weight_scale =
        weights.quantization.scales[weights.quantization.scales.size() > 1 ? channel : 0];
    const auto multiplier =
        layer_multiplier(lowering, tensors.weights, input_scale * weight_scale / output_scale);
    if (!multiplier) return multiplier.error();
    multipliers.push_back(*multiplier);
  }
  return multipliers;
}

void set_window(device::ConvParameters& p, const SlidingWindow& window) {
  p.batches = window.batches;
  p.input_height = window.height.input;
  p.input_width = window.width.input;
  p.input_channels = window.input_channels;
  p.output_height = window.height.output;
  p.output_width = window.width.output;
  p.output_channels = window.output_channels;
  p.kernel_height = window.height.kernel;
  p.kernel_width = window.width.kernel;
  p.stride_height = window.height.stride;
  p.stride_width = window.width.stride;
  p.dilation_height = window.height.dilation;
  p.dilation_width = window.width.dilation;
  p.padding_top = window.height.padding;
  p.padding_left = window.width.padding;
}

Status set_quantization(device::ConvParameters& p, const Lowering& lowering, const LayerTensors& tensors,
                        Activation activation) {
  const Tensor& output = lowering.tensor(tensors.output);
  const auto range = activation_range(activation, scale_of(output), zero_point_of(output));
  if (!range)
    return invalid_argument("its fused activation is not supported; NONE, RELU, RELU6 and RELU_N1_TO_1 are");
  p.input_zero_point = static_cast<std::int8_t>(zero_point_of(lowering.tensor(tensors.input)));
  p.output_zero_point = static_cast<std::int8_t>(zero_point_of(output));
  p.activation_min = range->min;
  p.activation_max = range->max;
  return {};
}

// What both operators do once the parameters but the constants are there.
Status finish(Lowering& lowering, const LayerTensors& tensors, device::KernelKind kind,
              const WeightMatrix& matrix, device::ConvParameters& p, LoweredOperator& lowered) {
  if (matrix.length > device::kDotProductLengthMax) {
    return lowering.refuse(tensors.weights, "a channel has more than 65536 weights");
  }
  const auto kernel = lowering.kernel(kind);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  const auto biases = folded_biases(lowering, tensors, matrix);
  if (!biases) return biases.error();
  const auto multipliers = channel_multipliers(lowering, tensors, matrix.channels);
  if (!multipliers) return multipliers.error();
  LayerConstants constants{{matrix.values.begin(), matrix.values.end()}, *biases, *multipliers};
  settle_constant_channels(p, matrix, constants);
  p.weights = add_weights(lowering, lowered, &p, constants.weights);
  p.requantization = add_requantization(lowering, lowered, constants.biases, constants.multipliers);
  Lowering::set_parameters(lowered, p);
  lowered.inputs = {lowering.arena_operand(tensors.input)};
  lowered.outputs = {lowering.arena_operand(tensors.output)};
  if (lowered.kernel->lag_pixels != kReadsEverything) {
    lowered.overlaps = {window_overlap(geometry_of(p), lowered.kernel->lag_pixels, lowered.kernel->descends)};
  }
  if (lowered.kernel->descends) lowered.descending_offset = offsetof(device::ConvParameters, descending);
  if (lowered.kernel->scratch_bytes != nullptr) lowered.scratch_bytes = lowered.kernel->scratch_bytes(&p);
  lowered.multiply_accumulates = saturated_product(lowering.tensor(tensors.output).elements, matrix.length);
  return {};
}

bool is_pointwise(const device::ConvParameters& p) {
  return p.kernel_height == 1 && p.kernel_width == 1 && p.stride_height == 1 && p.stride_width == 1;
}

}  // namespace

Status lower_conv_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto tensors = layer_tensors(op, lowering);
  if (!tensors) return tensors.error();
  SOTTO_RETURN_IF_ERROR(check_weights(lowering, tensors->weights, 0));
  const Tensor& weights = lowering.tensor(tensors->weights);
  if (weights.shape.size() != 4)
    return lowering.refuse(tensors->weights, "weights must have four dimensions");
  WindowOptions options;
  options.padding = static_cast<Padding>(op.options.scalar<std::int8_t>(slot::kConvPadding, 0));
  options.stride_height = op.options.scalar<std::int32_t>(slot::kConvStrideHeight, 0);
  options.stride_width = op.options.scalar<std::int32_t>(slot::kConvStrideWidth, 0);
  options.dilation_height = op.options.scalar<std::int32_t>(slot::kConvDilationHeight, 1);
  options.dilation_width = op.options.scalar<std::int32_t>(slot::kConvDilationWidth, 1);
  options.kernel_height = weights.shape[1];
  options.kernel_width = weights.shape[2];
  const auto window = sliding_window(lowering, tensors->input, tensors->output, options);
  if (!window) return window.error();
  if (weights.shape[3] != window->input_channels || weights.shape[0] != window->output_channels) {
    return lowering.refuse(tensors->weights,
                           "its channels are not those of input and output; grouped convolution is "
                           "not supported");
  }
  device::ConvParameters p{};
  set_window(p, *window);
  p.depth_multiplier = 1;
  const auto activation = static_cast<Activation>(op.options.scalar<std::int8_t>(slot::kConvActivation, 0));
  SOTTO_RETURN_IF_ERROR(set_quantization(p, lowering, *tensors, activation));
  const std::uint32_t length = weights.elements / weights.shape[0];
  const WeightMatrix matrix{values_of(weights), weights.shape[0], length, length, 1};
  const auto kind = is_pointwise(p) ? device::KernelKind::kPointwiseConv2d : device::KernelKind::kConv2d;
  return finish(lowering, *tensors, kind, matrix, p, lowered);
}

Status lower_depthwise_conv_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto tensors = layer_tensors(op, lowering);
  if (!tensors) return tensors.error();
  SOTTO_RETURN_IF_ERROR(check_weights(lowering, tensors->weights, 3));
  const Tensor& weights = lowering.tensor(tensors->weights);
  if (weights.shape.size() != 4 || weights.shape[0] != 1) {
    return lowering.refuse(tensors->weights, "weights must have four dimensions, the first of them 1");
  }
  WindowOptions options;
  options.padding = static_cast<Padding>(op.options.scalar<std::int8_t>(slot::kDepthwisePadding, 0));
  options.stride_height = op.options.scalar<std::int32_t>(slot::kDepthwiseStrideHeight, 0);
  options.stride_width = op.options.scalar<std::int32_t>(slot::kDepthwiseStrideWidth, 0);
  options.dilation_height = op.options.scalar<std::int32_t>(slot::kDepthwiseDilationHeight, 1);
  options.dilation_width = op.options.scalar<std::int32_t>(slot::kDepthwiseDilationWidth, 1);
  options.kernel_height = weights.shape[1];
  options.kernel_width = weights.shape[2];
  const auto window = sliding_window(lowering, tensors->input, tensors->output, options);
  if (!window) return window.error();
  if (weights.shape[3] != window->output_channels || window->output_channels % window->input_channels != 0) {
    return lowering.refuse(tensors->weights,
                           "its channels are no multiple of the input's, or not the output's");
  }
  device::ConvParameters p{};
  set_window(p, *window);
  p.depth_multiplier = static_cast<std::uint16_t>(window->output_channels / window->input_channels);
  const auto activation =
      static_cast<Activation>(op.options.scalar<std::int8_t>(slot::kDepthwiseActivation, 0));
  SOTTO_RETURN_IF_ERROR(set_quantization(p, lowering, *tensors, activation));
  const std::uint32_t channels = weights.shape[3];
  const WeightMatrix matrix{values_of(weights), channels, weights.elements / channels, 1, channels};
  return finish(lowering, *tensors, device::KernelKind::kDepthwiseConv2d, matrix, p, lowered);
}

}  // namespace sotto::model_compiler
