#include "mask_helper/refusal_log.h"

#include <gtest/gtest.h>

namespace sotto::server {
namespace {

constexpr Time kBegin{1'700'000'000'000};
constexpr std::int64_t kInterval = RefusalLog::kIntervalMs;

TEST(RefusalLog, SaysEachReasonWhileThereAreFew) {
  RefusalLog log;
  EXPECT_EQ(log.line("too few devices", kBegin), "refused: too few devices");
  EXPECT_EQ(log.line("another helper's key", kBegin), "refused: another helper's key");
}

TEST(RefusalLog, CountsTheOthersInTheNextInterval) {
  RefusalLog log;
  for (int i = 0; i < RefusalLog::kLinesMax; ++i) EXPECT_TRUE(log.line("no", kBegin).has_value()) << i;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(log.line("no", Time{kBegin.ms + kInterval - 1}), std::nullopt);
  }
  EXPECT_EQ(log.line("no", Time{kBegin.ms + kInterval}),
            "refused: no (and 1000 more before, that are not listed)");
  EXPECT_EQ(log.line("no", Time{kBegin.ms + kInterval}), "refused: no");
}

TEST(RefusalLog, IsNotSilencedByAClockThatIsSetBack) {
  RefusalLog log;
  for (int i = 0; i <= RefusalLog::kLinesMax; ++i) static_cast<void>(log.line("no", kBegin));
  EXPECT_TRUE(log.line("no", Time{kBegin.ms - 1}).has_value());
}

}  // namespace
}  // namespace sotto::server
