// Operators that make one value of many along some dimensions.
#include <algorithm>
#include <bit>

#include "lower/tensor_lowering.h"
#include "tensor/axes.h"
#include "tensor/operands.h"

namespace sotto::model_compiler {
namespace {

constexpr std::size_t kFirst[] = {0};
constexpr std::uint32_t kReducedMax = std::uint32_t{1} << 23;  // what the kernel's sums have room for

struct ReducedAxes {
  std::vector<device::Axis> kept, reduced;
  std::uint32_t count = 1;  // elements per output
};

// The input's dimensions, apart.
Result<ReducedAxes> reduced_axes(const Operator& op, const Lowering& lowering, const Shape& shape) {
  const auto named = constant_integers(lowering.graph, op, 1);
  if (!named) return named.error();
  std::vector<bool> gone(shape.size());
  for (const std::int64_t axis : *named)
    gone[*dimension_index(axis, shape)] = true;  // output_shapes() has looked
  const std::vector<std::int32_t> strides = dense_strides(shape);
  ReducedAxes axes;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    (gone[i] ? axes.reduced : axes.kept).push_back({shape[i], {strides[i], 0}});
    if (gone[i]) axes.count *= shape[i];
  }
  axes.kept = merged(axes.kept);
  axes.reduced = merged(axes.reduced);
  return axes;
}

// The mean's division goes into the multiplier, as far as the shift has room for it.
Multiplier divided(const Multiplier& by, std::uint32_t count) {
  const int bits = std::min(static_cast<int>(std::bit_width(count)) - 1, 31 + by.shift);
  return {static_cast<std::int32_t>((std::int64_t{by.multiplier} << bits) / count),
          static_cast<std::int8_t>(by.shift - bits)};
}

Status set_scaling(device::ReduceParameters& p, const Operator& op, const Tensor& input, const Tensor& output,
                   std::uint32_t count) {
  auto multiplier = multiplier_of(double{scale_of(input)} / double{scale_of(output)});
  if (!multiplier) return multiplier.error();
  const Multiplier scaling = op.code == builtin::kMean ? divided(*multiplier, count) : *multiplier;
  p.multiplier = scaling.multiplier;
  p.shift = scaling.shift;
  p.bias = -zero_point_of(input) * static_cast<std::int32_t>(count);
  p.output_zero_point = static_cast<std::int8_t>(zero_point_of(output));
  return {};
}

device::ReduceOperation operation_of(std::int32_t code) {
  if (code == builtin::kReduceMax) return device::ReduceOperation::kMaximum;
  return code == builtin::kReduceMin ? device::ReduceOperation::kMinimum : device::ReduceOperation::kSum;
}

}  // namespace

Status lower_reduction(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto operands = data_operands(op, lowering, kFirst);
  if (!operands) return operands.error();
  const std::uint32_t in = operands->inputs[0];
  const std::uint32_t out = operands->outputs[0];
  for (const std::uint32_t tensor : {in, out}) SOTTO_RETURN_IF_ERROR(require_quantized(lowering, tensor));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const Tensor& input = lowering.tensor(in);
  const auto axes = reduced_axes(op, lowering, input.shape);
  if (!axes) return axes.error();
  if (axes->kept.size() > device::kReduceRankMax || axes->reduced.size() > device::kReduceRankMax ||
      axes->count > kReducedMax) {
    return lowering.refuse(in, "it has too many dimensions or elements to reduce");
  }
  device::ReduceParameters p{};
  p.operation = operation_of(op.code);
  p.kept_rank = static_cast<std::uint8_t>(axes->kept.size());
  p.reduced_rank = static_cast<std::uint8_t>(axes->reduced.size());
  std::copy(axes->kept.begin(), axes->kept.end(), p.kept);
  std::copy(axes->reduced.begin(), axes->reduced.end(), p.reduced);
  if (p.operation == device::ReduceOperation::kSum) {
    SOTTO_RETURN_IF_ERROR(set_scaling(p, op, input, lowering.tensor(out), axes->count));
  } else {
    SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, in, out));
  }
  return set_kernel(lowering, lowered, device::KernelKind::kReduce, p, *operands);
}

Status lower_arg_max(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto operands = data_operands(op, lowering, kFirst);
  if (!operands) return operands.error();
  const Tensor& input = lowering.tensor(operands->inputs[0]);
  const Tensor& output = lowering.tensor(operands->outputs[0]);
  if (input.type != TensorType::kInt8)
    return lowering.refuse(operands->inputs[0], "ARG_MAX and ARG_MIN are supported of INT8");
  if (output.type != TensorType::kInt32 && output.type != TensorType::kInt64) {
    return lowering.refuse(operands->outputs[0], std::string("its type is ") + tensor_type_name(output.type) +
                                                     "; indices are INT32 or INT64");
  }
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const auto named = constant_integers(lowering.graph, op, 1);
  if (!named) return named.error();
  const std::uint32_t axis = *dimension_index((*named)[0], input.shape);  // output_shapes() has looked
  const std::span<const std::uint32_t> shape(input.shape);
  device::ArgMaxParameters p{};
  p.outer = element_count(shape.first(axis));
  p.axis = shape[axis];
  p.inner = element_count(shape.subspan(axis + 1));
  p.index_bytes = output.type == TensorType::kInt64 ? 8 : 4;
  p.of_minimum = op.code == builtin::kArgMin ? 1 : 0;
  return set_kernel(lowering, lowered, device::KernelKind::kArgMax, p, *operands);
}

}  // namespace sotto::model_compiler
