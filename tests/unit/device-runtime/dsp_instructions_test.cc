// The DSP extension's instructions as hosts compute them; boards run the instructions themselves.
#include "kernels/cortex_m_dsp/instructions.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace sotto::device::dsp {
namespace {

constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();

// Two int16 as one word.
std::uint32_t pair(int low, int high) {
  return (static_cast<std::uint32_t>(low) & 0xFFFF) | (static_cast<std::uint32_t>(high) << 16);
}

TEST(DspInstructions, LoadFourBytesFromAnyAddress) {
  const std::int8_t bytes[] = {1, -2, 3, -128, 127, 9, -1};
  EXPECT_EQ(load_word(bytes), 0x8003FE01u);
  EXPECT_EQ(load_word(bytes + 1), 0x7F8003FEu);
  EXPECT_EQ(load_word(bytes + 3), 0xFF097F80u);
}

TEST(DspInstructions, LoadNoByteBehindThoseAskedFor) {
  const std::int8_t bytes[] = {-1, 2, -3, 4};
  EXPECT_EQ(load_bytes(bytes, 0), 0u);
  EXPECT_EQ(load_bytes(bytes, 1), 0xFFu);
  EXPECT_EQ(load_bytes(bytes, 2), 0x02FFu);
  EXPECT_EQ(load_bytes(bytes, 3), 0xFD02FFu);
  EXPECT_EQ(load_bytes(bytes + 1, 3), 0x04FD02u);
}

TEST(DspInstructions, WidenBytesWithTheirSign) {
  EXPECT_EQ(widen_even(0x7F80FF01u), pair(1, -128));
  EXPECT_EQ(widen_odd(0x7F80FF01u), pair(-1, 127));
  EXPECT_EQ(widen_even(0x80008000u), pair(0, 0));
  EXPECT_EQ(widen_odd(0x80008000u), pair(-128, -128));
}

TEST(DspInstructions, MultiplyHalvesAndAddThem) {
  const std::uint32_t a = pair(-3, 500);
  const std::uint32_t b = pair(7, -11);
  EXPECT_EQ(multiply_add_low(a, b, 100), 79);
  EXPECT_EQ(multiply_add_high(a, b, 100), -5400);
  EXPECT_EQ(multiply_add_pairs(a, b, 100), -5421);
  const std::uint32_t least = pair(-32768, -32768);
  EXPECT_EQ(multiply_add_low(least, least, 0), 1 << 30);
  EXPECT_EQ(multiply_add_pairs(least, least, 0), kLeast) << "2^31, which wraps";
}

TEST(DspInstructions, JoinHalves) {
  EXPECT_EQ(join_low(pair(-1, 2), pair(-3, 4)), pair(-1, -3));
  EXPECT_EQ(join_high(pair(-1, 2), pair(-3, 4)), pair(2, 4));
  EXPECT_EQ(join_high(pair(1, -2), pair(3, -4)), pair(-2, -4));
}

TEST(DspInstructions, RoundHighProductsHalvesUp) {
  const auto rounded = [](std::int64_t product) {  // of 2^16 and product / 2^16
    return add_rounded_high_product(10, 1 << 16, static_cast<std::int32_t>(product >> 16)) - 10;
  };
  constexpr std::int64_t kHalf = std::int64_t{1} << 31;
  constexpr std::int64_t kBelow = std::int64_t{1} << 16;
  EXPECT_EQ(rounded(kHalf), 1);
  EXPECT_EQ(rounded(kHalf - kBelow), 0);
  EXPECT_EQ(rounded(-kHalf), 0);
  EXPECT_EQ(rounded(-kHalf - kBelow), -1);
  EXPECT_EQ(rounded(3 * kHalf), 2);
  EXPECT_EQ(add_rounded_high_product(-5, kLeast, kLeast), (1 << 30) - 5);
  EXPECT_EQ(add_rounded_high_product(kMost, kLeast, kLeast), -(1 << 30) - 1) << "which wraps";
}

TEST(DspInstructions, HalveTowardsTheLeastAndSaturate) {
  EXPECT_EQ(halve_to_int8(5), 2);
  EXPECT_EQ(halve_to_int8(-5), -3);
  EXPECT_EQ(halve_to_int8(254), 127);
  EXPECT_EQ(halve_to_int8(255), 127);
  EXPECT_EQ(halve_to_int8(256), 127);
  EXPECT_EQ(halve_to_int8(-255), -128);
  EXPECT_EQ(halve_to_int8(-256), -128);
  EXPECT_EQ(halve_to_int8(-257), -128);
  EXPECT_EQ(halve_to_int8(kMost), 127);
  EXPECT_EQ(halve_to_int8(kLeast), -128);
}

}  // namespace
}  // namespace sotto::device::dsp
