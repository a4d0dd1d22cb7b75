// Small sound models of our own making, for tests that need no published one.
#pragma once

#include <cstdint>
#include <vector>

namespace sotto::model_compiler {

// Every tier-1 operator in a few kilobytes: convolution 3x3 with stride and padding, depthwise, pointwise, a
// residual ADD, both pools, RESHAPE, FULLY_CONNECTED per channel, SOFTMAX. Input 1x8x8x3,
// output 1x5. The same bytes every time.
[[nodiscard]] std::vector<std::uint8_t> small_residual_model();

// Two fully connected layers, 16 to 12 to 16, quantised per tensor:
// no softmax, output and input of one shape.
[[nodiscard]] std::vector<std::uint8_t> small_dense_model();

// Depthwise convolutions with multiplier 2, dilation and VALID padding,
// then one of three channels by batches of two.
[[nodiscard]] std::vector<std::uint8_t> small_dilated_model();

// Kernels without weights: RESIZE_NEAREST_NEIGHBOR, MUL by a constant, LOGISTIC, CONCATENATION with a
// constant, MEAN, and two outputs: ARG_MAX and DEQUANTIZE. Input 1x2x3x4, outputs int32 1 and float32 1x6.
[[nodiscard]] std::vector<std::uint8_t> small_tensor_model();

}  // namespace sotto::model_compiler
