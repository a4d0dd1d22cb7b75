#include "tensor/output_shapes.h"

#include "operators.h"

namespace sotto::model_compiler {
namespace {

constexpr std::uint64_t kElementsMax = std::uint64_t{1} << 24;

Status check_size(const Shape& shape) {
  if (shape.size() > device::kImageRankMax) return invalid_argument("its output has more than 6 dimensions");
  std::uint64_t elements = 1;
  for (const std::uint32_t dimension : shape) {
    elements *= dimension;
    if (dimension == 0 || elements > kElementsMax)
      return invalid_argument("its output is empty, or larger than 2^24 elements");
  }
  return {};
}

}  // namespace

Shapes output_shapes(const Graph& graph, const Operator& op) {
  const OperatorRow* row = find_operator(op.code);
  if (row == nullptr || row->shapes == nullptr) return invalid_argument("it is not supported");
  auto shapes = row->shapes(graph, op);
  if (!shapes) return shapes;
  if (shapes->size() != op.outputs.size())
    return invalid_argument("it has " + std::to_string(op.outputs.size()) + " outputs");
  for (const Shape& shape : *shapes) SOTTO_RETURN_IF_ERROR(check_size(shape));
  return shapes;
}

}  // namespace sotto::model_compiler
