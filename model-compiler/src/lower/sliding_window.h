// The geometry of convolutions and pools: NHWC tensors, strides, dilation and padding, checked against the
// shapes in the file.
#pragma once

#include <cstddef>

#include "lower/lowering.h"

namespace sotto::model_compiler {

struct KernelSize {
  std::uint32_t height, width;
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
                                                   std::uint32_t output, const WindowOptions& options,
                                                   const KernelSize& kernel);

// Parameters, operands, overlap, direction and scratch of an operator whose kernel is chosen and slides a
// window over its only input.
template <typename Parameters>
void set_window_kernel(const Lowering& lowering, LoweredOperator& lowered, const Parameters& p,
                       std::uint32_t input, std::uint32_t output) {
  const KernelPlan& kernel = *lowered.kernel;
  Lowering::set_parameters(lowered, p);
  lowered.inputs = {lowering.arena_operand(input)};
  lowered.outputs = {lowering.arena_operand(output)};
  if (kernel.lag_pixels != kReadsEverything)
    lowered.overlaps = {window_overlap(geometry_of(p), kernel.lag_pixels, kernel.descends)};
  if constexpr (requires { p.descending; }) {
    if (kernel.descends) lowered.descending_offset = offsetof(Parameters, descending);
  }
  if (kernel.scratch_bytes != nullptr) lowered.scratch_bytes = kernel.scratch_bytes(&p);
}

}  // namespace sotto::model_compiler
