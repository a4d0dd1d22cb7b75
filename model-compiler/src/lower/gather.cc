// GATHER, GATHER_ND and EMBEDDING_LOOKUP of what the compiler has not computed itself.
#include <algorithm>

#include "lower/tensor_lowering.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"
#include "tensor/axes.h"
#include "tensor/operands.h"
#include "tensor/shape_rules.h"

namespace sotto::model_compiler {
namespace {

// How indices choose from data: the kernel's parameters in elements.
struct Choice {
  std::size_t data = 0, indices = 1;  // inputs
  std::uint32_t batches = 1, outer = 1, count = 1, inner = 1, addressed = 1;
  std::vector<std::uint32_t> limits, steps;
  Shape output;
};

Shape joined(std::initializer_list<std::span<const std::uint32_t>> parts) {
  Shape shape;
  for (const auto& part : parts) shape.insert(shape.end(), part.begin(), part.end());
  return shape;
}

Result<Choice> gather_nd_choice(const Shape& data, const Shape& indices) {
  if (indices.empty() || indices.back() > data.size())
    return invalid_argument("its indices have more dimensions than its input");
  Choice choice;
  const std::span<const std::uint32_t> all(data);
  const std::uint32_t depth = indices.back();
  const auto strides = dense_strides(data);
  for (std::uint32_t i = 0; i < depth; ++i) {
    choice.limits.push_back(data[i]);
    choice.steps.push_back(static_cast<std::uint32_t>(strides[i]));
  }
  const auto rows = std::span<const std::uint32_t>(indices).first(indices.size() - 1);
  choice.count = element_count(rows);
  choice.inner = element_count(all.subspan(depth));
  choice.addressed = element_count(all);
  choice.output = joined({rows, all.subspan(depth)});
  return choice;
}

Result<Choice> gather_choice(const Operator& op, const Shape& data, const Shape& indices) {
  const bool is_lookup = op.code == builtin::kEmbeddingLookup;
  const std::int32_t named = is_lookup ? 0 : op.options.scalar<std::int32_t>(slot::kGatherAxis, 0);
  const std::int32_t batches =
      is_lookup ? 0 : op.options.scalar<std::int32_t>(slot::kGatherBatchDimensions, 0);
  const auto axis = dimension_index(named, data);
  if (!axis) return axis.error();
  if (batches < 0 || static_cast<std::uint32_t>(batches) > *axis ||
      static_cast<std::size_t>(batches) > indices.size()) {
    return invalid_argument("its batch dimensions are not before its axis");
  }
  const auto batch_rank = static_cast<std::size_t>(batches);
  if (!std::equal(data.begin(), data.begin() + batches, indices.begin()))
    return invalid_argument("its batch dimensions are not those of its indices");
  Choice choice;
  const std::span<const std::uint32_t> all(data);
  const auto chosen = std::span<const std::uint32_t>(indices).subspan(batch_rank);
  choice.batches = element_count(all.first(batch_rank));
  choice.outer = element_count(all.subspan(batch_rank, *axis - batch_rank));
  choice.count = element_count(chosen);
  choice.inner = element_count(all.subspan(*axis + 1));
  choice.addressed = data[*axis] * choice.inner;
  choice.limits = {data[*axis]};
  choice.steps = {choice.inner};
  choice.output = joined({all.first(*axis), chosen, all.subspan(*axis + 1)});
  return choice;
}

Result<Choice> choice_of(const Graph& graph, const Operator& op) {
  const bool swapped = op.code == builtin::kEmbeddingLookup;
  const auto data = input_shape(graph, op, swapped ? 1 : 0);
  const auto indices = input_shape(graph, op, swapped ? 0 : 1);
  if (!data) return data.error();
  if (!indices) return indices.error();
  auto choice = op.code == builtin::kGatherNd ? gather_nd_choice(**data, **indices)
                                              : gather_choice(op, **data, **indices);
  if (!choice || !swapped) return choice;
  std::swap(choice->data, choice->indices);
  return choice;
}

}  // namespace

Shapes gather_shapes(const Graph& graph, const Operator& op) {
  const auto choice = choice_of(graph, op);
  if (!choice) return choice.error();
  return std::vector<Shape>{choice->output};
}

Status lower_gather(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto choice = choice_of(lowering.graph, op);
  if (!choice) return choice.error();
  const std::size_t inputs[] = {choice->data, choice->indices};
  const auto operands = data_operands(op, lowering, inputs);
  if (!operands) return operands.error();
  const std::uint32_t data = operands->inputs[0];
  const std::uint32_t indices = operands->inputs[1];
  if (lowering.tensor(indices).type != TensorType::kInt32)
    return lowering.refuse(indices, "indices of INT32 are supported");
  SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, data, operands->outputs[0]));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const std::uint32_t element = tensor_type_bytes(lowering.tensor(data).type);
  if (element == 0 || choice->limits.empty() || choice->limits.size() > device::kImageRankMax)
    return lowering.refuse(data, "it is of no usable type, or has no dimension to choose from");
  device::GatherParameters p{};
  p.batches = choice->batches;
  p.outer = choice->outer;
  p.count = choice->count;
  p.bytes = choice->inner * element;
  p.addressed_bytes = choice->addressed * element;
  p.depth = static_cast<std::uint32_t>(choice->limits.size());
  for (std::size_t i = 0; i < choice->limits.size(); ++i) {
    p.limits[i] = choice->limits[i];
    p.steps[i] = choice->steps[i] * element;
  }
  return set_kernel(lowering, lowered, device::KernelKind::kGather, p, *operands);
}

}  // namespace sotto::model_compiler
