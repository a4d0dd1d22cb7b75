// What a secure session makes of the answers to its unmask request when some are wrong or missing.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "cohort.h"
#include "sotto/crypto/primitives.h"

namespace sotto::aggregator {
namespace {

using proto::Step;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void spoil_every(std::vector<std::uint8_t>& payload, std::size_t stride) {
  for (std::size_t i = 0; i < payload.size(); i += stride) payload[i] ^= 1;
}

// Twelve devices, of which one left after it had shared.
constexpr std::size_t kGone = 6;
Play with_one_gone() {
  Play play{.leaves = std::vector<Leaves>(12, Leaves::kNever)};
  play.leaves[kGone] = Leaves::kAfterShares;
  return play;
}
// Of another device of these, on the complete graph.
std::size_t rank_of_the_gone(std::size_t device) { return device < kGone ? kGone - 1 : kGone; }
// Where another's answer has its share about a neighbour of this rank, and the pair key.
std::size_t share_in_answer(std::size_t device, std::size_t rank) {
  return secagg::unmask_answer_bytes(rank, rank > rank_of_the_gone(device) ? 1 : 0);
}
std::size_t key_in_answer(std::size_t device) {
  return share_in_answer(device, rank_of_the_gone(device)) + secagg::kShareBytes;
}
// Where a device's shares message has the tag of the key it shares with another.
std::size_t tag_in_shares(std::size_t rank) {
  return secagg::share_record_offset(11) + rank * secagg::kPairTagBytes;
}

void spoil_shares(std::size_t device, std::vector<std::uint8_t>& answer) {
  for (std::size_t rank = 0; rank < 11; ++rank) answer[share_in_answer(device, rank)] ^= 1;
}

TEST(Unmasking, SurvivesWrongSharesAndNamesTheirSender) {
  for (const std::size_t liar : {0, 4, 11}) {
    Cohort cohort(plan_for(20), 12, 11);
    Play play = with_one_gone();
    play.leaves[2] = Leaves::kAfterConfirming;  // so that a mask seed is rebuilt, too
    play.tamper = [&](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
      if (step == Step::kUnmask && device == liar) spoil_shares(device, payload);
    };
    const Outcome outcome = cohort.play(play);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    expect_equal(outcome.sum, cohort.expected(play));
    // Seven shares are enough and right without the last device's, so nobody looks at them.
    const bool looked_at = liar != 11;
    EXPECT_EQ(outcome.dishonest.size(), looked_at ? 1u : 0u);
    EXPECT_THAT(outcome.dishonest, Each(ParticipantIndex{static_cast<std::uint16_t>(liar)}));
  }
}

TEST(Unmasking, SurvivesSeveralLiarsAndNamesThem) {
  Cohort cohort(plan_for(40), 40, 12);
  Play play;
  const std::set<std::size_t> liars = {1, 3, 8};
  play.tamper = [&](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step == Step::kUnmask && liars.contains(device)) spoil_every(payload, secagg::kShareBytes);
  };
  play.threads = 2;
  const Outcome outcome = cohort.play(play);
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  expect_equal(outcome.sum, cohort.expected(play));
  EXPECT_THAT(outcome.dishonest, ElementsAre(ParticipantIndex{1}, ParticipantIndex{3}, ParticipantIndex{8}));
}

TEST(Unmasking, IsAbandonedWhenMostSharesAreWrong) {
  Cohort cohort(plan_for(20), 12, 13);
  Play play;
  play.tamper = [](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step == Step::kUnmask && device < 7) spoil_every(payload, secagg::kShareBytes);
  };
  const Outcome outcome = cohort.play(play);
  EXPECT_EQ(outcome.status.code(), StatusCode::kAborted);
  EXPECT_THAT(outcome.status.message(), HasSubstr("cannot be rebuilt from its 11 shares"));
}

TEST(Unmasking, DoesWithoutTheFewRecordsThatDoNotOpen) {
  Cohort cohort(plan_for(20), 12, 14);
  Play play{.leaves = leaving(12, 12, Leaves::kAfterShares)};  // device 6 damaged two of its records and left
  play.tamper = [](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step != Step::kShare || device != 6) return;
    payload[secagg::share_record_offset(0)] ^= 1;
    payload[secagg::share_record_offset(5)] ^= 1;
  };
  expect_exact(cohort, play);
}

TEST(Unmasking, IsAbandonedWhenADealerCheats) {
  Cohort cohort(plan_for(20), 12, 15);
  Play damaged;
  damaged.tamper = [](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step != Step::kShare || device != 5) return;
    for (std::size_t rank = 0; rank < 11; ++rank) payload[secagg::share_record_offset(rank)] ^= 1;
  };
  EXPECT_THAT(cohort.play(damaged).status.message(),
              HasSubstr("the self seed of participant 5 has 0 shares left, 7 are needed"));
  Play other_commitment;
  other_commitment.tamper = [](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step == Step::kShare && device == 5) payload[7] ^= 1;
  };
  EXPECT_THAT(cohort.play(other_commitment).status.message(),
              HasSubstr("the seed of participant 5 cannot be rebuilt"));
}

// ---- pair keys ----

Outcome play_tampered(Play play,
                      const std::function<void(Step, std::size_t, std::vector<std::uint8_t>&)>& how) {
  Cohort cohort(plan_for(20), 12, 21);
  play.tamper = how;
  play.threads = 2;
  Outcome outcome = cohort.play(play);
  if (outcome.status.ok()) expect_equal(outcome.sum, cohort.expected(play));
  return outcome;
}

TEST(Unmasking, RebuildsThePairOfAWrongKeyAndNamesItsSender) {
  for (const std::size_t liar : {0, 5, 7, 11}) {
    const Outcome outcome = play_tampered(with_one_gone(), [&](Step step, std::size_t device, auto& payload) {
      if (step == Step::kUnmask && device == liar) payload[key_in_answer(device) + 31] ^= 1;
    });
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    EXPECT_THAT(outcome.dishonest, ElementsAre(ParticipantIndex{static_cast<std::uint16_t>(liar)}));
  }
}

TEST(Unmasking, RebuildsThePairOfAWrongTagAndNamesItsSender) {
  const Outcome survivors = play_tampered(with_one_gone(), [](Step step, std::size_t device, auto& payload) {
    if (step == Step::kShare && device == 9) payload[tag_in_shares(rank_of_the_gone(9))] ^= 1;
  });
  ASSERT_TRUE(survivors.status.ok()) << survivors.status.message();
  EXPECT_THAT(survivors.dishonest, ElementsAre(ParticipantIndex{9}));
  const Outcome the_gones = play_tampered(with_one_gone(), [](Step step, std::size_t device, auto& payload) {
    if (step == Step::kShare && device == kGone) {
      for (std::size_t rank = 0; rank < 11; ++rank) payload[tag_in_shares(rank) + 7] ^= 0x80;
    }
  });
  ASSERT_TRUE(the_gones.status.ok()) << the_gones.status.message();
  EXPECT_THAT(the_gones.dishonest, ElementsAre(ParticipantIndex{kGone}));
}

TEST(Unmasking, NamesBothEndsThatLieDifferently) {
  const Outcome outcome = play_tampered(with_one_gone(), [](Step step, std::size_t device, auto& payload) {
    if (step == Step::kShare && device == kGone) payload[tag_in_shares(3)] ^= 1;
    if (step == Step::kShare && device == 3) payload[tag_in_shares(rank_of_the_gone(3))] ^= 2;
    if (step == Step::kUnmask && device == 3) payload[key_in_answer(3)] ^= 4;
  });
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  EXPECT_THAT(outcome.dishonest, ElementsAre(ParticipantIndex{3}, ParticipantIndex{kGone}));
}

// A key that was right in another session, or for another neighbour.
TEST(Unmasking, NamesWhoReleasesAKeyOfAnotherSession) {
  Cohort earlier(plan_for(20), 12, 22);
  std::vector<std::uint8_t> old_answer;
  Play first = with_one_gone();
  first.sent = [&](CohortSession&, ParticipantIndex from, Step step, Bytes payload) {
    if (step == Step::kUnmask && from.value == 8) old_answer.assign(payload.begin(), payload.end());
  };
  ASSERT_TRUE(earlier.play(first).status.ok());
  const Outcome outcome = play_tampered(with_one_gone(), [&](Step step, std::size_t device, auto& payload) {
    if (step != Step::kUnmask || device != 8) return;
    const auto key = static_cast<std::ptrdiff_t>(key_in_answer(8));
    std::copy_n(old_answer.begin() + key, crypto::kPrgKeyBytes, payload.begin() + key);
  });
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  EXPECT_THAT(outcome.dishonest, ElementsAre(ParticipantIndex{8}));
}

TEST(Unmasking, AgreesAgainOnThePairsOfWhoeverConfirmsAndFallsSilent) {
  Cohort cohort(plan_for(20), 12, 23);
  Play play = with_one_gone();
  play.leaves[1] = Leaves::kAfterConfirming;
  play.leaves[10] = Leaves::kAfterVector;
  expect_exact(cohort, play);
}

// Who deals unusable shares and leaves costs nobody the sum: its neighbours know their keys.
TEST(Unmasking, NeedsNoShareOfAMaskSeedWhenEveryPairIsKnown) {
  Cohort cohort(plan_for(20), 12, 24);
  Play play = with_one_gone();
  play.tamper = [](Step step, std::size_t device, std::vector<std::uint8_t>& payload) {
    if (step != Step::kShare || device != kGone) return;
    for (std::size_t rank = 0; rank < 11; ++rank) payload[secagg::share_record_offset(rank)] ^= 1;
  };
  expect_exact(cohort, play);
}

TEST(Unmasking, IsAbandonedWhenAPairIsInDisputeAndTheMaskSeedIsLost) {
  const Outcome outcome = play_tampered(with_one_gone(), [](Step step, std::size_t device, auto& payload) {
    if (step == Step::kShare && device == kGone) {
      for (std::size_t rank = 0; rank < 11; ++rank) payload[secagg::share_record_offset(rank)] ^= 1;
    }
    if (step == Step::kUnmask && device == 4) payload[key_in_answer(4)] ^= 1;
  });
  EXPECT_THAT(outcome.status.message(),
              HasSubstr("the mask seed of participant 6 has 0 shares left, 7 are needed"));
  EXPECT_THAT(outcome.dishonest, ElementsAre(ParticipantIndex{4}));  // it has contradicted itself
}

TEST(Unmasking, RefusesAnAnswerThatIsShortOfAPairKeyOrHasOneTooMany) {
  for (const int change : {-1, 1}) {
    const Outcome outcome = play_tampered(with_one_gone(), [&](Step step, std::size_t device, auto& payload) {
      if (step != Step::kUnmask || device != 9) return;
      payload.resize(payload.size() + static_cast<std::size_t>(change) * crypto::kPrgKeyBytes);
    });
    EXPECT_THAT(outcome.refusals,
                ElementsAre(Refusal{.step = Step::kUnmask, .device = 9, .reason = Rejection::kWrongLength}));
    EXPECT_TRUE(outcome.status.ok()) << outcome.status.message();
    EXPECT_THAT(outcome.dishonest, IsEmpty());
  }
}

}  // namespace
}  // namespace sotto::aggregator
