// The integer arithmetic that every kernel shares, against the definitions it is equal to.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/copy_bytes.h"
#include "sotto/device_runtime/crc32.h"
#include "sotto/device_runtime/kernels/fixed_point.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device {
namespace {

// gemmlowp's SaturatingRoundingDoublingHighMul and RoundingDivideByPOT, word for word from their definitions.
std::int32_t defined_high_multiply(std::int32_t a, std::int32_t b) {
  const std::int64_t product = std::int64_t{a} * b;
  const std::int64_t nudge = product >= 0 ? (std::int64_t{1} << 30) : 1 - (std::int64_t{1} << 30);
  return static_cast<std::int32_t>((product + nudge) / (std::int64_t{1} << 31));
}
std::int32_t defined_divide(std::int32_t value, std::int32_t exponent) {
  const double exact = static_cast<double>(value) / std::ldexp(1.0, exponent);
  return static_cast<std::int32_t>(std::round(exact));  // halves away from zero
}

std::vector<std::int32_t> interesting_values() {
  std::vector<std::int32_t> values = {
      0, 1, -1, 2, -2, 127, -128, 255, INT32_MAX, INT32_MAX - 1, INT32_MIN + 1, 1 << 30, -(1 << 30)};
  std::mt19937 random(5);
  for (int i = 0; i < 400; ++i) values.push_back(static_cast<std::int32_t>(random()) >> (random() % 31));
  return values;
}

TEST(Requantize, HighMultiplyRoundsAsDefined) {
  for (const std::int32_t a : interesting_values()) {
    for (const std::int32_t b : interesting_values()) {
      ASSERT_EQ(rounding_doubling_high_multiply(a, b), defined_high_multiply(a, b)) << a << " " << b;
      ASSERT_EQ(rounding_doubling_high_multiply_of_halves(a, b), defined_high_multiply(a, b))
          << a << " " << b;
    }
  }
}

TEST(Requantize, DivisionRoundsHalvesAwayFromZero) {
  for (const std::int32_t value : interesting_values()) {
    for (std::int32_t exponent = 0; exponent <= 31; ++exponent) {
      ASSERT_EQ(rounding_divide_by_power_of_two(value, exponent), defined_divide(value, exponent))
          << value << " " << exponent;
    }
  }
}

TEST(Requantize, PositiveShiftsMultiplyFirst) {
  EXPECT_EQ(multiply_by_quantized_multiplier(3, 1 << 30, 2), 6);    // 3 * 0.5 * 4
  EXPECT_EQ(multiply_by_quantized_multiplier(-3, 1 << 30, 0), -1);  // -1.5: halves up in the multiplication
  EXPECT_EQ(multiply_by_quantized_multiplier(100, 1 << 30, -1), 25);
  EXPECT_EQ(multiply_by_quantized_multiplier(12345, 0, -7), 0);
}

TEST(Requantize, SumsWrapAndComeBack) {
  EXPECT_EQ(wrapping_add(wrapping_add(INT32_MAX, 100), -100), INT32_MAX);
  EXPECT_EQ(wrapping_multiply(1 << 20, 1 << 12), 0);
  EXPECT_EQ(clamp_to_int8(300, -128, 127), 127);
  EXPECT_EQ(clamp_to_int8(-5, 0, 127), 0);
}

TEST(FixedPoint, ExponentialIsCloseToTheRealOne) {
  for (std::int32_t a = 0; a > -(1 << 30); a -= 1 << 19) {
    const double real = std::exp(static_cast<double>(a) / (1 << 26));
    EXPECT_NEAR(exp_on_negative_values(a) / 2147483648.0, real, 5e-7) << a;
  }
  EXPECT_EQ(exp_on_negative_values(0), INT32_MAX);
  EXPECT_GE(exp_on_negative_values(INT32_MIN), 0);
}

TEST(FixedPoint, ReciprocalIsCloseToTheRealOne) {
  for (std::int32_t sum = 1 << 19; sum < INT32_MAX - (1 << 22); sum += (1 << 22) + 12345) {
    const Reciprocal result = reciprocal(sum, 12);
    const double real = 1 / (sum / 524288.0);  // Q12.19
    EXPECT_NEAR(result.value / 2147483648.0 * std::ldexp(1.0, -result.exponent), real, real * 1e-7) << sum;
  }
}

TEST(FixedPoint, LeftShiftsSaturate) {
  EXPECT_EQ(saturating_shift_left(1 << 30, 1), INT32_MAX);
  EXPECT_EQ(saturating_shift_left(-(1 << 30), 2), INT32_MIN);
  EXPECT_EQ(saturating_shift_left(-5, 3), -40);
}

TEST(Crc32, IsThatOfZlib) {
  const std::string text = "123456789";
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  EXPECT_EQ(crc32(bytes, text.size()), 0xCBF43926u);
  EXPECT_EQ(crc32(bytes + 4, 5, crc32(bytes, 4)), 0xCBF43926u);
  EXPECT_EQ(crc32(nullptr, 0), 0u);
}

TEST(CopyBytes, MovesForwardOverItself) {
  std::vector<std::int8_t> bytes(23);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::int8_t>(i);
  copy_bytes(bytes.data(), bytes.data() + 1, 22);
  for (std::size_t i = 0; i < 22; ++i) EXPECT_EQ(bytes[i], static_cast<std::int8_t>(i + 1));
  fill_bytes(bytes.data() + 1, -7, 6);
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(bytes[6], -7);
  EXPECT_EQ(bytes[7], 8);
}

}  // namespace
}  // namespace sotto::device
