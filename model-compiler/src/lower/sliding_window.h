// The geometry of convolutions and pools: NHWC tensors, strides, dilation and padding, checked against the
// shapes in the file.
#pragma once

#include "lower/lowering.h"

namespace sotto::model_compiler {

struct WindowOptions {
  Padding padding = Padding::kSame;
  std::int32_t stride_height = 0, stride_width = 0;
  std::int32_t dilation_height = 1, dilation_width = 1;
  std::uint32_t kernel_height = 0, kernel_width = 0;
};

struct WindowAxis {
  std::uint16_t input = 0, output = 0, kernel = 0, stride = 0, dilation = 0, padding = 0;
};

struct SlidingWindow {
  std::uint16_t batches = 0, input_channels = 0, output_channels = 0;
  WindowAxis height, width;
};

// Refuses shapes of other than four dimensions, dimensions above 65535, and an output shape that the options
// do not give.
[[nodiscard]] Result<SlidingWindow> sliding_window(const Lowering& lowering, std::uint32_t input,
                                                   std::uint32_t output, const WindowOptions& options);

}  // namespace sotto::model_compiler
