// What the kernels must compute, written for reading: one loop per dimension, 64-bit sums, the .tflite
// reference kernels' requantisation from its definition.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device::reference {

// A convolution or fully connected operator's constants,
// as a .tflite file has them but for the folded biases.
struct Constants {
  std::vector<std::int8_t> weights;  // plain
  std::vector<std::int32_t> biases;  // folded with the input's zero point
  std::vector<std::int32_t> multipliers;
  std::vector<std::int8_t> shifts;
};

std::vector<std::int8_t> conv_2d(const ConvParameters& p, const Constants& constants,
                                 std::span<const std::int8_t> input);
std::vector<std::int8_t> depthwise_conv_2d(const ConvParameters& p, const Constants& constants,
                                           std::span<const std::int8_t> input);
std::vector<std::int8_t> fully_connected(const FullyConnectedParameters& p, const Constants& constants,
                                         std::span<const std::int8_t> input);
std::vector<std::int8_t> add(const AddParameters& p, std::span<const std::int8_t> a,
                             std::span<const std::int8_t> b);
std::vector<std::int8_t> average_pool_2d(const PoolParameters& p, std::span<const std::int8_t> input);
std::vector<std::int8_t> max_pool_2d(const PoolParameters& p, std::span<const std::int8_t> input);

}  // namespace sotto::device::reference
