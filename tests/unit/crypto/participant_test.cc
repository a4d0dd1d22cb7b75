// Whole sessions between real participants: what they reveal is the sum and only the sum.
#include "sotto/secagg/participant.h"

#include <gtest/gtest.h>

#include "session_relay.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using State = Participant::State;

constexpr std::uint16_t majority(std::uint16_t neighbours) {
  return static_cast<std::uint16_t>(neighbours / 2 + 1);
}

RelayOptions complete_graph(std::uint16_t participants) {
  const auto neighbours = static_cast<std::uint16_t>(participants - 1);
  return {
      .graph = {.participants = participants, .neighbours = neighbours, .threshold = majority(neighbours)}};
}

IndexSet without(IndexSet all, const IndexSet& dropped) {
  for (const std::uint16_t index : dropped) all.erase(index);
  return all;
}

// Devices that drop out before sharing, before masking, and after their vector.
struct DropOuts {
  IndexSet before_shares = {};
  IndexSet before_vector = {};
  IndexSet before_answer = {};
};

void run(SessionRelay& relay, const DropOuts& drop_outs) {
  ASSERT_NO_FATAL_FAILURE(relay.advertise_all());
  IndexSet present = without(relay.everybody(), drop_outs.before_shares);
  ASSERT_NO_FATAL_FAILURE(relay.share_all(present));
  ASSERT_NO_FATAL_FAILURE(relay.deliver_all(present));
  present = without(present, drop_outs.before_vector);
  ASSERT_NO_FATAL_FAILURE(relay.mask_all(present));
  present = without(present, drop_outs.before_answer);
  ASSERT_NO_FATAL_FAILURE(relay.unmask_all(present));
}

TEST(Participant, CohortsOfThreeToTwelveRevealTheirSum) {
  for (std::uint16_t participants = 3; participants <= 12; ++participants) {
    RelayOptions options = complete_graph(participants);
    options.prg = participants % 2 == 0 ? crypto::Prg::kChaCha20 : crypto::Prg::kAes128Ctr;
    options.seed = participants;
    SessionRelay relay(options);
    ASSERT_NO_FATAL_FAILURE(run(relay, {}));
    const auto sum = relay.recover();
    ASSERT_TRUE(sum.has_value()) << participants;
    EXPECT_EQ(*sum, relay.plain_sum()) << participants;
  }
}

TEST(Participant, WordPackedCohortsRevealTheirSum) {
  RelayOptions options = complete_graph(6);
  options.participants_max = 300;
  options.lanes = 1000;
  SessionRelay relay(options);
  ASSERT_TRUE(relay.layout().word_packed());
  ASSERT_NO_FATAL_FAILURE(run(relay, {.before_vector = {2}}));
  EXPECT_EQ(relay.recover(), relay.plain_sum());
}

TEST(Participant, SumsSurviveDropOutsAtEveryStep) {
  SessionRelay relay(complete_graph(12));
  ASSERT_NO_FATAL_FAILURE(
      run(relay, {.before_shares = {0, 7}, .before_vector = {3, 11}, .before_answer = {5}}));
  EXPECT_EQ(relay.recover(), relay.plain_sum());
}

TEST(Participant, SumsSurviveDropOutsOnASparseGraph) {
  RelayOptions options{.graph = {.participants = 24, .neighbours = 8, .threshold = 5}};
  SessionRelay relay(options);
  ASSERT_NO_FATAL_FAILURE(run(relay, {.before_shares = {4}, .before_vector = {9, 17}}));
  EXPECT_EQ(relay.recover(), relay.plain_sum());
  EXPECT_EQ(relay.device(0).participant.graph(), options.graph);
}

TEST(Participant, ThresholdAnswersAreEnough) {
  SessionRelay relay(complete_graph(7));  // threshold 4 of 6 neighbours
  ASSERT_NO_FATAL_FAILURE(run(relay, {.before_answer = {0, 1}}));
  EXPECT_EQ(relay.recover(), relay.plain_sum());
}

TEST(Participant, FewerThanThresholdAnswersRevealNothing) {
  SessionRelay relay(complete_graph(7));
  ASSERT_NO_FATAL_FAILURE(run(relay, {.before_answer = {0, 1, 2}}));
  EXPECT_FALSE(relay.recover().has_value());
}

TEST(Participant, MaskedVectorsLookNothingLikeThePlainOnes) {
  RelayOptions options = complete_graph(3);
  options.lanes = 10'000;
  SessionRelay relay(options);
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
  SessionRelay relay(complete_graph(4));
  relay.advertise_all();
  // Device 3 is told of another round: its keys derive from another transcript.
  SessionContext other = relay.context();
  ++other.round;
  RelayOptions options = complete_graph(4);
  RelayDevice stranger(other, options, options.seed * 1000 + 3);  // the same randomness, so the same keys
  std::array<std::uint8_t, kAdvertiseBytes> advertise;
  ASSERT_EQ(stranger.participant.advertise(advertise), Rejection::kNone);
  ASSERT_EQ(advertise, relay.device(3).advertise);
  std::vector<std::uint8_t> shares(shares_bytes(3));
  std::size_t written = 0;
  ASSERT_EQ(stranger.participant.receive_roster(relay.roster_message(), shares, written), Rejection::kNone);
  relay.share_all({0, 1, 2, 3});
  EXPECT_NE(shares, relay.device(3).shares);
  relay.device(3).shares = shares;
  relay.deliver_all({0, 1, 2});
  relay.mask_all({0, 1, 2});
  relay.unmask_all({0, 1, 2});
  // The others answer, but none could open device 3's record.
  for (const std::uint16_t index : IndexSet{0, 1, 2}) {
    const auto& answer = relay.device(index).answer;
    EXPECT_TRUE(std::equal(kNoShare.begin(), kNoShare.end(), answer.end() - kShareBytes));
  }
  EXPECT_FALSE(relay.recover().has_value());
}

TEST(Participant, ARecordThatDoesNotOpenIsAnsweredWithNoShare) {
  SessionRelay relay(complete_graph(5));
  relay.advertise_all();
  relay.share_all(relay.everybody());
  relay.device(2).shares[shares_bytes(0) + 5] ^= 1;  // device 2's record for its first neighbour, device 0
  relay.deliver_all(relay.everybody());
  relay.mask_all(relay.everybody());
  relay.unmask_all(relay.everybody());
  const auto& answer = relay.device(0).answer;  // neighbours 1, 2, 3, 4
  ASSERT_EQ(answer.size(), 4 * kShareBytes);
  EXPECT_TRUE(std::equal(kNoShare.begin(), kNoShare.end(), answer.begin() + kShareBytes));
  EXPECT_FALSE(std::equal(kNoShare.begin(), kNoShare.end(), answer.begin()));
  EXPECT_EQ(relay.recover(), relay.plain_sum());  // three other shares of device 2 are enough
}

TEST(Participant, StatesFollowTheDiagram) {
  SessionRelay relay(complete_graph(3));
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
  EXPECT_EQ(participant.state(), State::kUnmask);
  relay.unmask_all(relay.everybody());
  EXPECT_EQ(participant.state(), State::kDone);
}

TEST(Participant, FreshSessionsUseFreshKeys) {
  SessionRelay first(complete_graph(3));
  RelayOptions options = complete_graph(3);
  options.seed = 2;
  SessionRelay second(options);
  first.advertise_all();
  second.advertise_all();
  EXPECT_NE(first.device(0).advertise, second.device(0).advertise);
  EXPECT_NE(first.device(0).advertise, first.device(1).advertise);
}

bool all_wiped(const std::vector<NeighbourSlot>& slots) {
  return std::all_of(slots.begin(), slots.end(), [](const NeighbourSlot& slot) {
    return slot.index == 0 && !slot.alive && slot.mask_key == crypto::X25519PublicKey{} &&
           slot.channel_secret == crypto::SecretBytes<crypto::kX25519Bytes>() &&
           slot.record == std::array<std::uint8_t, kShareRecordBytes>{};
  });
}

TEST(Participant, SlotsAreWipedAtTheEndOfTheSession) {
  SessionRelay relay(complete_graph(4));
  relay.advertise_all();
  relay.share_all(relay.everybody());
  relay.deliver_all(relay.everybody());
  relay.mask_all(relay.everybody());
  EXPECT_FALSE(all_wiped(relay.device(0).slots));
  ASSERT_EQ(relay.unmask(0), Rejection::kNone);
  EXPECT_TRUE(all_wiped(relay.device(0).slots));
  std::size_t written = 0;
  ASSERT_EQ(relay.device(1).participant.receive_unmask({}, {}, written), Rejection::kMalformed);
  EXPECT_TRUE(all_wiped(relay.device(1).slots));
}

TEST(Participant, SlotsAreWipedWhenItGoesAway) {
  SessionRelay relay(complete_graph(3));
  relay.advertise_all();
  // A second machine with the randomness, so the keys, of device 0.
  crypto::SeededRandom random(std::uint64_t{1000});
  std::vector<NeighbourSlot> slots(2);
  std::vector<std::uint16_t> order(3);
  {
    Participant participant(relay.context(), {}, slots, order, random);
    std::array<std::uint8_t, kAdvertiseBytes> advertise;
    ASSERT_EQ(participant.advertise(advertise), Rejection::kNone);
    std::vector<std::uint8_t> shares(shares_bytes(2));
    std::size_t written = 0;
    ASSERT_EQ(participant.receive_roster(relay.roster_message(), shares, written), Rejection::kNone);
    EXPECT_FALSE(all_wiped(slots));
  }
  EXPECT_TRUE(all_wiped(slots));
}

}  // namespace
}  // namespace sotto::secagg
