// How the kernels of this set want their weights and how much scratch they take: the one place from which
// both the compiler and the kernels' checks compute it.
//
// A quad is four consecutive steps of a dot product, the last one filled up with zero weights. SXTB16 widens
// bytes 0 and 2 of a word, or 1 and 3: so a quad is multiplied as the pairs (0, 2) and (1, 3), and weights
// are stored such that widening gives the same pairs without packing.
//
//  * Convolutions: output channels two by two (a, b), an odd last one beside zeros; per channel pair and quad
//    8 bytes: a0 b0 a2 b2, a1 b1 a3 b3.
//  * Fully connected: output channels four by four; per group and quad 16 bytes:
//    a0 b0 a2 b2, c0 d0 c2 d2, a1 b1 a3 b3, c1 d1 c3 d3.
//  * Depthwise: channels four by four (a, b, c, d), taps in row order two by two (t, u), an odd last tap
//  beside
//    zeros; int16, per group and tap pair 16 bytes: at au, bt bu, ct cu, dt du.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/row_ring.h"
#include "sotto/device_runtime/kernels/window_gather.h"

namespace sotto::device::dsp {

// Output pixels that a convolution computes at once.
inline constexpr std::uint32_t kBlockPixels = 3;

[[nodiscard]] constexpr std::uint32_t round_up(std::uint32_t value, std::uint32_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

[[nodiscard]] constexpr std::uint64_t convolution_weight_bytes(const ConvParameters& p) {
  return std::uint64_t{round_up(p.output_channels, 2)} * round_up(window_depth(p), 4);
}

[[nodiscard]] constexpr std::uint64_t fully_connected_weight_bytes(const FullyConnectedParameters& p) {
  return std::uint64_t{round_up(p.output_depth, 4)} * round_up(p.input_depth, 4);
}

[[nodiscard]] constexpr std::uint32_t tap_pairs(const ConvParameters& p) {
  return (std::uint32_t{p.kernel_height} * p.kernel_width + 1) / 2;
}

[[nodiscard]] constexpr std::uint64_t depthwise_weight_bytes(const ConvParameters& p) {
  return std::uint64_t{round_up(p.output_channels, 4)} * tap_pairs(p) * 4;
}

// Pixels of a block, widened to int16.
[[nodiscard]] constexpr std::uint64_t pointwise_scratch_bytes(const ConvParameters& p) {
  return std::uint64_t{kBlockPixels} * round_up(p.input_channels, 4) * 2;
}

// Windows of a block as they are, and widened to int16.
[[nodiscard]] constexpr std::uint64_t convolution_scratch_bytes(const ConvParameters& p) {
  return std::uint64_t{kBlockPixels} * round_up(window_depth(p), 4) * 3;
}

// The ring, and where in it each tap of the windows of an output row begins.
[[nodiscard]] constexpr std::uint64_t depthwise_scratch_bytes(const ConvParameters& p) {
  return row_ring_shape(p).bytes() + std::uint64_t{tap_pairs(p)} * 8;
}

}  // namespace sotto::device::dsp
