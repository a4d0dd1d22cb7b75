#include "sotto/base/clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace sotto {
namespace {

using std::chrono::milliseconds;

TEST(Time, AddsAndSubtractsMilliseconds) {
  EXPECT_EQ((Time{1000} + milliseconds(250)).ms, 1250);
  EXPECT_EQ(Time{1000} - Time{1250}, milliseconds(-250));
  EXPECT_LT(Time{1}, Time{2});
}

TEST(Time, NeverIsLaterThanAnyMoment) { EXPECT_GT(kNever, Time{INT64_MAX - 1}); }

TEST(Time, InWholeSecondsIsRoundedDownAndNeverBeforeTheEpoch) {
  EXPECT_EQ(unix_seconds(Time{1'000}), 1u);
  EXPECT_EQ(unix_seconds(Time{999}), 0u);
  EXPECT_EQ(unix_seconds(Time{0}), 0u);
  EXPECT_EQ(unix_seconds(Time{-1}), 0u);
  EXPECT_EQ(unix_seconds(Time{INT64_MIN}), 0u);
}

TEST(VirtualClock, MovesOnlyWhenTold) {
  VirtualClock clock;
  EXPECT_EQ(clock.now(), Time{0});
  clock.advance_to(Time{5});
  EXPECT_EQ(clock.now(), Time{5});
}

TEST(VirtualClock, DoesNotGoBack) {
  VirtualClock clock;
  clock.advance_to(Time{5});
  clock.advance_to(Time{4});
  EXPECT_EQ(clock.now(), Time{5});
}

TEST(SystemClock, AgreesWithTheWallClockAndDoesNotGoBack) {
  const SystemClock clock;
  const auto wall =
      std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  Time last = clock.now();
  EXPECT_NEAR(static_cast<double>(last.ms), static_cast<double>(wall.count()), 60'000);
  for (int i = 0; i < 1000; ++i) {
    const Time now = clock.now();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace sotto
