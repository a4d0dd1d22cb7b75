// TRANSPOSE_CONV.
#include <algorithm>

#include "lower/lowering.h"
#include "lower/tensor_lowering.h"
#include "lower/weights.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "tensor/operands.h"
#include "tensor/shape_rules.h"

namespace sotto::model_compiler {
namespace {

enum TransposeConvInput : std::uint32_t { kOutputShape, kWeights, kInput, kBias };

constexpr std::uint32_t kDimensionMax = 65535;

// The order in which other layers have their operands.
Operator as_layer(const Operator& op) {
  Operator layer = op;
  layer.inputs = {op.inputs[kInput], op.inputs[kWeights]};
  if (op.inputs.size() > kBias) layer.inputs.push_back(op.inputs[kBias]);
  return layer;
}

struct Axis {
  std::uint32_t input, output, kernel;
  std::int32_t stride;
};

// The padding that a convolution from output to input would have; refused when that one would not have this
// input.
Result<std::uint16_t> padding_of(const Axis& axis, Padding padding) {
  if (axis.stride < 1 || std::max({axis.input, axis.output, axis.kernel}) > kDimensionMax ||
      axis.stride > static_cast<std::int32_t>(kDimensionMax)) {
    return invalid_argument("a dimension or stride is not between 1 and 65535");
  }
  const auto stride = static_cast<std::uint32_t>(axis.stride);
  const bool same = padding == Padding::kSame;
  const std::uint32_t windows = same                         ? (axis.output + stride - 1) / stride
                                : axis.output >= axis.kernel ? (axis.output - axis.kernel) / stride + 1
                                                             : 0;
  if (windows != axis.input)
    return invalid_argument("a convolution of its output would not have the shape of its input");
  const std::uint64_t reach = std::uint64_t{windows - 1} * stride + axis.kernel;
  return static_cast<std::uint16_t>(reach > axis.output ? (reach - axis.output) / 2 : 0);
}

Status set_shape(device::ConvParameters& p, const Operator& op, const Tensor& input, const Tensor& weights,
                 const Tensor& output) {
  const auto padding = static_cast<Padding>(op.options.scalar<std::int8_t>(slot::kTransposeConvPadding, 0));
  if (padding != Padding::kSame && padding != Padding::kValid)
    return invalid_argument("its padding is neither SAME nor VALID");
  const auto stride_height = op.options.scalar<std::int32_t>(slot::kTransposeConvStrideHeight, 0);
  const auto stride_width = op.options.scalar<std::int32_t>(slot::kTransposeConvStrideWidth, 0);
  const auto top = padding_of({input.shape[1], output.shape[1], weights.shape[1], stride_height}, padding);
  const auto left = padding_of({input.shape[2], output.shape[2], weights.shape[2], stride_width}, padding);
  if (!top) return top.error().with_context("height");
  if (!left) return left.error().with_context("width");
  p.batches = static_cast<std::uint16_t>(input.shape[0]);
  p.input_height = static_cast<std::uint16_t>(input.shape[1]);
  p.input_width = static_cast<std::uint16_t>(input.shape[2]);
  p.input_channels = static_cast<std::uint16_t>(input.shape[3]);
  p.output_height = static_cast<std::uint16_t>(output.shape[1]);
  p.output_width = static_cast<std::uint16_t>(output.shape[2]);
  p.output_channels = static_cast<std::uint16_t>(output.shape[3]);
  p.kernel_height = static_cast<std::uint16_t>(weights.shape[1]);
  p.kernel_width = static_cast<std::uint16_t>(weights.shape[2]);
  p.stride_height = static_cast<std::uint16_t>(stride_height);
  p.stride_width = static_cast<std::uint16_t>(stride_width);
  p.dilation_height = p.dilation_width = p.depth_multiplier = 1;
  p.padding_top = *top;
  p.padding_left = *left;
  return {};
}

}  // namespace

Shapes transpose_conv_shapes(const Graph& graph, const Operator& op) {
  const auto wanted = constant_integers(graph, op, kOutputShape);
  const auto in = input_shape(graph, op, kInput);
  if (!wanted) return wanted.error();
  if (!in) return in.error();
  if (wanted->size() != 4 || (*in)->size() != 4)
    return invalid_argument("its input or its output has not four dimensions");
  Shape shape;
  for (const std::int64_t dimension : *wanted) {
    if (dimension < 1 || dimension > kDimensionMax)
      return invalid_argument("it asks for a dimension of " + std::to_string(dimension));
    shape.push_back(static_cast<std::uint32_t>(dimension));
  }
  return std::vector<Shape>{std::move(shape)};
}

Status lower_transpose_conv(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const auto tensors = layer_tensors(as_layer(op), lowering);
  if (!tensors) return tensors.error();
  SOTTO_RETURN_IF_ERROR(check_weights(lowering, tensors->weights, 0));
  const Tensor& input = lowering.tensor(tensors->input);
  const Tensor& weights = lowering.tensor(tensors->weights);
  const Tensor& output = lowering.tensor(tensors->output);
  if (weights.shape.size() != 4 || weights.shape[0] != output.shape[3] ||
      weights.shape[3] != input.shape[3] || input.shape[0] != output.shape[0]) {
    return lowering.refuse(tensors->weights, "its channels are not those of input and output");
  }
  const std::uint32_t length = weights.elements / weights.shape[0];
  if (length > device::kDotProductLengthMax || input.shape[3] > kDimensionMax ||
      input.shape[0] > kDimensionMax)
    return lowering.refuse(tensors->weights,
                           "a channel has more than 65536 weights, or a dimension is longer");
  device::ConvParameters p{};
  SOTTO_RETURN_IF_ERROR(set_shape(p, op, input, weights, output));
  SOTTO_RETURN_IF_ERROR(set_quantization(p, op, slot::kTransposeConvActivation, lowering, *tensors));
  const auto kernel = lowering.kernel(device::KernelKind::kTransposeConv2d);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  // How many taps reach a pixel differs from pixel to pixel, so the zero point stays out of the biases.
  const auto biases = folded_biases(lowering, *tensors, {int8_values(weights), weights.shape[0], 0, 0, 0});
  if (!biases) return biases.error();
  const auto multipliers = channel_multipliers(lowering, *tensors, weights.shape[0]);
  if (!multipliers) return multipliers.error();
  p.weights = add_weights(lowering, lowered, &p, int8_values(weights));
  p.requantization = add_requantization(lowering, lowered, *biases, *multipliers);
  Lowering::set_parameters(lowered, p);
  lowered.inputs = {lowering.arena_operand(tensors->input)};
  lowered.outputs = {lowering.arena_operand(tensors->output)};
  lowered.multiply_accumulates = saturated_product(input.elements, weights.elements / weights.shape[3]);
  return {};
}

}  // namespace sotto::model_compiler
