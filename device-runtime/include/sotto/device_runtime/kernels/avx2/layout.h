// How the AVX2 kernels want their weights and how much scratch they take: the one place from which both the
// compiler and the kernels' checks compute it.
//
//  * Convolutions and fully connected: output channels in groups of 16, steps of the dot product two by two
//    (s, t); per group and pair 32 bytes: channel 0's weights of s and t, channel 1's, and so on.
//  * Depthwise: channels in groups of 16, taps in row order two by two (t, u); int16; per group and tap pair
//    64 bytes, t and u of a channel beside one another, channels in the order 0-3, 8-11, 4-7,
//    12-15: what unpacking leaves.
//
// What is missing to whole groups and pairs is filled up with zeros.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/row_ring.h"
#include "sotto/device_runtime/kernels/window_gather.h"

namespace sotto::device::avx2 {

// Output channels, and output pixels, that are computed at once.
inline constexpr std::uint32_t kGroupChannels = 16;
inline constexpr std::uint32_t kBlockPixels = 4;

[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint32_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

[[nodiscard]] constexpr std::uint64_t matrix_weight_bytes(std::uint32_t channels, std::uint32_t depth) {
  return round_up(channels, kGroupChannels) * round_up(depth, 2);
}

[[nodiscard]] constexpr std::uint32_t tap_pairs(const ConvParameters& p) {
  return (std::uint32_t{p.kernel_height} * p.kernel_width + 1) / 2;
}

[[nodiscard]] constexpr std::uint64_t depthwise_weight_bytes(const ConvParameters& p) {
  return round_up(p.output_channels, kGroupChannels) * tap_pairs(p) * 4;
}

// A block's windows, widened to int16, and one window as it is.
[[nodiscard]] constexpr std::uint64_t convolution_scratch_bytes(const ConvParameters& p) {
  return round_up(window_depth(p), 2) * (2 * kBlockPixels + 1);
}

[[nodiscard]] constexpr std::uint64_t fully_connected_scratch_bytes(const FullyConnectedParameters& p) {
  return round_up(p.input_depth, 2) * 2;
}

// Where each tap of the windows of an output row begins;
// the ring, and what a group's load may read behind it.
[[nodiscard]] constexpr std::uint64_t depthwise_scratch_bytes(const ConvParameters& p) {
  return std::uint64_t{tap_pairs(p)} * 8 + row_ring_shape(p).bytes() + kGroupChannels;
}

}  // namespace sotto::device::avx2
