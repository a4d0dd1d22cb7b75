// What a hostile or broken coordinator may try with a roster: PROTOCOL.md section 6.3, refusal by refusal.
#include <gtest/gtest.h>

#include <algorithm>

#include "session_relay.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/participant.h"
#include "support/fresh_key.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using State = Participant::State;

// Offsets in a roster message.
constexpr std::size_t kPrgAt = 1;
constexpr std::size_t kRingBitsAt = 2;
constexpr std::size_t kAdversaryAt = 3;
constexpr std::size_t kNeighboursAt = 22;
constexpr std::size_t kThresholdAt = 24;
// Offsets in an entry.
constexpr std::size_t kChannelKeyAt = 0;
constexpr std::size_t kMaskKeyAt = crypto::kX25519Bytes;
constexpr std::size_t kIdentityAt = kAdvertiseBytes;

// Device 0 of six on the complete graph, and the roster it is about to receive.
class RosterOfSix : public testing::Test {
 protected:
  explicit RosterOfSix(Adversary adversary)
      : adversary_(adversary), relay_({.participants = 6, .adversary = adversary}) {
    relay_.advertise_all();
    message_ = relay_.roster_message(0);
  }

  std::uint8_t* entry(std::size_t index) { return message_.data() + roster_head_bytes(adversary_, index); }
  void copy_key(std::size_t from, std::size_t from_at, std::size_t to, std::size_t to_at) {
    std::copy_n(entry(from) + from_at, crypto::kX25519Bytes, entry(to) + to_at);
  }
  void set_graph(std::uint16_t neighbours, std::uint16_t threshold) {
    store_le(message_.data() + kNeighboursAt, neighbours);
    store_le(message_.data() + kThresholdAt, threshold);
    const GraphParameters graph{.participants = 6, .neighbours = neighbours, .threshold = threshold};
    message_.resize(roster_bytes(adversary_, graph));
  }

  // What device 0 answers to the roster as it now is, at once and in chunks. Whatever it refuses, it refuses
  // for good.
  Rejection receive() {
    const Rejection rejection = receive_whole();
    for (const std::size_t chunk_bytes : {1, 64, 97, 500}) {
      RelayDevice twin(relay_.context(), {.participants = 6, .adversary = adversary_}, 1000);
      twin.join.resize(join_bytes(adversary_));
      std::vector<std::uint8_t> out(shares_bytes(5), 0xcc);
      std::size_t written = 0;
      EXPECT_EQ(twin.participant.advertise(twin.join, written), Rejection::kNone);
      EXPECT_EQ(receive_in_chunks(twin.participant, message_, chunk_bytes, out, written), rejection)
          << chunk_bytes;
      EXPECT_EQ(out, shares_) << chunk_bytes;
      EXPECT_EQ(twin.participant.state(), relay_.device(0).participant.state());
    }
    return rejection;
  }

  Rejection receive_whole() {
    Participant& participant = relay_.device(0).participant;
    shares_.assign(shares_bytes(5), 0xcc);
    std::size_t written = 99;
    const Rejection rejection = participant.receive_roster(message_, shares_, written);
    if (!accepted(rejection)) {
      EXPECT_EQ(written, 0u);
      EXPECT_EQ(participant.state(), State::kFailed);
      std::vector<std::uint8_t> out(shares_bytes(5));
      EXPECT_EQ(participant.receive_roster(relay_.roster_message(0), out, written), Rejection::kWrongPhase);
    }
    return rejection;
  }

  Adversary adversary_;
  SessionRelay relay_;
  std::vector<std::uint8_t> message_;
  std::vector<std::uint8_t> shares_;  // what it answered
};

// ---- both forms ----

class AnyRoster : public RosterOfSix, public testing::WithParamInterface<Adversary> {
 protected:
  AnyRoster() : RosterOfSix(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Adversaries, AnyRoster,
                         testing::Values(Adversary::kCurious, Adversary::kSemiMalicious),
                         [](const testing::TestParamInfo<Adversary>& param_info) {
                           return param_info.param == Adversary::kCurious ? "Curious" : "SemiMalicious";
                         });

TEST_P(AnyRoster, TheHonestRosterIsAccepted) { EXPECT_EQ(receive(), Rejection::kNone); }

TEST_P(AnyRoster, AnotherVersionIsRefused) {
  message_[0] = 2;
  EXPECT_EQ(receive(), Rejection::kWrongVersion);
}

TEST_P(AnyRoster, ATruncatedRosterIsRefused) {
  message_.pop_back();
  EXPECT_EQ(receive(), Rejection::kMalformed);
}

TEST_P(AnyRoster, LeftoverBytesAreRefused) {
  message_.push_back(0);
  EXPECT_EQ(receive(), Rejection::kMalformed);
}

TEST_P(AnyRoster, AnUnknownAdversaryIsRefused) {
  message_[kAdversaryAt] = 3;
  EXPECT_EQ(receive(), Rejection::kMalformed);
}

TEST_P(AnyRoster, TheFormForAnotherAdversaryThanThePlansIsRefused) {
  const bool curious = adversary_ == Adversary::kCurious;
  SessionRelay other(
      {.participants = 6, .adversary = curious ? Adversary::kSemiMalicious : Adversary::kCurious});
  other.advertise_all();
  message_ = other.roster_message(0);
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_P(AnyRoster, AnotherPrgThanThePlansIsRefused) {
  message_[kPrgAt] = static_cast<std::uint8_t>(crypto::Prg::kAes128Ctr);
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_P(AnyRoster, AnotherRingThanThePlansIsRefused) {
  message_[kRingBitsAt] = 17;
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_P(AnyRoster, AMissingOwnEntryIsRefused) {
  copy_key(1, kChannelKeyAt, 0, kChannelKeyAt);
  copy_key(1, kMaskKeyAt, 0, kMaskKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_P(AnyRoster, AnOwnEntryThatOccursTwiceIsRefused) {
  copy_key(0, kChannelKeyAt, 4, kChannelKeyAt);
  copy_key(0, kMaskKeyAt, 4, kMaskKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_P(AnyRoster, ASwappedOwnKeyIsRefused) {
  entry(0)[kMaskKeyAt] ^= 1;
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_P(AnyRoster, OwnKeysInTheWrongColumnsAreRefused) {
  std::swap_ranges(entry(0), entry(0) + crypto::kX25519Bytes, entry(0) + crypto::kX25519Bytes);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_P(AnyRoster, AnOwnKeyInSomeoneElsesEntryIsRefused) {
  copy_key(0, kChannelKeyAt, 4, kMaskKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_P(AnyRoster, ANeighbourThatOccursTwiceIsRefused) {
  copy_key(2, kMaskKeyAt, 5, kMaskKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_P(AnyRoster, ANeighboursKeyInAnotherColumnIsRefused) {
  copy_key(2, kMaskKeyAt, 5, kChannelKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_P(AnyRoster, ABufferTooSmallForTheSharesIsRefused) {
  std::vector<std::uint8_t> out(shares_bytes(5) - 1);
  std::size_t written = 99;
  EXPECT_EQ(relay_.device(0).participant.receive_roster(message_, out, written), Rejection::kWrongLength);
  EXPECT_EQ(written, 0u);
}

class AnyGraph : public AnyRoster {};
INSTANTIATE_TEST_SUITE_P(Adversaries, AnyGraph,
                         testing::Values(Adversary::kCurious, Adversary::kSemiMalicious));

TEST_P(AnyGraph, NeighboursAndThresholdsThatDoNotWithstandAreRefused) {
  for (std::uint16_t neighbours = 0; neighbours <= 6; ++neighbours) {
    for (std::uint16_t threshold = 0; threshold <= 6; ++threshold) {
      relay_ = SessionRelay({.participants = 6, .adversary = adversary_});
      relay_.advertise_all();
      message_ = relay_.roster_message(0);
      set_graph(neighbours, threshold);
      const GraphParameters shown{.participants = 6, .neighbours = neighbours, .threshold = threshold};
      const bool withstands =
          graph_withstands(shown, {.participants = 6, .adversary = adversary_, .honest_min = 0});
      // A graph that withstands and is not the cohort's has other neighbours than the credentials are of.
      const Rejection rejection = receive();
      EXPECT_EQ(rejection == Rejection::kBadParameters, !withstands)
          << neighbours << " neighbours, threshold " << threshold;
    }
  }
}

// ---- unsigned rosters ----

class UnsignedRoster : public RosterOfSix {
 protected:
  UnsignedRoster() : RosterOfSix(Adversary::kCurious) {}
};

TEST_F(UnsignedRoster, AChannelKeyOfSmallOrderIsRefused) {
  std::fill_n(entry(3) + kChannelKeyAt, crypto::kX25519Bytes, std::uint8_t{0});
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(UnsignedRoster, AMaskKeyOfSmallOrderIsRefused) {
  std::fill_n(entry(2) + kMaskKeyAt, crypto::kX25519Bytes, std::uint8_t{0});
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

// ---- signed rosters ----

class SignedRoster : public RosterOfSix {
 protected:
  SignedRoster() : RosterOfSix(Adversary::kSemiMalicious) {}
  // Of the neighbour of this rank: device 0 has everybody else in order.
  std::uint8_t* credential(std::size_t rank) {
    return message_.data() + roster_head_bytes(adversary_, 6) + rank * kCredentialBytes;
  }
};

TEST_F(SignedRoster, AnIdentityThatOccursTwiceIsRefused) {
  std::copy_n(entry(2) + kIdentityAt, kIdentityBytes, entry(5) + kIdentityAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(SignedRoster, AnOwnEntryUnderAnotherIdentityIsRefused) {
  entry(0)[kIdentityAt] ^= 1;
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(SignedRoster, ACredentialOfAnotherIdentityThanItsEntrysIsRefused) {
  entry(3)[kIdentityAt + 31] ^= 1;
  EXPECT_EQ(receive(), Rejection::kBadSignature);
}

TEST_F(SignedRoster, SwappedCredentialsAreRefused) {
  std::swap_ranges(credential(1), credential(2), credential(2));
  EXPECT_EQ(receive(), Rejection::kBadSignature);
}

TEST_F(SignedRoster, AChangedCredentialIsRefused) {
  credential(4)[kCredentialBytes - 1] ^= 1;
  EXPECT_EQ(receive(), Rejection::kBadSignature);
}

TEST_F(SignedRoster, KeysThatTheirOwnerDidNotSignAreRefused) {
  entry(3)[kMaskKeyAt] ^= 1;
  EXPECT_EQ(receive(), Rejection::kBadSignature);
}

// The coordinator's own seat in place of device 3's: everything is consistent but the endorsement.
TEST_F(SignedRoster, ADeviceThatNobodyEnrolledIsRefused) {
  KeySigner stranger(crypto::fresh_key());
  const Statement joins = join_statement(relay_.context().plan_digest, Bytes(entry(3), kAdvertiseBytes));
  const auto own_endorsement = endorse(stranger, Role::kDevice, stranger.public_key(), {});
  const crypto::Digest identity = identity_of(stranger.public_key());
  std::copy(identity.begin(), identity.end(), entry(3) + kIdentityAt);
  encode_credential(make_credential(stranger, own_endorsement, joins),
                    std::span(credential(2), kCredentialBytes).first<kCredentialBytes>());
  EXPECT_EQ(receive(), Rejection::kBadSignature);
}

TEST_F(SignedRoster, KeysSignedForAnotherPlanAreRefused) {
  Enrolment& device = relay_.device(3).enrolment;
  crypto::Digest other_plan = relay_.context().plan_digest;
  other_plan[0] ^= 1;
  const Statement joins = join_statement(other_plan, Bytes(entry(3), kAdvertiseBytes));
  encode_credential(make_credential(device.signer, device.identity.endorsement, joins),
                    std::span(credential(2), kCredentialBytes).first<kCredentialBytes>());
  EXPECT_EQ(receive(), Rejection::kBadSignature);
}

// ---- the device's own rules ----

// A machine with rules and memory of the test's choice, in the place of device 0 of the relay.
Rejection receive_with(SessionRelay& relay, ParticipantRules rules, std::size_t slot_count,
                       std::size_t order_count) {
  Enrolment enrolment(1000);  // device 0's, and its randomness
  crypto::SeededRandom random(std::uint64_t{1000});
  std::vector<NeighbourSlot> slots(slot_count);
  std::vector<std::uint16_t> order(order_count);
  Participant participant(relay.context(), rules, &enrolment.identity, slots, order, random);
  std::vector<std::uint8_t> join(join_bytes(rules.adversary));
  std::size_t written = 0;
  EXPECT_EQ(participant.advertise(join, written), Rejection::kNone);
  std::vector<std::uint8_t> out(shares_bytes(5));
  return participant.receive_roster(relay.roster_message(0), out, written);
}

TEST_F(SignedRoster, ACohortBelowTheDevicesMinimumIsRefused) {
  EXPECT_EQ(receive_with(relay_, {.cohort_min = 6}, 5, 6), Rejection::kNone);
  EXPECT_EQ(receive_with(relay_, {.cohort_min = 7}, 5, 6), Rejection::kCohortTooSmall);
}

TEST_F(SignedRoster, ACohortAboveThePlansMaximumIsRefused) {
  EXPECT_EQ(receive_with(relay_, {.participants_max = 6}, 5, 6), Rejection::kNone);
  EXPECT_EQ(receive_with(relay_, {.participants_max = 5}, 5, 6), Rejection::kBadParameters);
}

TEST_F(SignedRoster, ACohortAboveTheDevicesMemoryIsRefused) {
  EXPECT_EQ(receive_with(relay_, {}, 4, 6), Rejection::kBadParameters);
  EXPECT_EQ(receive_with(relay_, {}, 5, 5), Rejection::kBadParameters);
}

TEST_F(SignedRoster, AThresholdForFewerCorruptDevicesThanThePlansIsRefused) {
  EXPECT_EQ(receive_with(relay_, {.corrupt_fraction = 0.4f}, 5, 6), Rejection::kBadParameters);  // t = 5
}

TEST(RosterOfTwo, IsTooSmallWhateverTheRules) {
  SessionRelay relay({.participants = 2, .graph = GraphParameters{2, 1, 1}});
  relay.advertise_all();
  EXPECT_EQ(receive_with(relay, {.cohort_min = 0}, 1, 2), Rejection::kCohortTooSmall);
}

TEST(JoiningASignedSession, NeedsAnIdentity) {
  SessionRelay relay({.participants = 3, .corrupt_fraction = 0});
  std::vector<NeighbourSlot> slots(2);
  std::vector<std::uint16_t> order(3);
  crypto::SeededRandom random(std::uint64_t{1});
  Participant participant(relay.context(), {}, nullptr, slots, order, random);
  std::vector<std::uint8_t> join(join_bytes(Adversary::kSemiMalicious), 0xcc);
  std::size_t written = 99;
  EXPECT_EQ(participant.advertise(join, written), Rejection::kNotEligible);
  EXPECT_EQ(written, 0u);
  EXPECT_EQ(join, std::vector<std::uint8_t>(join.size(), 0xcc));
  EXPECT_EQ(participant.state(), State::kFailed);
}

TEST(JoiningASignedSession, NeedsRoomForTheCredential) {
  SessionRelay relay({.participants = 3, .corrupt_fraction = 0});
  std::vector<std::uint8_t> join(join_bytes(Adversary::kSemiMalicious) - 1);
  std::size_t written = 99;
  EXPECT_EQ(relay.device(0).participant.advertise(join, written), Rejection::kWrongLength);
  EXPECT_EQ(written, 0u);
}

TEST(JoiningAnUnsignedSession, NeedsNoIdentity) {
  SessionRelay relay({.participants = 3, .adversary = Adversary::kCurious});
  std::vector<NeighbourSlot> slots(2);
  std::vector<std::uint16_t> order(3);
  crypto::SeededRandom random(std::uint64_t{1});
  Participant participant(relay.context(), {.adversary = Adversary::kCurious}, nullptr, slots, order, random);
  std::vector<std::uint8_t> join(kAdvertiseBytes);
  std::size_t written = 0;
  EXPECT_EQ(participant.advertise(join, written), Rejection::kNone);
  EXPECT_EQ(written, kAdvertiseBytes);
}

// ---- sparse graphs ----

// Of most entries a device asks nothing else: they are not its neighbours'.
TEST(SparseRoster, AnOwnKeyInAnEarlierEntryIsRefused) {
  constexpr std::uint16_t kSelf = 79;
  for (const std::size_t other : {0, 11, 22, 33, 44, 55, 66, 77}) {
    SessionRelay relay({.participants = kSelf + 1, .adversary = Adversary::kCurious});
    relay.advertise_all();
    ASSERT_LT(relay.graph().neighbours, kSelf);
    std::vector<std::uint8_t> message = relay.roster_message(kSelf);
    const auto entry = [&](std::size_t index) {
      return message.data() + roster_head_bytes(Adversary::kCurious, index);
    };
    std::copy_n(entry(kSelf) + kChannelKeyAt, crypto::kX25519Bytes, entry(other) + kMaskKeyAt);
    std::vector<std::uint8_t> out(shares_bytes(kSelf));
    std::size_t written = 0;
    EXPECT_EQ(relay.device(kSelf).participant.receive_roster(message, out, written), Rejection::kBadKey)
        << other;
  }
}

// Which devices are neighbours follows from the changed roster, so that only some of these are theirs.
TEST(SparseRoster, ANeighboursKeyInAStrangersEntryIsRefused) {
  constexpr std::uint16_t kSelf = 40;
  const RelayOptions options{.participants = 80, .adversary = Adversary::kCurious};
  SessionRelay relay(options);
  relay.advertise_all();
  int refused = 0;
  const auto copy = [&](std::uint16_t from, std::size_t from_at, std::uint16_t to, std::size_t to_at) {
    RelayDevice twin(relay.context(), options, 1000 + kSelf);
    twin.join.resize(join_bytes(options.adversary));
    std::size_t written = 0;
    ASSERT_EQ(twin.participant.advertise(twin.join, written), Rejection::kNone);
    std::vector<std::uint8_t> message = relay.roster_message(kSelf);
    const auto entry = [&](std::size_t index) {
      return message.data() + roster_head_bytes(options.adversary, index);
    };
    std::copy_n(entry(from) + from_at, crypto::kX25519Bytes, entry(to) + to_at);
    std::vector<std::uint8_t> out(shares_bytes(options.participants));
    const Rejection rejection = twin.participant.receive_roster(message, out, written);
    refused += rejection == Rejection::kBadKey;
    if (!accepted(rejection)) return;
    for (const NeighbourSlot& slot : std::span(twin.slots).first(relay.graph().neighbours)) {
      EXPECT_NE(slot.index, from) << from_at << " to " << to_at;
      EXPECT_NE(slot.index, to) << from_at << " to " << to_at;
    }
  };
  for (const std::size_t from_at : {kChannelKeyAt, kMaskKeyAt}) {
    for (const std::size_t to_at : {kChannelKeyAt, kMaskKeyAt}) {
      for (std::uint16_t from = 0; from < kSelf; from += 2) copy(from, from_at, 79 - from, to_at);
    }
  }
  EXPECT_GT(refused, 20);
  EXPECT_LT(refused, 60);
}

}  // namespace
}  // namespace sotto::secagg
