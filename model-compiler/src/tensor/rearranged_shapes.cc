#include "tensor/rearranged_shapes.h"

#include <fmt/core.h>

#include <algorithm>

#include "tensor/operands.h"
#include "tensor/slices.h"

namespace sotto::model_compiler {
namespace {

template <Result<Slice> (*kSlice)(const Graph&, const Operator&)>
Shapes sliced(const Graph& graph, const Operator& op) {
  auto slice = kSlice(graph, op);
  if (!slice) return slice.error();
  return std::vector<Shape>{std::move(slice->output)};
}

// One of `shape`'s dimensions, times or plus something: at most INT32_MAX.
Result<std::uint32_t> grown(std::uint64_t dimension) {
  if (dimension == 0 || dimension > INT32_MAX) return invalid_argument("its output has no possible size");
  return static_cast<std::uint32_t>(dimension);
}

// Block shape and two widths for each of its dimensions.
struct BlockOperands {
  Shape shape;
  std::vector<std::int64_t> block, widths;
  std::uint64_t cells = 1;
};

Result<BlockOperands> block_operands(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  auto block = constant_integers(graph, op, 1);
  auto widths = constant_integers(graph, op, 2);
  if (!in) return in.error();
  if (!block) return block.error();
  if (!widths) return widths.error();
  BlockOperands result{**in, std::move(*block), std::move(*widths), 1};
  if (result.block.empty() || result.shape.size() <= result.block.size() ||
      result.widths.size() != 2 * result.block.size()) {
    return invalid_argument("its block has not the dimensions of its input");
  }
  for (const std::int64_t size : result.block) {
    if (size < 1 || size > UINT16_MAX) return invalid_argument(fmt::format("a block has a size of {}", size));
    result.cells = std::min<std::uint64_t>(result.cells * static_cast<std::uint64_t>(size), UINT32_MAX);
  }
  for (const std::int64_t width : result.widths) {
    if (width < 0 || width > INT32_MAX) return invalid_argument("a width is negative or too large");
  }
  if (result.cells > UINT16_MAX) return invalid_argument("its block has more than 65535 cells");
  return result;
}

template <bool kToDepth>
Shapes depth_and_space(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  if (!in) return in.error();
  const auto block = op.options.scalar<std::int32_t>(slot::kBlockSize, 0);
  if ((*in)->size() != 4 || block < 1 || block > UINT8_MAX)
    return invalid_argument("its input has not four dimensions, or its block no size");
  const auto size = static_cast<std::uint32_t>(block);
  Shape shape = **in;
  for (const std::size_t i : {1u, 2u}) {
    if (kToDepth && shape[i] % size != 0) return invalid_argument("its input is no multiple of its block");
    const auto dimension = grown(kToDepth ? shape[i] / size : std::uint64_t{shape[i]} * size);
    if (!dimension) return dimension.error();
    shape[i] = *dimension;
  }
  if (!kToDepth && shape[3] % (size * size) != 0)
    return invalid_argument("its channels are no multiple of its block");
  const auto channels = grown(kToDepth ? std::uint64_t{shape[3]} * size * size : shape[3] / (size * size));
  if (!channels) return channels.error();
  shape[3] = *channels;
  return std::vector<Shape>{std::move(shape)};
}

}  // namespace

Shapes transpose_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto permutation = constant_integers(graph, op, 1);
  if (!in) return in.error();
  if (!permutation) return permutation.error();
  Shape shape;
  std::vector<bool> seen((*in)->size());
  for (const std::int64_t i : *permutation) {
    const auto at = dimension_index(i, **in);
    if (!at) return at.error();
    if (seen[*at]) return invalid_argument("it names a dimension twice");
    seen[*at] = true;
    shape.push_back((**in)[*at]);
  }
  if (shape.size() != seen.size()) return invalid_argument("it does not name every dimension");
  return std::vector<Shape>{std::move(shape)};
}

Shapes concatenation_shapes(const Graph& graph, const Operator& op) {
  const auto first = input_shape(graph, op);
  if (!first) return first.error();
  const auto axis = dimension_index(op.options.scalar<std::int32_t>(slot::kConcatenationAxis, 0), **first);
  if (!axis) return axis.error();
  Shape shape = **first;
  shape[*axis] = 0;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const auto next = input_shape(graph, op, i);
    if (!next) return next.error();
    Shape other = **next;
    if (other.size() != shape.size())
      return invalid_argument("its inputs have not the same number of dimensions");
    shape[*axis] += other[*axis];
    other[*axis] = shape[*axis];
    if (other != shape) return invalid_argument("its inputs differ in more than the dimension that it joins");
  }
  return std::vector<Shape>{std::move(shape)};
}

Shapes pack_shapes(const Graph& graph, const Operator& op) {
  const auto first = input_shape(graph, op);
  if (!first) return first.error();
  const auto axis = front_index(op.options.scalar<std::int32_t>(slot::kPackAxis, 0), (*first)->size() + 1);
  if (!axis) return invalid_argument("it names a dimension that cannot be");
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const auto next = input_shape(graph, op, i);
    if (!next) return next.error();
    if (**next != **first) return invalid_argument("its inputs have different shapes");
  }
  Shape shape = **first;
  shape.insert(shape.begin() + *axis, static_cast<std::uint32_t>(op.inputs.size()));
  return std::vector<Shape>{std::move(shape)};
}

Shapes unpack_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  if (!in) return in.error();
  const auto axis = dimension_index(op.options.scalar<std::int32_t>(slot::kUnpackAxis, 0), **in);
  if (!axis) return axis.error();
  if ((**in)[*axis] != op.outputs.size()) return invalid_argument("it has not an output for every index");
  Shape shape = **in;
  shape.erase(shape.begin() + *axis);
  return std::vector<Shape>(op.outputs.size(), shape);
}

Shapes split_shapes(const Graph& graph, const Operator& op) {
  const auto axes = constant_integers(graph, op, 0);
  const auto in = input_shape(graph, op, 1);
  if (!axes) return axes.error();
  if (!in) return in.error();
  if (axes->size() != 1) return invalid_argument("it names not one dimension");
  const auto axis = dimension_index((*axes)[0], **in);
  if (!axis) return axis.error();
  Shape shape = **in;
  if (op.outputs.empty() || shape[*axis] % op.outputs.size() != 0)
    return invalid_argument("it does not divide its input evenly");
  shape[*axis] /= static_cast<std::uint32_t>(op.outputs.size());
  return std::vector<Shape>(op.outputs.size(), shape);
}

Shapes split_v_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto sizes = constant_integers(graph, op, 1);
  const auto axes = constant_integers(graph, op, 2);
  if (!in) return in.error();
  if (!sizes) return sizes.error();
  if (!axes) return axes.error();
  if (axes->size() != 1 || sizes->size() != op.outputs.size())
    return invalid_argument("it has not a size for every output");
  const auto axis = dimension_index((*axes)[0], **in);
  if (!axis) return axis.error();
  std::int64_t rest = (**in)[*axis];
  for (const std::int64_t size : *sizes) {
    if (size < -1 || size > rest) return invalid_argument("its sizes are not those of its input");
    rest -= std::max<std::int64_t>(size, 0);
  }
  const auto open = std::count(sizes->begin(), sizes->end(), -1);
  if (open > 1 || (open == 0 && rest != 0)) return invalid_argument("its sizes are not those of its input");
  std::vector<Shape> shapes;
  for (const std::int64_t size : *sizes) {
    shapes.push_back(**in);
    shapes.back()[*axis] = static_cast<std::uint32_t>(size == -1 ? rest : size);
    if (shapes.back()[*axis] == 0) return invalid_argument("an output is empty");
  }
  return shapes;
}

Shapes pad_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto widths = constant_integers(graph, op, 1);
  if (!in) return in.error();
  if (!widths) return widths.error();
  Shape shape = **in;
  if (widths->size() != 2 * shape.size())
    return invalid_argument("it has not two widths for every dimension");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t before = (*widths)[2 * i];
    const std::int64_t after = (*widths)[2 * i + 1];
    if (before < 0 || after < 0 || before > INT32_MAX || after > INT32_MAX)
      return invalid_argument("a width is negative or too large");
    const auto dimension = grown(shape[i] + static_cast<std::uint64_t>(before + after));
    if (!dimension) return dimension.error();
    shape[i] = *dimension;
  }
  return std::vector<Shape>{std::move(shape)};
}

Shapes tile_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto multiples = constant_integers(graph, op, 1);
  if (!in) return in.error();
  if (!multiples) return multiples.error();
  Shape shape = **in;
  if (multiples->size() != shape.size()) return invalid_argument("it has not a multiple for every dimension");
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::int64_t multiple = (*multiples)[i];
    if (multiple < 1 || multiple > INT32_MAX)
      return invalid_argument(fmt::format("it repeats {} times", multiple));
    const auto dimension = grown(shape[i] * static_cast<std::uint64_t>(multiple));
    if (!dimension) return dimension.error();
    shape[i] = *dimension;
  }
  return std::vector<Shape>{std::move(shape)};
}

Shapes space_to_batch_shapes(const Graph& graph, const Operator& op) {
  auto operands = block_operands(graph, op);
  if (!operands) return operands.error();
  Shape shape = operands->shape;
  const auto batches = grown(shape[0] * operands->cells);
  if (!batches) return batches.error();
  shape[0] = *batches;
  for (std::size_t i = 0; i < operands->block.size(); ++i) {
    const auto padded =
        shape[i + 1] + static_cast<std::uint64_t>(operands->widths[2 * i] + operands->widths[2 * i + 1]);
    const auto size = static_cast<std::uint64_t>(operands->block[i]);
    if (padded % size != 0) return invalid_argument("its padded input is no multiple of its block");
    const auto dimension = grown(padded / size);
    if (!dimension) return dimension.error();
    shape[i + 1] = *dimension;
  }
  return std::vector<Shape>{std::move(shape)};
}

Shapes batch_to_space_shapes(const Graph& graph, const Operator& op) {
  auto operands = block_operands(graph, op);
  if (!operands) return operands.error();
  Shape shape = operands->shape;
  if (shape[0] % operands->cells != 0) return invalid_argument("its batches are no multiple of its block");
  shape[0] = static_cast<std::uint32_t>(shape[0] / operands->cells);
  for (std::size_t i = 0; i < operands->block.size(); ++i) {
    const std::uint64_t whole = shape[i + 1] * static_cast<std::uint64_t>(operands->block[i]);
    const auto cropped = static_cast<std::uint64_t>(operands->widths[2 * i] + operands->widths[2 * i + 1]);
    const auto dimension = grown(whole > cropped ? whole - cropped : 0);
    if (!dimension) return dimension.error();
    shape[i + 1] = *dimension;
  }
  return std::vector<Shape>{std::move(shape)};
}

Shapes slice_shapes(const Graph& graph, const Operator& op) { return sliced<slice_of>(graph, op); }

Shapes strided_slice_shapes(const Graph& graph, const Operator& op) {
  return sliced<strided_slice_of>(graph, op);
}

Shapes depth_to_space_shapes(const Graph& graph, const Operator& op) {
  return depth_and_space<false>(graph, op);
}

Shapes space_to_depth_shapes(const Graph& graph, const Operator& op) {
  return depth_and_space<true>(graph, op);
}

}  // namespace sotto::model_compiler
