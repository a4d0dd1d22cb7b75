// Operators of one value: a table, or at a model's edges a conversion from or to float32.
#include <cmath>
#include <limits>

#include "lower/tensor_lowering.h"
#include "lower/weights.h"

namespace sotto::model_compiler {
namespace {

constexpr std::size_t kFirst[] = {0};

// What is computed in float32 where the converter left it between DEQUANTIZE and QUANTIZE; null for others.
float (*float_function(std::int32_t code))(float) {
  switch (code) {
    case builtin::kCos:
      return [](float x) { return std::cos(x); };
    case builtin::kElu:
      return elu;
    case builtin::kExp:
      return [](float x) { return std::exp(x); };
    case builtin::kFloor:
      return [](float x) { return std::floor(x); };
    case builtin::kLog:
      return [](float x) { return std::log(x); };
    case builtin::kNeg:
      return [](float x) { return -x; };
    case builtin::kRsqrt:
      return [](float x) { return 1.0f / std::sqrt(x); };
    case builtin::kSin:
      return [](float x) { return std::sin(x); };
    case builtin::kSqrt:
      return [](float x) { return std::sqrt(x); };
    case builtin::kSquare:
      return [](float x) { return x * x; };
    default:
      return nullptr;
  }
}

Result<LookupTable> table_of(const Operator& op, const Affine& input, const Affine& output) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (op.through_float) return bridged_table(input, output, float_function(op.code));
  switch (op.code) {
    case builtin::kRelu:
      return clamp_table(input, output, 0, kInfinity);
    case builtin::kRelu6:
      return clamp_table(input, output, 0, 6);
    case builtin::kReluN1To1:
      return clamp_table(input, output, -1, 1);
    case builtin::kRelu0To1:
      return clamp_table(input, output, 0, 1);
    case builtin::kLogistic:
      return function_table(input, output, logistic);
    case builtin::kTanh:
      return function_table(input, output, [](float x) { return std::tanh(x); });
    case builtin::kElu:
    case builtin::kExp:
      return function_table(input, output, float_function(op.code));
    case builtin::kRsqrt:
      if (!can_scale_inverse_root(input, output)) return invalid_argument("its scales are too far apart");
      return inverse_root_table(input, output);
    case builtin::kCos:
    case builtin::kFloor:
    case builtin::kLog:
    case builtin::kNeg:
    case builtin::kSin:
    case builtin::kSqrt:
    case builtin::kSquare:
      return invalid_argument("it is supported between DEQUANTIZE and QUANTIZE, in float32");
    case builtin::kGelu:
      return function_table(
          input, output,
          op.options.scalar<std::uint8_t>(slot::kGeluApproximate, 0) != 0 ? gelu_approximate : gelu);
    case builtin::kAbs:
      return absolute_table(input, output);
    case builtin::kHardSwish:
      if (input.scale / output.scale >= 127)
        return invalid_argument("its output's scale is too small for its input's");
      return hard_swish_table(input, output);
    case builtin::kQuantize:
      return requantize_table(input, output);
    default:
      break;
  }
  const float alpha = op.options.scalar<float>(slot::kLeakyReluAlpha, 0);
  if (!std::isfinite(alpha) || !can_rescale(input, output, alpha))
    return invalid_argument("its slope cannot be scaled");
  return leaky_relu_table(input, output, alpha);
}

}  // namespace

Status lower_lookup(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto operands = data_operands(op, lowering, kFirst);
  if (!operands) return operands.error();
  const std::uint32_t in = operands->inputs[0];
  const std::uint32_t out = operands->outputs[0];
  for (const std::uint32_t tensor : {in, out}) {
    SOTTO_RETURN_IF_ERROR(require_quantized(lowering, tensor, op.code == builtin::kQuantize));
  }
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const Affine input = affine_of(lowering.tensor(in));
  const Affine output = affine_of(lowering.tensor(out));
  if (!can_rescale(input, output)) return lowering.refuse(out, "its scale is too far from the input's");
  const auto table = table_of(op, input, output);
  if (!table) return table.error();
  const std::uint32_t elements = lowering.tensor(out).elements;
  const device::LookupParameters p{
      elements, add_constant(lowering, lowered, std::vector<std::int8_t>(table->begin(), table->end()))};
  lowered.overlaps = {elementwise_overlap(elements, 1, 1)};
  return set_kernel(lowering, lowered, device::KernelKind::kLookup, p, *operands);
}

namespace {

// Between float32 and the quantised tensor of the two.
Status lower_conversion(const Operator& op, Lowering& lowering, LoweredOperator& lowered, bool to_float) {
  const auto operands = data_operands(op, lowering, kFirst);
  if (!operands) return operands.error();
  const std::uint32_t floats = to_float ? operands->outputs[0] : operands->inputs[0];
  const std::uint32_t quantized = to_float ? operands->inputs[0] : operands->outputs[0];
  if (lowering.tensor(floats).type != TensorType::kFloat32) {
    return lowering.refuse(floats, std::string("its type is ") +
                                       tensor_type_name(lowering.tensor(floats).type) +
                                       "; FLOAT32 is expected");
  }
  SOTTO_RETURN_IF_ERROR(require_quantized(lowering, quantized, true));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const Tensor& tensor = lowering.tensor(quantized);
  const Affine affine = affine_of(tensor);
  const device::QuantizeParameters p{tensor.elements, affine.scale, affine.zero_point,
                                     affine.is_unsigned ? 1u : 0u};
  lowered.overlaps = {elementwise_overlap(tensor.elements, to_float ? 1 : 4, to_float ? 4 : 1)};
  return set_kernel(lowering, lowered,
                    to_float ? device::KernelKind::kDequantize : device::KernelKind::kQuantize, p, *operands);
}

bool is_wide(TensorType type) { return type == TensorType::kInt16 || type == TensorType::kInt32; }

// One scale and one zero point in the type's range; the reader has looked at its values.
Status require_scaled_integer(const Lowering& lowering, std::uint32_t index) {
  const Tensor& tensor = lowering.tensor(index);
  if (!is_wide(tensor.type)) return require_quantized(lowering, index);
  if (tensor.quantization.scales.size() != 1 || !(scale_of(tensor) > 0))
    return lowering.refuse(index, "it has not one positive scale");
  return {};
}

// Where one of the two is wider than 8 bits.
Status lower_requantize(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto operands = data_operands(op, lowering, kFirst);
  if (!operands) return operands.error();
  const std::uint32_t in = operands->inputs[0];
  const std::uint32_t out = operands->outputs[0];
  for (const std::uint32_t tensor : {in, out})
    SOTTO_RETURN_IF_ERROR(require_scaled_integer(lowering, tensor));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const Tensor& input = lowering.tensor(in);
  const Tensor& output = lowering.tensor(out);
  const auto multiplier = multiplier_of(double{scale_of(input)} / double{scale_of(output)});
  if (!multiplier) return multiplier.error();
  device::RequantizeParameters p{};
  p.count = output.elements;
  p.multiplier = multiplier->multiplier;
  p.shift = multiplier->shift;
  p.input_zero_point = zero_point_of(input);
  p.output_zero_point = zero_point_of(output);
  p.input_bytes = static_cast<std::uint8_t>(tensor_type_bytes(input.type));
  p.output_bytes = static_cast<std::uint8_t>(tensor_type_bytes(output.type));
  lowered.overlaps = {elementwise_overlap(p.count, p.input_bytes, p.output_bytes)};
  return set_kernel(lowering, lowered, device::KernelKind::kRequantize, p, *operands);
}

}  // namespace

Status lower_quantize(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto in = lowering.input(op, 0);
  if (!in) return in.error();
  if (lowering.tensor(*in).type == TensorType::kFloat32)
    return lower_conversion(op, lowering, lowered, false);
  const auto out = lowering.output(op, 0);
  if (!out) return out.error();
  if (is_wide(lowering.tensor(*in).type) || is_wide(lowering.tensor(*out).type))
    return lower_requantize(op, lowering, lowered);
  return lower_lookup(op, lowering, lowered);
}

Status lower_dequantize(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto in = lowering.input(op, 0);
  if (!in) return in.error();
  if (lowering.tensor(*in).is_constant()) return refuse_float_layer(lowering, *in);
  return lower_conversion(op, lowering, lowered, true);
}

}  // namespace sotto::model_compiler
