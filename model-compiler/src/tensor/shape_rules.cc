#include "tensor/shape_rules.h"

#include <algorithm>

#include "tensor/operands.h"

namespace sotto::model_compiler {
namespace {

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

struct WindowSize {
  std::uint32_t height, width, output_channels;
};

Shapes window_shapes(const Shape& in, const WindowSize& size, const WindowOptions& options) {
  const SpatialPadding& padding = options.before;
  return std::vector<Shape>{{in[0],
                             window_count({std::int64_t{in[1]} + padding.top + padding.bottom, size.height,
                                           options.stride_height, options.dilation_height},
                                          options.padding),
                             window_count({std::int64_t{in[2]} + padding.left + padding.right, size.width,
                                           options.stride_width, options.dilation_width},
                                          options.padding),
                             size.output_channels}};
}

// Weights: [output channels][height][width][input channels]; depthwise [1][height][width][output channels].
template <std::size_t kChannels>
Shapes convolution_shapes(const Graph& graph, const Operator& op, const slot::Window& slots) {
  const auto in = input_shape(graph, op);
  const auto weights = input_shape(graph, op, 1);
  if (!in) return in.error();
  if (!weights) return weights.error();
  if ((*in)->size() != 4 || (*weights)->size() != 4)
    return invalid_argument("its tensors have not four dimensions");
  const Shape& w = **weights;
  return window_shapes(**in, {w[1], w[2], w[kChannels]}, window_options(op, slots));
}

}  // namespace

Shapes unchanged_shapes(const Graph& graph, const Operator& op) {
  const auto shape = input_shape(graph, op);
  if (!shape) return shape.error();
  return std::vector<Shape>{**shape};
}

Shapes broadcast_shapes(const Graph& graph, const Operator& op) {
  const auto a = input_shape(graph, op, 0);
  const auto b = input_shape(graph, op, 1);
  if (!a) return a.error();
  if (!b) return b.error();
  auto shape = broadcast(**a, **b);
  if (!shape) return invalid_argument("its inputs' shapes do not broadcast");
  return std::vector<Shape>{std::move(*shape)};
}

Shapes conv_2d_shapes(const Graph& graph, const Operator& op) {
  return convolution_shapes<0>(graph, op, slot::kConvWindow);
}

Shapes depthwise_conv_2d_shapes(const Graph& graph, const Operator& op) {
  return convolution_shapes<3>(graph, op, slot::kDepthwiseWindow);
}

Shapes pool_2d_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  if (!in) return in.error();
  if ((*in)->size() != 4) return invalid_argument("its input has not four dimensions");
  const auto height =
      static_cast<std::uint32_t>(std::max(op.options.scalar<std::int32_t>(slot::kPoolFilterHeight, 0), 0));
  const auto width =
      static_cast<std::uint32_t>(std::max(op.options.scalar<std::int32_t>(slot::kPoolFilterWidth, 0), 0));
  return window_shapes(**in, {height, width, (**in)[3]}, window_options(op, slot::kPoolWindow));
}

Shapes fully_connected_shapes(const Graph& graph, const Operator& op) {
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
Shapes reshape_shapes(const Graph& graph, const Operator& op) {
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
      return invalid_argument("it asks for a dimension of " + std::to_string(dimension));
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

Shapes expand_dims_shapes(const Graph& graph, const Operator& op) {
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

Shapes squeeze_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  if (!in) return in.error();
  const auto named = op.options.vector<std::int32_t>(slot::kSqueezeDimensions);
  std::vector<bool> dropped((*in)->size());
  for (std::uint32_t i = 0; i < named.size(); ++i) {
    const auto at = dimension_index(named[i], **in);
    if (!at) return at.error();
    if ((**in)[*at] != 1)
      return invalid_argument("it squeezes a dimension of " + std::to_string((**in)[*at]));
    dropped[*at] = true;
  }
  Shape shape;
  for (std::size_t i = 0; i < dropped.size(); ++i) {
    if (!dropped[i] && !(named.empty() && (**in)[i] == 1)) shape.push_back((**in)[i]);
  }
  return std::vector<Shape>{std::move(shape)};
}

Shapes reduced_shapes(const Graph& graph, const Operator& op) {
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

Shapes arg_max_shapes(const Graph& graph, const Operator& op) {
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

Shapes resized_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto size = constant_integers(graph, op, 1);
  if (!in) return in.error();
  if (!size) return size.error();
  if ((*in)->size() != 4 || size->size() != 2)
    return invalid_argument("its input has not four dimensions, or its size not two");
  Shape shape = **in;
  for (const std::size_t i : {0u, 1u}) {
    if ((*size)[i] < 1 || (*size)[i] > UINT16_MAX)
      return invalid_argument("it asks for a dimension of " + std::to_string((*size)[i]));
    shape[i + 1] = static_cast<std::uint32_t>((*size)[i]);
  }
  return std::vector<Shape>{std::move(shape)};
}

}  // namespace sotto::model_compiler
