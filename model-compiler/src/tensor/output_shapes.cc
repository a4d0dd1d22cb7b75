#include "tensor/output_shapes.h"

#include <fmt/core.h>

#include <algorithm>

#include "tensor/operands.h"
#include "tensor/rearranged_shapes.h"
#include "tensor/schema.h"

namespace sotto::model_compiler {
namespace {

constexpr std::uint64_t kElementsMax = std::uint64_t{1} << 24;

using ShapeFunction = Shapes (*)(const Graph& graph, const Operator& op);

Shapes as_input(const Graph& graph, const Operator& op) {
  const auto shape = input_shape(graph, op);
  if (!shape) return shape.error();
  return std::vector<Shape>{**shape};
}

Shapes broadcast_inputs(const Graph& graph, const Operator& op) {
  const auto a = input_shape(graph, op, 0);
  const auto b = input_shape(graph, op, 1);
  if (!a) return a.error();
  if (!b) return b.error();
  auto shape = broadcast(**a, **b);
  if (!shape) return invalid_argument("its inputs' shapes do not broadcast");
  return std::vector<Shape>{std::move(*shape)};
}

// A window that slides over one axis.
struct WindowAxis {
  std::int64_t input, kernel, stride, dilation;
};

std::uint32_t window_count(const WindowAxis& axis, Padding padding) {
  if (axis.stride < 1 || axis.dilation < 1 || axis.kernel < 1) return 0;
  const std::int64_t reach = (axis.kernel - 1) * axis.dilation;
  const std::int64_t starts = padding == Padding::kSame ? axis.input : axis.input - reach;
  return starts < 1 ? 0 : static_cast<std::uint32_t>((starts + axis.stride - 1) / axis.stride);
}

// Where the options of an operator with windows keep them. No slot: 1.
struct WindowSlots {
  std::uint32_t padding, stride_height, stride_width, dilation_height, dilation_width;
};
constexpr std::uint32_t kNoSlot = UINT32_MAX;

struct WindowSize {
  std::uint32_t height, width, output_channels;
};

Shapes window_shapes(const Operator& op, const Shape& in, const WindowSize& size, const WindowSlots& slots) {
  const auto option = [&op](std::uint32_t field) {
    return std::int64_t{field == kNoSlot ? 1 : op.options.scalar<std::int32_t>(field, 1)};
  };
  const auto padding = static_cast<Padding>(op.options.scalar<std::int8_t>(slots.padding, 0));
  return std::vector<Shape>{
      {in[0],
       window_count({in[1], size.height, option(slots.stride_height), option(slots.dilation_height)},
                    padding),
       window_count({in[2], size.width, option(slots.stride_width), option(slots.dilation_width)}, padding),
       size.output_channels}};
}

// Weights: [output channels][height][width][input channels]; depthwise [1][height][width][output channels].
template <std::size_t kChannels>
Shapes convolution_shapes(const Graph& graph, const Operator& op, const WindowSlots& slots) {
  const auto in = input_shape(graph, op);
  const auto weights = input_shape(graph, op, 1);
  if (!in) return in.error();
  if (!weights) return weights.error();
  if ((*in)->size() != 4 || (*weights)->size() != 4)
    return invalid_argument("its tensors have not four dimensions");
  const Shape& w = **weights;
  return window_shapes(op, **in, {w[1], w[2], w[kChannels]}, slots);
}

Shapes conv_2d(const Graph& graph, const Operator& op) {
  return convolution_shapes<0>(graph, op,
                               {slot::kConvPadding, slot::kConvStrideHeight, slot::kConvStrideWidth,
                                slot::kConvDilationHeight, slot::kConvDilationWidth});
}

Shapes depthwise_conv_2d(const Graph& graph, const Operator& op) {
  return convolution_shapes<3>(
      graph, op,
      {slot::kDepthwisePadding, slot::kDepthwiseStrideHeight, slot::kDepthwiseStrideWidth,
       slot::kDepthwiseDilationHeight, slot::kDepthwiseDilationWidth});
}

Shapes pool_2d(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  if (!in) return in.error();
  if ((*in)->size() != 4) return invalid_argument("its input has not four dimensions");
  const auto height =
      static_cast<std::uint32_t>(std::max(op.options.scalar<std::int32_t>(slot::kPoolFilterHeight, 0), 0));
  const auto width =
      static_cast<std::uint32_t>(std::max(op.options.scalar<std::int32_t>(slot::kPoolFilterWidth, 0), 0));
  return window_shapes(
      op, **in, {height, width, (**in)[3]},
      {slot::kPoolPadding, slot::kPoolStrideHeight, slot::kPoolStrideWidth, kNoSlot, kNoSlot});
}

Shapes fully_connected(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto weights = input_shape(graph, op, 1);
  if (!in) return in.error();
  if (!weights) return weights.error();
  if ((*weights)->size() != 2 || (*in)->empty())
    return invalid_argument("its weights have not two dimensions");
  if (op.options.scalar<std::uint8_t>(slot::kFullyConnectedKeepDimensions, 0) != 0) {
    Shape shape = **in;
    shape.back() = (**weights)[0];
    return std::vector<Shape>{std::move(shape)};
  }
  return std::vector<Shape>{{element_count(**in) / (**weights)[1], (**weights)[0]}};
}

// With one -1 for what is left over.
Shapes reshape(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  if (!in) return in.error();
  std::vector<std::int64_t> wanted;
  if (op.inputs.size() > 1) {
    auto values = constant_integers(graph, op, 1);
    if (!values) return values.error();
    wanted = std::move(*values);
  } else {
    const auto values = op.options.vector<std::int32_t>(slot::kReshapeShape);
    for (std::uint32_t i = 0; i < values.size(); ++i) wanted.push_back(values[i]);
  }
  std::uint64_t known = 1;
  for (const std::int64_t dimension : wanted) {
    if (dimension < -1 || dimension == 0 || dimension > INT32_MAX)
      return invalid_argument(fmt::format("it asks for a dimension of {}", dimension));
    if (dimension != -1)
      known = std::min<std::uint64_t>(known * static_cast<std::uint64_t>(dimension), UINT32_MAX);
  }
  const std::uint32_t elements = element_count(**in);
  if (std::count(wanted.begin(), wanted.end(), -1) > 1 || elements % known != 0)
    return invalid_argument("its input has not as many elements as it asks for");
  Shape shape;
  for (const std::int64_t dimension : wanted)
    shape.push_back(static_cast<std::uint32_t>(dimension == -1 ? elements / known
                                                               : static_cast<std::uint64_t>(dimension)));
  if (element_count(shape) != elements)
    return invalid_argument("its input has not as many elements as it asks for");
  return std::vector<Shape>{std::move(shape)};
}

Shapes expand_dims(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto axis = constant_integers(graph, op, 1);
  if (!in) return in.error();
  if (!axis) return axis.error();
  if (axis->size() != 1) return invalid_argument("it names not one dimension");
  const auto at = front_index((*axis)[0], (*in)->size() + 1);
  if (!at) return invalid_argument("it names a dimension that cannot be");
  Shape shape = **in;
  shape.insert(shape.begin() + *at, 1);
  return std::vector<Shape>{std::move(shape)};
}

Shapes squeeze(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  if (!in) return in.error();
  const auto named = op.options.vector<std::int32_t>(slot::kSqueezeDimensions);
  std::vector<bool> dropped((*in)->size());
  for (std::uint32_t i = 0; i < named.size(); ++i) {
    const auto at = dimension_index(named[i], **in);
    if (!at) return at.error();
    if ((**in)[*at] != 1) return invalid_argument(fmt::format("it squeezes a dimension of {}", (**in)[*at]));
    dropped[*at] = true;
  }
  Shape shape;
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    if (!dropped[i] && !(named.empty() && (**in)[i] == 1)) shape.push_back((**in)[i]);
  }
  return std::vector<Shape>{std::move(shape)};
}

Shapes reduced(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto axes = constant_integers(graph, op, 1);
  if (!in) return in.error();
  if (!axes) return axes.error();
  std::vector<bool> gone((*in)->size());
  for (const std::int64_t axis : *axes) {
    const auto at = dimension_index(axis, **in);
    if (!at) return at.error();
    gone[*at] = true;
  }
  const bool keep = op.options.scalar<std::uint8_t>(slot::kReducerKeepDimensions, 0) != 0;
  Shape shape;
  for (std::size_t i = 0; i < gone.size(); ++i) {
    if (!gone[i]) shape.push_back((**in)[i]);
    if (gone[i] && keep) shape.push_back(1);
  }
  return std::vector<Shape>{std::move(shape)};
}

Shapes arg_max(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto axes = constant_integers(graph, op, 1);
  if (!in) return in.error();
  if (!axes) return axes.error();
  if (axes->size() != 1) return invalid_argument("it names not one dimension");
  const auto axis = dimension_index((*axes)[0], **in);
  if (!axis) return axis.error();
  Shape shape = **in;
  shape.erase(shape.begin() + *axis);
  return std::vector<Shape>{std::move(shape)};
}

Shapes resized(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto size = constant_integers(graph, op, 1);
  if (!in) return in.error();
  if (!size) return size.error();
  if ((*in)->size() != 4 || size->size() != 2)
    return invalid_argument("its input has not four dimensions, or its size not two");
  Shape shape = **in;
  for (const std::size_t i : {0u, 1u}) {
    if ((*size)[i] < 1 || (*size)[i] > UINT16_MAX)
      return invalid_argument(fmt::format("it asks for a dimension of {}", (*size)[i]));
    shape[i + 1] = static_cast<std::uint32_t>((*size)[i]);
  }
  return std::vector<Shape>{std::move(shape)};
}

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

struct ShapeRule {
  std::int32_t code;
  ShapeFunction shapes;
};

constexpr ShapeRule kRules[] = {
    {builtin::kAbs, as_input},
    {builtin::kDequantize, as_input},
    {builtin::kElu, as_input},
    {builtin::kGelu, as_input},
    {builtin::kHardSwish, as_input},
    {builtin::kLeakyRelu, as_input},
    {builtin::kLogistic, as_input},
    {builtin::kQuantize, as_input},
    {builtin::kRelu, as_input},
    {builtin::kRelu0To1, as_input},
    {builtin::kRelu6, as_input},
    {builtin::kReluN1To1, as_input},
    {builtin::kSoftmax, as_input},
    {builtin::kTanh, as_input},
    {builtin::kAdd, broadcast_inputs},
    {builtin::kMaximum, broadcast_inputs},
    {builtin::kMinimum, broadcast_inputs},
    {builtin::kMul, broadcast_inputs},
    {builtin::kPrelu, broadcast_inputs},
    {builtin::kSub, broadcast_inputs},
    {builtin::kAveragePool2d, pool_2d},
    {builtin::kConv2d, conv_2d},
    {builtin::kDepthwiseConv2d, depthwise_conv_2d},
    {builtin::kMaxPool2d, pool_2d},
    {builtin::kFullyConnected, fully_connected},
    {builtin::kExpandDims, expand_dims},
    {builtin::kReshape, reshape},
    {builtin::kSqueeze, squeeze},
    {builtin::kBatchToSpaceNd, batch_to_space_shapes},
    {builtin::kConcatenation, concatenation_shapes},
    {builtin::kDepthToSpace, depth_to_space_shapes},
    {builtin::kPack, pack_shapes},
    {builtin::kPad, pad_shapes},
    {builtin::kPadV2, pad_shapes},
    {builtin::kSlice, slice_shapes},
    {builtin::kSpaceToBatchNd, space_to_batch_shapes},
    {builtin::kSpaceToDepth, space_to_depth_shapes},
    {builtin::kSplit, split_shapes},
    {builtin::kSplitV, split_v_shapes},
    {builtin::kStridedSlice, strided_slice_shapes},
    {builtin::kTile, tile_shapes},
    {builtin::kTranspose, transpose_shapes},
    {builtin::kUnpack, unpack_shapes},
    {builtin::kArgMax, arg_max},
    {builtin::kArgMin, arg_max},
    {builtin::kMean, reduced},
    {builtin::kReduceMax, reduced},
    {builtin::kReduceMin, reduced},
    {builtin::kSum, reduced},
    {builtin::kResizeNearestNeighbor, resized},
};

}  // namespace

Shapes output_shapes(const Graph& graph, const Operator& op) {
  for (const ShapeRule& rule : kRules) {
    if (rule.code != op.code) continue;
    auto shapes = rule.shapes(graph, op);
    if (!shapes) return shapes;
    if (shapes->size() != op.outputs.size())
      return invalid_argument(fmt::format("it has {} outputs", op.outputs.size()));
    for (const Shape& shape : *shapes) SOTTO_RETURN_IF_ERROR(check_size(shape));
    return shapes;
  }
  return invalid_argument("it is not supported");
}

}  // namespace sotto::model_compiler
