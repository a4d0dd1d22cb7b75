#include "service/endorsement_watch.h"

#include <gmock/gmock.h>

#include "sotto/secagg/identity.h"

namespace sotto::server {
namespace {

using ::testing::HasSubstr;
using Level = hosting::Notice::Level;

constexpr std::uint64_t kEnd = 1'800'000'000;
constexpr std::uint64_t kAhead = EndorsementWatch::kAhead.count();

Time at(std::uint64_t seconds) { return Time{static_cast<std::int64_t>(seconds) * 1000}; }

TEST(EndorsementEnds, IsSaidThirtyDaysAheadOnceADay) {
  EndorsementWatch watch(kEnd);
  EXPECT_FALSE(watch.look(at(kEnd - kAhead - 1)).has_value());
  const auto first = watch.look(at(kEnd - kAhead));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->level, Level::kWarning);
  EXPECT_THAT(first->text, HasSubstr("ends at 2027-01-15T08:00:00Z"));
  EXPECT_THAT(first->text, HasSubstr("sotto authority renew"));
  EXPECT_FALSE(watch.look(at(kEnd - kAhead + 86'399)).has_value());
  EXPECT_TRUE(watch.look(at(kEnd - kAhead + 86'400)).has_value());
}

TEST(EndorsementEnds, IsAnErrorFromTheSecondInWhichItHasEnded) {
  EndorsementWatch watch(kEnd);
  EXPECT_EQ(watch.look(at(kEnd - 1))->level, Level::kWarning);
  const auto ended = watch.look(at(kEnd));
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->level, Level::kError);
  EXPECT_THAT(ended->text, HasSubstr("has ended"));
  EXPECT_FALSE(watch.look(at(kEnd + 86'399)).has_value());
  EXPECT_TRUE(watch.look(at(kEnd + 86'400)).has_value());
}

TEST(EndorsementEnds, NeverOfOneWithoutAnEnd) {
  EndorsementWatch watch(secagg::kEndless);
  EXPECT_FALSE(watch.look(at(kEnd)).has_value());
}

}  // namespace
}  // namespace sotto::server
