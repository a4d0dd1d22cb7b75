#include "door/rate_table.h"

#include <gtest/gtest.h>

namespace sotto::server {
namespace {

NetworkAddress address(std::uint8_t last) {
  NetworkAddress made;
  made.bytes[15] = last;
  return made;
}

class RateTableTest : public ::testing::Test {
 protected:
  int taken(std::uint8_t of, int times, std::int64_t at_ms) {
    int count = 0;
    for (int i = 0; i < times; ++i) count += table.take(address(of), Time{at_ms}) ? 1 : 0;
    return count;
  }
  RateTable table{{.per_second = 10, .burst = 5}, 3};
};

TEST_F(RateTableTest, GivesABurstAndThenTheRate) {
  EXPECT_EQ(taken(1, 10, 0), 5);
  EXPECT_EQ(taken(1, 10, 99), 0);
  EXPECT_EQ(taken(1, 10, 100), 1);
  EXPECT_EQ(taken(1, 10, 400), 3);
  EXPECT_EQ(taken(1, 100, 1'000'000), 5) << "a long quiet saves no more than a burst";
}

TEST_F(RateTableTest, ShortStepsAddUp) {
  EXPECT_EQ(taken(1, 10, 0), 5);
  int count = 0;
  for (std::int64_t now_ms = 1; now_ms <= 1000; ++now_ms) count += taken(1, 1, now_ms);
  EXPECT_EQ(count, 10);
}

TEST_F(RateTableTest, TimeThatGoesBackGivesNothing) {
  EXPECT_EQ(taken(1, 10, 1000), 5);
  EXPECT_EQ(taken(1, 10, 0), 0);
  EXPECT_EQ(taken(1, 10, 1000), 0);
  EXPECT_EQ(taken(1, 10, 1100), 1);
}

TEST_F(RateTableTest, AddressesDoNotShare) {
  EXPECT_EQ(taken(1, 10, 0), 5);
  EXPECT_EQ(taken(2, 10, 0), 5);
}

TEST_F(RateTableTest, KeepsABoundedNumberAndForgetsTheOneLongestUnseen) {
  EXPECT_EQ(taken(1, 10, 0), 5);
  EXPECT_EQ(taken(2, 10, 0), 5);
  EXPECT_EQ(taken(3, 10, 0), 5);
  EXPECT_EQ(taken(1, 1, 0), 0);
  EXPECT_EQ(taken(4, 10, 0), 5);
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(taken(1, 1, 0), 0) << "seen after 2 was";
  EXPECT_EQ(taken(2, 10, 0), 5) << "forgotten, as if it had been quiet";
  EXPECT_EQ(table.size(), 3u);
}

TEST_F(RateTableTest, SpreadsThoseWhoWaitAsTheRateAllows) {
  EXPECT_EQ(table.wait(address(1)).count(), 0);
  EXPECT_EQ(taken(1, 5, 0), 5);
  EXPECT_EQ(table.wait(address(1)).count(), 0);
  EXPECT_EQ(taken(1, 20, 0), 0);
  EXPECT_EQ(table.wait(address(1)).count(), 2000);
  EXPECT_EQ(taken(1, 1, 50), 0);
  EXPECT_EQ(table.wait(address(1)).count(), 2050) << "half a turn has passed, and one more waits";
  EXPECT_EQ(taken(1, 10'000, 51), 0);
  EXPECT_EQ(table.wait(address(1)), RateTable::kWaitMax);
  EXPECT_EQ(table.wait(address(2)).count(), 0);
}

TEST_F(RateTableTest, ANewLimitHoldsForWhatWasSavedUpToo) {
  EXPECT_EQ(taken(1, 1, 0), 1);
  table.set_limit({.per_second = 1, .burst = 2});
  EXPECT_EQ(taken(1, 10, 0), 2);
  EXPECT_EQ(taken(2, 10, 0), 2);
  EXPECT_EQ(taken(2, 10, 1000), 1);
}

}  // namespace
}  // namespace sotto::server
