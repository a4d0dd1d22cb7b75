// How close an operator's output may come to its input when both lie in the same memory.
//
//   ascending:  |<------ output ------>|          written from its low end, one pixel after the other,
//                     |<------ input ------>|     while the input is read from its low end
//   descending: the mirror image, written from the high end.
//
// A distance is how far the input must lie beyond the output on the side from which the output is written
// (negative: it may lie behind).
#pragma once

#include <cstdint>
#include <optional>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::model_compiler {

// Absent: not in this direction; both absent: input and output must be apart.
struct Overlap {
  std::optional<std::int64_t> ascending;   // least start(input) - start(output)
  std::optional<std::int64_t> descending;  // least end(output) - end(input)
};

// One axis-aligned sliding window over NHWC data.
struct WindowGeometry {
  std::uint32_t batches, input_height, input_width, input_channels;
  std::uint32_t output_height, output_width, output_channels;
  std::uint32_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  std::uint32_t padding_top, padding_left;
};

[[nodiscard]] WindowGeometry geometry_of(const device::ConvParameters& parameters);
[[nodiscard]] WindowGeometry geometry_of(const device::PoolParameters& parameters);
[[nodiscard]] WindowGeometry geometry_of(const device::PaddedPoolParameters& parameters);

// For a kernel that writes pixels in order and still reads windows `lag_pixels` - 1 behind the one it writes
// (kernel_plan.h). Linear in the number of output pixels.
[[nodiscard]] Overlap window_overlap(const WindowGeometry& geometry, std::uint32_t lag_pixels, bool descends);

// For a kernel that reads element i of `input_bytes` / n before it writes element i of `output_bytes` / n, in
// ascending order.
[[nodiscard]] Overlap elementwise_overlap(std::uint32_t elements, std::uint32_t input_element_bytes,
                                          std::uint32_t output_element_bytes);

}  // namespace sotto::model_compiler
