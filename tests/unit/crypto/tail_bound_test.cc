#include "secagg/tail_bound.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace sotto::secagg {
namespace {

// The exponent e for which the value is in (2^(e - 1), 2^e].
int power_above(const ProbabilityBound& value) {
  int exponent = 4000;
  while (exponent > -20'000 && value.at_most_power(exponent - 1)) --exponent;
  return exponent;
}

ProbabilityBound product(std::initializer_list<std::uint32_t> factors) {
  ProbabilityBound bound;
  for (const std::uint32_t factor : factors) bound.times(factor);
  return bound;
}

TEST(ProbabilityBound, KnowsPowersOfTwoExactly) {
  EXPECT_EQ(power_above(ProbabilityBound()), 0);
  EXPECT_EQ(power_above(product({1, 1})), 0);
  EXPECT_EQ(power_above(product({2, 4})), 3);
  EXPECT_EQ(power_above(product({3})), 2);
  EXPECT_EQ(power_above(product({0x8000'0000, 0x8000'0000, 2})), 63);
}

TEST(ProbabilityBound, RoundsAProductUp) {
  // (2^32 - 1)(2^31 + 1) = 2^63 + 2^31 - 1: 2^63 + 2^31 with 32 digits, 2^63 were they cut off.
  EXPECT_EQ(power_above(product({0xffff'ffff, 0x8000'0001})), 64);
  EXPECT_EQ(power_above(product({0xffff'ffff})), 32);
}

TEST(ProbabilityBound, CarriesIntoTheNextPowerWhenRoundedUp) {
  // (2^32 - 1)^2 = 2^64 - 2^33 + 1: up to 2^64 - 2^32. Once more: 2^96 - 2^65 + 2^32, up to 2^96 - 2^64, and
  // so on until nothing is left below the power.
  ProbabilityBound bound;
  int factors = 0;
  while (bound.at_most_power(32 * factors)) {
    bound.times(0xffff'ffff);
    ASSERT_LT(++factors, 100);
    if (factors == 99) break;
  }
  EXPECT_EQ(factors, 99) << "one unit is lost and one is added: it never passes the power";
  EXPECT_EQ(power_above(bound), 32 * 99);
}

ProbabilityBound tail_bound(std::uint32_t population, std::uint32_t marked, std::uint32_t sample,
                            std::uint32_t least) {
  ProbabilityBound bound;
  bound.times_tail(population, marked, sample, least);
  return bound;
}
constexpr int kZero = -20'000;

TEST(ProbabilityBound, OfNothingStaysNothing) {
  ProbabilityBound bound = tail_bound(10, 4, 5, 5);
  EXPECT_EQ(power_above(bound), kZero);
  bound.times(0xffff'ffff);
  bound.times_tail(10, 8, 5, 3);
  EXPECT_EQ(power_above(bound), kZero);
}

TEST(ProbabilityBound, OfSeveralIsTheirProduct) {
  ProbabilityBound bound = tail_bound(1000, 100, 72, 35);
  const int first = power_above(bound);
  bound.times_tail(928, 65, 72, 35);
  const int second = power_above(tail_bound(928, 65, 72, 35));
  EXPECT_TRUE(power_above(bound) == first + second || power_above(bound) == first + second - 1);
}

double log2_choose(double n, double k) {
  return (std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1)) / std::log(2.0);
}

// Pr[X >= least] by adding all terms.
double tail(std::uint32_t population, std::uint32_t marked, std::uint32_t sample, std::uint32_t least) {
  double sum = 0;
  for (std::uint32_t x = least; x <= std::min(marked, sample); ++x) {
    if (sample - x > population - marked) continue;
    sum += std::exp2(log2_choose(marked, x) + log2_choose(population - marked, sample - x) -
                     log2_choose(population, sample));
  }
  return sum;
}

TEST(TailBound, IsExactWhereNothingIsLeftToChance) {
  EXPECT_EQ(power_above(tail_bound(10, 4, 5, 0)), 0);
  EXPECT_EQ(power_above(tail_bound(10, 4, 5, 5)), kZero);  // only four are marked
  EXPECT_EQ(power_above(tail_bound(10, 8, 5, 6)), kZero);  // only five are drawn
  EXPECT_EQ(power_above(tail_bound(10, 8, 5, 3)), 0);      // two are unmarked: three of five always count
  EXPECT_EQ(power_above(tail_bound(10, 0, 5, 1)), kZero);
  EXPECT_EQ(power_above(tail_bound(10, 10, 5, 5)), 0);
}

TEST(TailBound, LiesAboveTheTailAndCloseToIt) {
  for (const std::uint32_t population : {30u, 100u, 257u, 1000u, 10'000u}) {
    for (const std::uint32_t marked : {population / 10, population / 3}) {
      for (const std::uint32_t sample : {6u, 20u, population / 5}) {
        for (std::uint32_t least = 1; least <= std::min(marked, sample); ++least) {
          const double exact = std::log2(tail(population, marked, sample, least));
          if (exact < -900) break;  // the sum above has no digits left
          const int bound = power_above(tail_bound(population, marked, sample, least));
          EXPECT_GE(bound, exact - 1e-6) << population << ' ' << marked << ' ' << sample << ' ' << least;
          if (exact < -4) {
            EXPECT_LE(bound, std::ceil(exact + 0.5))
                << population << ' ' << marked << ' ' << sample << ' ' << least;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace sotto::secagg
