// Comparisons, and SELECT by what they give.
#include <algorithm>

#include "lower/tensor_lowering.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"
#include "tensor/axes.h"
#include "tensor/operands.h"
#include "tensor/shape_rules.h"

namespace sotto::model_compiler {
namespace {

constexpr std::size_t kTwo[] = {0, 1};
constexpr std::size_t kThree[] = {0, 1, 2};

device::Comparison comparison_of(std::int32_t code) {
  switch (code) {
    case builtin::kNotEqual:
      return device::Comparison::kNotEqual;
    case builtin::kGreater:
      return device::Comparison::kGreater;
    case builtin::kGreaterEqual:
      return device::Comparison::kGreaterEqual;
    case builtin::kLess:
      return device::Comparison::kLess;
    case builtin::kLessEqual:
      return device::Comparison::kLessEqual;
    default:
      return device::Comparison::kEqual;
  }
}

}  // namespace

Status lower_comparison(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto operands = data_operands(op, lowering, kTwo);
  if (!operands) return operands.error();
  const std::uint32_t out = operands->outputs[0];
  if (lowering.tensor(out).type != TensorType::kBool) return lowering.refuse(out, "a comparison gives BOOL");
  device::CompareParameters p{};
  p.comparison = comparison_of(op.code);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint32_t in = operands->inputs[i];
    SOTTO_RETURN_IF_ERROR(require_quantized(lowering, in));
    const auto multiplier = multiplier_of(double{scale_of(lowering.tensor(in))});
    if (!multiplier) return multiplier.error();
    if (multiplier->shift > 0) return lowering.refuse(in, "what is compared must have a scale below 1");
    p.multipliers[i] = multiplier->multiplier;
    p.shifts[i] = multiplier->shift;
    p.zero_points[i] = static_cast<std::int8_t>(zero_point_of(lowering.tensor(in)));
  }
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const auto axes = broadcast_axes(lowering.tensor(out).shape, lowering.tensor(operands->inputs[0]).shape,
                                   lowering.tensor(operands->inputs[1]).shape);
  p.rank = static_cast<std::uint8_t>(axes.size());
  std::copy(axes.begin(), axes.end(), p.axes);
  return set_kernel(lowering, lowered, device::KernelKind::kCompare, p, *operands);
}

Shapes select_shapes(const Graph& graph, const Operator& op) {
  Shape shape;
  for (const std::size_t i : kThree) {
    const auto input = input_shape(graph, op, i);
    if (!input) return input.error();
    auto wider = broadcast(shape, **input);
    if (!wider) return invalid_argument("its inputs' shapes do not broadcast");
    shape = std::move(*wider);
  }
  return std::vector<Shape>{std::move(shape)};
}

Status lower_select(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto operands = data_operands(op, lowering, kThree);
  if (!operands) return operands.error();
  const std::uint32_t out = operands->outputs[0];
  if (lowering.tensor(operands->inputs[0]).type != TensorType::kBool)
    return lowering.refuse(operands->inputs[0], "what chooses must be BOOL");
  for (const std::size_t i : kTwo)
    SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, operands->inputs[i + 1], out));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const Tensor& output = lowering.tensor(out);
  for (const std::uint32_t input : operands->inputs) {
    if (op.code == builtin::kSelect && lowering.tensor(input).shape != output.shape)
      return lowering.refuse(input, "SELECT is supported of tensors of one shape; SELECT_V2 broadcasts");
  }
  const std::uint32_t element = tensor_type_bytes(output.type);
  if (element == 0) return lowering.refuse(out, "elements of its type are no whole bytes");
  device::SelectParameters p{};
  p.element_bytes = static_cast<std::uint8_t>(element);
  // Every dimension by itself, because three strides cannot be merged two by two.
  const auto strides = [&](std::size_t i) {
    const Shape& shape = lowering.tensor(operands->inputs[i]).shape;
    std::vector<std::int32_t> wide(output.shape.size());
    const std::vector<std::int32_t> dense = dense_strides(shape);
    const std::size_t missing = wide.size() - shape.size();
    for (std::size_t k = 0; k < shape.size(); ++k) wide[missing + k] = shape[k] == 1 ? 0 : dense[k];
    return wide;
  };
  const auto condition = strides(0);
  const auto first = strides(1);
  const auto other = strides(2);
  for (std::size_t i = 0; i < output.shape.size(); ++i) {
    p.axes[i] = {output.shape[i], {condition[i], first[i]}};
    p.other_strides[i] = other[i];
  }
  p.rank = static_cast<std::uint8_t>(output.shape.size());
  if (p.rank == 0) {
    p.axes[0] = {1, {0, 0}};
    p.rank = 1;
  }
  return set_kernel(lowering, lowered, device::KernelKind::kSelect, p, *operands);
}

}  // namespace sotto::model_compiler
