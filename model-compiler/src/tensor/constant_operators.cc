#include "tensor/constant_operators.h"

#include <algorithm>
#include <cstring>

#include "tensor/operands.h"
#include "tensor/rearranged_blocks.h"
#include "tensor/schema.h"

namespace sotto::model_compiler {
namespace {

using Values = std::optional<std::vector<ConstantTensor>>;

// Small integers are what shapes are made of; anything larger stays with the model.
constexpr std::uint32_t kFoldedBytesMax = 64 * 1024;

bool is_integer(TensorType type) { return type == TensorType::kInt32 || type == TensorType::kInt64; }

// As the output's type wants them; nothing when they do not fit.
Values as_tensor(const Tensor& output, const Shape& shape, const std::vector<std::int64_t>& values) {
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

Values shape_values(const Tensor& input, const Tensor& output) {
  const auto rank = static_cast<std::uint32_t>(input.shape.size());
  if (rank == 0) return std::nullopt;
  return as_tensor(output, {rank}, std::vector<std::int64_t>(input.shape.begin(), input.shape.end()));
}

Values product(const Graph& graph, const Operator& op, const Tensor& output) {
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
  return as_tensor(output, keep ? Shape{1} : Shape{}, {result});
}

// The entries of a vector, or of a matrix's rows and so on, along the first dimension.
Values gather(const Graph& graph, const Operator& op, const Tensor& output) {
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
  return as_tensor(output, **index_shape, result);
}

// Arithmetic of two vectors, or of one and a single value.
Values arithmetic(const Graph& graph, const Operator& op, const Tensor& output, const Shape& shape) {
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
  return as_tensor(output, shape, result);
}

Values moved(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  const auto moves = rearranged(graph, op, shapes);
  if (!moves || moves->fills) return std::nullopt;
  const std::uint32_t element_bytes =
      tensor_type_bytes(graph.tensors[static_cast<std::size_t>(op.outputs[0])].type);
  std::vector<Bytes> inputs;
  for (const std::size_t i : moves->data_inputs) {
    const auto input = input_of(graph, op, i);
    if (!input || !(*input)->is_constant() || tensor_type_bytes((*input)->type) != element_bytes)
      return std::nullopt;
    inputs.push_back((*input)->constant);
  }
  std::vector<std::vector<std::uint8_t>> outputs;
  for (const Shape& shape : shapes) outputs.emplace_back(std::size_t{element_count(shape)} * element_bytes);
  if (!apply(moves->blocks, element_bytes, inputs, outputs)) return std::nullopt;
  std::vector<ConstantTensor> result;
  for (std::size_t i = 0; i < shapes.size(); ++i) result.push_back({shapes[i], std::move(outputs[i])});
  return result;
}

bool keeps_bytes(std::int32_t code) {
  return code == builtin::kReshape || code == builtin::kExpandDims || code == builtin::kSqueeze;
}

bool is_arithmetic(std::int32_t code) {
  return code == builtin::kAdd || code == builtin::kSub || code == builtin::kMul ||
         code == builtin::kMaximum || code == builtin::kMinimum;
}

// Small, and one of the operators whose shapes are known beforehand.
Shapes small_shapes(const Graph& graph, const Operator& op, const Tensor& output) {
  auto shapes = output_shapes(graph, op);
  if (!shapes) return shapes;
  std::uint64_t bytes = 0;
  for (const Shape& shape : *shapes)
    bytes += std::uint64_t{element_count(shape)} * tensor_type_bytes(output.type);
  if (bytes == 0 || bytes > kFoldedBytesMax)
    return invalid_argument("it is too large to be computed beforehand");
  return shapes;
}

}  // namespace

std::optional<std::vector<ConstantTensor>> evaluate(const Graph& graph, const Operator& op) {
  const auto input = input_of(graph, op, 0);
  const auto output = output_of(graph, op, 0);
  if (!input || !output) return std::nullopt;
  if (op.code == builtin::kShape) return shape_values(**input, **output);
  if (op.code == builtin::kReduceProd) return product(graph, op, **output);
  if (op.code == builtin::kGather) return gather(graph, op, **output);
  if (op.code == builtin::kCast) {
    const auto values = constant_integers(graph, op, 0);
    return values ? as_tensor(**output, (*input)->shape, *values) : std::nullopt;
  }
  if (!keeps_bytes(op.code) && !is_arithmetic(op.code) && !is_rearrangement(op.code)) return std::nullopt;
  const auto shapes = small_shapes(graph, op, **output);
  if (!shapes) return std::nullopt;
  if (is_arithmetic(op.code)) return arithmetic(graph, op, **output, (*shapes)[0]);
  if (is_rearrangement(op.code)) return moved(graph, op, *shapes);
  if (!(*input)->is_constant() || (*input)->type != (*output)->type) return std::nullopt;
  return std::vector<ConstantTensor>{
      {(*shapes)[0], std::vector<std::uint8_t>((*input)->constant.begin(), (*input)->constant.end())}};
}

}  // namespace sotto::model_compiler
