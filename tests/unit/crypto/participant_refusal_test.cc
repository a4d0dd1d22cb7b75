// What a hostile or broken coordinator may try once the roster is accepted: PROTOCOL.md sections 6.8 to 6.11,
// refusal by refusal.
#include <gtest/gtest.h>

#include "session_relay.h"
#include "sotto/secagg/participant.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using State = Participant::State;
using Message = std::vector<std::uint8_t>;

// Six participants on the complete graph; everybody has shared. Device 0, with neighbours 1 .. 5, is
// attacked.
class SessionOfSix : public testing::Test {
 protected:
  explicit SessionOfSix(const RelayOptions& options) : relay_(options) {
    relay_.advertise_all();
    relay_.share_all(relay_.everybody());
  }

  Participant& participant() { return relay_.device(0).participant; }
  // Everybody receives shares, and everybody but `missing` delivers a vector.
  void mask_with_missing(const IndexSet& missing) {
    relay_.deliver_all(relay_.everybody());
    survivors_ = relay_.everybody();
    for (const std::uint16_t index : missing) survivors_.erase(index);
    relay_.mask_all(survivors_);
  }
  // Device 0's answer to the set of survivors: in unsigned sessions the unmask request.
  Rejection survive(Bytes request) {
    Message out(unmask_answer_bytes(5, 5), 0xcc);
    std::size_t written = 99;
    const Rejection rejection = relay_.is_signed() ? participant().receive_confirm(request, out, written)
                                                   : participant().receive_unmask(request, out, written);
    return expect_silent(rejection, out, written);
  }
  Rejection unmask(Bytes request) {
    Message out(unmask_answer_bytes(5, 5), 0xcc);
    std::size_t written = 99;
    const Rejection rejection = participant().receive_unmask(request, out, written);
    return expect_silent(rejection, out, written);
  }
  // Whatever is refused ends the session without a byte of a share or of a signature.
  Rejection expect_silent(Rejection rejection, const Message& out, std::size_t written) {
    if (!accepted(rejection)) {
      EXPECT_EQ(written, 0u);
      EXPECT_EQ(out, Message(out.size(), 0xcc));
      EXPECT_EQ(participant().state(), State::kFailed);
    }
    return rejection;
  }

  SessionRelay relay_;
  IndexSet survivors_;
};

class AnySession : public SessionOfSix, public testing::WithParamInterface<Adversary> {
 protected:
  // Threshold 4 of 5 against a semi-malicious server; against a curious one with two corrupt devices 3.
  AnySession()
      : SessionOfSix({.participants = 6,
                      .adversary = GetParam(),
                      .corrupt_fraction = GetParam() == Adversary::kCurious ? 0.33f : 0.1f}) {}
};
INSTANTIATE_TEST_SUITE_P(Adversaries, AnySession,
                         testing::Values(Adversary::kCurious, Adversary::kSemiMalicious),
                         [](const testing::TestParamInfo<Adversary>& param_info) {
                           return param_info.param == Adversary::kCurious ? "Curious" : "SemiMalicious";
                         });

// ---- delivery ----

Message delivery_of(std::uint8_t bitmap, std::size_t records) {
  Message delivery(delivery_bytes(5, records));
  delivery[0] = bitmap;
  return delivery;
}

TEST_P(AnySession, ADeliveryOfFewerThanTheThresholdIsRefused) {
  const bool curious = GetParam() == Adversary::kCurious;
  const Message delivery = curious ? delivery_of(0b11, 2) : delivery_of(0b111, 3);
  EXPECT_EQ(participant().receive_delivery(delivery), Rejection::kTooFewSurvivors);
  EXPECT_EQ(participant().state(), State::kFailed);
}

TEST_P(AnySession, ADeliveryOfTheThresholdIsAccepted) {
  const bool curious = GetParam() == Adversary::kCurious;
  const Message delivery = curious ? delivery_of(0b10101, 3) : delivery_of(0b10111, 4);
  EXPECT_EQ(participant().receive_delivery(delivery), Rejection::kNone);
}

TEST_P(AnySession, ADeliveryWithABitBeyondTheNeighboursIsRefused) {
  EXPECT_EQ(participant().receive_delivery(delivery_of(0b101111, 5)), Rejection::kMalformed);
}

TEST_P(AnySession, ADeliveryOfTheWrongLengthIsRefused) {
  Message delivery = relay_.delivery_for(0);
  delivery.pop_back();
  EXPECT_EQ(participant().receive_delivery(delivery), Rejection::kMalformed);
  EXPECT_EQ(relay_.device(1).participant.receive_delivery({}), Rejection::kMalformed);
  delivery = relay_.delivery_for(2);
  delivery.push_back(0);
  EXPECT_EQ(relay_.device(2).participant.receive_delivery(delivery), Rejection::kMalformed);
}

// ---- masking ----

TEST_P(AnySession, MaskingWithAnotherRingThanThePlansIsRefusedAndTheVectorWiped) {
  relay_.deliver_all(relay_.everybody());
  const RingLayout packed(300, 40);
  Message ring(packed.byte_count(), 0x11);
  EXPECT_EQ(participant().mask(packed, ring), Rejection::kBadParameters);
  EXPECT_EQ(ring, Message(ring.size(), 0));
}

TEST_P(AnySession, MaskingAVectorOfAnotherLengthIsRefusedAndTheVectorWiped) {
  relay_.deliver_all(relay_.everybody());
  Message ring(relay_.layout().byte_count() - 2, 0x11);
  EXPECT_EQ(participant().mask(relay_.layout(), ring), Rejection::kWrongLength);
  EXPECT_EQ(ring, Message(ring.size(), 0));
}

// ---- the set of survivors ----

TEST_P(AnySession, TheHonestSetOfSurvivorsIsAccepted) {
  mask_with_missing({5});
  EXPECT_EQ(survive(Message{0b011111}), Rejection::kNone);
}

TEST_P(AnySession, ASecondSetOfSurvivorsIsRefused) {
  mask_with_missing({5});
  ASSERT_EQ(survive(Message{0b011111}), Rejection::kNone);
  EXPECT_EQ(survive(Message{0b011111}), Rejection::kWrongPhase);  // not even the same one
}

TEST_P(AnySession, ASetWithoutTheDeviceItselfIsRefused) {
  mask_with_missing({});
  EXPECT_EQ(survive(Message{0b111110}), Rejection::kUnknownParticipant);
}

TEST_P(AnySession, FewerSurvivingNeighboursThanTheThresholdAreRefused) {
  mask_with_missing({});
  const bool curious = GetParam() == Adversary::kCurious;
  EXPECT_EQ(survive(Message{static_cast<std::uint8_t>(curious ? 0b000111 : 0b001111)}),
            Rejection::kTooFewSurvivors);
}

TEST_P(AnySession, ABitBeyondTheParticipantsIsRefused) {
  mask_with_missing({});
  EXPECT_EQ(survive(Message{0b1111111}), Rejection::kMalformed);
}

TEST_P(AnySession, ASetOfTheWrongLengthIsRefused) {
  mask_with_missing({});
  EXPECT_EQ(survive(Message{0b111111, 0}), Rejection::kMalformed);
}

TEST_P(AnySession, AnEmptySetIsRefused) {
  mask_with_missing({});
  EXPECT_EQ(survive({}), Rejection::kMalformed);
}

TEST_P(AnySession, ABufferTooSmallForTheAnswerIsRefused) {
  mask_with_missing({});
  Message out(relay_.is_signed() ? crypto::kEs256SignatureBytes - 1 : unmask_answer_bytes(5, 0) - 1);
  std::size_t written = 99;
  const Message request = relay_.survivors();
  EXPECT_EQ(relay_.is_signed() ? participant().receive_confirm(request, out, written)
                               : participant().receive_unmask(request, out, written),
            Rejection::kWrongLength);
  EXPECT_EQ(written, 0u);
}

TEST(SessionWithANeighbourThatNeverShared, RefusesToCallItASurvivor) {
  for (const Adversary adversary : {Adversary::kCurious, Adversary::kSemiMalicious}) {
    SessionRelay relay({.participants = 6, .adversary = adversary});
    relay.advertise_all();
    relay.share_all({0, 1, 2, 3, 4});
    ASSERT_EQ(relay.deliver(0), Rejection::kNone);
    ASSERT_EQ(relay.mask(0), Rejection::kNone);
    Participant& participant = relay.device(0).participant;
    Message out(unmask_answer_bytes(5, 5));
    std::size_t written = 0;
    const Message request{0b111111};
    EXPECT_EQ(relay.is_signed() ? participant.receive_confirm(request, out, written)
                                : participant.receive_unmask(request, out, written),
              Rejection::kUnknownParticipant);
  }
}

TEST(SessionWithAMinimum, RefusesFewerSurvivors) {
  for (const Adversary adversary : {Adversary::kCurious, Adversary::kSemiMalicious}) {
    SessionRelay relay({.participants = 6, .adversary = adversary, .cohort_min = 6});
    relay.advertise_all();
    relay.share_all(relay.everybody());
    relay.deliver_all(relay.everybody());
    relay.mask_all({0, 1, 2, 3, 4});
    const Rejection rejection = relay.is_signed() ? relay.confirm(0) : relay.unmask(0);
    EXPECT_EQ(rejection, Rejection::kCohortTooSmall);
  }
}

// ---- signatures of the set ----

class SignedSession : public SessionOfSix {
 protected:
  SignedSession() : SessionOfSix({.participants = 6}) {}
  // Everybody but 5 survives and has signed that.
  void confirm() {
    mask_with_missing({5});
    relay_.confirm_all(survivors_);
  }
  // The request for device 0 as the coordinator would send it: neighbours 1 to 4.
  Message request() { return relay_.unmask_request_for(0); }
  static std::uint8_t* signature(Message& request, std::size_t place) {
    return request.data() + unmask_request_bytes(5, place);
  }
};

TEST_F(SignedSession, TheHonestRequestIsAnswered) {
  confirm();
  EXPECT_EQ(unmask(request()), Rejection::kNone);
  EXPECT_EQ(participant().state(), State::kDone);
}

TEST_F(SignedSession, ASecondRequestIsRefused) {
  confirm();
  ASSERT_EQ(unmask(request()), Rejection::kNone);
  EXPECT_EQ(unmask(request()), Rejection::kWrongPhase);  // not even the same one
}

TEST_F(SignedSession, ARequestBeforeTheSetIsConfirmedIsRefused) {
  mask_with_missing({5});
  EXPECT_EQ(unmask(relay_.survivors()), Rejection::kWrongPhase);
}

TEST_F(SignedSession, FewerSignaturesThanTheThresholdAreRefused) {
  confirm();
  Message fewer = request();
  fewer[0] = 0b00111;
  fewer.resize(unmask_request_bytes(5, 3));
  EXPECT_EQ(unmask(fewer), Rejection::kTooFewSurvivors);
}

TEST_F(SignedSession, AChangedSignatureIsRefused) {
  confirm();
  Message changed = request();
  changed.back() ^= 1;
  EXPECT_EQ(unmask(changed), Rejection::kBadSignature);
}

TEST_F(SignedSession, OneNeighboursSignatureInAnothersPlaceIsRefused) {
  confirm();
  Message doubled = request();
  std::copy_n(signature(doubled, 0), crypto::kEs256SignatureBytes, signature(doubled, 1));
  EXPECT_EQ(unmask(doubled), Rejection::kBadSignature);
}

TEST_F(SignedSession, ASignatureOfAnotherSetIsRefused) {
  mask_with_missing({});
  ASSERT_EQ(relay_.confirm(0), Rejection::kNone);
  // The neighbours are told that device 5 is missing, device 0 that it survives.
  const Message other{0b011111};
  Message forged(unmask_request_bytes(5, 0));
  for (std::uint16_t index = 1; index <= 4; ++index) {
    Message out(crypto::kEs256SignatureBytes);
    std::size_t written = 0;
    ASSERT_EQ(relay_.device(index).participant.receive_confirm(other, out, written), Rejection::kNone);
    bitmap_set(forged, index - 1u);
    forged.insert(forged.end(), out.begin(), out.end());
  }
  EXPECT_EQ(unmask(forged), Rejection::kBadSignature);
}

TEST_F(SignedSession, ASignatureOfAMissingNeighbourIsRefused) {
  confirm();
  Message with_missing = request();
  with_missing[0] = 0b10111;  // the last of them is said to be device 5's
  EXPECT_EQ(unmask(with_missing), Rejection::kUnknownParticipant);
}

TEST_F(SignedSession, BitsBeyondTheNeighboursAreRefused) {
  confirm();
  Message beyond = request();
  beyond[0] = 0b101111;
  beyond.resize(unmask_request_bytes(5, 5));
  EXPECT_EQ(unmask(beyond), Rejection::kMalformed);
}

TEST_F(SignedSession, RequestsOfTheWrongLengthAreRefused) {
  confirm();
  Message longer = request();
  longer.push_back(0);
  EXPECT_EQ(unmask(longer), Rejection::kMalformed);
}

TEST_F(SignedSession, TruncatedRequestsAreRefused) {
  confirm();
  Message shorter = request();
  shorter.pop_back();
  EXPECT_EQ(unmask(shorter), Rejection::kMalformed);
}

TEST_F(SignedSession, AnEmptyRequestIsRefused) {
  confirm();
  EXPECT_EQ(unmask({}), Rejection::kMalformed);
}

TEST_F(SignedSession, ABufferTooSmallForTheSharesIsRefused) {
  confirm();
  Message out(unmask_answer_bytes(5, 0) - 1);
  std::size_t written = 99;
  EXPECT_EQ(participant().receive_unmask(request(), out, written), Rejection::kWrongLength);
  EXPECT_EQ(written, 0u);
}

// ---- every call in every state that does not expect it ----

struct StateAndCall {
  int state;
  int call;
};

std::vector<StateAndCall> every_unexpected_call() {
  std::vector<StateAndCall> list;
  for (int state = 0; state <= 6; ++state) {
    for (int call = 0; call < 6; ++call) {
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
    if (state > 4) relay_.confirm_all(relay_.everybody());
    if (state > 5) relay_.unmask_all(relay_.everybody());
  }

  Rejection call(int step) {
    Participant& participant = relay_.device(0).participant;
    Message out(1000);
    Message ring(relay_.layout().byte_count());
    std::size_t written = 0;
    switch (step) {
      case 0:
        return participant.advertise(out, written);
      case 1:
        return participant.receive_roster(std::array<std::uint8_t, 1>{1}, out, written);
      case 2:
        return participant.receive_delivery({});
      case 3:
        return participant.mask(relay_.layout(), ring);
      case 4:
        return participant.receive_confirm({}, out, written);
      default:
        return participant.receive_unmask({}, out, written);
    }
  }

  SessionRelay relay_{{.participants = 3, .corrupt_fraction = 0}};
};

TEST_P(OutOfOrder, CallsAreRefusedAndEndTheSession) {
  ASSERT_NO_FATAL_FAILURE(reach(GetParam().state));
  EXPECT_EQ(call(GetParam().call), Rejection::kWrongPhase);
  EXPECT_EQ(relay_.device(0).participant.state(), State::kFailed);
  for (int again = 0; again < 6; ++again) EXPECT_EQ(call(again), Rejection::kWrongPhase);
}

INSTANTIATE_TEST_SUITE_P(EveryStateAndCall, OutOfOrder, testing::ValuesIn(every_unexpected_call()),
                         [](const testing::TestParamInfo<StateAndCall>& param_info) {
                           return "State" + std::to_string(param_info.param.state) + "Call" +
                                  std::to_string(param_info.param.call);
                         });

TEST(UnsignedSession, HasNothingToConfirm) {
  SessionRelay relay({.participants = 3, .adversary = Adversary::kCurious});
  relay.advertise_all();
  relay.share_all(relay.everybody());
  relay.deliver_all(relay.everybody());
  relay.mask_all(relay.everybody());
  EXPECT_EQ(relay.device(0).participant.state(), State::kUnmask);
  Message out(crypto::kEs256SignatureBytes);
  std::size_t written = 0;
  EXPECT_EQ(relay.device(0).participant.receive_confirm(relay.survivors(), out, written),
            Rejection::kWrongPhase);
}

}  // namespace
}  // namespace sotto::secagg
