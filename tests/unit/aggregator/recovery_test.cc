#include "recovery.h"

#include <gmock/gmock.h>

#include "sotto/crypto/primitives.h"

namespace sotto::aggregator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Recovery : public ::testing::Test {
 protected:
  Recovery() { random_.fill(seed_.reveal_mutable()); }

  HeldShares deal(std::size_t holders, std::size_t threshold) {
    secagg::SeedSharing sharing(seed_, threshold, random_);
    HeldShares held;
    for (std::uint16_t i = 0; i < holders; ++i) {
      held.holders.push_back(ParticipantIndex{static_cast<std::uint16_t>(3 * i)});
      held.shares.push_back(sharing.share_at(std::uint32_t{3} * i + 1));
    }
    return held;
  }
  static void spoil(secagg::Share& share) { share[0] ^= 1; }
  RecoveredSeed recover(const HeldShares& held, std::size_t threshold) {
    tries_ = 0;
    return recover_seed(held, threshold, [this](const secagg::Seed& candidate) {
      ++tries_;
      return candidate == seed_;
    });
  }

  crypto::SeededRandom random_{4};
  secagg::Seed seed_;
  std::size_t tries_ = 0;
};

TEST_F(Recovery, TakesExactlyTheThresholdWhenAllAreRight) {
  const RecoveredSeed recovered = recover(deal(10, 7), 7);
  EXPECT_TRUE(recovered.found);
  EXPECT_TRUE(recovered.seed == seed_);
  EXPECT_THAT(recovered.wrong, IsEmpty());
  EXPECT_EQ(tries_, 1u);
  EXPECT_TRUE(recover(deal(7, 7), 7).found);
}

TEST_F(Recovery, FailsBelowTheThreshold) {
  EXPECT_FALSE(recover(deal(6, 7), 7).found);
  EXPECT_FALSE(recover({}, 1).found);
  EXPECT_FALSE(recover(deal(3, 2), 0).found);
  EXPECT_EQ(tries_, 0u);
}

TEST_F(Recovery, SurvivesAndNamesOneWrongShareWhereverItIs) {
  for (std::size_t bad = 0; bad < 7; ++bad) {
    HeldShares held = deal(8, 7);
    spoil(held.shares[bad]);
    const RecoveredSeed recovered = recover(held, 7);
    ASSERT_TRUE(recovered.found) << bad;
    EXPECT_TRUE(recovered.seed == seed_);
    EXPECT_THAT(recovered.wrong, ElementsAre(held.holders[bad]));
  }
}

TEST_F(Recovery, SurvivesAndNamesSeveralWrongShares) {
  HeldShares held = deal(20, 10);
  for (const std::size_t bad : {0, 4, 10}) spoil(held.shares[bad]);
  const RecoveredSeed recovered = recover(held, 10);
  ASSERT_TRUE(recovered.found);
  EXPECT_TRUE(recovered.seed == seed_);
  EXPECT_THAT(recovered.wrong, ElementsAre(held.holders[0], held.holders[4], held.holders[10]));
}

TEST_F(Recovery, SurvivesSharesThatAreNotFieldElements) {
  HeldShares held = deal(9, 7);
  held.shares[2].fill(0xfe);
  const RecoveredSeed recovered = recover(held, 7);
  ASSERT_TRUE(recovered.found);
  EXPECT_THAT(recovered.wrong, ElementsAre(held.holders[2]));
}

TEST_F(Recovery, GivesUpAfterABoundedSearch) {
  HeldShares held = deal(20, 10);
  for (std::size_t bad = 0; bad < 12; ++bad) spoil(held.shares[bad]);
  const RecoveredSeed recovered = recover(held, 10);
  EXPECT_FALSE(recovered.found);
  EXPECT_THAT(recovered.wrong, IsEmpty());
  EXPECT_LE(tries_, 1 + 10 + kRandomSubsetsMax);
}

TEST_F(Recovery, HasNoChoiceWithoutASpareShare) {
  HeldShares held = deal(7, 7);
  spoil(held.shares[3]);
  EXPECT_FALSE(recover(held, 7).found);
}

TEST_F(Recovery, RefusesOneHolderCountedTwice) {
  HeldShares held = deal(7, 7);
  held.holders[1] = held.holders[0];
  held.shares[1] = held.shares[0];
  EXPECT_FALSE(recover(held, 7).found);
}

}  // namespace
}  // namespace sotto::aggregator
