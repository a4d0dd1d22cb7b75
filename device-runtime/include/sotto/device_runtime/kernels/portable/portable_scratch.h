// Scratch of the portable kernels, in bytes: asked by the compiler, checked by the kernels. And the layout of
// their weights.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device::portable {

// Layout::kPortable of a matrix [rows][depth]: rows in groups of kRowsPerGroup, within a group column by
// column, missing rows 0.
inline constexpr std::uint32_t kRowsPerGroup = 4;
// Output pixels that share one pass over the weights.
inline constexpr std::uint32_t kPixelsPerGroup = 2;

constexpr std::uint64_t matrix_bytes(std::uint64_t rows, std::uint64_t depth) {
  return (rows + kRowsPerGroup - 1) / kRowsPerGroup * kRowsPerGroup * depth;
}

constexpr std::uint32_t window_length(const ConvParameters& p) {
  return std::uint32_t{p.kernel_height} * p.kernel_width * p.input_channels;
}

// A group's windows, gathered.
constexpr std::uint64_t conv_2d_scratch_bytes(const ConvParameters& p) {
  return std::uint64_t{kPixelsPerGroup} * p.kernel_height * p.kernel_width * p.input_channels;
}

// Where each tap's pixel is, and one pixel of padding.
constexpr std::uint64_t depthwise_conv_2d_scratch_bytes(const ConvParameters& p) {
  return std::uint64_t{4} * p.kernel_height * p.kernel_width + p.input_channels;
}

}  // namespace sotto::device::portable
