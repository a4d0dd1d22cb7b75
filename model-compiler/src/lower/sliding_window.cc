#include "lower/sliding_window.h"

#include <fmt/core.h>

namespace sotto::model_compiler {
namespace {

constexpr std::uint32_t kDimensionMax = 65535;

struct AxisOptions {
  std::uint32_t kernel;
  std::int32_t stride, dilation;
  std::uint32_t before, after;  // padding that comes first
};

Result<WindowAxis> axis(std::uint32_t input, std::uint32_t output, Padding padding,
                        const AxisOptions& options) {
  if (options.stride < 1 || options.stride > 65535 || options.dilation < 1 || options.dilation > 65535 ||
      options.kernel > kDimensionMax) {
    return invalid_argument("its stride, dilation or kernel is not between 1 and 65535");
  }
  const auto stride = static_cast<std::uint32_t>(options.stride);
  const std::uint64_t extent =
      std::uint64_t{options.kernel - 1} * static_cast<std::uint32_t>(options.dilation) + 1;
  if (extent > kDimensionMax) return invalid_argument("its dilated kernel is longer than 65535");
  const std::uint64_t padded = std::uint64_t{input} + options.before + options.after;
  std::uint64_t expected = 0;
  if (padding == Padding::kSame) {
    expected = (padded + stride - 1) / stride;
  } else if (padded >= extent) {
    expected = (padded - extent) / stride + 1;
  }
  if (expected != output) {
    return invalid_argument(fmt::format("its output would be {} long; the file says {}", expected, output));
  }
  const std::uint64_t reach = (expected - 1) * stride + extent;
  const std::uint64_t own = padding == Padding::kSame && reach > padded ? (reach - padded) / 2 : 0;
  const std::uint64_t pad = options.before + own;
  return WindowAxis{static_cast<std::uint16_t>(input),
                    static_cast<std::uint16_t>(output),
                    static_cast<std::uint16_t>(options.kernel),
                    static_cast<std::uint16_t>(stride),
                    static_cast<std::uint16_t>(options.dilation),
                    static_cast<std::uint16_t>(pad)};
}

}  // namespace

Result<SlidingWindow> sliding_window(const Lowering& lowering, std::uint32_t input, std::uint32_t output,
                                     const WindowOptions& options, const KernelSize& kernel) {
  const Tensor& in = lowering.tensor(input);
  const Tensor& out = lowering.tensor(output);
  for (const std::uint32_t tensor : {input, output}) {
    if (lowering.tensor(tensor).shape.size() != 4)
      return lowering.refuse(tensor, "it must have four dimensions (NHWC)");
    for (const std::uint32_t dimension : lowering.tensor(tensor).shape) {
      if (dimension > kDimensionMax) return lowering.refuse(tensor, "a dimension is longer than 65535");
    }
  }
  if (options.padding != Padding::kSame && options.padding != Padding::kValid) {
    return invalid_argument("its padding is neither SAME nor VALID");
  }
  if (in.shape[0] != out.shape[0]) return lowering.refuse(output, "its batch is not the input's");
  const auto height = axis(in.shape[1], out.shape[1], options.padding,
                           {kernel.height, options.stride_height, options.dilation_height, options.before.top,
                            options.before.bottom});
  if (!height) return height.error().with_context("height");
  const auto width = axis(in.shape[2], out.shape[2], options.padding,
                          {kernel.width, options.stride_width, options.dilation_width, options.before.left,
                           options.before.right});
  if (!width) return width.error().with_context("width");
  SlidingWindow window;
  window.batches = static_cast<std::uint16_t>(in.shape[0]);
  window.input_channels = static_cast<std::uint16_t>(in.shape[3]);
  window.output_channels = static_cast<std::uint16_t>(out.shape[3]);
  window.height = *height;
  window.width = *width;
  return window;
}

}  // namespace sotto::model_compiler
