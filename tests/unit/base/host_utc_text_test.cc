#include "sotto/host/utc_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace sotto::host {
namespace {

TEST(UtcText, SaysTimeAndDate) {
  EXPECT_EQ(utc_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(1'772'366'403'999), "2026-03-01T12:00:03Z");
  EXPECT_EQ(utc_date(1'772'366'403'999), "2026-03-01");
  EXPECT_EQ(utc_time(-1), "1969-12-31T23:59:59Z");
}

TEST(UtcText, HasAnAnswerForEveryNumber) {
  EXPECT_FALSE(utc_time(std::numeric_limits<std::int64_t>::max()).empty());
  EXPECT_FALSE(utc_time(std::numeric_limits<std::int64_t>::min()).empty());
}

}  // namespace
}  // namespace sotto::host
