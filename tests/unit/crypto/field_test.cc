#include "secagg/field.h"

#include <gtest/gtest.h>

#include "test_bytes.h"

namespace sotto::secagg::field {
namespace {

TEST(Field, MultipliesAndInvertsAsBigIntegersDo) {
  // Computed with Python's integers.
  EXPECT_EQ(multiply(0x1236eb092265b1f5, 0x19ac27c6d8f16adf), 0x18c49106e3a0536cu);
  EXPECT_EQ(multiply(0x204f89ac386bbc4, 0x3c5fd71414c343c), 0x155b811522348d76u);
  EXPECT_EQ(multiply(0x1859cde87ed4d57b, 0xf1ca20c7311d8a3), 0x1f5a08420657fd6du);
  EXPECT_EQ(invert(0x1236eb092265b1f5), 0x16af4c912bdfded0u);
  EXPECT_EQ(invert(0x204f89ac386bbc4), 0x11f723d36e9109eeu);
}

TEST(Field, MultipliesOnBoardsAsOnHosts) {
  std::uint64_t a = 0x1236eb092265b1f5;
  std::uint64_t b = kPrime - 1;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t product = multiply(a, b);
    ASSERT_EQ(multiply_by_halves(a, b), product);
    b = a;
    a = add(product, 12345);
  }
  for (const std::uint64_t end : {std::uint64_t{0}, std::uint64_t{1}, kPrime - 1})
    EXPECT_EQ(multiply_by_halves(end, kPrime - 1), multiply(end, kPrime - 1));
}

TEST(Field, ReducesEveryRangeOfNumbers) {
  EXPECT_EQ(reduce(0), 0u);
  EXPECT_EQ(reduce(kPrime - 1), kPrime - 1);
  EXPECT_EQ(reduce(kPrime), 0u);
  EXPECT_EQ(reduce(kPrime + 1), 1u);
  EXPECT_EQ(reduce(UINT64_MAX), UINT64_MAX % kPrime);
}

TEST(Field, EndsOfTheRange) {
  EXPECT_EQ(add(kPrime - 1, 1), 0u);
  EXPECT_EQ(add(kPrime - 1, kPrime - 1), kPrime - 2);
  EXPECT_EQ(subtract(0, 1), kPrime - 1);
  EXPECT_EQ(subtract(0, kPrime - 1), 1u);
  EXPECT_EQ(multiply(kPrime - 1, 2), kPrime - 2);
  EXPECT_EQ(multiply(0, kPrime - 1), 0u);
  EXPECT_EQ(invert(0), 0u);
}

TEST(Field, MultiplicationAgreesWithRepeatedDoublingEverywhere) {
  crypto::SeededRandom random(std::uint64_t{1});
  for (int round = 0; round < 2000; ++round) {
    const std::uint64_t a = random.below(kPrime);
    const std::uint64_t b = random.below(kPrime);
    std::uint64_t expected = 0;
    for (int bit = 60; bit >= 0; --bit) {
      expected = 2 * expected % kPrime;
      if ((b >> bit & 1) != 0) expected = (expected + a) % kPrime;
    }
    ASSERT_EQ(multiply(a, b), expected) << a << " * " << b;
  }
}

}  // namespace
}  // namespace sotto::secagg::field
