// Cohorts behind messages: what their machine does on its own is tested by the rounds of
// coordinator_*_test.cc.
#include "sotto/server/cohort_host.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "coordinator_harness.h"
#include "sotto/proto/plan.h"
#include "support/bulletins.h"
#include "support/small_cohorts.h"

namespace sotto::server {
namespace {

using proto::Step;

const CohortAddress kCohort{TaskId{1}, RoundId{2}, CohortId{3}};

std::vector<std::uint8_t> plan_bytes(proto::Aggregation kind) {
  StoredTask task;
  task.id = kCohort.task;
  task.spec = testing::task_spec(kind, 3);
  proto::Plan plan;
  allow_small_cohorts(plan.aggregation);
  plan.task = kCohort.task;
  plan.round = kCohort.round;
  plan.model = task.spec.model;
  plan.training = task.spec.training;
  plan.aggregation = task.spec.aggregation;
  plan.report_within_ms = task.spec.report_within_ms;
  return proto::encode_plan(plan);
}

class CohortHostTest : public ::testing::Test {
 protected:
  std::vector<CohortEvent> step(const CohortCommand& command, const CohortAddress& cohort = kCohort) {
    return host_.step(cohort, command, now_);
  }
  // The events of this kind, of the cohort.
  template <typename Kind>
  static std::vector<Kind> of(const std::vector<CohortEvent>& events) {
    std::vector<Kind> found;
    for (const CohortEvent& event : events) {
      EXPECT_EQ(event.cohort, kCohort);
      if (const auto* what = std::get_if<Kind>(&event.what)) found.push_back(*what);
    }
    return found;
  }
  // A plain cohort with this many devices, in its step kCollect.
  std::vector<CohortEvent> open_plain(std::uint32_t devices, std::uint32_t grace_ms = 0) {
    EXPECT_TRUE(step(OpenCohort{.plan = plan_bytes(proto::Aggregation::kPlain),
                                .phase_deadline_ms = 5'000,
                                .straggler_grace_ms = grace_ms})
                    .empty());
    for (std::uint32_t i = 0; i < devices; ++i) {
      const auto admitted = of<CohortAdmitted>(step(AdmitToCohort{Seat{i}, {}, CallId{100 + i}}));
      EXPECT_EQ(admitted.at(0).seat, Seat{i});
      EXPECT_EQ(admitted.at(0).rejection, Rejection::kNone);
    }
    return step(CloseCohortStep{Step::kJoin});
  }
  // The vector of a device with one example, which learnt nothing.
  static std::vector<std::uint8_t> vector() {
    std::vector<std::uint8_t> bytes(2 * (secagg::kMetricLanes + 15));
    for (const std::size_t lane : {0, 1, 5}) bytes[2 * lane] = 1;
    for (std::size_t i = 0; i < 15; ++i) bytes[2 * (secagg::kMetricLanes + i)] = 128;
    return bytes;
  }
  std::vector<CohortEvent> send(std::uint32_t seat, std::uint64_t call) {
    return step(
        CohortMessage{.seat = Seat{seat}, .call = CallId{call}, .step = Step::kCollect, .payload = vector()});
  }

  Time now_{1'000};
  crypto::SeededRandom random_{std::uint64_t{1}};
  InlineExecutor executor_;
  CohortHost host_{random_, {}};
};

TEST_F(CohortHostTest, TakesACohortToItsSum) {
  const auto opened = open_plain(3);
  const auto steps = of<CohortStepOpened>(opened);
  ASSERT_EQ(steps.size(), 1u);
  EXPECT_EQ(steps[0].step, Step::kCollect);
  EXPECT_EQ(steps[0].until, now_ + std::chrono::milliseconds(5'000));
  EXPECT_EQ(steps[0].awaited, 3u);
  const auto answers = of<CohortAnswered>(opened);
  ASSERT_EQ(answers.size(), 3u) << "whoever waited is told what comes next";
  EXPECT_EQ(answers[2].call, CallId{102});
  EXPECT_EQ(std::get<proto::NextStep>(answers[2].answer).next, Step::kCollect);

  const auto first = of<CohortAnswered>(send(0, 1));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<StillWaiting>(first[0].answer));
  EXPECT_EQ(first[0].answered, 1u);
  send(1, 2);
  const auto last = send(2, 3);
  EXPECT_EQ(of<CohortStepClosed>(last).at(0).answered.size(), 3u);
  EXPECT_EQ(of<CohortReady>(last).size(), 1u);
  const CohortEvent end = host_.finish(kCohort, executor_);
  EXPECT_EQ(end.cohort, kCohort);
  const auto& finished = std::get<CohortFinished>(end.what);
  ASSERT_TRUE(finished.sum.has_value()) << finished.sum.error().message();
  EXPECT_EQ(finished.sum->devices, 3u);
  EXPECT_EQ(finished.sum->metrics.examples, 3u);
  EXPECT_FALSE(std::get<CohortFinished>(host_.finish(kCohort, executor_).what).sum.has_value())
      << "a sum is given once";
}

TEST_F(CohortHostTest, SaysWhyACohortCannotBeOpened) {
  const auto reason = [&](const OpenCohort& command) {
    const auto failed = of<CohortFailed>(step(command));
    return failed.empty() ? std::string() : failed[0].reason;
  };
  EXPECT_NE(reason({.plan = plan_bytes(proto::Aggregation::kSecure)}).find("authority"), std::string::npos);
  EXPECT_NE(reason({.plan = plan_bytes(proto::Aggregation::kOneShot)}).find("needs a helper"),
            std::string::npos);
  EXPECT_FALSE(reason({.plan = {1, 2, 3}}).empty());
  EXPECT_TRUE(step(AdmitToCohort{Seat{0}, {}}).empty()) << "nothing was opened";
}

TEST_F(CohortHostTest, AsksNoHelperWithoutAKeyToSignWith) {
  class SilentHelper final : public aggregator::HelperLink {
   public:
    Result<proto::HelperReply> sum_masks(Bytes) override { return unavailable("nobody listens"); }
  };
  SilentHelper helper;
  const OpenCohort command{.plan = plan_bytes(proto::Aggregation::kOneShot)};
  CohortHostOptions options{.authority = secagg::fleet_authority().public_key(), .helpers = {&helper}};
  CohortHost nameless(random_, options);
  EXPECT_EQ(of<CohortFailed>(nameless.step(kCohort, command, now_)).size(), 1u);
  options.coordinator = &secagg::enrolled_coordinator().signer;
  CohortHost host(random_, options);
  EXPECT_TRUE(host.step(kCohort, command, now_).empty());
}

// What a device sends to join this plan.
std::vector<std::uint8_t> join_of(const secagg::Identity& device, Bytes plan, std::uint64_t seed) {
  crypto::SeededRandom random(seed);
  std::vector<std::uint8_t> join(secagg::join_bytes(secagg::Adversary::kSemiMalicious));
  const MutableBytes keys = MutableBytes(join).first(secagg::kAdvertiseBytes);
  for (const std::size_t at : {0, 32}) {
    crypto::SecretBytes<crypto::kX25519Bytes> scalar;
    random.fill(scalar.reveal_mutable());
    const crypto::X25519PublicKey key = crypto::X25519PrivateKey(scalar).public_key();
    std::copy(key.begin(), key.end(), keys.begin() + static_cast<std::ptrdiff_t>(at));
  }
  const secagg::Statement joins = secagg::join_statement(crypto::sha256({plan}), keys);
  secagg::encode_credential(secagg::make_credential(device.signer, device.endorsement, joins),
                            std::span(join).last<secagg::kCredentialBytes>());
  return join;
}

TEST_F(CohortHostTest, ARevokedDeviceIsRefusedFromTheNextCohortOn) {
  CohortHost host(random_, {.authority = secagg::fleet_authority().public_key()});
  const std::vector<std::uint8_t> plan = plan_bytes(proto::Aggregation::kSecure);
  const secagg::Identity& stolen = secagg::enrolled_device("stolen");
  const auto admit = [&](const CohortAddress& cohort, std::uint32_t seat, const secagg::Identity& device) {
    const auto events = host.step(cohort, AdmitToCohort{Seat{seat}, join_of(device, plan, seat)}, now_);
    return std::get<CohortAdmitted>(events.at(0).what).rejection;
  };
  ASSERT_TRUE(host.step(kCohort, OpenCohort{.plan = plan}, now_).empty());
  EXPECT_EQ(admit(kCohort, 0, stolen), Rejection::kNone) << "nobody has revoked it yet";
  const CohortAddress next{kCohort.task, kCohort.round, CohortId{9}};
  {
    OpenCohort open{
        .plan = plan,
        .bulletin = secagg::signed_bulletin(secagg::fleet_authority(),
                                            {.revoked = {secagg::identity_of(stolen.signer.public_key())}})};
    ASSERT_TRUE(host.step(next, open, now_).empty());
  }  // the cohort keeps what it needs of the command
  EXPECT_EQ(admit(next, 0, stolen), Rejection::kRevoked);
  EXPECT_EQ(admit(next, 1, secagg::enrolled_device("kitchen-7")), Rejection::kNone);
}

TEST_F(CohortHostTest, OpensNoCohortByABulletinOfAnotherAuthority) {
  CohortHost host(random_, {.authority = secagg::fleet_authority().public_key()});
  secagg::KeySigner stranger(secagg::numbered_key(77));
  const auto events = host.step(kCohort,
                                OpenCohort{.plan = plan_bytes(proto::Aggregation::kSecure),
                                           .bulletin = secagg::signed_bulletin(stranger, {})},
                                now_);
  EXPECT_NE(std::get<CohortFailed>(events.at(0).what).reason.find("not by the authority"), std::string::npos);
}

TEST_F(CohortHostTest, HasNothingToSayOfACohortItDoesNotHave) {
  open_plain(3);
  const CohortAddress other{TaskId{1}, RoundId{2}, CohortId{4}};
  EXPECT_TRUE(step(CloseCohortStep{Step::kCollect}, other).empty());
  EXPECT_FALSE(std::get<CohortFinished>(host_.finish(other, executor_).what).sum.has_value());
  EXPECT_FALSE(std::get<CohortFinished>(host_.finish(kCohort, executor_).what).sum.has_value())
      << "its vectors are not there yet";
  EXPECT_EQ(of<CohortAnswered>(send(0, 1)).size(), 1u) << "and that did no harm";
  step(DiscardCohort{});
  EXPECT_TRUE(send(1, 2).empty());
}

TEST_F(CohortHostTest, RefusesSeatsOutOfOrderAndMessagesFromEmptyOnes) {
  step(OpenCohort{.plan = plan_bytes(proto::Aggregation::kPlain)});
  EXPECT_EQ(of<CohortAdmitted>(step(AdmitToCohort{Seat{1}, {}})).at(0).rejection, Rejection::kWrongPhase);
  step(DiscardCohort{});
  open_plain(3);
  EXPECT_EQ(of<CohortAdmitted>(step(AdmitToCohort{Seat{3}, {}})).at(0).rejection, Rejection::kWrongPhase)
      << "its joining is over";
  const auto refusal = of<CohortAnswered>(send(3, 7));
  ASSERT_EQ(refusal.size(), 1u);
  EXPECT_EQ(std::get<Rejection>(refusal[0].answer), Rejection::kUnknownParticipant);
  EXPECT_EQ(refusal[0].call, CallId{7});
  EXPECT_TRUE(step(LeaveCohort{Seat{3}}).empty());
}

TEST_F(CohortHostTest, IgnoresTheDeadlineOfAStepThatIsOver) {
  open_plain(3);
  EXPECT_TRUE(step(CloseCohortStep{Step::kJoin}).empty());
  EXPECT_TRUE(step(CloseCohortStep{Step::kShare}).empty());
  const auto failed = of<CohortFailed>(step(CloseCohortStep{Step::kCollect}));
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].reason,
            "step collect: 0 of 3 participants answered step collect, at least 3 are needed");
  EXPECT_TRUE(step(CloseCohortStep{Step::kCollect}).empty());
}

TEST_F(CohortHostTest, WaitsForNobodyWhoLeft) {
  open_plain(4);
  for (std::uint32_t seat = 0; seat < 3; ++seat) EXPECT_TRUE(of<CohortReady>(send(seat, seat)).empty());
  EXPECT_EQ(of<CohortReady>(step(LeaveCohort{Seat{3}})).size(), 1u);
  EXPECT_TRUE(step(LeaveCohort{Seat{3}}).empty()) << "twice is once";
}

TEST_F(CohortHostTest, EndsAtOnceWhenEverybodyLeftWhileItWasJoining) {
  step(OpenCohort{.plan = plan_bytes(proto::Aggregation::kPlain), .phase_deadline_ms = 5'000});
  for (std::uint32_t seat = 0; seat < 3; ++seat) step(AdmitToCohort{Seat{seat}, {}, CallId{100 + seat}});
  for (std::uint32_t seat = 0; seat < 3; ++seat) EXPECT_TRUE(step(LeaveCohort{Seat{seat}}).empty());
  const auto closed = step(CloseCohortStep{Step::kJoin});
  EXPECT_EQ(of<CohortStepOpened>(closed).at(0).awaited, 3u);
  EXPECT_EQ(of<CohortFailed>(closed).at(0).reason,
            "step collect: 0 of 3 participants answered step collect, at least 3 are needed");
}

TEST_F(CohortHostTest, HurriesOnlyWhenThatIsSooner) {
  open_plain(4, 700);
  for (std::uint32_t seat = 0; seat < 2; ++seat) send(seat, seat);
  now_ = Time{1'000 + 4'299};
  const auto hurries = of<CohortHurries>(send(2, 2));
  ASSERT_EQ(hurries.size(), 1u) << "a quarter is missing, 0.3 may be";
  EXPECT_EQ(hurries[0].until, Time{5'999});
  EXPECT_TRUE(of<CohortHurries>(send(2, 2)).empty()) << "once in a step";
}

TEST_F(CohortHostTest, NeverPutsADeadlineOff) {
  open_plain(4, 700);
  for (std::uint32_t seat = 0; seat < 2; ++seat) send(seat, seat);
  now_ = Time{1'000 + 4'300};
  EXPECT_TRUE(of<CohortHurries>(send(2, 2)).empty());
}

// Takes everything; awaits in a step who answered the last one.
class WillingSession final : public aggregator::CohortSession {
 public:
  Rejection admit(Bytes, ParticipantIndex& index, aggregator::Signature) override {
    index = ParticipantIndex{static_cast<std::uint16_t>(answered_.size())};
    awaited_.push_back(true);
    answered_.push_back(true);
    return Rejection::kNone;
  }
  Step step() const override { return step_; }
  Rejection receive(ParticipantIndex from, Step, Bytes) override {
    answered_[from.value] = true;
    return Rejection::kNone;
  }
  bool awaited(ParticipantIndex participant) const override { return awaited_[participant.value]; }
  bool answered(ParticipantIndex participant) const override { return answered_[participant.value]; }
  std::uint32_t awaited_count() const override { return count(awaited_); }
  std::uint32_t answered_count() const override { return count(answered_); }
  Result<Progress> close_step() override {
    if (step_ == Step::kUnmask) return Progress::kReadyToFinish;
    step_ = static_cast<Step>(static_cast<int>(step_) + 1);
    awaited_ = std::exchange(answered_, std::vector<bool>(answered_.size()));
    return Progress::kNextStep;
  }
  std::vector<std::uint8_t> message_for(ParticipantIndex) const override { return {}; }
  Result<aggregator::CohortSum> finish(Executor&) override { return aborted("nothing is summed"); }
  std::vector<ParticipantIndex> dishonest() const override { return {}; }

 private:
  static std::uint32_t count(const std::vector<bool>& members) {
    return static_cast<std::uint32_t>(std::count(members.begin(), members.end(), true));
  }

  Step step_ = Step::kJoin;
  std::vector<bool> awaited_;
  std::vector<bool> answered_;
};

TEST(CohortSteps, EndAtOnceWhenAllWhoAreAwaitedHaveLeftBefore) {
  CohortHost host([](const proto::Plan&, const OpenCohort&, Time) {
    return Result<std::unique_ptr<aggregator::CohortSession>>(std::make_unique<WillingSession>());
  });
  const auto step = [&](const CohortCommand& command) { return host.step(kCohort, command, Time{1}); };
  step(OpenCohort{.plan = plan_bytes(proto::Aggregation::kPlain), .phase_deadline_ms = 5'000});
  for (std::uint32_t seat = 0; seat < 3; ++seat) step(AdmitToCohort{Seat{seat}, {}});
  step(CloseCohortStep{Step::kJoin});
  for (std::uint32_t seat = 0; seat < 2; ++seat) {
    step(CohortMessage{.seat = Seat{seat}, .call = CallId{seat}, .step = Step::kShare});
    step(LeaveCohort{Seat{seat}});
  }
  std::vector<Step> closed;
  const auto events = step(LeaveCohort{Seat{2}});
  for (const CohortEvent& event : events) {
    if (const auto* what = std::get_if<CohortStepClosed>(&event.what)) closed.push_back(what->step);
  }
  EXPECT_EQ(closed, (std::vector<Step>{Step::kShare, Step::kCollect, Step::kConfirm, Step::kUnmask}));
  EXPECT_TRUE(std::holds_alternative<CohortReady>(events.back().what));
}

// Refuses the join payload {0}; ready when its joining closes; everybody it admitted is dishonest.
class PickySession final : public aggregator::CohortSession {
 public:
  Rejection admit(Bytes payload, ParticipantIndex& index, aggregator::Signature) override {
    if (payload[0] == 0) return Rejection::kBadKey;
    index = ParticipantIndex{admitted_++};
    return Rejection::kNone;
  }
  Step step() const override { return Step::kJoin; }
  Rejection receive(ParticipantIndex, Step, Bytes) override { return Rejection::kWrongPhase; }
  bool awaited(ParticipantIndex) const override { return true; }
  bool answered(ParticipantIndex) const override { return true; }
  std::uint32_t awaited_count() const override { return admitted_; }
  std::uint32_t answered_count() const override { return admitted_; }
  Result<Progress> close_step() override { return Progress::kReadyToFinish; }
  std::vector<std::uint8_t> message_for(ParticipantIndex) const override { return {}; }
  Result<aggregator::CohortSum> finish(Executor&) override { return aborted("they lie"); }
  std::vector<ParticipantIndex> dishonest() const override {
    std::vector<ParticipantIndex> all;
    for (std::uint16_t i = 0; i < admitted_; ++i) all.push_back(ParticipantIndex{i});
    return all;
  }

 private:
  std::uint16_t admitted_ = 0;
};

TEST(CohortSeats, AreThoseOfTheCoordinatorThoughSomeStayEmpty) {
  CohortHost host([](const proto::Plan&, const OpenCohort&, Time) {
    return Result<std::unique_ptr<aggregator::CohortSession>>(std::make_unique<PickySession>());
  });
  const auto step = [&](const CohortCommand& command) { return host.step(kCohort, command, Time{1}); };
  step(OpenCohort{.plan = plan_bytes(proto::Aggregation::kPlain)});
  for (std::uint32_t seat = 0; seat < 4; ++seat) {
    const auto events = step(AdmitToCohort{Seat{seat}, {static_cast<std::uint8_t>(seat % 2)}});
    EXPECT_EQ(std::get<CohortAdmitted>(events.at(0).what).rejection,
              seat % 2 == 0 ? Rejection::kBadKey : Rejection::kNone);
  }
  const auto closed = step(CloseCohortStep{Step::kJoin});
  const std::vector<Seat> admitted{Seat{1}, Seat{3}};
  EXPECT_EQ(std::get<CohortStepClosed>(closed.at(0).what).answered, admitted);
  InlineExecutor executor;
  const CohortEvent finished = host.finish(kCohort, executor);
  EXPECT_EQ(std::get<CohortFinished>(finished.what).dishonest, admitted);
  EXPECT_FALSE(std::get<CohortFinished>(finished.what).sum.has_value());
}

}  // namespace
}  // namespace sotto::server
