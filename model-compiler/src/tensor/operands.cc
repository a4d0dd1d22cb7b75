#include "tensor/operands.h"

#include <fmt/core.h>

namespace sotto::model_compiler {
namespace {

Result<const Tensor*> operand(const Graph& graph, const std::vector<std::int32_t>& operands, std::size_t i,
                              const char* what) {
  if (i >= operands.size() || operands[i] == kAbsentTensor)
    return invalid_argument(fmt::format("{} {} is absent", what, i));
  return &graph.tensors[static_cast<std::size_t>(operands[i])];
}

}  // namespace

Result<const Tensor*> input_of(const Graph& graph, const Operator& op, std::size_t i) {
  return operand(graph, op.inputs, i, "input");
}

Result<const Tensor*> output_of(const Graph& graph, const Operator& op, std::size_t i) {
  return operand(graph, op.outputs, i, "output");
}

Result<const Shape*> input_shape(const Graph& graph, const Operator& op, std::size_t i) {
  const auto tensor = input_of(graph, op, i);
  if (!tensor) return tensor.error();
  return &(*tensor)->shape;
}

Result<std::vector<std::int64_t>> constant_integers(const Graph& graph, const Operator& op, std::size_t i) {
  const auto tensor = input_of(graph, op, i);
  if (!tensor) return tensor.error();
  const std::string what = fmt::format("input {}", i);
  if ((*tensor)->type != TensorType::kInt32 && (*tensor)->type != TensorType::kInt64) {
    return invalid_argument(what + " is " + tensor_type_name((*tensor)->type) +
                            "; INT32 or INT64 is expected");
  }
  if (!(*tensor)->is_constant() && (*tensor)->elements != 0) {
    return invalid_argument(what + " is computed while the model runs; it must be known when it is compiled");
  }
  std::vector<std::int64_t> values;
  for (std::uint32_t k = 0; k < (*tensor)->elements; ++k) {
    const std::uint8_t* at =
        (*tensor)->constant.data() + std::size_t{k} * ((*tensor)->bytes / (*tensor)->elements);
    values.push_back((*tensor)->type == TensorType::kInt32
                         ? static_cast<std::int32_t>(load_le<std::uint32_t>(at))
                         : static_cast<std::int64_t>(load_le<std::uint64_t>(at)));
  }
  return values;
}

Result<std::uint32_t> dimension_index(std::int64_t index, const Shape& shape) {
  const auto front = front_index(index, shape.size());
  if (!front) {
    return invalid_argument(
        fmt::format("dimension {} does not exist in a tensor of {} dimensions", index, shape.size()));
  }
  return *front;
}

}  // namespace sotto::model_compiler
