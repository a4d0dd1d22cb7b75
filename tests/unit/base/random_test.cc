#include "sotto/base/random.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace sotto {
namespace {

// Hands out the given 64-bit draws in order.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(std::deque<std::uint64_t> draws) : draws_(std::move(draws)) {}
  void fill(MutableBytes out) override {
    ASSERT_EQ(out.size(), 8u);
    ASSERT_FALSE(draws_.empty()) << "more draws than expected";
    store_le(out.data(), draws_.front());
    draws_.pop_front();
  }
  [[nodiscard]] std::size_t left() const { return draws_.size(); }

 private:
  std::deque<std::uint64_t> draws_;
};

// Every draw one larger than the last, spread over the whole range (SplitMix64's increment).
class CountingRandom final : public Random {
 public:
  void fill(MutableBytes out) override {
    for (std::uint8_t& byte : out) {
      state_ += 0x9e3779b97f4a7c15u;
      byte = static_cast<std::uint8_t>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_ = 0;
};

TEST(Random, ReadsADrawLittleEndian) {
  ScriptedRandom random({0x0102030405060708u});
  EXPECT_EQ(random.u64(), 0x0102030405060708u);
}

TEST(Below, DrawsAgainInsteadOfFavouringSmallValues) {
  // 2^64 - 1 = 3 * 0x5555555555555555, so with bound 3 only the draw 2^64 - 1 must be thrown away.
  ScriptedRandom random({UINT64_MAX, UINT64_MAX, UINT64_MAX - 1});
  EXPECT_EQ(random.below(3), (UINT64_MAX - 1) % 3);
  EXPECT_EQ(random.left(), 0u);
}

TEST(Below, CountsTheUsableDrawsOfALargeBound) {
  // Fits once: everything from `bound` on is thrown away.
  const std::uint64_t bound = (std::uint64_t{1} << 63) + 1;
  ScriptedRandom random({bound, UINT64_MAX, bound - 1});
  EXPECT_EQ(random.below(bound), bound - 1);
  EXPECT_EQ(random.left(), 0u);
}

TEST(Below, OneLeavesNoChoice) {
  ScriptedRandom random({12345});
  EXPECT_EQ(random.below(1), 0u);
}

TEST(Below, ReachesEveryValueAndNoOther) {
  CountingRandom random;
  std::vector<int> seen(7, 0);
  for (int i = 0; i < 7000; ++i) seen.at(random.below(7)) += 1;
  for (const int count : seen) {
    EXPECT_GT(count, 700);
    EXPECT_LT(count, 1300);
  }
}

TEST(Uniform, StaysBelowOneAtTheLargestDraw) {
  ScriptedRandom random({UINT64_MAX, 0, std::uint64_t{1} << 63, 0x7ff});
  EXPECT_EQ(random.uniform(), 1.0 - 0x1.0p-53);
  EXPECT_EQ(random.uniform(), 0.0);
  EXPECT_EQ(random.uniform(), 0.5);
  EXPECT_EQ(random.uniform(), 0.0) << "the lowest 11 bits do not count";
}

}  // namespace
}  // namespace sotto
