// Attacks by name: what somebody hostile tries against real devices and the real aggregator of a signed
// session, and who refuses it. split_view_test.cc has the attack that takes most to explain.
#include <gtest/gtest.h>

#include "hostile_coordinator.h"
#include "secure_cohort.h"
#include "support/enrolment.h"

namespace sotto::assurance {
namespace {

using namespace sotto::secagg;
using proto::Step;

// Six enrolled devices that have trained by one plan.
class Attack : public testing::Test {
 protected:
  Attack() : plan_(plan_of_round(3)) {
    for (std::uint64_t number = 1; number <= 6; ++number) {
      devices_.push_back(std::make_unique<RelayDevice>(context_of(plan_), options_, number));
      joins_.push_back(join(*devices_.back()));
    }
  }

  static proto::Plan plan_of_round(std::uint64_t round) {
    proto::Plan plan;
    plan.task = TaskId{7};
    plan.round = RoundId{round};
    plan.model = {.architecture = proto::Architecture::kSoftmax, .features = 9, .classes = 2};
    plan.report_within_ms = 1000;
    return plan;
  }
  static SessionContext context_of(const proto::Plan& plan) {
    return {.round = plan.round.value,
            .plan_digest = crypto::sha256({proto::encode_plan(plan)}),
            .model_digest = plan.model_digest};
  }
  static Message join(RelayDevice& device) {
    Message message(join_bytes(Adversary::kSemiMalicious));
    std::size_t written = 0;
    EXPECT_EQ(device.participant.advertise(message, written), Rejection::kNone);
    return message;
  }
  static std::unique_ptr<aggregator::CohortSession> session_for(const proto::Plan& plan) {
    crypto::SeededRandom random(plan.round.value);
    return std::move(aggregator::make_cohort_session(plan, proto::encode_plan(plan), random,
                                                     fleet_authority().public_key())
                         .value());
  }
  static Rejection admit(aggregator::CohortSession& session, const Message& join) {
    ParticipantIndex index;
    return session.admit(join, index);
  }

  // A device's answer to a roster. Whatever it refuses, nothing leaves it.
  static Rejection show_roster(RelayDevice& device, const Message& roster) {
    device.shares.assign(shares_bytes(8), 0xcc);
    std::size_t written = 0;
    const Rejection rejection = device.participant.receive_roster(roster, device.shares, written);
    if (accepted(rejection)) {
      device.shares.resize(written);
    } else {
      EXPECT_EQ(device.shares, Message(shares_bytes(8), 0xcc));
      EXPECT_EQ(device.participant.state(), Participant::State::kFailed);
    }
    return rejection;
  }
  [[nodiscard]] Message honest_roster(std::uint16_t to) const {
    return roster_for(joins_, to, options_, kSession);
  }

  static constexpr SessionId kSession = {1};
  const RelayOptions options_{.participants = 8, .corrupt_fraction = 0};  // with room for more than there are
  proto::Plan plan_;
  std::vector<std::unique_ptr<RelayDevice>> devices_;
  std::vector<Message> joins_;
};

TEST_F(Attack, NoneAtAllSucceeds) {
  for (std::uint16_t i = 0; i < 6; ++i)
    EXPECT_EQ(show_roster(*devices_[i], honest_roster(i)), Rejection::kNone);
}

// The coordinator trains one device from another model than everybody else, to find its update in the sum.
TEST_F(Attack, ModelInconsistencyIsABadSignatureToEverybody) {
  proto::Plan other = plan_;
  other.model_digest.fill(0x77);
  RelayDevice victim(context_of(other), options_, 6);
  joins_[5] = join(victim);
  EXPECT_EQ(show_roster(victim, honest_roster(5)), Rejection::kBadSignature);
  for (std::uint16_t i = 0; i < 5; ++i)
    EXPECT_EQ(show_roster(*devices_[i], honest_roster(i)), Rejection::kBadSignature) << i;
  EXPECT_EQ(admit(*session_for(plan_), joins_[5]), Rejection::kBadSignature);
}

// ---- split view of rosters ----

// Everybody but the victim is of the coordinator's making, in a roster that the victim alone is shown.
TEST_F(Attack, ARosterOfTheCoordinatorsOwnIsABadSignature) {
  std::vector<Message> seats = {joins_[0]};
  for (std::uint64_t i = 0; i < 5; ++i) {
    KeySigner invented(numbered_key(500 + i));
    const auto own_endorsement = endorse(invented, Role::kDevice, invented.public_key(), {});
    seats.push_back(join_of(invented, own_endorsement, context_of(plan_).plan_digest, i));
  }
  EXPECT_EQ(show_roster(*devices_[0], roster_for(seats, 0, options_, kSession)), Rejection::kBadSignature);
}

// Device 0 and the others are shown different sessions of the same devices: shares do not open and signatures
// are of something else.
TEST_F(Attack, TwoSessionsForOneCohortShareNothing) {
  const SessionId other_session = {2};
  ASSERT_EQ(show_roster(*devices_[0], roster_for(joins_, 0, options_, other_session)), Rejection::kNone);
  for (std::uint16_t i = 1; i < 6; ++i)
    ASSERT_EQ(show_roster(*devices_[i], honest_roster(i)), Rejection::kNone);
  const RingLayout layout(257, 40);
  const Message survivors{0b111111};
  std::vector<Message> signatures(6, Message(crypto::kEs256SignatureBytes));
  for (std::uint16_t to = 0; to < 6; ++to) {
    Message delivery{
        0b11111};  // on the complete graph of six a neighbour's rank is its number but for the gap
    for (std::uint16_t from = 0; from < 6; ++from) {
      if (from == to) continue;
      const Bytes record =
          Bytes(devices_[from]->shares).subspan(share_record_offset(to < from ? to : to - 1u));
      delivery.insert(delivery.end(), record.begin(), record.begin() + kShareRecordBytes);
    }
    Participant& participant = devices_[to]->participant;
    ASSERT_EQ(participant.receive_delivery(delivery), Rejection::kNone);
    Message ring(layout.byte_count());
    ASSERT_EQ(participant.mask(layout, ring), Rejection::kNone);
    std::size_t written = 0;
    ASSERT_EQ(participant.receive_confirm(survivors, signatures[to], written), Rejection::kNone);
  }
  const auto ask = [&](std::uint16_t to, std::uint8_t bitmap) {
    Message request{bitmap};
    for (std::uint16_t rank = 0; rank < 5; ++rank) {
      const auto& signature = signatures[rank < to ? rank : rank + 1u];
      if (bitmap_test(Bytes(&bitmap, 1), rank))
        request.insert(request.end(), signature.begin(), signature.end());
    }
    Message answer(unmask_answer_bytes(5, 5));
    std::size_t written = 0;
    const Rejection rejection = devices_[to]->participant.receive_unmask(request, answer, written);
    answer.resize(written);
    return std::pair(rejection, answer);
  };
  EXPECT_EQ(ask(0, 0b01111).first, Rejection::kBadSignature);  // the others' signatures
  EXPECT_EQ(ask(1, 0b01111).first, Rejection::kBadSignature);  // device 0's among them
  const auto [rejection, answer] = ask(2, 0b11110);            // without it
  ASSERT_EQ(rejection, Rejection::kNone);
  EXPECT_TRUE(std::equal(kNoShare.begin(), kNoShare.end(), answer.begin()));  // device 0's record
  EXPECT_FALSE(std::equal(kNoShare.begin(), kNoShare.end(), answer.begin() + kShareBytes));
}

// ---- sybils ----

// Somebody who reaches the coordinator makes up devices to outnumber the threshold, or the coordinator does.
TEST_F(Attack, ADeviceThatNobodyEnrolledIsABadSignature) {
  KeySigner invented(numbered_key(500));
  const auto own_endorsement = endorse(invented, Role::kDevice, invented.public_key(), {});
  joins_[5] = join_of(invented, own_endorsement, context_of(plan_).plan_digest, 1);
  EXPECT_EQ(admit(*session_for(plan_), joins_[5]), Rejection::kBadSignature);
  EXPECT_EQ(show_roster(*devices_[0], honest_roster(0)), Rejection::kBadSignature);
}

// A coordinator's own key is enrolled, but not for a seat among devices.
TEST_F(Attack, ACoordinatorInADevicesSeatIsABadSignature) {
  const Enrolment coordinator(500, Role::kCoordinator);
  joins_[5] = join_of(coordinator.identity.signer, coordinator.identity.endorsement,
                      context_of(plan_).plan_digest, 1);
  EXPECT_EQ(admit(*session_for(plan_), joins_[5]), Rejection::kBadSignature);
  EXPECT_EQ(show_roster(*devices_[0], honest_roster(0)), Rejection::kBadSignature);
}

// One enrolled device that colludes takes several seats, each with keys of its own.
TEST_F(Attack, OneEnrolledKeyInSeveralSeatsIsABadKey) {
  RelayDevice& corrupt = *devices_[5];
  const Message second = join_of(corrupt.enrolment.signer, corrupt.enrolment.identity.endorsement,
                                 context_of(plan_).plan_digest, 1);
  const auto session = session_for(plan_);
  ASSERT_EQ(admit(*session, joins_[5]), Rejection::kNone);
  EXPECT_EQ(admit(*session, second), Rejection::kBadKey);
  joins_.push_back(second);
  for (std::uint16_t i = 0; i < 5; ++i)
    EXPECT_EQ(show_roster(*devices_[i], honest_roster(i)), Rejection::kBadKey);
}

// ---- pair keys ----

// A corrupt device advertises a victim's mask key with the top bit flipped. X25519 does not look at that bit:
// it agrees like the victim's with everybody. Called missing, it has its neighbours release their keys with
// it.
class PairKeys : public Attack {
 protected:
  static constexpr std::uint16_t kVictim = 2;
  static constexpr std::uint16_t kTwin = 5;

  void advertise_the_twin() {
    RelayDevice& corrupt = *devices_[kTwin];
    AdvertisedKeys victims;
    ASSERT_EQ(decode_advertise(Bytes(joins_[kVictim]).first(kAdvertiseBytes), victims), Rejection::kNone);
    AdvertisedKeys keys;
    ASSERT_EQ(decode_advertise(Bytes(joins_[kTwin]).first(kAdvertiseBytes), keys), Rejection::kNone);
    keys.mask = victims.mask;
    keys.mask.back() ^= 0x80;
    encode_advertise(keys, std::span(joins_[kTwin]).first<kAdvertiseBytes>());
    const Statement joins =
        join_statement(context_of(plan_).plan_digest, Bytes(joins_[kTwin]).first(kAdvertiseBytes));
    encode_credential(
        make_credential(corrupt.enrolment.signer, corrupt.enrolment.identity.endorsement, joins),
        std::span(joins_[kTwin]).subspan(kAdvertiseBytes).first<kCredentialBytes>());
  }
  // Everybody but the twin, to whom all are alive, sends a vector and signs that the twin is missing.
  void play_without_the_twin() {
    const RingLayout layout(257, 40);
    for (std::uint16_t to = 0; to < kTwin; ++to) {
      Participant& participant = devices_[to]->participant;
      Message delivery(delivery_bytes(5, 5));
      delivery[0] = 0b11111;  // what records hold does not matter here
      ASSERT_EQ(participant.receive_delivery(delivery), Rejection::kNone);
      Message ring(layout.byte_count());
      ASSERT_EQ(participant.mask(layout, ring), Rejection::kNone);
      Message signature(crypto::kEs256SignatureBytes);
      std::size_t written = 0;
      ASSERT_EQ(participant.receive_confirm(Message{0b011111}, signature, written), Rejection::kNone);
      signatures_.insert(signatures_.end(), signature.begin(), signature.end());
    }
  }
  std::vector<std::uint8_t> signatures_;
};

TEST_F(PairKeys, ReleasedForATwinOfAVictimsKeyAreNotTheVictims) {
  ASSERT_NO_FATAL_FAILURE(advertise_the_twin());
  const auto session = session_for(plan_);
  for (const Message& join : joins_) ASSERT_EQ(admit(*session, join), Rejection::kNone);
  for (std::uint16_t i = 0; i < kTwin; ++i)
    ASSERT_EQ(show_roster(*devices_[i], honest_roster(i)), Rejection::kNone);
  Message victims;  // the key that device 0 has with the victim
  for (const NeighbourSlot& slot : devices_[0]->slots) {
    if (slot.index == kVictim) victims.assign(slot.pair_key.reveal().begin(), slot.pair_key.reveal().end());
  }
  ASSERT_EQ(victims.size(), crypto::kPrgKeyBytes);
  ASSERT_NO_FATAL_FAILURE(play_without_the_twin());
  Message request{0b01111};
  request.insert(request.end(), signatures_.begin() + crypto::kEs256SignatureBytes, signatures_.end());
  Message answer(unmask_answer_bytes(5, 1));
  std::size_t written = 0;
  ASSERT_EQ(devices_[0]->participant.receive_unmask(request, answer, written), Rejection::kNone);
  ASSERT_EQ(written, answer.size());
  const Message released(answer.end() - crypto::kPrgKeyBytes, answer.end());
  EXPECT_NE(released, victims);
  EXPECT_NE(released, Message(released.size(), 0));
}

// Half of a victim's neighbours hear that it survives, half that it is missing: these would give pair keys.
TEST_F(PairKeys, AreNotReleasedByNeighboursThatWereToldDifferently) {
  for (std::uint16_t i = 0; i < 6; ++i)
    ASSERT_EQ(show_roster(*devices_[i], honest_roster(i)), Rejection::kNone);
  const RingLayout layout(257, 40);
  std::vector<Message> signatures(6, Message(crypto::kEs256SignatureBytes));
  const auto told = [](std::uint16_t device) {
    return device < 3 ? Message{0b111111} : Message{0b111110};  // device 0 is the victim
  };
  for (std::uint16_t i = 0; i < 6; ++i) {
    Message delivery(delivery_bytes(5, 5));
    delivery[0] = 0b11111;
    Participant& participant = devices_[i]->participant;
    ASSERT_EQ(participant.receive_delivery(delivery), Rejection::kNone);
    Message ring(layout.byte_count());
    ASSERT_EQ(participant.mask(layout, ring), Rejection::kNone);
    std::size_t written = 0;
    ASSERT_EQ(participant.receive_confirm(told(i), signatures[i], written), Rejection::kNone);
  }
  for (std::uint16_t to = 3; to < 6; ++to) {
    Message request{0b11110};
    for (std::uint16_t i = 1; i < 6; ++i) {
      if (i != to) request.insert(request.end(), signatures[i].begin(), signatures[i].end());
    }
    Message answer(unmask_answer_bytes(5, 1), 0xcc);
    std::size_t written = 0;
    EXPECT_EQ(devices_[to]->participant.receive_unmask(request, answer, written), Rejection::kBadSignature);
    EXPECT_EQ(answer, Message(answer.size(), 0xcc));
    for (const NeighbourSlot& slot : devices_[to]->slots) EXPECT_TRUE(slot.pair_key == MaskKey());
  }
}

// ---- replay ----

// What a device signed to join one round is shown in another.
TEST_F(Attack, AnOldJoinIsABadSignature) {
  const proto::Plan next = plan_of_round(4);
  EXPECT_EQ(admit(*session_for(next), joins_[0]), Rejection::kBadSignature);
  RelayDevice today(context_of(next), options_, 6);
  joins_[5] = join(today);
  EXPECT_EQ(show_roster(today, honest_roster(5)), Rejection::kBadSignature);
}

// A device that joins again is shown the roster of its earlier session.
TEST_F(Attack, AnOldRosterIsABadKey) {
  RelayDevice again(context_of(plan_), options_, 1);
  static_cast<void>(again.random.u64());  // it never draws the same keys twice
  join(again);
  EXPECT_EQ(show_roster(again, honest_roster(0)), Rejection::kBadKey);
}

// Survivors that were signed in one session are shown in another of the same plan and the same devices.
TEST_F(Attack, AnOldSignatureIsABadSignature) {
  CohortOptions options{.participants = 6};
  SecureCohort old(options);
  ASSERT_TRUE(old.run({}).has_value());
  options.session_seed = 2;
  SecureCohort today(options);
  // The coordinator accepts no old signature.
  today.tamper = [&](Step step, std::size_t device, Message&) {
    if (step != Step::kConfirm) return;
    SecureDevice& sender = *today.devices()[device];
    EXPECT_EQ(today.session().receive(sender.index, step, old.devices()[device]->signature),
              Rejection::kBadSignature);
    // Nor does a device, if a coordinator sends one.
    if (device + 1 < today.devices().size()) return;
    Message request{0b01111};
    for (std::size_t neighbour = 0; neighbour < 4; ++neighbour) {
      const Message& signature = old.devices()[neighbour]->signature;
      request.insert(request.end(), signature.begin(), signature.end());
    }
    Message answer(unmask_answer_bytes(5, 5));
    std::size_t written = 0;
    EXPECT_EQ(sender.participant.receive_unmask(request, answer, written), Rejection::kBadSignature);
  };
  std::vector<Lasts> lasts(6, Lasts::kUnmask);
  lasts[5] = Lasts::kConfirm;  // it has ended its session
  EXPECT_TRUE(today.run(lasts).has_value());
}

// ---- asking too much ----

// The coordinator asks half of a victim's neighbours for shares of its self seed, the others for its mask
// seed.
TEST(SharesOfBothKinds, AreGivenByNobody) {
  SessionRelay relay({.participants = 6});
  relay.advertise_all();
  relay.share_all(relay.everybody());
  relay.deliver_all(relay.everybody());
  relay.mask_all(relay.everybody());
  const Message survives{0b111111};
  const Message is_missing{0b111110};  // device 0
  std::vector<Message> signatures(6, Message(crypto::kEs256SignatureBytes));
  for (std::uint16_t i = 1; i < 6; ++i) {
    std::size_t written = 0;
    ASSERT_EQ(
        relay.device(i).participant.receive_confirm(i < 3 ? is_missing : survives, signatures[i], written),
        Rejection::kNone);
  }
  for (std::uint16_t to = 1; to < 6; ++to) {
    Message request{0b11110};  // everybody's but device 0's
    for (std::uint16_t i = 1; i < 6; ++i) {
      if (i != to) request.insert(request.end(), signatures[i].begin(), signatures[i].end());
    }
    Message answer(unmask_answer_bytes(5, 5));
    std::size_t written = 0;
    EXPECT_EQ(relay.device(to).participant.receive_unmask(request, answer, written),
              Rejection::kBadSignature);
    EXPECT_EQ(written, 0u);
  }
}

// The coordinator asks one device twice: first whether a neighbour survived, then whether it is missing.
TEST(SharesOfBothKinds, AreNotGivenByAskingTwice) {
  SessionRelay relay({.participants = 6});
  relay.advertise_all();
  relay.share_all(relay.everybody());
  relay.deliver_all(relay.everybody());
  relay.mask_all(relay.everybody());
  Message out(crypto::kEs256SignatureBytes);
  std::size_t written = 0;
  Participant& device = relay.device(1).participant;
  ASSERT_EQ(device.receive_confirm(Message{0b111111}, out, written), Rejection::kNone);
  EXPECT_EQ(device.receive_confirm(Message{0b111110}, out, written), Rejection::kWrongPhase);
  ASSERT_EQ(relay.confirm(2), Rejection::kNone);
  relay.confirm_all({0, 3, 4, 5});
  ASSERT_EQ(relay.unmask(2), Rejection::kNone);
  EXPECT_EQ(relay.unmask(2), Rejection::kWrongPhase);
}

// A coordinator that knows what a device drew for one session looks for the same keys in the next.
TEST(KeyReuse, AcrossSessionsDoesNotHappen) {
  CohortOptions options{.participants = 6};
  SecureCohort first(options);
  ASSERT_TRUE(first.run({}).has_value());
  options.session_seed = 2;  // every device draws what it drew before: the session alone is another
  SecureCohort second(options);
  ASSERT_TRUE(second.run({}).has_value());
  for (std::size_t i = 0; i < 6; ++i) {
    const SecureDevice& before = *first.devices()[i];
    const SecureDevice& after = *second.devices()[i];
    ASSERT_TRUE(
        std::equal(before.joined.begin(), before.joined.begin() + kAdvertiseBytes, after.joined.begin()));
    EXPECT_NE(before.shares, after.shares);
    EXPECT_NE(before.vector, after.vector);
  }
  // Records of the first session open for nobody in the second.
  SecureCohort third(options);
  third.tamper = [&](Step step, std::size_t device, Message& payload) {
    if (step == Step::kShare && device == 0) {
      std::copy(first.devices()[0]->shares.begin() + sizeof(crypto::Digest), first.devices()[0]->shares.end(),
                payload.begin() + sizeof(crypto::Digest));
    }
  };
  const auto sum = third.run({});
  ASSERT_FALSE(sum.has_value());
  EXPECT_NE(sum.error().message().find("the self seed of participant 0 has 0 shares left"), std::string::npos)
      << sum.error().message();
}

// The coordinator lowers the threshold, or leaves neighbours out, until its few corrupt devices suffice.
TEST_F(Attack, AnotherGraphThanThePlansIsBadParameters) {
  for (const GraphParameters graph :
       {GraphParameters{6, 5, 3}, GraphParameters{6, 5, 1}, GraphParameters{6, 5, 6},
        GraphParameters{6, 4, 2}, GraphParameters{6, 2, 1}}) {
    RelayDevice device(context_of(plan_), options_, 1);
    joins_[0] = join(device);
    EXPECT_EQ(show_roster(device, roster_for(joins_, 0, options_, kSession, graph)),
              Rejection::kBadParameters)
        << graph.neighbours << " neighbours, threshold " << graph.threshold;
  }
}

// The coordinator shrinks the cohort, or who is said to survive it, until the sum is that of a few.
TEST_F(Attack, SmallCohortsAreRefused) {
  joins_.resize(2);
  const Message roster = roster_for(joins_, 0, options_, kSession, GraphParameters{2, 1, 1});
  EXPECT_EQ(show_roster(*devices_[0], roster), Rejection::kCohortTooSmall);
}

TEST(SmallSurvivorSets, AreRefused) {
  struct Case {
    Message survivors;
    Rejection reason;
  };
  for (const Case& c :
       {Case{{0b000001}, Rejection::kTooFewSurvivors},     // the victim alone
        Case{{0b001111}, Rejection::kTooFewSurvivors},     // one neighbour short of the threshold
        Case{{0b111110}, Rejection::kUnknownParticipant},  // without the victim
        Case{{0b011111}, Rejection::kCohortTooSmall}}) {   // below its own minimum
    SessionRelay relay({.participants = 6, .cohort_min = 6});
    relay.advertise_all();
    relay.share_all(relay.everybody());
    relay.deliver_all(relay.everybody());
    relay.mask_all(relay.everybody());
    Message signature(crypto::kEs256SignatureBytes, 0xcc);
    std::size_t written = 0;
    EXPECT_EQ(relay.device(0).participant.receive_confirm(c.survivors, signature, written), c.reason);
    EXPECT_EQ(signature, Message(crypto::kEs256SignatureBytes, 0xcc));
  }
}

// ---- a device that lies ----

// A device answers with shares that are not those it holds, so that the cohort's sum is lost or wrong.
TEST(WrongShares, AreOutvotedAndTheirSenderIsNamed) {
  SecureCohort cohort({.participants = 12});
  cohort.tamper = [](Step step, std::size_t device, Message& payload) {
    if (step != Step::kUnmask || device != 4) return;
    for (std::size_t i = 0; i < payload.size(); i += kShareBytes) payload[i] ^= 1;
  };
  std::vector<Lasts> lasts(12, Lasts::kUnmask);
  lasts[7] = Lasts::kShare;  // so that a mask seed is rebuilt, too
  const auto sum = cohort.run(lasts);
  ASSERT_TRUE(sum.has_value()) << sum.error().message();
  EXPECT_EQ(sum->sum, cohort.expected(lasts));
  EXPECT_EQ(cohort.session().dishonest(), std::vector{cohort.devices()[4]->index});
}

}  // namespace
}  // namespace sotto::assurance
