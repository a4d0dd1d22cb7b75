#include "lower/quantization.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sotto::model_compiler {
namespace {

std::pair<std::int32_t, std::int32_t> multiplier(double real) {
  const QuantizedMultiplier result = quantize_multiplier(real);
  return {result.multiplier, result.shift};
}

using Pair = std::pair<std::int32_t, std::int32_t>;

TEST(QuantizeMultiplier, HasItsTopBitSet) {
  EXPECT_EQ(multiplier(0.5), (Pair{1 << 30, 0}));
  EXPECT_EQ(multiplier(1), (Pair{1 << 30, 1}));
  EXPECT_EQ(multiplier(0.75), (Pair{3 << 29, 0}));
  EXPECT_EQ(multiplier(3), (Pair{3 << 29, 2}));
}

TEST(QuantizeMultiplier, WhatRoundsUpToTwoHalvesIsOneHalfAndAShiftMore) {
  EXPECT_EQ(multiplier(1 - std::ldexp(1.0, -32)), (Pair{1 << 30, 1}));
  EXPECT_EQ(multiplier(1 - std::ldexp(1.0, -31)), (Pair{INT32_MAX, 0}));
}

TEST(QuantizeMultiplier, WhatIsTooSmallIsZero) {
  EXPECT_EQ(multiplier(0), (Pair{0, 0}));
  EXPECT_EQ(multiplier(std::ldexp(1.0, -32)), (Pair{1 << 30, -31}));
  EXPECT_EQ(multiplier(std::ldexp(1.0, -33)), (Pair{0, 0}));
}

TEST(ActivationRange, IsInStepsOfTheOutput) {
  const auto range = [](Activation activation, float scale, std::int32_t zero_point) {
    const auto found = activation_range(activation, scale, zero_point);
    return found ? Pair{found->min, found->max} : Pair{999, 999};
  };
  EXPECT_EQ(range(Activation::kNone, 0.1f, 5), (Pair{-128, 127}));
  EXPECT_EQ(range(Activation::kRelu, 0.1f, 5), (Pair{5, 127}));
  EXPECT_EQ(range(Activation::kRelu6, 0.1f, 5), (Pair{5, 65}));
  EXPECT_EQ(range(Activation::kRelu6, 0.01f, 5), (Pair{5, 127}));
  EXPECT_EQ(range(Activation::kReluN1To1, 0.1f, 5), (Pair{-5, 15}));
  EXPECT_EQ(range(Activation::kReluN1To1, 0.001f, 5), (Pair{-128, 127}));
  EXPECT_EQ(range(static_cast<Activation>(4), 0.1f, 5), (Pair{999, 999}));
}

}  // namespace
}  // namespace sotto::model_compiler
