// Whole sessions between real participants: what they reveal is the sum and only the sum.
#include "sotto/secagg/participant.h"

#include <gtest/gtest.h>

#include "session_relay.h"
#include "sotto/secagg/parameters.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using State = Participant::State;

IndexSet without(IndexSet all, const IndexSet& dropped) {
  for (const std::uint16_t index : dropped) all.erase(index);
  return all;
}

// Devices that drop out before sharing, before masking, and after their vector or their signature.
struct DropOuts {
  IndexSet before_shares = {};
  IndexSet before_vector = {};
  IndexSet before_confirm = {};
  IndexSet before_answer = {};
};

void run(SessionRelay& relay, const DropOuts& drop_outs) {
  ASSERT_NO_FATAL_FAILURE(relay.advertise_all());
  IndexSet present = without(relay.everybody(), drop_outs.before_shares);
  ASSERT_NO_FATAL_FAILURE(relay.share_all(present));
  ASSERT_NO_FATAL_FAILURE(relay.deliver_all(present));
  present = without(present, drop_outs.before_vector);
  ASSERT_NO_FATAL_FAILURE(relay.mask_all(present));
  present = without(present, drop_outs.before_confirm);
  ASSERT_NO_FATAL_FAILURE(relay.confirm_all(present));
  present = without(present, drop_outs.before_answer);
  ASSERT_NO_FATAL_FAILURE(relay.unmask_all(present));
}

TEST(Participant, CohortsOfThreeToTwelveRevealTheirSum) {
  for (const Adversary adversary : {Adversary::kCurious, Adversary::kSemiMalicious}) {
    for (std::uint16_t participants = 3; participants <= 12; ++participants) {
      SessionRelay relay({.participants = participants,
                          .adversary = adversary,
                          .corrupt_fraction = participants < 4 ? 0.0f : 0.1f,
                          .prg = participants % 2 == 0 ? crypto::Prg::kChaCha20 : crypto::Prg::kAes128Ctr,
                          .seed = participants});
      ASSERT_NO_FATAL_FAILURE(run(relay, {}));
      const auto sum = relay.recover();
      ASSERT_TRUE(sum.has_value()) << participants;
      EXPECT_EQ(*sum, relay.plain_sum()) << participants;
    }
  }
}

TEST(Participant, WordPackedCohortsRevealTheirSum) {
  SessionRelay relay({.participants = 6, .participants_max = 300, .lanes = 1000});
  ASSERT_TRUE(relay.layout().word_packed());
  ASSERT_NO_FATAL_FAILURE(run(relay, {.before_vector = {2}}));
  EXPECT_EQ(relay.recover(), relay.plain_sum());
}

TEST(Participant, SumsSurviveDropOutsAtEveryStep) {
  SessionRelay relay({.participants = 12, .corrupt_fraction = 0.08f});  // threshold 7 of 11 neighbours
  ASSERT_NO_FATAL_FAILURE(
      run(relay, {.before_shares = {0}, .before_vector = {3}, .before_confirm = {11}, .before_answer = {5}}));
  EXPECT_EQ(relay.recover(), relay.plain_sum());
}

TEST(Participant, SumsOfUnsignedSessionsSurviveMoreDropOuts) {
  SessionRelay relay({.participants = 12, .adversary = Adversary::kCurious});
  ASSERT_NO_FATAL_FAILURE(
      run(relay, {.before_shares = {0, 7}, .before_vector = {3, 11}, .before_answer = {5, 9}}));
  EXPECT_EQ(relay.recover(), relay.plain_sum());
}

TEST(Participant, SumsSurviveDropOutsOnASparseGraph) {
  for (const Adversary adversary : {Adversary::kCurious, Adversary::kSemiMalicious}) {
    SessionRelay relay({.participants = 80, .adversary = adversary});
    ASSERT_LT(relay.graph().neighbours, 79);
    ASSERT_NO_FATAL_FAILURE(run(relay, {.before_shares = {4}, .before_vector = {9, 17}}));
    EXPECT_EQ(relay.recover(), relay.plain_sum());
    EXPECT_EQ(relay.device(0).participant.graph(), relay.graph());
  }
}

TEST(Participant, ThresholdAnswersAreEnough) {
  SessionRelay relay({.participants = 7, .corrupt_fraction = 0});  // threshold 4 of 6 neighbours
  ASSERT_NO_FATAL_FAILURE(run(relay, {.before_answer = {0, 1}}));
  EXPECT_EQ(relay.recover(), relay.plain_sum());
}

TEST(Participant, FewerThanThresholdAnswersRevealNothing) {
  SessionRelay relay({.participants = 7, .corrupt_fraction = 0});
  ASSERT_NO_FATAL_FAILURE(run(relay, {.before_answer = {0, 1, 2}}));
  EXPECT_FALSE(relay.recover().has_value());
}

TEST(Participant, MaskedVectorsLookNothingLikeThePlainOnes) {
  SessionRelay relay({.participants = 3, .corrupt_fraction = 0, .lanes = 10'000});
  ASSERT_NO_FATAL_FAILURE(run(relay, {}));
  for (const std::uint16_t index : relay.everybody()) {
    // Plain 16-bit lanes have a zero upper byte; of masked ones 1 in 256 has, 39 expected here.
    std::size_t zero_bytes = 0;
    const auto& ring = relay.device(index).ring;
    for (std::size_t i = 1; i < ring.size(); i += 2) zero_bytes += ring[i] == 0 ? 1 : 0;
    EXPECT_LT(zero_bytes, 80u);
  }
}

TEST(Participant, ServersThatShowDifferentModelsGetNoSum) {
  const RelayOptions options{.participants = 6};
  SessionRelay relay(options);
  relay.advertise_all();
  // Device 5 is told of another round: its keys derive from another transcript.
  SessionContext other = relay.context();
  ++other.round;
  RelayDevice stranger(other, options, options.seed * 1000 + 5);  // the same randomness, so the same keys
  std::vector<std::uint8_t> join(join_bytes(options.adversary));
  std::size_t written = 0;
  ASSERT_EQ(stranger.participant.advertise(join, written), Rejection::kNone);
  ASSERT_TRUE(std::equal(join.begin(), join.begin() + kAdvertiseBytes, relay.device(5).join.begin()));
  std::vector<std::uint8_t> shares(shares_bytes(5));
  ASSERT_EQ(stranger.participant.receive_roster(relay.roster_message(5), shares, written), Rejection::kNone);
  relay.share_all(relay.everybody());
  EXPECT_NE(shares, relay.device(5).shares);
  relay.device(5).shares = shares;
  const IndexSet others{0, 1, 2, 3, 4};
  relay.deliver_all(others);
  relay.mask_all(others);
  relay.confirm_all(others);
  relay.unmask_all(others);
  // The others answer, but none could open device 5's record.
  for (const std::uint16_t index : others) {
    const auto& answer = relay.device(index).answer;
    EXPECT_TRUE(
        std::equal(kNoShare.begin(), kNoShare.end(), answer.end() - kShareBytes - crypto::kPrgKeyBytes));
  }
  EXPECT_FALSE(relay.recover().has_value());
}

TEST(Participant, ARecordThatDoesNotOpenIsAnsweredWithNoShare) {
  SessionRelay relay({.participants = 5, .corrupt_fraction = 0});
  relay.advertise_all();
  relay.share_all(relay.everybody());
  // Device 2's record for its first neighbour, device 0.
  relay.device(2).shares[share_record_offset(0) + 5] ^= 1;
  relay.deliver_all(relay.everybody());
  relay.mask_all(relay.everybody());
  relay.confirm_all(relay.everybody());
  relay.unmask_all(relay.everybody());
  const auto& answer = relay.device(0).answer;  // neighbours 1, 2, 3, 4
  ASSERT_EQ(answer.size(), 4 * kShareBytes);
  EXPECT_TRUE(std::equal(kNoShare.begin(), kNoShare.end(), answer.begin() + kShareBytes));
  EXPECT_FALSE(std::equal(kNoShare.begin(), kNoShare.end(), answer.begin()));
  EXPECT_EQ(relay.recover(), relay.plain_sum());  // three other shares of device 2 are enough
}

TEST(Participant, BothEndsTagTheSamePairKeyAndReleaseItForAMissingOneOnly) {
  SessionRelay relay({.participants = 6, .corrupt_fraction = 0});
  relay.advertise_all();
  relay.share_all(relay.everybody());
  for (const std::uint16_t one : relay.everybody()) {
    for (const std::uint16_t other : relay.neighbours(one))
      EXPECT_EQ(relay.pair_tag_of(one, other), relay.pair_tag_of(other, one)) << one << ' ' << other;
  }
  relay.deliver_all(relay.everybody());
  const IndexSet survivors{0, 1, 3, 4, 5};
  relay.mask_all(survivors);
  relay.confirm_all(survivors);
  // Of a survivor the key is gone before anybody asks for a share of its self seed.
  for (const NeighbourSlot& slot : std::span(relay.device(0).slots).first(5))
    EXPECT_EQ(slot.pair_key == MaskKey(), slot.index != 2);
  relay.unmask_all(survivors);
  for (const std::uint16_t survivor : survivors) {
    EXPECT_EQ(relay.device(survivor).answer.size(), unmask_answer_bytes(5, 1));
    MaskKey key;
    std::ranges::copy(relay.released_key(survivor, 2), key.reveal_mutable().begin());
    const PairTag tag = pair_tag(key, relay.transcript(), {survivor}, {2});
    EXPECT_TRUE(std::ranges::equal(tag, relay.pair_tag_of(2, survivor)));
  }
  EXPECT_EQ(relay.recover(), relay.plain_sum());
}

TEST(Participant, APairKeyIsForgottenWhenTheNeighbourDoesNotShare) {
  SessionRelay relay({.participants = 6, .corrupt_fraction = 0});
  relay.advertise_all();
  relay.share_all({0, 1, 2, 3, 4});
  const std::span slots = std::span(relay.device(0).slots).first(5);
  for (const NeighbourSlot& slot : slots) EXPECT_FALSE(slot.pair_key == MaskKey());
  ASSERT_EQ(relay.deliver(0), Rejection::kNone);
  for (const NeighbourSlot& slot : slots) EXPECT_EQ(slot.pair_key == MaskKey(), slot.index == 5);
}

TEST(Participant, StatesFollowTheDiagram) {
  SessionRelay relay({.participants = 3, .corrupt_fraction = 0});
  Participant& participant = relay.device(1).participant;
  EXPECT_EQ(participant.state(), State::kAdvertise);
  relay.advertise_all();
  EXPECT_EQ(participant.state(), State::kRoster);
  relay.share_all(relay.everybody());
  EXPECT_EQ(participant.state(), State::kDelivery);
  EXPECT_EQ(participant.index(), ParticipantIndex{1});
  relay.deliver_all(relay.everybody());
  EXPECT_EQ(participant.state(), State::kMask);
  relay.mask_all(relay.everybody());
  EXPECT_EQ(participant.state(), State::kConfirm);
  relay.confirm_all(relay.everybody());
  EXPECT_EQ(participant.state(), State::kUnmask);
  relay.unmask_all(relay.everybody());
  EXPECT_EQ(participant.state(), State::kDone);
}

TEST(Participant, FreshSessionsUseFreshKeys) {
  SessionRelay first({.participants = 3, .corrupt_fraction = 0});
  SessionRelay second({.participants = 3, .corrupt_fraction = 0, .seed = 2});
  first.advertise_all();
  second.advertise_all();
  const auto keys = [](RelayDevice& device) {
    return std::vector<std::uint8_t>(device.join.begin(), device.join.begin() + kAdvertiseBytes);
  };
  EXPECT_NE(keys(first.device(0)), keys(second.device(0)));
  EXPECT_NE(keys(first.device(0)), keys(first.device(1)));
}

bool all_wiped(const std::vector<NeighbourSlot>& slots) {
  return std::all_of(slots.begin(), slots.end(), [](const NeighbourSlot& slot) {
    return slot.index == 0 && !slot.alive && !slot.survives && slot.pair_key == MaskKey() &&
           slot.identity == crypto::Es256PublicKey{} &&
           slot.channel_secret == crypto::SecretBytes<crypto::kX25519Bytes>() &&
           slot.record == std::array<std::uint8_t, kShareRecordBytes>{};
  });
}

TEST(Participant, SlotsAreWipedAtTheEndOfTheSession) {
  SessionRelay relay({.participants = 4});
  relay.advertise_all();
  relay.share_all(relay.everybody());
  relay.deliver_all(relay.everybody());
  relay.mask_all(relay.everybody());
  EXPECT_FALSE(all_wiped(relay.device(0).slots));
  relay.confirm_all(relay.everybody());
  ASSERT_EQ(relay.unmask(0), Rejection::kNone);
  EXPECT_TRUE(all_wiped(relay.device(0).slots));
  std::size_t written = 0;
  ASSERT_EQ(relay.device(1).participant.receive_unmask({}, {}, written), Rejection::kMalformed);
  EXPECT_TRUE(all_wiped(relay.device(1).slots));
}

TEST(Participant, SlotsAreWipedWhenItGoesAway) {
  SessionRelay relay({.participants = 3, .corrupt_fraction = 0});
  relay.advertise_all();
  // A second machine with the randomness, so the keys, of device 0.
  Enrolment enrolment(1000);
  crypto::SeededRandom random(std::uint64_t{1000});
  std::vector<NeighbourSlot> slots(2);
  std::vector<std::uint16_t> order(3);
  {
    Participant participant(relay.context(), {.corrupt_fraction = 0}, &enrolment.identity, slots, order,
                            random);
    std::vector<std::uint8_t> join(join_bytes(Adversary::kSemiMalicious));
    std::size_t written = 0;
    ASSERT_EQ(participant.advertise(join, written), Rejection::kNone);
    std::vector<std::uint8_t> shares(shares_bytes(2));
    ASSERT_EQ(participant.receive_roster(relay.roster_message(0), shares, written), Rejection::kNone);
    EXPECT_FALSE(all_wiped(slots));
  }
  EXPECT_TRUE(all_wiped(slots));
}

}  // namespace
}  // namespace sotto::secagg
