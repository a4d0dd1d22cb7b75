// What a hostile or broken coordinator may try: PROTOCOL.md sections 6.3, 6.8 and 6.10, refusal by refusal.
#include <gtest/gtest.h>

#include "session_relay.h"
#include "sotto/secagg/participant.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using State = Participant::State;

// Offsets in a roster message.
constexpr std::size_t kPrgAt = 1;
constexpr std::size_t kRingBitsAt = 2;
constexpr std::size_t kReservedAt = 3;
constexpr std::size_t kNeighboursAt = 22;
constexpr std::size_t kThresholdAt = 24;
constexpr std::size_t kChannelKeyAt = 0;
constexpr std::size_t kMaskKeyAt = crypto::kX25519Bytes;

class Roster6 : public testing::Test {
 protected:
  Roster6() {
    relay_.advertise_all();
    message_ = relay_.roster_message();
  }

  std::uint8_t* entry(std::size_t index) { return message_.data() + roster_bytes(index); }
  void copy_key(std::size_t from, std::size_t from_at, std::size_t to, std::size_t to_at) {
    std::copy_n(entry(from) + from_at, crypto::kX25519Bytes, entry(to) + to_at);
  }
  void set_u16(std::size_t at, std::uint16_t value) { store_le(message_.data() + at, value); }

  // What device 0 answers to the roster as it now is. Whatever it refuses, it refuses for good.
  Rejection receive() {
    Participant& participant = relay_.device(0).participant;
    std::vector<std::uint8_t> out(shares_bytes(5), 0xcc);
    std::size_t written = 99;
    const Rejection rejection = participant.receive_roster(message_, out, written);
    if (!accepted(rejection)) {
      EXPECT_EQ(written, 0u);
      EXPECT_EQ(participant.state(), State::kFailed);
      EXPECT_EQ(participant.receive_roster(relay_.roster_message(), out, written), Rejection::kWrongPhase);
    }
    return rejection;
  }

  SessionRelay relay_{{.graph = {.participants = 6, .neighbours = 5, .threshold = 3}}};
  std::vector<std::uint8_t> message_;
};

TEST_F(Roster6, TheHonestRosterIsAccepted) { EXPECT_EQ(receive(), Rejection::kNone); }

TEST_F(Roster6, AnotherVersionIsRefused) {
  message_[0] = 2;
  EXPECT_EQ(receive(), Rejection::kWrongVersion);
}

TEST_F(Roster6, ATruncatedRosterIsRefused) {
  message_.pop_back();
  EXPECT_EQ(receive(), Rejection::kMalformed);
}

TEST_F(Roster6, LeftoverBytesAreRefused) {
  message_.push_back(0);
  EXPECT_EQ(receive(), Rejection::kMalformed);
}

TEST_F(Roster6, AReservedValueIsRefused) {
  message_[kReservedAt] = 1;
  EXPECT_EQ(receive(), Rejection::kMalformed);
}

TEST_F(Roster6, AnotherPrgThanThePlansIsRefused) {
  message_[kPrgAt] = static_cast<std::uint8_t>(crypto::Prg::kAes128Ctr);
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_F(Roster6, AnotherRingThanThePlansIsRefused) {
  message_[kRingBitsAt] = 17;
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_F(Roster6, AnOddSparseGraphIsRefused) {
  set_u16(kNeighboursAt, 3);
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_F(Roster6, AGraphWithoutNeighboursIsRefused) {
  set_u16(kNeighboursAt, 0);
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_F(Roster6, MoreNeighboursThanParticipantsAreRefused) {
  set_u16(kNeighboursAt, 6);
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_F(Roster6, AThresholdOfZeroIsRefused) {
  set_u16(kThresholdAt, 0);
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_F(Roster6, AThresholdAboveTheNeighboursIsRefused) {
  set_u16(kThresholdAt, 6);
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_F(Roster6, AThresholdThatIsNoMajorityIsRefused) {
  set_u16(kThresholdAt, 2);  // of 5
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_F(Roster6, HalfOfTheNeighboursIsNoMajority) {
  set_u16(kNeighboursAt, 4);
  set_u16(kThresholdAt, 2);
  EXPECT_EQ(receive(), Rejection::kBadParameters);
}

TEST_F(Roster6, AMissingOwnEntryIsRefused) {
  copy_key(1, kChannelKeyAt, 0, kChannelKeyAt);
  copy_key(1, kMaskKeyAt, 0, kMaskKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(Roster6, AnOwnEntryThatOccursTwiceIsRefused) {
  copy_key(0, kChannelKeyAt, 4, kChannelKeyAt);
  copy_key(0, kMaskKeyAt, 4, kMaskKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(Roster6, ASwappedOwnKeyIsRefused) {
  entry(0)[kMaskKeyAt] ^= 1;
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(Roster6, OwnKeysInTheWrongColumnsAreRefused) {
  std::swap_ranges(entry(0), entry(0) + crypto::kX25519Bytes, entry(0) + crypto::kX25519Bytes);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(Roster6, AnOwnKeyInSomeoneElsesEntryIsRefused) {
  copy_key(0, kChannelKeyAt, 4, kMaskKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(Roster6, ANeighbourThatOccursTwiceIsRefused) {
  copy_key(2, kMaskKeyAt, 5, kMaskKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(Roster6, ANeighboursKeyInAnotherColumnIsRefused) {
  copy_key(2, kMaskKeyAt, 5, kChannelKeyAt);
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(Roster6, AChannelKeyOfSmallOrderIsRefused) {
  std::fill_n(entry(3) + kChannelKeyAt, crypto::kX25519Bytes, std::uint8_t{0});
  EXPECT_EQ(receive(), Rejection::kBadKey);
}

TEST_F(Roster6, ABufferTooSmallForTheSharesIsRefused) {
  std::vector<std::uint8_t> out(shares_bytes(5) - 1);
  std::size_t written = 99;
  EXPECT_EQ(relay_.device(0).participant.receive_roster(message_, out, written), Rejection::kWrongLength);
  EXPECT_EQ(written, 0u);
}

// A machine with rules and memory of the test's choice, in the place of device 0 of the relay.
Rejection receive_with(SessionRelay& relay, const ParticipantRules& rules, std::size_t slot_count,
                       std::size_t order_count) {
  crypto::SeededRandom random(std::uint64_t{1000});  // device 0's
  std::vector<NeighbourSlot> slots(slot_count);
  std::vector<std::uint16_t> order(order_count);
  Participant participant(relay.context(), rules, slots, order, random);
  std::array<std::uint8_t, kAdvertiseBytes> advertise;
  EXPECT_EQ(participant.advertise(advertise), Rejection::kNone);
  EXPECT_EQ(advertise, relay.device(0).advertise);
  std::vector<std::uint8_t> out(shares_bytes(5));
  std::size_t written = 0;
  return participant.receive_roster(relay.roster_message(), out, written);
}

TEST_F(Roster6, ACohortBelowTheDevicesMinimumIsRefused) {
  EXPECT_EQ(receive_with(relay_, {.cohort_min = 6}, 5, 6), Rejection::kNone);
  EXPECT_EQ(receive_with(relay_, {.cohort_min = 7}, 5, 6), Rejection::kCohortTooSmall);
}

TEST_F(Roster6, ACohortAboveThePlansMaximumIsRefused) {
  EXPECT_EQ(receive_with(relay_, {.participants_max = 6}, 5, 6), Rejection::kNone);
  EXPECT_EQ(receive_with(relay_, {.participants_max = 5}, 5, 6), Rejection::kBadParameters);
}

TEST_F(Roster6, ACohortAboveTheDevicesMemoryIsRefused) {
  EXPECT_EQ(receive_with(relay_, {}, 4, 6), Rejection::kBadParameters);
  EXPECT_EQ(receive_with(relay_, {}, 5, 5), Rejection::kBadParameters);
}

TEST(Roster2, TwoParticipantsAreTooFewWhateverTheRules) {
  SessionRelay relay({.graph = {.participants = 2, .neighbours = 1, .threshold = 1}});
  relay.advertise_all();
  EXPECT_EQ(receive_with(relay, {.cohort_min = 0}, 1, 2), Rejection::kCohortTooSmall);
}

TEST(RosterOfACuriousServersPlan, MayHaveAMinorityThreshold) {
  SessionRelay relay(
      {.graph = {.participants = 6, .neighbours = 5, .threshold = 2}, .allow_minority_threshold = true});
  relay.advertise_all();
  EXPECT_EQ(relay.share(0), Rejection::kNone);
}

TEST(RosterWithASmallOrderMaskKey, IsRefusedWhenMaskingAndTheVectorIsWiped) {
  SessionRelay relay({.graph = {.participants = 4, .neighbours = 3, .threshold = 2}});
  relay.advertise_all();
  std::vector<std::uint8_t> message = relay.roster_message();
  std::fill_n(message.begin() + static_cast<std::ptrdiff_t>(roster_bytes(2) + kMaskKeyAt), 32,
              std::uint8_t{0});
  Participant& participant = relay.device(0).participant;
  std::vector<std::uint8_t> out(shares_bytes(3));
  std::size_t written = 0;
  ASSERT_EQ(participant.receive_roster(message, out, written), Rejection::kNone);
  std::vector<std::uint8_t> delivery(delivery_bytes(3, 3));
  delivery[0] = 0b111;
  ASSERT_EQ(participant.receive_delivery(delivery), Rejection::kNone);
  std::vector<std::uint8_t> ring(relay.layout().byte_count(), 0x11);
  EXPECT_EQ(participant.mask(relay.layout(), ring), Rejection::kBadKey);
  EXPECT_EQ(ring, std::vector<std::uint8_t>(ring.size(), 0));
  EXPECT_EQ(participant.state(), State::kFailed);
}

// Six participants on the complete graph, threshold 3 of 5, everybody has shared.
class Session6 : public testing::Test {
 protected:
  Session6() {
    relay_.advertise_all();
    relay_.share_all(relay_.everybody());
  }

  Participant& participant() { return relay_.device(0).participant; }
  // Device 0 with `missing` and `never` seen: ready for its unmask request.
  void mask_with_missing(const IndexSet& missing) {
    relay_.deliver_all(relay_.everybody());
    for (const std::uint16_t index : relay_.everybody()) {
      if (missing.contains(index)) continue;
      ASSERT_EQ(relay_.mask(index), Rejection::kNone);
    }
  }
  // The answer to bitmaps over device 0's neighbours 1 .. 5.
  Rejection unmask(std::uint8_t survivors, std::uint8_t missing) {
    const std::array<std::uint8_t, 2> request = {survivors, missing};
    return unmask_bytes(request);
  }
  Rejection unmask_bytes(Bytes request) {
    std::vector<std::uint8_t> out(unmask_answer_bytes(5), 0xcc);
    std::size_t written = 99;
    const Rejection rejection = participant().receive_unmask(request, out, written);
    if (!accepted(rejection)) {
      EXPECT_EQ(written, 0u);
      EXPECT_EQ(out, std::vector<std::uint8_t>(out.size(), 0xcc));  // not a byte of a share
      EXPECT_EQ(participant().state(), State::kFailed);
    }
    return rejection;
  }

  SessionRelay relay_{{.graph = {.participants = 6, .neighbours = 5, .threshold = 3}}};
};

TEST_F(Session6, ADeliveryOfFewerThanTheThresholdIsRefused) {
  std::vector<std::uint8_t> delivery(delivery_bytes(5, 2));
  delivery[0] = 0b11;
  EXPECT_EQ(participant().receive_delivery(delivery), Rejection::kTooFewSurvivors);
  EXPECT_EQ(participant().state(), State::kFailed);
}

TEST_F(Session6, ADeliveryOfTheThresholdIsAccepted) {
  std::vector<std::uint8_t> delivery(delivery_bytes(5, 3));
  delivery[0] = 0b10101;
  EXPECT_EQ(participant().receive_delivery(delivery), Rejection::kNone);
}

TEST_F(Session6, ADeliveryWithABitBeyondTheNeighboursIsRefused) {
  std::vector<std::uint8_t> delivery(delivery_bytes(5, 4));
  delivery[0] = 0b100111;
  EXPECT_EQ(participant().receive_delivery(delivery), Rejection::kMalformed);
}

TEST_F(Session6, ADeliveryOfTheWrongLengthIsRefused) {
  std::vector<std::uint8_t> delivery = relay_.delivery_for(0);
  delivery.pop_back();
  EXPECT_EQ(participant().receive_delivery(delivery), Rejection::kMalformed);
  EXPECT_EQ(relay_.device(1).participant.receive_delivery({}), Rejection::kMalformed);
  delivery = relay_.delivery_for(2);
  delivery.push_back(0);
  EXPECT_EQ(relay_.device(2).participant.receive_delivery(delivery), Rejection::kMalformed);
}

TEST_F(Session6, MaskingWithAnotherRingThanThePlansIsRefusedAndTheVectorWiped) {
  relay_.deliver_all(relay_.everybody());
  const RingLayout packed(300, 40);
  std::vector<std::uint8_t> ring(packed.byte_count(), 0x11);
  EXPECT_EQ(participant().mask(packed, ring), Rejection::kBadParameters);
  EXPECT_EQ(ring, std::vector<std::uint8_t>(ring.size(), 0));
}

TEST_F(Session6, MaskingAVectorOfAnotherLengthIsRefusedAndTheVectorWiped) {
  relay_.deliver_all(relay_.everybody());
  std::vector<std::uint8_t> ring(relay_.layout().byte_count() - 2, 0x11);
  EXPECT_EQ(participant().mask(relay_.layout(), ring), Rejection::kWrongLength);
  EXPECT_EQ(ring, std::vector<std::uint8_t>(ring.size(), 0));
}

TEST_F(Session6, TheHonestUnmaskRequestIsAnswered) {
  mask_with_missing({4, 5});
  EXPECT_EQ(unmask(0b00111, 0b11000), Rejection::kNone);
  EXPECT_EQ(participant().state(), State::kDone);
}

TEST_F(Session6, ASecondUnmaskRequestIsRefused) {
  mask_with_missing({4, 5});
  ASSERT_EQ(unmask(0b00111, 0b11000), Rejection::kNone);
  EXPECT_EQ(unmask(0b00111, 0b11000), Rejection::kWrongPhase);  // not even the same one
}

TEST_F(Session6, OverlappingSetsAreRefused) {
  mask_with_missing({4, 5});
  EXPECT_EQ(unmask(0b01111, 0b11000), Rejection::kSetsOverlap);
}

TEST_F(Session6, FewerSurvivorsThanTheThresholdAreRefused) {
  mask_with_missing({3, 4, 5});
  EXPECT_EQ(unmask(0b00011, 0b11100), Rejection::kTooFewSurvivors);
}

TEST_F(Session6, AnAliveNeighbourInNeitherSetIsRefused) {
  mask_with_missing({4, 5});
  EXPECT_EQ(unmask(0b00111, 0b01000), Rejection::kUnknownParticipant);
}

TEST_F(Session6, UnmaskBitsBeyondTheNeighboursAreRefused) {
  mask_with_missing({4, 5});
  EXPECT_EQ(unmask(0b100111, 0b11000), Rejection::kMalformed);
}

TEST_F(Session6, MissingBitsBeyondTheNeighboursAreRefused) {
  mask_with_missing({4, 5});
  EXPECT_EQ(unmask(0b00111, 0b111000), Rejection::kMalformed);
}

TEST_F(Session6, AnUnmaskRequestOfTheWrongLengthIsRefused) {
  mask_with_missing({});
  EXPECT_EQ(unmask_bytes(std::array<std::uint8_t, 3>{0b11111, 0, 0}), Rejection::kMalformed);
}

TEST_F(Session6, ABufferTooSmallForTheAnswerIsRefused) {
  mask_with_missing({});
  const std::array<std::uint8_t, 2> request = {0b11111, 0};
  std::vector<std::uint8_t> out(unmask_answer_bytes(5) - 1);
  std::size_t written = 99;
  EXPECT_EQ(participant().receive_unmask(request, out, written), Rejection::kWrongLength);
  EXPECT_EQ(written, 0u);
}

TEST(SessionWithANeighbourThatNeverShared, RefusesToNameIt) {
  for (const bool as_survivor : {true, false}) {
    SessionRelay relay({.graph = {.participants = 6, .neighbours = 5, .threshold = 3}});
    relay.advertise_all();
    relay.share_all({0, 1, 2, 3, 4});
    ASSERT_EQ(relay.deliver(0), Rejection::kNone);
    ASSERT_EQ(relay.mask(0), Rejection::kNone);
    const std::uint8_t never_shared = 0b10000;
    const std::array<std::uint8_t, 2> request = {
        static_cast<std::uint8_t>(0b01111 | (as_survivor ? never_shared : 0)),
        static_cast<std::uint8_t>(as_survivor ? 0 : never_shared)};
    std::vector<std::uint8_t> out(unmask_answer_bytes(5));
    std::size_t written = 0;
    EXPECT_EQ(relay.device(0).participant.receive_unmask(request, out, written),
              Rejection::kUnknownParticipant);
  }
}

// Every call in every state that does not expect it.
struct StateAndCall {
  int state;
  int call;
};

std::vector<StateAndCall> every_unexpected_call() {
  std::vector<StateAndCall> list;
  for (int state = 0; state <= 5; ++state) {
    for (int call = 0; call < 5; ++call) {
      if (call != state) list.push_back({state, call});
    }
  }
  return list;
}

class OutOfOrder : public testing::TestWithParam<StateAndCall> {
 protected:
  // Brings device 0 to the state with this number.
  void reach(int state) {
    if (state > 0) relay_.advertise_all();
    if (state > 1) relay_.share_all(relay_.everybody());
    if (state > 2) relay_.deliver_all(relay_.everybody());
    if (state > 3) relay_.mask_all(relay_.everybody());
    if (state > 4) relay_.unmask_all(relay_.everybody());
  }

  Rejection call(int step) {
    Participant& participant = relay_.device(0).participant;
    std::array<std::uint8_t, kAdvertiseBytes> advertise;
    std::vector<std::uint8_t> out(1000);
    std::vector<std::uint8_t> ring(relay_.layout().byte_count());
    std::size_t written = 0;
    switch (step) {
      case 0:
        return participant.advertise(advertise);
      case 1:
        return participant.receive_roster(std::array<std::uint8_t, 1>{1}, out, written);
      case 2:
        return participant.receive_delivery({});
      case 3:
        return participant.mask(relay_.layout(), ring);
      default:
        return participant.receive_unmask({}, out, written);
    }
  }

  SessionRelay relay_{{.graph = {.participants = 3, .neighbours = 2, .threshold = 2}}};
};

TEST_P(OutOfOrder, CallsAreRefusedAndEndTheSession) {
  ASSERT_NO_FATAL_FAILURE(reach(GetParam().state));
  EXPECT_EQ(call(GetParam().call), Rejection::kWrongPhase);
  EXPECT_EQ(relay_.device(0).participant.state(), State::kFailed);
  for (int again = 0; again < 5; ++again) EXPECT_EQ(call(again), Rejection::kWrongPhase);
}

INSTANTIATE_TEST_SUITE_P(EveryStateAndCall, OutOfOrder, testing::ValuesIn(every_unexpected_call()),
                         [](const testing::TestParamInfo<StateAndCall>& param_info) {
                           return "State" + std::to_string(param_info.param.state) + "Call" +
                                  std::to_string(param_info.param.call);
                         });

}  // namespace
}  // namespace sotto::secagg
