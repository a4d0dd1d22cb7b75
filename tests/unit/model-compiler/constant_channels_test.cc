#include "lower/constant_channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel_reference.h"

namespace sotto::model_compiler {
namespace {

// Two channels of a 1x1 convolution over two input channels: the first one constant, the second not.
device::ConvParameters parameters() {
  device::ConvParameters p{};
  p.batches = p.input_height = p.output_height = p.output_width = 1;
  p.input_width = p.kernel_height = p.kernel_width = p.stride_height = p.stride_width = 1;
  p.dilation_height = p.dilation_width = p.depth_multiplier = 1;
  p.input_channels = p.output_channels = 2;
  p.output_zero_point = -100;
  p.activation_min = -128;
  p.activation_max = 127;
  return p;
}

const WeightMatrix kMatrix{{}, 2, 2, 2, 1};

LayerConstants constants() {
  return {{1, 0, 5, -7}, {(1 << 30) + 128, 1000}, {{1'643'511'662, -24}, {1'500'000'000, -3}}};
}

device::reference::Constants of_kernel(const LayerConstants& constants) {
  device::reference::Constants converted{constants.weights, constants.biases, {}, {}};
  for (const QuantizedMultiplier& multiplier : constants.multipliers) {
    converted.multipliers.push_back(multiplier.multiplier);
    converted.shifts.push_back(static_cast<std::int8_t>(multiplier.shift));
  }
  return converted;
}

TEST(ConstantChannels, KeepTheirOutputWithoutWeightsAndLargeNumbers) {
  const device::ConvParameters p = parameters();
  LayerConstants settled = constants();
  EXPECT_EQ(settle_constant_channels(p, kMatrix, settled), 1u);
  EXPECT_THAT(settled.weights, testing::ElementsAre(0, 0, 5, -7));
  EXPECT_LT(std::abs(settled.biases[0]), 1 << 16);
  EXPECT_EQ(settled.biases[1], 1000);
  for (const int a : {-128, -1, 0, 127}) {
    for (const int b : {-128, 3, 127}) {
      const std::int8_t input[2] = {static_cast<std::int8_t>(a), static_cast<std::int8_t>(b)};
      EXPECT_EQ(device::reference::conv_2d(p, of_kernel(settled), input),
                device::reference::conv_2d(p, of_kernel(constants()), input));
    }
  }
}

TEST(ConstantChannels, AChannelThatItsInputMovesByOneIsNone) {
  const device::ConvParameters p = parameters();
  LayerConstants layer = constants();
  layer.biases[0] = 0;  // between -128 and 127, around a rounding boundary
  layer.multipliers[0] = {1 << 30, -6};
  EXPECT_EQ(settle_constant_channels(p, kMatrix, layer), 0u);
  EXPECT_EQ(layer.weights, constants().weights);
}

TEST(ConstantChannels, SumsThatCouldOverflowAreLeftAlone) {
  const device::ConvParameters p = parameters();
  LayerConstants layer = constants();
  layer.biases[0] = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(settle_constant_channels(p, kMatrix, layer), 0u);
}

}  // namespace
}  // namespace sotto::model_compiler
