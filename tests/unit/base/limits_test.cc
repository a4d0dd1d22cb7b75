#include "sotto/base/limits.h"

#include <gtest/gtest.h>

namespace sotto::limits {
namespace {

TEST(Limits, ALaneOf16BitsHoldsTheLargestSumAndNotOneMore) {
  EXPECT_LE(kU16LaneParticipantsMax * 255, 0xffffu);
  EXPECT_GT((kU16LaneParticipantsMax + 1) * 255, 0xffffu);
}

TEST(Limits, TheWidestUpdateFitsAMessage) {
  constexpr std::size_t kFloatHeader = 4 + 4 + 8 * 8;
  EXPECT_LE(4 * kParametersMax + kFloatHeader, kUpdateBytesMax);
  constexpr std::size_t kMetricLanes = 20;
  EXPECT_LE(2 * (kParametersMax + kMetricLanes), kUpdateBytesMax) << "16-bit lanes";
}

TEST(Limits, ARosterOfTheLargestCohortFitsAMessage) {
  constexpr std::size_t kRosterHeader = 26;
  EXPECT_LE(kRosterHeader + 64 * kParticipantsMax, kMessageBytesMax);
}

}  // namespace
}  // namespace sotto::limits
