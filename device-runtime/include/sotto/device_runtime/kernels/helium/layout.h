// How the Helium kernels want their weights and how much scratch they take: the one place from which both the
// compiler and the kernels' checks compute it.
//
//  * Convolutions and fully connected: output channels in groups of four, steps of the dot product in runs of
//    16; per group and run 64 bytes: 16 weights of the first channel, of the second, third and fourth.
//  * Depthwise: channels in groups of eight, taps in row order; per group and tap eight bytes.
//
// What is missing to whole groups and runs is filled up with zeros.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/row_ring.h"
#include "sotto/device_runtime/kernels/window_gather.h"

namespace sotto::device::helium {

inline constexpr std::uint32_t kMatrixChannels = 4;
inline constexpr std::uint32_t kMatrixSteps = 16;
inline constexpr std::uint32_t kDepthwiseChannels = 8;

[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint32_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

[[nodiscard]] constexpr std::uint64_t matrix_weight_bytes(std::uint32_t channels, std::uint32_t depth) {
  return round_up(channels, kMatrixChannels) * round_up(depth, kMatrixSteps);
}

[[nodiscard]] constexpr std::uint64_t depthwise_weight_bytes(const ConvParameters& p) {
  return round_up(p.output_channels, kDepthwiseChannels) * p.kernel_height * p.kernel_width;
}

// A window; of a 1x1 convolution, a pixel.
[[nodiscard]] constexpr std::uint64_t convolution_scratch_bytes(const ConvParameters& p) {
  return round_up(window_depth(p), 4);
}

// Where each tap of the windows of an output row begins;
// the ring, and what a group's load may read behind it.
[[nodiscard]] constexpr std::uint64_t depthwise_scratch_bytes(const ConvParameters& p) {
  return (std::uint64_t{p.kernel_height} * p.kernel_width + 1) / 2 * 8 + row_ring_shape(p).bytes() +
         kDepthwiseChannels;
}

}  // namespace sotto::device::helium
