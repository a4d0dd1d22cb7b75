#include "sotto/host/utc_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace sotto::host {
namespace {

TEST(UtcText, SaysTimeAndDate) {
  EXPECT_EQ(utc_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(1'772'366'403'999), "2026-03-01T12:00:03Z");
  EXPECT_EQ(utc_date(1'772'366'403'999), "2026-03-01");
}

TEST(UtcText, RoundsDownOnBothSidesOf1970) {
  for (const std::int64_t ms : {0, 1, 999}) EXPECT_EQ(utc_time(ms), "1970-01-01T00:00:00Z") << ms;
  EXPECT_EQ(utc_time(1000), "1970-01-01T00:00:01Z");
  for (const std::int64_t ms : {-1, -999, -1000}) EXPECT_EQ(utc_time(ms), "1969-12-31T23:59:59Z") << ms;
  EXPECT_EQ(utc_time(-1001), "1969-12-31T23:59:58Z");
}

TEST(UtcText, HasAnAnswerForEveryNumber) {
  EXPECT_EQ(utc_time(std::numeric_limits<std::int64_t>::max()), "292278994-08-17T07:12:55Z");
  EXPECT_EQ(utc_time(std::numeric_limits<std::int64_t>::min()), "-292275055-05-16T16:47:04Z");
  EXPECT_EQ(utc_date(std::numeric_limits<std::int64_t>::min()), "-292275055-05-16");
}

TEST(UtcText, OfOthersSecondsNeverShowsATimeBefore1970) {
  EXPECT_EQ(utc_time_of_seconds(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_time_of_seconds(1'772'366'403), "2026-03-01T12:00:03Z");
  EXPECT_EQ(utc_date_of_seconds(253'402'300'799), "9999-12-31");
  for (const std::uint64_t far : {std::uint64_t{253'402'300'800}, std::uint64_t{1} << 60, UINT64_MAX}) {
    EXPECT_EQ(utc_time_of_seconds(far), "9999-12-31T23:59:59Z") << far;
  }
}

TEST(UtcText, AClockBefore1970IsRefused) {
  EXPECT_TRUE(check_clock(Time{0}).ok());
  const Status before = check_clock(Time{-1});
  EXPECT_EQ(before.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(before.message().find("1969-12-31T23:59:59Z"), std::string::npos);
}

}  // namespace
}  // namespace sotto::host
