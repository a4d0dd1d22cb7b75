#include "tensor/constant_operators.h"

#include <algorithm>
#include <cstring>

#include "operators.h"
#include "tensor/operands.h"
#include "tensor/rearranged_blocks.h"

namespace sotto::model_compiler {
namespace {

// Small integers are what shapes are made of; anything larger stays with the model.
constexpr std::uint32_t kFoldedBytesMax = 64 * 1024;

bool is_integer(TensorType type) { return type == TensorType::kInt32 || type == TensorType::kInt64; }

// As the output's type wants them; nothing when they do not fit.
ConstantValues as_tensor(const Tensor& output, const Shape& shape, const std::vector<std::int64_t>& values) {
  if (!is_integer(output.type)) return std::nullopt;
  ConstantTensor tensor{shape, {}};
  for (const std::int64_t value : values) {
    if (output.type == TensorType::kInt32 && (value < INT32_MIN || value > INT32_MAX)) return std::nullopt;
    const std::size_t at = tensor.bytes.size();
    tensor.bytes.resize(at + tensor_type_bytes(output.type));
    std::memcpy(tensor.bytes.data() + at, &value, tensor.bytes.size() - at);  // little-endian
  }
  return std::vector<ConstantTensor>{std::move(tensor)};
}

// What evaluate() has found to be there.
const Tensor& output_tensor(const Graph& graph, const Operator& op) {
  return graph.tensors[static_cast<std::size_t>(op.outputs[0])];
}

// The outputs' shapes, when they are small.
Shapes small_shapes(const Graph& graph, const Operator& op) {
  auto shapes = output_shapes(graph, op);
  if (!shapes) return shapes;
  std::uint64_t bytes = 0;
  for (const Shape& shape : *shapes)
    bytes += std::uint64_t{element_count(shape)} * tensor_type_bytes(output_tensor(graph, op).type);
  if (bytes == 0 || bytes > kFoldedBytesMax)
    return invalid_argument("it is too large to be computed beforehand");
  return shapes;
}

}  // namespace

ConstantValues evaluate_shape(const Graph& graph, const Operator& op) {
  const Shape& shape = graph.tensors[static_cast<std::size_t>(op.inputs[0])].shape;
  if (shape.empty()) return std::nullopt;
  return as_tensor(output_tensor(graph, op), {static_cast<std::uint32_t>(shape.size())},
                   std::vector<std::int64_t>(shape.begin(), shape.end()));
}

ConstantValues evaluate_cast(const Graph& graph, const Operator& op) {
  const auto values = constant_integers(graph, op, 0);
  const Tensor& input = graph.tensors[static_cast<std::size_t>(op.inputs[0])];
  return values ? as_tensor(output_tensor(graph, op), input.shape, *values) : std::nullopt;
}

ConstantValues evaluate_product(const Graph& graph, const Operator& op) {
  const auto values = constant_integers(graph, op, 0);
  const auto axes = constant_integers(graph, op, 1);
  const auto shape = input_shape(graph, op);
  if (!values || !axes || !shape || (*shape)->size() != 1 || axes->size() != 1) return std::nullopt;
  std::int64_t result = 1;
  for (const std::int64_t value : *values) {
    result *= value;
    if (result < INT32_MIN || result > INT32_MAX) return std::nullopt;
  }
  const bool keep = op.options.scalar<std::uint8_t>(slot::kReducerKeepDimensions, 0) != 0;
  return as_tensor(output_tensor(graph, op), keep ? Shape{1} : Shape{}, {result});
}

// The entries of a vector, or of a matrix's rows and so on, along the first dimension.
ConstantValues evaluate_gather(const Graph& graph, const Operator& op) {
  const auto values = constant_integers(graph, op, 0);
  const auto indices = constant_integers(graph, op, 1);
  const auto shape = input_shape(graph, op);
  const auto index_shape = input_shape(graph, op, 1);
  if (!values || !indices || !shape || !index_shape || (*shape)->size() != 1) return std::nullopt;
  if (op.options.scalar<std::int32_t>(slot::kGatherAxis, 0) != 0 ||
      op.options.scalar<std::int32_t>(slot::kGatherBatchDimensions, 0) != 0) {
    return std::nullopt;
  }
  std::vector<std::int64_t> result;
  for (const std::int64_t index : *indices) {
    if (index < 0 || index >= static_cast<std::int64_t>(values->size())) return std::nullopt;
    result.push_back((*values)[static_cast<std::size_t>(index)]);
  }
  return as_tensor(output_tensor(graph, op), **index_shape, result);
}

// Arithmetic of two vectors, or of one and a single value.
ConstantValues evaluate_arithmetic(const Graph& graph, const Operator& op) {
  const auto shapes = small_shapes(graph, op);
  if (!shapes) return std::nullopt;
  const Shape& shape = (*shapes)[0];
  const auto a = constant_integers(graph, op, 0);
  const auto b = constant_integers(graph, op, 1);
  if (!a || !b) return std::nullopt;
  const std::size_t count = element_count(shape);
  if ((a->size() != count && a->size() != 1) || (b->size() != count && b->size() != 1)) return std::nullopt;
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t x = (*a)[a->size() == 1 ? 0 : i];
    const std::int64_t y = (*b)[b->size() == 1 ? 0 : i];
    if (std::max({x, y, -x, -y}) > INT32_MAX || std::min(x, y) <= INT32_MIN) return std::nullopt;
    switch (op.code) {
      case builtin::kAdd:
        result.push_back(x + y);
        break;
      case builtin::kSub:
        result.push_back(x - y);
        break;
      case builtin::kMul:
        result.push_back(x * y);
        break;
      case builtin::kMaximum:
        result.push_back(std::max(x, y));
        break;
      default:
        result.push_back(std::min(x, y));
    }
  }
  return as_tensor(output_tensor(graph, op), shape, result);
}

ConstantValues evaluate_rearrangement(const Graph& graph, const Operator& op) {
  const auto shapes = small_shapes(graph, op);
  if (!shapes) return std::nullopt;
  const auto moves = rearranged(graph, op, *shapes);
  if (!moves || moves->fills) return std::nullopt;
  const std::uint32_t element_bytes = tensor_type_bytes(output_tensor(graph, op).type);
  std::vector<Bytes> inputs;
  for (const std::size_t i : moves->data_inputs) {
    const auto input = input_of(graph, op, i);
    if (!input || !(*input)->is_constant() || tensor_type_bytes((*input)->type) != element_bytes)
      return std::nullopt;
    inputs.push_back((*input)->constant);
  }
  std::vector<std::vector<std::uint8_t>> outputs;
  for (const Shape& shape : *shapes) outputs.emplace_back(std::size_t{element_count(shape)} * element_bytes);
  if (!apply(moves->blocks, element_bytes, inputs, outputs)) return std::nullopt;
  std::vector<ConstantTensor> result;
  for (std::size_t i = 0; i < shapes->size(); ++i) result.push_back({(*shapes)[i], std::move(outputs[i])});
  return result;
}

ConstantValues evaluate_unchanged(const Graph& graph, const Operator& op) {
  const auto shapes = small_shapes(graph, op);
  if (!shapes) return std::nullopt;
  const Tensor& input = graph.tensors[static_cast<std::size_t>(op.inputs[0])];
  if (!input.is_constant() || input.type != output_tensor(graph, op).type) return std::nullopt;
  return std::vector<ConstantTensor>{
      {(*shapes)[0], std::vector<std::uint8_t>(input.constant.begin(), input.constant.end())}};
}

ConstantValues evaluate_densify(const Graph& graph, const Operator& op) {
  const Tensor& input = graph.tensors[static_cast<std::size_t>(op.inputs[0])];
  if (!input.is_constant() || input.type != output_tensor(graph, op).type) return std::nullopt;
  return std::vector<ConstantTensor>{
      {input.shape, std::vector<std::uint8_t>(input.constant.begin(), input.constant.end())}};
}

ConstantValues evaluate(const Graph& graph, const Operator& op) {
  const OperatorRow* row = find_operator(op.code);
  if (row == nullptr || row->evaluate == nullptr) return std::nullopt;
  if (!input_of(graph, op, 0) || !output_of(graph, op, 0)) return std::nullopt;
  return row->evaluate(graph, op);
}

}  // namespace sotto::model_compiler
