#include "lower/tensor_lowering.h"

#include <fmt/core.h>

#include <cmath>

namespace sotto::model_compiler {
namespace {

// Products and reciprocals of scales in this range are numbers.
constexpr float kScaleMin = 1e-30f;
constexpr float kScaleMax = 1e30f;

}  // namespace

Result<DataOperands> data_operands(const Operator& op, const Lowering& lowering,
                                   std::span<const std::size_t> inputs) {
  DataOperands operands;
  for (const std::size_t i : inputs) {
    const auto tensor = lowering.input(op, static_cast<std::uint32_t>(i));
    if (!tensor) return tensor.error();
    operands.inputs.push_back(*tensor);
  }
  for (std::uint32_t i = 0; i < op.outputs.size(); ++i) {
    const auto tensor = lowering.output(op, i);
    if (!tensor) return tensor.error();
    operands.outputs.push_back(*tensor);
  }
  if (operands.outputs.empty()) return invalid_argument("output 0 is absent");
  return operands;
}

Status require_quantized(const Lowering& lowering, std::uint32_t index, bool unsigned_too) {
  const Tensor& tensor = lowering.tensor(index);
  const bool is_unsigned = tensor.type == TensorType::kUint8;
  if (tensor.type != TensorType::kInt8 && !(is_unsigned && unsigned_too)) return lowering.refuse_type(index);
  const Quantization& q = tensor.quantization;
  if (q.scales.size() != 1 || q.zero_points.size() > 1) {
    return lowering.refuse(index, fmt::format("it has {} scales; an activation has one", q.scales.size()));
  }
  if (!(q.scales[0] >= kScaleMin && q.scales[0] <= kScaleMax))
    return lowering.refuse(index, "its scale is no number between 1e-30 and 1e30");
  const std::int64_t min = is_unsigned ? 0 : -128;
  if (!q.zero_points.empty() && (q.zero_points[0] < min || q.zero_points[0] > min + 255)) {
    return lowering.refuse(index, "its zero point is no value of its type");
  }
  return {};
}

namespace {

// Of any integers, for who only moves them.
Status require_one_scale(const Lowering& lowering, std::uint32_t index) {
  const Tensor& tensor = lowering.tensor(index);
  if (tensor.type != TensorType::kInt16 && tensor.type != TensorType::kInt32)
    return require_quantized(lowering, index, true);
  if (tensor.quantization.scales.size() == 1) return {};
  return lowering.refuse(index, "it has not one scale");
}

}  // namespace

Status require_same_quantization(const Lowering& lowering, std::uint32_t input, std::uint32_t output) {
  const Tensor& in = lowering.tensor(input);
  const Tensor& out = lowering.tensor(output);
  if (in.type != out.type) return lowering.refuse(output, "its type is not the input's");
  const bool quantized = !in.quantization.scales.empty() || !out.quantization.scales.empty();
  if (!quantized || in.type == TensorType::kFloat32) return {};
  for (const std::uint32_t tensor : {input, output})
    SOTTO_RETURN_IF_ERROR(require_one_scale(lowering, tensor));
  if (scale_of(in) == scale_of(out) && zero_point_of(in) == zero_point_of(out)) return {};
  return lowering.refuse(output, "its scale and zero point must be the input's");
}

Result<std::vector<Shape>> require_output_shapes(const Operator& op, const Lowering& lowering) {
  auto shapes = output_shapes(lowering.graph, op);
  if (!shapes) return shapes;
  for (std::uint32_t i = 0; i < shapes->size(); ++i) {
    const auto output = lowering.output(op, i);
    if (!output) return output.error();
    if (lowering.tensor(*output).shape != (*shapes)[i])
      return lowering.refuse(*output, "its shape is not what the operator gives");
  }
  return shapes;
}

Affine affine_of(const Tensor& tensor) {
  return {scale_of(tensor), zero_point_of(tensor), tensor.type == TensorType::kUint8};
}

LoweredOperand data_operand(const Lowering& lowering, LoweredOperator& lowered, std::uint32_t index) {
  const Tensor& tensor = lowering.tensor(index);
  if (!tensor.is_constant()) return lowering.arena_operand(index);
  lowered.constant_bytes += tensor.bytes;
  return {device::Place::kImage, index, lowering.image.add(tensor.constant), tensor.bytes};
}

Result<Multiplier> multiplier_of(double real) {
  if (!std::isfinite(real) || real < 0) return invalid_argument("its scales are too far apart");
  const QuantizedMultiplier result = quantize_multiplier(real);
  if (result.shift > 30) return invalid_argument("its scales are too far apart");
  return Multiplier{result.multiplier, static_cast<std::int8_t>(result.shift)};
}

}  // namespace sotto::model_compiler
