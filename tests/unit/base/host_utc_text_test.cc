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

}  // namespace
}  // namespace sotto::host
