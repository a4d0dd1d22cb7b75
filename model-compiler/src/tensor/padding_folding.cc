#include "tensor/padding_folding.h"

#include <algorithm>
#include <optional>

#include "tensor/operands.h"

namespace sotto::model_compiler {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

// A window along one axis over an input that is padded beforehand.
struct PaddedAxis {
  std::int64_t input, before, after;
  std::int64_t kernel, stride, dilation;
  bool same;

  // The kernels let no window lie outside their input as a whole.
  [[nodiscard]] bool touches_everywhere() const {
    if (kernel < 1 || stride < 1 || dilation < 1) return false;
    const std::int64_t reach = (kernel - 1) * dilation;
    const std::int64_t padded = input + before + after;
    const std::int64_t starts = same ? padded : padded - reach;
    if (starts < 1) return false;
    const std::int64_t last = (starts - 1) / stride * stride;
    const std::int64_t own = same ? std::max<std::int64_t>(last + reach + 1 - padded, 0) / 2 : 0;
    return before + own <= reach && last < input + before + own;
  }
};

struct Window {
  WindowOptions options;
  std::int64_t height, width;
};

std::optional<Window> window_of(const Graph& graph, const Operator& op) {
  if (op.code == builtin::kConv2d || op.code == builtin::kDepthwiseConv2d) {
    const auto weights = input_shape(graph, op, 1);
    if (!weights || (*weights)->size() != 4) return std::nullopt;
    const slot::Window& slots = op.code == builtin::kConv2d ? slot::kConvWindow : slot::kDepthwiseWindow;
    return Window{window_options(op, slots), (**weights)[1], (**weights)[2]};
  }
  if (op.code != builtin::kAveragePool2d && op.code != builtin::kMaxPool2d) return std::nullopt;
  const Window window{window_options(op, slot::kPoolWindow),
                      op.options.scalar<std::int32_t>(slot::kPoolFilterHeight, 0),
                      op.options.scalar<std::int32_t>(slot::kPoolFilterWidth, 0)};
  // What a pool pads itself it leaves out, what PAD puts there it counts.
  if (window.options.padding != Padding::kValid) return std::nullopt;
  return window;
}

// Rows and columns, by the zero point.
std::optional<SpatialPadding> padding_of(const Graph& graph, const Operator& op) {
  const auto input = input_of(graph, op, 0);
  const auto output = output_of(graph, op, 0);
  const auto amounts = constant_integers(graph, op, 1);
  if (!input || !output || !amounts || (*input)->is_constant()) return std::nullopt;
  if ((*input)->type != TensorType::kInt8 || (*input)->shape.size() != 4 || amounts->size() != 8)
    return std::nullopt;
  const std::int64_t zero_point =
      (*output)->quantization.zero_points.empty() ? 0 : (*output)->quantization.zero_points[0];
  if (op.code == builtin::kPadV2) {
    const auto value = input_of(graph, op, 2);
    if (!value || (*value)->constant.size() != 1 || (*value)->type != TensorType::kInt8 ||
        static_cast<std::int8_t>((*value)->constant[0]) != zero_point) {
      return std::nullopt;
    }
  }
  for (std::size_t i = 0; i < 8; ++i) {
    const bool spatial = i >= 2 && i < 6;
    if ((*amounts)[i] < 0 || (*amounts)[i] > (spatial ? 65535 : 0)) return std::nullopt;
  }
  const auto amount = [&](std::size_t i) { return static_cast<std::uint32_t>((*amounts)[i]); };
  return SpatialPadding{amount(2), amount(3), amount(4), amount(5)};
}

class PaddingFolder {
 public:
  explicit PaddingFolder(Graph& graph)
      : graph_(graph), readers_(graph.tensors.size()), reader_(graph.tensors.size(), kNone) {
    for (std::size_t i = 0; i < graph.operators.size(); ++i) {
      for (const std::int32_t input : graph.operators[i].inputs) {
        if (input == kAbsentTensor) continue;
        ++readers_[static_cast<std::size_t>(input)];
        reader_[static_cast<std::size_t>(input)] = i;
      }
    }
    for (const std::uint32_t output : graph.outputs) ++readers_[output];
  }

  void run() {
    std::vector<bool> dropped(graph_.operators.size());
    for (std::size_t i = 0; i < dropped.size(); ++i) {
      const std::int32_t code = graph_.operators[i].code;
      if (code == builtin::kPad || code == builtin::kPadV2) dropped[i] = fold(graph_.operators[i]);
    }
    std::vector<Operator> kept;
    for (std::size_t i = 0; i < dropped.size(); ++i) {
      if (!dropped[i]) kept.push_back(std::move(graph_.operators[i]));
    }
    graph_.operators = std::move(kept);
  }

 private:
  [[nodiscard]] bool same_quantization(std::int32_t a, std::int32_t b) const {
    const Quantization& x = graph_.tensors[static_cast<std::size_t>(a)].quantization;
    const Quantization& y = graph_.tensors[static_cast<std::size_t>(b)].quantization;
    const auto equal = [](Bytes p, Bytes q) { return std::equal(p.begin(), p.end(), q.begin(), q.end()); };
    return equal(x.scales.bytes(), y.scales.bytes()) && equal(x.zero_points.bytes(), y.zero_points.bytes());
  }

  bool fold(const Operator& pad) {
    const auto padding = padding_of(graph_, pad);
    if (!padding || !same_quantization(pad.inputs[0], pad.outputs[0])) return false;
    const auto output = static_cast<std::size_t>(pad.outputs[0]);
    if (readers_[output] != 1 || reader_[output] == kNone) return false;
    Operator& reader = graph_.operators[reader_[output]];
    if (reader.inputs.empty() || reader.inputs[0] != pad.outputs[0]) return false;
    const auto window = window_of(graph_, reader);
    if (!window) return false;
    const Tensor& input = graph_.tensors[static_cast<std::size_t>(pad.inputs[0])];
    const WindowOptions& options = window->options;
    const bool same = options.padding == Padding::kSame;
    const PaddedAxis height{
        input.shape[1],          padding->top, padding->bottom, window->height, options.stride_height,
        options.dilation_height, same};
    const PaddedAxis width{
        input.shape[2],         padding->left, padding->right, window->width, options.stride_width,
        options.dilation_width, same};
    if (!height.touches_everywhere() || !width.touches_everywhere()) return false;
    reader.inputs[0] = pad.inputs[0];
    reader.padding = *padding;
    return true;
  }

  Graph& graph_;
  std::vector<std::uint32_t> readers_;  // by tensor; a model output is read once more
  std::vector<std::size_t> reader_;     // the last one
};

}  // namespace

void fold_padding(Graph& graph) { PaddingFolder(graph).run(); }

}  // namespace sotto::model_compiler
