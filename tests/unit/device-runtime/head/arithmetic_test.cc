// The arithmetic of heads: within its bounds of exact values, and the same bits as ever.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "head/float_arithmetic.h"
#include "head/generator.h"
#include "head/multiplier.h"

namespace sotto::device::head {
namespace {

// How far `value` is from `exact`, in units of its last place.
double ulps(float value, double exact) {
  const double unit = std::ldexp(1.0, std::max(std::ilogb(exact), -126) - 23);
  return std::abs(static_cast<double>(value) - exact) / unit;
}

TEST(HeadArithmetic, ExponentialIsWithinTwoUnitsOfTheLastPlace) {
  double worst = 0;
  for (float x = 0; x > -86.0f; x -= 0.000731f)
    worst = std::max(worst, ulps(exponential(x), std::exp(static_cast<double>(x))));
  EXPECT_LT(worst, 2.0);
  EXPECT_EQ(exponential(0), 1.0f);
  EXPECT_EQ(exponential(-0.0f), 1.0f);
  EXPECT_GT(exponential(-86.0f), 0.0f);
  EXPECT_EQ(exponential(-86.1f), 0.0f);
  EXPECT_EQ(exponential(-2e15f), 0.0f);
}

TEST(HeadArithmetic, LogarithmIsWithinTwoUnitsOfTheLastPlaceOfItsLargerParts) {
  EXPECT_EQ(logarithm(1), 0.0f);
  double worst = 0;
  for (float x = 1; x < 20000.0f; x *= 1.00037f)
    worst = std::max(worst, std::abs(logarithm(x) - std::log(static_cast<double>(x))) /
                                std::max(std::abs(std::log(static_cast<double>(x))), 0.1));
  EXPECT_LT(worst, 3e-7);
}

TEST(HeadArithmetic, SigmoidIsSymmetricAndSaturates) {
  EXPECT_EQ(sigmoid(0), 0.5f);
  EXPECT_EQ(sigmoid(200), 1.0f);
  EXPECT_EQ(sigmoid(-200), 0.0f);
  for (float x = -20; x < 20; x += 0.37f)
    EXPECT_NEAR(sigmoid(x), 1 / (1 + std::exp(-static_cast<double>(x))), 1e-7) << x;
}

TEST(HeadArithmetic, ItsBitsAreThoseOfEveryMachine) {
  std::uint32_t exponentials = 0, logarithms = 0;
  for (std::uint32_t i = 0; i < 10000; ++i) {
    const float x = -static_cast<float>(i) * 0.0086f;
    exponentials = exponentials * 31 + std::bit_cast<std::uint32_t>(exponential(x));
    logarithms = logarithms * 31 + std::bit_cast<std::uint32_t>(logarithm(1 - x * 7));
  }
  EXPECT_EQ(exponentials, 1215570951u);
  EXPECT_EQ(logarithms, 1184031239u);
}

TEST(HeadArithmetic, IntegersAreTheNearestAndClamped) {
  EXPECT_EQ(to_integer(2.5f), 3);
  EXPECT_EQ(to_integer(-2.5f), -3);
  EXPECT_EQ(to_integer(2.4999998f), 2);
  EXPECT_EQ(to_integer(0.49999997f), 0);
  EXPECT_EQ(to_integer(8388609.0f), 8388609);
  EXPECT_EQ(to_integer(3e9f), 1 << 30);
  EXPECT_EQ(to_integer(-3e9f), -(1 << 30));
}

TEST(HeadArithmetic, WhatIsNoNumberIsNotModerate) {
  EXPECT_TRUE(is_moderate(-9.9e14f));
  EXPECT_FALSE(is_moderate(1e15f));
  EXPECT_FALSE(is_moderate(-1e15f));
  EXPECT_FALSE(is_moderate(HUGE_VALF));
  EXPECT_FALSE(is_moderate(NAN));
}

// As the model compiler does it (model-compiler/src/lower/quantization.cc), and TensorFlow Lite.
Multiplier in_double_precision(float first, float second, float divisor) {
  int exponent = 0;
  const double real = static_cast<double>(first) * static_cast<double>(second) / static_cast<double>(divisor);
  const double fraction = std::frexp(real, &exponent);
  auto fixed = static_cast<std::int64_t>(std::round(fraction * 0x1p31));
  if (fixed == std::int64_t{1} << 31) {
    fixed /= 2;
    ++exponent;
  }
  if (exponent < -31) return {0, 0};
  return {static_cast<std::int32_t>(fixed), exponent};
}

TEST(HeadArithmetic, MultipliersAreThoseOfTheModelCompiler) {
  std::mt19937 random(3);
  const auto scale = [&random] {  // over 2^-20 .. 2^12, every mantissa
    const auto exponent = static_cast<std::uint32_t>(127 - 20 + random() % 32);
    return std::bit_cast<float>(exponent << 23 | static_cast<std::uint32_t>(random() & 0x007FFFFF));
  };
  for (int i = 0; i < 200000; ++i) {
    const float first = scale();
    const float second = scale();
    const float divisor = scale();
    const Multiplier expected = in_double_precision(first, second, divisor);
    const Multiplier multiplier = quantize_ratio(first, second, divisor);
    ASSERT_EQ(multiplier.multiplier, expected.multiplier) << first << " " << second << " " << divisor;
    ASSERT_EQ(multiplier.shift, expected.shift) << first << " " << second << " " << divisor;
  }
}

TEST(HeadArithmetic, MultipliersAtTheEdgesAreThoseOfTheModelCompiler) {
  const float most = std::bit_cast<float>(0x3FFFFFFFu);  // just below 2
  const float above = std::bit_cast<float>(0x3F800001u);
  for (const float first : {1.0f, most, above, 0x1p-30f}) {
    for (const float second : {1.0f, most, above, 0x1p-30f}) {
      for (const float divisor : {1.0f, most, above, 3.0f, 0x1p-20f}) {
        const Multiplier expected = in_double_precision(first, second, divisor);
        const Multiplier multiplier = quantize_ratio(first, second, divisor);
        EXPECT_EQ(multiplier.multiplier, expected.multiplier) << first << " " << second << " " << divisor;
        EXPECT_EQ(multiplier.shift, expected.shift) << first << " " << second << " " << divisor;
      }
    }
  }
}

TEST(HeadGenerator, DrawsWhatItsSeedSays) {
  Generator first{}, again{}, other{};
  first.seed(1);
  again.seed(1);
  other.seed(2);
  EXPECT_TRUE(Generator{}.is_stuck());
  EXPECT_FALSE(first.is_stuck());
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t drawn = first.next();
    EXPECT_EQ(drawn, again.next());
    differs |= drawn != other.next();
  }
  EXPECT_TRUE(differs);
}

TEST(HeadGenerator, GivesTheNumbersOfItsReference) {
  // xoshiro128plusplus.c, state 1, 2, 3, 4.
  Generator generator{};
  const std::uint32_t state[4] = {1, 2, 3, 4};
  std::memcpy(&generator, state, sizeof state);
  EXPECT_EQ(generator.next(), 641u);
  EXPECT_EQ(generator.next(), 1573767u);
}

TEST(HeadGenerator, BelowIsUniformAndBelow) {
  Generator generator{};
  generator.seed(4);
  std::uint32_t counts[7] = {};
  for (int i = 0; i < 70000; ++i) {
    const std::uint32_t drawn = generator.below(7);
    ASSERT_LT(drawn, 7u);
    ++counts[drawn];
  }
  for (const std::uint32_t count : counts) EXPECT_NEAR(count, 10000, 400);
  EXPECT_EQ(generator.below(1), 0u);
}

TEST(HeadGenerator, RoundingBitsAreUniformInTheirLowBitsToo) {
  Generator generator{};
  generator.seed(9);
  std::uint32_t counts[16] = {};
  for (int row = 0; row < 200; ++row) {
    RoundingBits bits(generator);
    for (int i = 0; i < 400; ++i) ++counts[bits.next() & 15];
  }
  for (const std::uint32_t count : counts) EXPECT_NEAR(count, 5000, 350);
}

}  // namespace
}  // namespace sotto::device::head
