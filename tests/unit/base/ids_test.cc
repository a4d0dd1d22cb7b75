#include "sotto/base/ids.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace sotto {
namespace {

// tests/tidy/must_not_compile.cc shows that a mix-up is an error; these say why it is one.
static_assert(!std::is_convertible_v<TaskId, RoundId>);
static_assert(!std::is_convertible_v<std::uint64_t, RoundId>);
static_assert(!std::is_convertible_v<RoundId, std::uint64_t>);
static_assert(std::is_trivially_copyable_v<SessionToken>);

TEST(StrongId, ComparesByValue) {
  EXPECT_EQ(RoundId{3}, RoundId{3});
  EXPECT_LT(RoundId{3}, RoundId{4});
  EXPECT_NE(ParticipantIndex{0}, ParticipantIndex{1});
}

TEST(StrongId, StartsAtZero) {
  EXPECT_EQ(TaskId().value, 0u);
  EXPECT_EQ(SessionToken().value, (std::array<std::uint8_t, 16>{}));
}

TEST(RoundNumber, IsTheTwoPartsOfARoundsId) {
  for (const RoundNumber number :
       {RoundNumber{}, RoundNumber{.epoch = 0, .counter = 7}, RoundNumber{.epoch = 3, .counter = 1},
        RoundNumber{.epoch = kRoundEpochMax, .counter = kRoundCounterMax}}) {
    EXPECT_EQ(round_number(round_id(number)), number);
  }
  EXPECT_EQ(round_id({.epoch = 0, .counter = 7}), RoundId{7});
  EXPECT_EQ(round_id({.epoch = kRoundEpochMax, .counter = kRoundCounterMax}), RoundId{UINT64_MAX});
}

TEST(RoundNumber, OfALaterEpochIsAboveAllOfTheOneBefore) {
  EXPECT_LT(round_id({.epoch = 0, .counter = kRoundCounterMax}), round_id({.epoch = 1, .counter = 0}));
  EXPECT_EQ(round_id({.epoch = 0, .counter = kRoundCounterMax}).value + 1,
            round_id({.epoch = 1, .counter = 0}).value);
}

TEST(StrongId, OrdersTokensByTheirBytes) {
  SessionToken first;
  SessionToken second;
  second.value[15] = 1;
  EXPECT_LT(first, second);
  first.value[0] = 1;
  EXPECT_GT(first, second);
}

}  // namespace
}  // namespace sotto
