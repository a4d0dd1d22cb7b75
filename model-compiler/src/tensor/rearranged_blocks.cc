#include "tensor/rearranged_blocks.h"

#include "operators.h"
#include "tensor/operands.h"
#include "tensor/slices.h"

namespace sotto::model_compiler {
namespace {

// Everything below has been checked by output_shapes(): operands are there, indices fit.
const Shape& shape_of_input(const Graph& graph, const Operator& op, std::size_t i) {
  return graph.tensors[static_cast<std::size_t>(op.inputs[i])].shape;
}

Range from_start(const Shape& counts) {
  return {std::vector<std::int32_t>(counts.size()), std::vector<std::int32_t>(counts.size(), 1), counts};
}

Result<Rearranged> join(const Graph& graph, const Operator& op, const Shape& output, std::uint32_t axis,
                        bool adds_dimension) {
  Rearranged result;
  std::vector<std::uint32_t> begins(output.size());
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    Shape input = shape_of_input(graph, op, i);
    if (adds_dimension) input.insert(input.begin() + axis, 1);
    result.blocks.push_back(place_at(input, output, begins, static_cast<std::uint16_t>(i)));
    result.data_inputs.push_back(i);
    begins[axis] += input[axis];
  }
  return result;
}

// Consecutive ranges of an input, one per output; `kept` are the outputs' shapes with the input's number of
// dimensions.
Rearranged part(const Shape& input, std::size_t data_input, const std::vector<Shape>& kept,
                std::uint32_t axis) {
  Rearranged result;
  result.data_inputs = {data_input};
  std::int32_t begin = 0;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    Range range = from_start(kept[i]);
    range.begins[axis] = begin;
    result.blocks.push_back(gather_range(input, range, static_cast<std::uint16_t>(i)));
    begin += static_cast<std::int32_t>(kept[i][axis]);
  }
  return result;
}

template <std::size_t kAxisInput, std::size_t kDataInput>
Result<Rearranged> split_from(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  const Shape& input = shape_of_input(graph, op, kDataInput);
  const auto axes = constant_integers(graph, op, kAxisInput);
  if (!axes) return axes.error();
  const auto axis = dimension_index((*axes)[0], input);
  if (!axis) return axis.error();
  return part(input, kDataInput, shapes, *axis);
}

template <Result<Slice> (*kSlice)(const Graph&, const Operator&)>
Result<Rearranged> sliced(const Graph& graph, const Operator& op, const std::vector<Shape>&) {
  const auto slice = kSlice(graph, op);
  if (!slice) return slice.error();
  return Rearranged{{gather_range(shape_of_input(graph, op, 0), slice->range)}, {0}, false};
}

template <bool kToBatch>
Result<Rearranged> batched(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  const Shape& input = shape_of_input(graph, op, 0);
  const Shape& batched = kToBatch ? shapes[0] : input;
  const auto block = constant_integers(graph, op, 1);
  const auto widths = constant_integers(graph, op, 2);
  if (!block) return block.error();
  if (!widths) return widths.error();
  SpaceToBatch geometry;
  geometry.space = kToBatch ? input : shapes[0];
  for (std::size_t i = 0; i < block->size(); ++i) {
    geometry.block_shape.push_back(static_cast<std::uint32_t>((*block)[i]));
    geometry.before.push_back(static_cast<std::uint32_t>((*widths)[2 * i]));
    geometry.batched_spatial.push_back(batched[i + 1]);
  }
  // Back in space nothing is missing: what is cropped has come from padding, or is left behind.
  return Rearranged{kToBatch ? space_to_batch(geometry) : batch_to_space(geometry), {0}, kToBatch};
}

template <bool kToDepth>
Result<Rearranged> deepened(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  const auto size = static_cast<std::uint32_t>(op.options.scalar<std::int32_t>(slot::kBlockSize, 0));
  if constexpr (kToDepth) return Rearranged{{space_to_depth(shapes[0], size)}, {0}, false};
  return Rearranged{{depth_to_space(shape_of_input(graph, op, 0), size)}, {0}, false};
}

}  // namespace

Result<Rearranged> concatenation_blocks(const Graph& graph, const Operator& op,
                                        const std::vector<Shape>& shapes) {
  if (op.options.scalar<std::int8_t>(slot::kConcatenationActivation, 0) != 0)
    return invalid_argument("its fused activation is not supported");
  const auto axis = dimension_index(op.options.scalar<std::int32_t>(slot::kConcatenationAxis, 0), shapes[0]);
  if (!axis) return axis.error();
  return join(graph, op, shapes[0], *axis, false);
}

Result<Rearranged> pack_blocks(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  const auto axis = dimension_index(op.options.scalar<std::int32_t>(slot::kPackAxis, 0), shapes[0]);
  if (!axis) return axis.error();
  return join(graph, op, shapes[0], *axis, true);
}

Result<Rearranged> unpack_blocks(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  const Shape& input = shape_of_input(graph, op, 0);
  const auto axis = dimension_index(op.options.scalar<std::int32_t>(slot::kUnpackAxis, 0), input);
  if (!axis) return axis.error();
  std::vector<Shape> kept = shapes;
  for (Shape& shape : kept) shape.insert(shape.begin() + *axis, 1);
  return part(input, 0, kept, *axis);
}

Result<Rearranged> pad_blocks(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  const auto widths = constant_integers(graph, op, 1);
  if (!widths) return widths.error();
  std::vector<std::uint32_t> begins;
  for (std::size_t i = 0; i < widths->size(); i += 2)
    begins.push_back(static_cast<std::uint32_t>((*widths)[i]));
  return Rearranged{{place_at(shape_of_input(graph, op, 0), shapes[0], begins)}, {0}, true};
}

Result<Rearranged> tile_blocks(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  const Shape& input = shape_of_input(graph, op, 0);
  std::vector<std::uint32_t> multiples;
  for (std::size_t i = 0; i < input.size(); ++i) multiples.push_back(shapes[0][i] / input[i]);
  return Rearranged{{tile(input, multiples)}, {0}, false};
}

Result<Rearranged> transpose_blocks(const Graph& graph, const Operator& op, const std::vector<Shape>&) {
  const Shape& input = shape_of_input(graph, op, 0);
  const auto values = constant_integers(graph, op, 1);
  if (!values) return values.error();
  std::vector<std::uint32_t> permutation;
  for (const std::int64_t value : *values)
    permutation.push_back(front_index(value, input.size()).value_or(0));
  return Rearranged{{transpose(input, permutation)}, {0}, false};
}

Result<Rearranged> split_blocks(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  return split_from<0, 1>(graph, op, shapes);
}

Result<Rearranged> split_v_blocks(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  return split_from<2, 0>(graph, op, shapes);
}

Result<Rearranged> slice_blocks(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  return sliced<slice_of>(graph, op, shapes);
}

Result<Rearranged> strided_slice_blocks(const Graph& graph, const Operator& op,
                                        const std::vector<Shape>& shapes) {
  return sliced<strided_slice_of>(graph, op, shapes);
}

Result<Rearranged> space_to_batch_blocks(const Graph& graph, const Operator& op,
                                         const std::vector<Shape>& shapes) {
  return batched<true>(graph, op, shapes);
}

Result<Rearranged> batch_to_space_blocks(const Graph& graph, const Operator& op,
                                         const std::vector<Shape>& shapes) {
  return batched<false>(graph, op, shapes);
}

Result<Rearranged> space_to_depth_blocks(const Graph& graph, const Operator& op,
                                         const std::vector<Shape>& shapes) {
  return deepened<true>(graph, op, shapes);
}

Result<Rearranged> depth_to_space_blocks(const Graph& graph, const Operator& op,
                                         const std::vector<Shape>& shapes) {
  return deepened<false>(graph, op, shapes);
}

bool is_rearrangement(const Operator& op) {
  const OperatorRow* row = find_operator(op.code);
  return row != nullptr && row->blocks != nullptr;
}

Result<Rearranged> rearranged(const Graph& graph, const Operator& op, const std::vector<Shape>& shapes) {
  return find_operator(op.code)->blocks(graph, op, shapes);
}

}  // namespace sotto::model_compiler
