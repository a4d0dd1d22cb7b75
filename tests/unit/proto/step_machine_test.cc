// The order of steps of each kind of session, played by three devices against the aggregator.
#include "sotto/proto/step_machine.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/executor.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/one_shot.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/update.h"
#include "support/enrolment.h"
#include "support/small_cohorts.h"

namespace sotto::proto {
namespace {

using State = StepMachine::State;
using Message = std::vector<std::uint8_t>;

constexpr std::size_t kDevices = 3;

Plan plan_of(Aggregation kind, Adversary adversary = Adversary::kSemiMalicious) {
  Plan plan;
  allow_small_cohorts(plan.aggregation);
  plan.round = RoundId{4};
  plan.model = {.architecture = Architecture::kSoftmax, .features = 2, .classes = 2};
  plan.aggregation.kind = kind;
  plan.aggregation.adversary = adversary;
  plan.report_within_ms = 1000;
  return plan;
}

struct Device {
  Device(const Plan& plan, std::uint64_t number, const crypto::X25519PublicKey* helper = nullptr,
         bool enrolled = true)
      : enrolment(number),
        random(number),
        update(update_bytes(plan), static_cast<std::uint8_t>(number)),
        steps(plan, encode_plan(plan),
              {.identity = enrolled ? &enrolment.identity : nullptr,
               .helpers = {.keys = {helper, helper == nullptr ? std::size_t{0} : std::size_t{1}}}},
              {.slots = slots, .order = order}, random) {
    if (plan.aggregation.kind != Aggregation::kFloat) {
      std::fill_n(update.begin(), secagg::kMetricLanes, std::uint8_t{0});
      for (const std::size_t lane : {0, 1, 5}) update[lane] = 1;  // one vector, weight 1, one example
    }
  }

  // Gives the message, as long as it turned out.
  Rejection join() {
    message.assign(steps.message_bytes_max(Step::kJoin), 0xcc);
    return finish(steps.join(update, message, written));
  }
  Rejection answer(Step next, Bytes received) {
    message.assign(steps.message_bytes_max(next), 0xcc);
    return finish(steps.next_step(next, received, update, message, written));
  }
  Rejection finish(Rejection rejection) {
    if (accepted(rejection)) message.resize(written);
    return rejection;
  }

  secagg::Enrolment enrolment;
  crypto::SeededRandom random;
  std::array<secagg::NeighbourSlot, kDevices - 1> slots;
  std::array<std::uint16_t, kDevices> order{};
  Message update;
  Message message;
  std::size_t written = 0;
  StepMachine steps;
};

// Three devices and their cohort, which has admitted them.
class Played {
 public:
  explicit Played(const Plan& plan) {
    crypto::SeededRandom random(std::uint64_t{99});
    cohort = std::move(aggregator::make_cohort_session(plan, encode_plan(plan), random,
                                                       secagg::fleet_authority().public_key())
                           .value());
    for (std::uint64_t i = 0; i < kDevices; ++i) {
      devices.push_back(std::make_unique<Device>(plan, 10 + i));
      ParticipantIndex index;
      EXPECT_EQ(devices[i]->join(), Rejection::kNone);
      EXPECT_EQ(cohort->admit(devices[i]->message, index), Rejection::kNone);
    }
    EXPECT_TRUE(cohort->close_step().has_value());
  }

  [[nodiscard]] Message for_device(std::uint16_t index) const { return cohort->message_for({index}); }
  // Plays the open step with all devices.
  void play() {
    const Step step = cohort->step();
    for (std::uint16_t i = 0; i < kDevices; ++i) {
      ASSERT_EQ(devices[i]->answer(step, for_device(i)), Rejection::kNone) << to_string(step);
      EXPECT_EQ(devices[i]->steps.step(), step);
      EXPECT_EQ(devices[i]->steps.state(), State::kGoesOn);
      ASSERT_EQ(cohort->receive({i}, step, devices[i]->message), Rejection::kNone) << to_string(step);
    }
    const auto progress = cohort->close_step();
    ASSERT_TRUE(progress.has_value());
    ready = *progress == aggregator::CohortSession::Progress::kReadyToFinish;
  }

  std::unique_ptr<aggregator::CohortSession> cohort;
  std::vector<std::unique_ptr<Device>> devices;
  bool ready = false;
};

class WholeSession : public testing::TestWithParam<std::pair<Plan, std::vector<Step>>> {};
INSTANTIATE_TEST_SUITE_P(
    Kinds, WholeSession,
    testing::Values(std::pair{plan_of(Aggregation::kSecure),
                              std::vector{Step::kShare, Step::kCollect, Step::kConfirm, Step::kUnmask}},
                    std::pair{plan_of(Aggregation::kSecure, Adversary::kCurious),
                              std::vector{Step::kShare, Step::kCollect, Step::kUnmask}},
                    std::pair{plan_of(Aggregation::kPlain), std::vector{Step::kCollect}}));

TEST_P(WholeSession, GivesTheSum) {
  const auto& [plan, steps] = GetParam();
  Played played(plan);
  for (const Step step : steps) {
    ASSERT_EQ(played.cohort->step(), step);
    ASSERT_NO_FATAL_FAILURE(played.play());
  }
  ASSERT_TRUE(played.ready);
  InlineExecutor executor;
  const auto sum = played.cohort->finish(executor);
  ASSERT_TRUE(sum.has_value());
  EXPECT_EQ(sum->metrics.count, kDevices);
  for (const auto& device : played.devices) {
    device->steps.end(true);
    EXPECT_EQ(device->steps.state(), State::kCounted);
  }
}

TEST_P(WholeSession, RefusesEveryStepButTheNext) {
  const auto& [plan, steps] = GetParam();
  for (std::size_t played_steps = 0; played_steps <= steps.size(); ++played_steps) {
    for (const Step wrong : {Step::kJoin, Step::kShare, Step::kCollect, Step::kConfirm, Step::kUnmask}) {
      if (played_steps < steps.size() && wrong == steps[played_steps]) continue;
      Played played(plan);
      for (std::size_t i = 0; i < played_steps; ++i) ASSERT_NO_FATAL_FAILURE(played.play());
      Device& device = *played.devices[0];
      EXPECT_EQ(device.answer(wrong, played_steps < steps.size() ? played.for_device(0) : Message()),
                Rejection::kWrongPhase);
      EXPECT_EQ(device.steps.state(), State::kBroken);
      EXPECT_EQ(device.steps.reason(), Rejection::kWrongPhase);
      EXPECT_EQ(device.written, 0u);
    }
  }
}

class SecureSteps : public testing::Test {
 protected:
  Played played_{plan_of(Aggregation::kSecure)};
  Device& device() { return *played_.devices[0]; }
};

TEST_F(SecureSteps, TakeARosterInChunks) {
  const Message roster = played_.for_device(0);
  Device twin(plan_of(Aggregation::kSecure), 10);
  ASSERT_EQ(twin.join(), Rejection::kNone);
  for (bool again = true; again;) {
    for (std::size_t at = 0; at < roster.size(); at += 100) {
      const std::size_t count = std::min<std::size_t>(100, roster.size() - at);
      ASSERT_EQ(twin.steps.take_roster(Bytes(roster).subspan(at, count)), Rejection::kNone);
    }
    ASSERT_EQ(twin.steps.end_roster(again), Rejection::kNone);
  }
  twin.message.resize(twin.steps.message_bytes_max(Step::kShare));
  ASSERT_EQ(twin.steps.share(twin.message, twin.written), Rejection::kNone);
  EXPECT_EQ(twin.steps.step(), Step::kShare);
  ASSERT_EQ(device().answer(Step::kShare, roster), Rejection::kNone);
  EXPECT_EQ(twin.message, device().message);
}

TEST_F(SecureSteps, TakeARosterOnlyWhenItIsDue) {
  ASSERT_NO_FATAL_FAILURE(played_.play());
  bool again = true;
  EXPECT_EQ(device().steps.take_roster({}), Rejection::kWrongPhase);
  EXPECT_EQ(device().steps.state(), State::kBroken);
  EXPECT_EQ(played_.devices[1]->steps.end_roster(again), Rejection::kWrongPhase);
  EXPECT_FALSE(again);
  EXPECT_EQ(played_.devices[2]->steps.share(device().message, device().written), Rejection::kWrongPhase);
}

TEST_F(SecureSteps, EndWithABrokenMessage) {
  Message roster = played_.for_device(0);
  roster.pop_back();
  device().written = 9;
  EXPECT_EQ(device().answer(Step::kShare, roster), Rejection::kMalformed);
  EXPECT_EQ(device().written, 0u);
  EXPECT_EQ(device().steps.state(), State::kBroken);
  EXPECT_EQ(device().steps.reason(), Rejection::kMalformed);
  EXPECT_EQ(device().answer(Step::kShare, played_.for_device(0)), Rejection::kWrongPhase);
  EXPECT_EQ(device().steps.reason(), Rejection::kMalformed);
}

TEST_F(SecureSteps, LeaveNoVectorWhenTheDeliveryIsBroken) {
  ASSERT_NO_FATAL_FAILURE(played_.play());
  Message delivery = played_.for_device(0);
  delivery.push_back(0);
  EXPECT_EQ(device().answer(Step::kCollect, delivery), Rejection::kMalformed);
  EXPECT_EQ(device().written, 0u);
  EXPECT_EQ(device().message, Message(device().message.size(), 0xcc));
}

TEST_F(SecureSteps, NeedRoomForTheVector) {
  ASSERT_NO_FATAL_FAILURE(played_.play());
  Message small(device().steps.message_bytes_max(Step::kCollect) - 1, 0xcc);
  EXPECT_EQ(device().steps.next_step(Step::kCollect, played_.for_device(0), device().update, small,
                                     device().written),
            Rejection::kWrongLength);
  EXPECT_EQ(device().written, 0u);
  EXPECT_EQ(small, Message(small.size(), 0xcc));
}

TEST_F(SecureSteps, JoinOnce) {
  device().written = 9;
  EXPECT_EQ(device().join(), Rejection::kWrongPhase);
  EXPECT_EQ(device().written, 0u);
  EXPECT_EQ(device().steps.state(), State::kBroken);
}

TEST_F(SecureSteps, KnowWhetherTheJoinWasAnswered) {
  EXPECT_EQ(device().steps.state(), State::kJoined);
  device().steps.keep_waiting();
  EXPECT_EQ(device().steps.state(), State::kGoesOn);
  EXPECT_FALSE(device().steps.over());
}

TEST_F(SecureSteps, KeepTheCoordinatorsFirstLastWord) {
  device().steps.refused(Rejection::kBadKey);
  EXPECT_EQ(device().steps.state(), State::kRefused);
  EXPECT_EQ(device().steps.reason(), Rejection::kBadKey);
  device().steps.refused(Rejection::kMalformed);
  device().steps.end(true);
  device().steps.leave();
  device().steps.keep_waiting();
  EXPECT_EQ(device().steps.state(), State::kRefused);
  EXPECT_EQ(device().steps.reason(), Rejection::kBadKey);
}

TEST_F(SecureSteps, EndUncountedOrByLeaving) {
  device().steps.end(false);
  EXPECT_EQ(device().steps.state(), State::kUncounted);
  played_.devices[1]->steps.leave();
  EXPECT_EQ(played_.devices[1]->steps.state(), State::kLeft);
  EXPECT_EQ(played_.devices[1]->answer(Step::kShare, played_.for_device(1)), Rejection::kWrongPhase);
  EXPECT_EQ(played_.devices[1]->steps.state(), State::kLeft);
}

TEST(Joining, NeedsTheSessionsParties) {
  Device stranger(plan_of(Aggregation::kSecure), 1, nullptr, false);
  EXPECT_EQ(stranger.join(), Rejection::kNotEligible);
  EXPECT_EQ(stranger.steps.state(), State::kBroken);
  const crypto::X25519PublicKey helper = crypto::X25519PrivateKey({}).public_key();
  Device without_helper(plan_of(Aggregation::kOneShot), 1);
  EXPECT_EQ(without_helper.join(), Rejection::kNotEligible);
  Device without_identity(plan_of(Aggregation::kOneShot), 1, &helper, false);
  EXPECT_EQ(without_identity.join(), Rejection::kNotEligible);
}

TEST(Joining, NeedsRoom) {
  Device device(plan_of(Aggregation::kSecure), 1);
  Message small(device.steps.message_bytes_max(Step::kJoin) - 1);
  EXPECT_EQ(device.steps.join(device.update, small, device.written), Rejection::kWrongLength);
}

TEST(OneShotSession, IsOverForTheDeviceWithItsJoin) {
  const Plan plan = plan_of(Aggregation::kOneShot);
  const crypto::X25519PublicKey helper = crypto::X25519PrivateKey({}).public_key();
  Device device(plan, 1, &helper);
  ASSERT_EQ(device.join(), Rejection::kNone);
  secagg::OneShotMessage decoded;
  ASSERT_EQ(secagg::decode_one_shot(device.message, 1, decoded), Rejection::kNone);
  EXPECT_TRUE(accepted(secagg::check_sealed_mask(decoded.mask, crypto::sha256({encode_plan(plan)}),
                                                 secagg::fleet_authority().public_key(), secagg::kNoClock)));
  EXPECT_EQ(device.answer(Step::kShare, {}), Rejection::kWrongPhase);
}

TEST(FloatSession, SendsTheUpdateAsItIs) {
  Device device(plan_of(Aggregation::kFloat), 1);
  ASSERT_EQ(device.join(), Rejection::kNone);
  EXPECT_TRUE(device.message.empty());
  ASSERT_EQ(device.answer(Step::kCollect, {}), Rejection::kNone);
  EXPECT_EQ(device.message, device.update);
}

TEST(UnmaskedSessions, TakeNoDelivery) {
  for (const Aggregation kind : {Aggregation::kPlain, Aggregation::kFloat}) {
    Device device(plan_of(kind), 1);
    ASSERT_EQ(device.join(), Rejection::kNone);
    EXPECT_EQ(device.answer(Step::kCollect, Message(1)), Rejection::kMalformed);
  }
}

}  // namespace
}  // namespace sotto::proto
