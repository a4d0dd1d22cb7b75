// One-shot rounds in virtual time: devices that send one message, and a helper in the same process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>

#include "coordinator_harness.h"
#include "sotto/aggregator/server_optimizer.h"
#include "sotto/mask_helper/mask_helper.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::server {
namespace {

using proto::Step;
using testing::Device;
using testing::Harness;
using ::testing::HasSubstr;
using testing::task_spec;

crypto::X25519PrivateKey key_of(std::uint8_t number) {
  crypto::SecretBytes<32> scalar;
  scalar.reveal_mutable()[3] = number;
  return crypto::X25519PrivateKey(scalar);
}

// The real helper, which can be out of reach, or lie.
class LocalHelper final : public aggregator::HelperLink {
 public:
  explicit LocalHelper(std::uint8_t number) : number_(number) {
    start(Time{0});
    now = testing::kHarnessStart;
  }
  Result<proto::HelperReply> sum_masks(Bytes request) override {
    if (out_of_reach) return unavailable("nobody listens there");
    InlineExecutor executor;
    auto reply = helper_->answer(request, now, executor);
    if (lies) ++std::get<proto::MaskSum>(*reply).ring[100];
    return reply;
  }
  [[nodiscard]] std::string name() const override { return "helper " + std::to_string(number_); }
  // Anew, with an empty record.
  void start(Time at) {
    now = at;
    answered_ = mask_helper::make_memory_answered_plans();
    helper_.emplace(key_of(number_),
                    mask_helper::MaskHelperOptions{.authority = secagg::fleet_authority().public_key()},
                    *answered_, at);
  }
  bool out_of_reach = false;
  bool lies = false;
  Time now;

 private:
  std::uint8_t number_;
  std::unique_ptr<mask_helper::AnsweredPlans> answered_;
  std::optional<mask_helper::MaskHelper> helper_;
};

class OneShotRound : public ::testing::Test {
 protected:
  explicit OneShotRound(std::size_t helpers = 1) : helper_count_(helpers) {
    for (std::size_t i = 0; i < 5; ++i) {
      devices_.push_back(std::make_unique<Device>("device-" + std::to_string(i), 100 + i));
    }
  }

  void check_in() {
    helper_.now = second_helper_.now = harness_.now;
    for (auto& device : devices_) {
      const proto::PlanOffer offer = harness_.plan_for(device->name);
      device->take_plan(offer);
      check_key_ = offer.check_key;
    }
  }
  // The device's whole contribution; `sealed_to` is the (first) helper's key unless it is mistaken.
  [[nodiscard]] std::vector<std::uint8_t> message(const Device& device, std::uint8_t sealed_to = 1) const {
    const secagg::Identity& identity = secagg::enrolled_device(device.name);
    const secagg::SessionContext context =
        proto::session_context(device.plan, proto::encode_plan(device.plan));
    std::vector<std::uint8_t> ring(device.layout().byte_count());
    secagg::ring_encode(device.layout(), device.lanes, ring);
    const std::array keys = {key_of(sealed_to).public_key(), key_of(2).public_key()};
    secagg::CheckKey check_key;
    if (helper_count_ > 1) {
      EXPECT_EQ(check_key_.size(), secagg::kCheckKeyBytes);
      std::copy(check_key_.begin(), check_key_.end(), check_key.reveal_mutable().begin());
    }
    crypto::SystemRandom random;
    secagg::OneShotSeals seals;
    EXPECT_EQ(secagg::one_shot_mask(context, device.layout(),
                                    {.keys = std::span(keys).first(helper_count_), .check_key = &check_key},
                                    secagg::identity_of(identity.signer.public_key()), random, ring, seals),
              Rejection::kNone);
    std::vector<std::uint8_t> message(secagg::one_shot_header_bytes(helper_count_));
    secagg::one_shot_sign(context.plan_digest, identity, seals, ring, random, message);
    message.insert(message.end(), ring.begin(), ring.end());
    return message;
  }
  void join(std::size_t device) {
    const auto end = harness_.outcome<proto::SessionEnd>(
        harness_.exchange(devices_[device]->token, Step::kJoin, message(*devices_[device])));
    EXPECT_TRUE(end.counted);
    EXPECT_THAT(end.outcome, HasSubstr("counts this device's update"));
  }
  [[nodiscard]] StoredModel last_model() { return harness_.kept->load_tasks()->at(0).model; }
  // The committed model is that of a round that summed exactly these devices.
  void expect_committed(const std::vector<std::size_t>& members, StoredModel before) {
    aggregator::CohortSum sum;
    const proto::Plan& plan = devices_[0]->plan;
    sum.sum.resize(plan.model.parameter_count());
    sum.segments = {{.length = static_cast<std::uint32_t>(sum.sum.size()),
                     .unit = secagg::quantizer_scale(plan.aggregation.clip)}};
    sum.weight_max = plan.aggregation.weight_max;
    std::vector<std::uint32_t> metrics(secagg::kMetricLanes);
    for (const std::size_t i : members) {
      for (std::size_t j = 0; j < metrics.size(); ++j) metrics[j] += devices_[i]->lanes[j];
      for (std::size_t j = 0; j < sum.sum.size(); ++j) {
        sum.sum[j] += devices_[i]->lanes[secagg::kMetricLanes + j] - 128;
      }
    }
    sum.metrics = secagg::decode_metrics(plan.update_layout(), metrics);
    EXPECT_TRUE(aggregator::apply_update(sum, {}, before.parameters, before.optimizer_state).ok());
    EXPECT_EQ(last_model().version.value, before.version.value + 1);
    EXPECT_EQ(last_model().parameters, before.parameters);
  }

  [[nodiscard]] std::vector<crypto::X25519PublicKey> keys() const {
    if (helper_count_ == 1) return {key_of(1).public_key()};
    return {key_of(1).public_key(), key_of(2).public_key()};
  }
  [[nodiscard]] aggregator::HelperLinks links() {
    return helper_count_ == 1 ? aggregator::HelperLinks{&helper_}
                              : aggregator::HelperLinks{&helper_, &second_helper_};
  }

  std::size_t helper_count_;
  LocalHelper helper_{1};
  LocalHelper second_helper_{2};
  std::vector<std::uint8_t> check_key_;  // of the last offer
  Harness harness_{{.helper_keys = keys()}, links()};
  std::vector<std::unique_ptr<Device>> devices_;
};

class RoundOfTwoHelpers : public OneShotRound {
 protected:
  RoundOfTwoHelpers() : OneShotRound(2) {}
};

TEST_F(OneShotRound, LetsEachDeviceGoAtOnceAndCommitsTheExactSum) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const StoredModel before = last_model();
  check_in();
  for (const std::size_t i : {3, 0, 4, 1, 2}) join(i);
  expect_committed({0, 1, 2, 3, 4}, before);
  const proto::RoundRecord record = harness_.rounds().at(0);
  EXPECT_EQ(record.outcome, proto::RoundOutcome::kCommitted);
  EXPECT_EQ(record.cohorts, 1u);
  EXPECT_EQ(record.joined, 5u);
  EXPECT_EQ(record.collected, 5u);
  EXPECT_EQ(record.shared + record.unmasked, 0u);
}

TEST_F(OneShotRound, NamesTheHelperInItsPlan) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  check_in();
  EXPECT_EQ(devices_[0]->plan.helper_digest, crypto::sha256({key_of(1).public_key()}));
  EXPECT_EQ(devices_[0]->plan.helper_count(), 1u);
  EXPECT_TRUE(check_key_.empty());
}

TEST_F(RoundOfTwoHelpers, CommitsTheExactSum) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const StoredModel before = last_model();
  check_in();
  EXPECT_EQ(devices_[0]->plan.helper_digest, crypto::sha256({key_of(1).public_key()}));
  EXPECT_EQ(devices_[0]->plan.second_helper_digest, crypto::sha256({key_of(2).public_key()}));
  for (const std::size_t i : {3, 0, 4, 1, 2}) join(i);
  expect_committed({0, 1, 2, 3, 4}, before);
}

TEST_F(RoundOfTwoHelpers, EachHasACheckKeyThatAllItsDevicesShareAndNoOtherRound) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const proto::PlanOffer first = harness_.plan_for(devices_[0]->name);
  EXPECT_EQ(first.check_key.size(), secagg::kCheckKeyBytes);
  EXPECT_EQ(harness_.plan_for(devices_[1]->name).check_key, first.check_key);
  harness_.advance(60'000);
  harness_.advance(60'000);
  EXPECT_NE(harness_.plan_for(devices_[2]->name).check_key, first.check_key);
}

TEST_F(RoundOfTwoHelpers, IsAbandonedNamesTheHelperAndKeepsTheModelWhenOneLies) {
  for (LocalHelper* liar : {&helper_, &second_helper_}) {
    if (liar == &helper_) harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
    liar->lies = true;
    const StoredModel before = last_model();
    check_in();
    for (std::size_t i = 0; i < 5; ++i) join(i);
    const proto::RoundRecord record = harness_.rounds().at(0);
    EXPECT_EQ(record.outcome, proto::RoundOutcome::kAbandoned);
    EXPECT_THAT(record.reason, HasSubstr("the sum of masks from " + liar->name() + " does not fit"));
    EXPECT_TRUE(harness_.noticed("the sum of masks from " + liar->name() + " does not fit",
                                 NoticeAction::Level::kWarning));
    EXPECT_EQ(last_model().parameters, before.parameters);
    liar->lies = false;
    harness_.advance(120'000);
  }
}

TEST_F(RoundOfTwoHelpers, IsReplacedAtOnceWhenEitherHelperRestarted) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  check_in();
  second_helper_.start(harness_.now + std::chrono::milliseconds(1));
  for (std::size_t i = 0; i < 5; ++i) join(i);
  const proto::RoundRecord lost = harness_.rounds().at(0);
  EXPECT_EQ(lost.outcome, proto::RoundOutcome::kAbandoned);
  EXPECT_THAT(lost.reason, HasSubstr("helper 2 refused: the plan was signed at"));
  EXPECT_TRUE(harness_.noticed("is replaced by a new one at once", NoticeAction::Level::kInfo));
}

TEST(CoordinatorOptions, AreOfOneHelperOrTwoDifferentOnes) {
  crypto::SystemRandom random;
  const auto open = [&](std::vector<crypto::X25519PublicKey> keys) {
    return Coordinator::open({}, random, {.helper_keys = std::move(keys)}, Time{0}).status();
  };
  const crypto::X25519PublicKey one = key_of(1).public_key();
  const crypto::X25519PublicKey two = key_of(2).public_key();
  EXPECT_TRUE(open({one, two}).ok());
  EXPECT_THAT(open({one, one}).message(), HasSubstr("two of different keys"));
  EXPECT_FALSE(open({one, two, key_of(3).public_key()}).ok());
}

TEST_F(OneShotRound, GoesOnWithoutDevicesThatLeaveOrStaySilent) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const StoredModel before = last_model();
  check_in();
  harness_.abandon(devices_[1]->token);
  for (const std::size_t i : {0, 2, 4}) join(i);
  harness_.advance(60'000);  // device 3 sleeps on
  expect_committed({0, 2, 4}, before);
}

TEST_F(OneShotRound, CountsAMessageOnceHoweverOftenItComes) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const StoredModel before = last_model();
  check_in();
  join(0);
  join(0);  // the answer was lost; masked anew after a loss of power
  const auto reply = harness_.check_in(devices_[0]->name);
  EXPECT_TRUE(std::holds_alternative<proto::RetryWindow>(reply)) << "no second plan in this round";
  for (const std::size_t i : {1, 2, 3, 4}) join(i);
  expect_committed({0, 1, 2, 3, 4}, before);
}

TEST_F(OneShotRound, TakesNoDeviceTwiceThoughPlansAreLeft) {
  proto::TaskSpec spec = task_spec(proto::Aggregation::kOneShot, 5);
  spec.over_selection = 2.0f;
  harness_.create(spec);
  check_in();
  join(0);
  EXPECT_THAT(harness_.window_for(devices_[0]->name).reason, HasSubstr("left the present round"));
  static_cast<void>(harness_.plan_for("device-9"));
}

TEST_F(OneShotRound, TakesNoDeviceAgainWhoseMessageIsOnItsWayToTheCohort) {
  proto::TaskSpec spec = task_spec(proto::Aggregation::kOneShot, 5);
  spec.over_selection = 2.0f;
  harness_.create(spec);
  check_in();
  harness_.verifying_is_late = true;
  const CallId slow = harness_.exchange(devices_[0]->token, Step::kJoin, message(*devices_[0]));
  // The cohort's host is slow: nothing is heard of what it is told.
  static_cast<void>(harness_.coordinator->step(harness_.verified(), harness_.now));
  harness_.verifying_is_late = false;
  EXPECT_THAT(harness_.window_for(devices_[0]->name).reason, HasSubstr("left the present round"));
  const auto end = harness_.outcome<proto::SessionEnd>(slow);
  EXPECT_FALSE(end.counted);
  EXPECT_THAT(end.outcome, HasSubstr("checked in again"));
}

TEST_F(OneShotRound, IsAbandonedForEverybodyWhenItsCohortCannotBeOpened) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  harness_.cohorts = std::make_unique<CohortHost>([](const proto::Plan&, const OpenCohort&, Time) {
    return Result<std::unique_ptr<aggregator::CohortSession>>(aborted("no room in this house"));
  });
  check_in();
  const auto end = harness_.outcome<proto::SessionEnd>(
      harness_.exchange(devices_[0]->token, Step::kJoin, message(*devices_[0])));
  EXPECT_FALSE(end.counted);
  EXPECT_THAT(end.outcome, HasSubstr("abandoned: no room in this house"));
  EXPECT_EQ(harness_.rounds().at(0).outcome, proto::RoundOutcome::kAbandoned);
}

TEST_F(OneShotRound, IsAbandonedBelowTheMinimum) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  check_in();
  join(0);
  join(1);
  harness_.advance(60'000);
  EXPECT_EQ(harness_.rounds().at(0).outcome, proto::RoundOutcome::kAbandoned);
  EXPECT_THAT(harness_.rounds().at(0).reason, HasSubstr("2 of 5 devices with a plan joined"));
}

TEST_F(OneShotRound, KeepsWhatItHasWhileTheOthersThatItNeedsAreAway) {
  auto large = task_spec(proto::Aggregation::kOneShot, 5);
  large.participants_min = 5;
  large.report_within_ms = 600'000;
  harness_.create(large);
  for (const std::size_t i : {0, 1, 2}) {
    devices_[i]->take_plan(harness_.plan_for(devices_[i]->name));
    join(i);
  }
  auto small = task_spec(proto::Aggregation::kPlain, 3);
  small.name = "small";
  harness_.create(small);
  for (const std::size_t i : {0, 1, 2}) {
    devices_[i]->take_plan(harness_.plan_for(devices_[i]->name));
  }
  harness_.advance(300'000);
  EXPECT_EQ(harness_.status().rounds_abandoned, 0u) << "its devices are free for the other task anyway";
  EXPECT_THAT(harness_.status().waiting_for, HasSubstr("3 of 5 devices have joined"));
}

TEST_F(OneShotRound, RefusesWhatIsNotAMessageOfItsDevice) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const StoredModel before = last_model();
  check_in();
  EXPECT_EQ(harness_.refusal(harness_.exchange(devices_[0]->token, Step::kJoin, {1, 2, 3})),
            Rejection::kWrongLength);
  std::vector<std::uint8_t> altered = message(*devices_[1]);
  altered.back() ^= 1;
  EXPECT_EQ(harness_.refusal(harness_.exchange(devices_[1]->token, Step::kJoin, altered)),
            Rejection::kBadSignature);
  for (const std::size_t i : {2, 3, 4}) join(i);
  expect_committed({2, 3, 4}, before);
}

TEST_F(OneShotRound, IsAbandonedWithTheReasonWhenTheHelperIsSilent) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  helper_.out_of_reach = true;
  check_in();
  for (std::size_t i = 0; i < 5; ++i) join(i);
  EXPECT_EQ(harness_.rounds().at(0).outcome, proto::RoundOutcome::kAbandoned);
  EXPECT_THAT(harness_.rounds().at(0).reason, HasSubstr("the helper did not answer: nobody listens there"));
  helper_.out_of_reach = false;
  const StoredModel before = last_model();
  check_in();
  for (std::size_t i = 0; i < 5; ++i) join(i);
  expect_committed({0, 1, 2, 3, 4}, before);
}

// Whose record may have been set back, which the coordinator need not know: the plan is of before its start.
TEST_F(OneShotRound, IsReplacedAtOnceWhenTheHelperRestarted) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const StoredModel before = last_model();
  check_in();
  helper_.start(harness_.now + std::chrono::milliseconds(1));
  for (std::size_t i = 0; i < 5; ++i) join(i);
  const proto::RoundRecord lost = harness_.rounds().at(0);
  EXPECT_EQ(lost.outcome, proto::RoundOutcome::kAbandoned);
  EXPECT_THAT(lost.reason, HasSubstr("before this helper's start"));
  EXPECT_TRUE(
      harness_.noticed("task 'gait', round 1 is replaced by a new one at once: it was lost because the "
                       "mask helper has started anew since its plan was signed",
                       NoticeAction::Level::kInfo));
  // The devices' ledgers let no second vector leave for the same version.
  EXPECT_EQ(last_model().version.value, before.version.value + 1);
  EXPECT_EQ(last_model().parameters, before.parameters);
  harness_.advance(1000);  // so that the new plan is of after the start
  const StoredModel reissued = last_model();
  check_in();
  EXPECT_EQ(devices_[0]->plan.round.value, 2u);
  for (std::size_t i = 0; i < 5; ++i) join(i);
  expect_committed({0, 1, 2, 3, 4}, reissued);
}

// ... and is none of the abandoned ones that make pauses grow, unless the helper makes a habit of it.
TEST_F(OneShotRound, IsReplacedThreeTimesInARowAtTheMost) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const auto lose_a_round = [&] {
    check_in();
    helper_.start(harness_.now + std::chrono::milliseconds(1));
    for (std::size_t i = 0; i < 5; ++i) join(i);
  };
  for (int lost = 0; lost < 3; ++lost) lose_a_round();  // nothing is waited for in between
  EXPECT_EQ(std::ranges::count_if(harness_.notices,
                                  [](const NoticeAction& notice) {
                                    return notice.text.find("is replaced by a new one") != std::string::npos;
                                  }),
            3);
  harness_.notices.clear();
  lose_a_round();  // abandoned, the first in a row: no pause yet
  EXPECT_FALSE(harness_.noticed("is replaced by a new one", NoticeAction::Level::kInfo));
  lose_a_round();
  EXPECT_THAT(harness_.window_for("device-0").reason, HasSubstr("after 2 abandoned in a row"));
  harness_.advance(60'000);
  const StoredModel before = last_model();
  check_in();
  for (std::size_t i = 0; i < 5; ++i) join(i);
  expect_committed({0, 1, 2, 3, 4}, before);
  helper_.start(harness_.now);
  check_in();
  for (std::size_t i = 0; i < 5; ++i) join(i);
  EXPECT_TRUE(harness_.noticed("is replaced by a new one", NoticeAction::Level::kInfo)) << "counted anew";
}

TEST_F(OneShotRound, IsNotBegunWhileTheHelperIsAboutToStop) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  harness_.step(HelperEvent{.stopping = true});
  EXPECT_TRUE(harness_.noticed("the mask helper is about to stop", NoticeAction::Level::kInfo));
  for (int time = 0; time < 2; ++time) {
    const proto::RetryWindow window = harness_.window_for("device-0");
    EXPECT_THAT(window.reason, HasSubstr("the mask helper to be back"));
    EXPECT_LE(window.delay_max_ms, 10'000u) << "it is expected back soon";
    harness_.advance(60'000);
  }
  EXPECT_THAT(harness_.status().waiting_for, HasSubstr("the mask helper to be back"));
  harness_.notices.clear();
  harness_.step(HelperEvent{.stopping = true});  // says so again and again
  EXPECT_TRUE(harness_.notices.empty());
  harness_.step(HelperEvent{.stopping = false});
  EXPECT_TRUE(harness_.noticed("the mask helper is back", NoticeAction::Level::kInfo));
  const StoredModel before = last_model();
  check_in();
  EXPECT_EQ(devices_[0]->plan.round.value, 1u) << "no number is lost";
  for (std::size_t i = 0; i < 5; ++i) join(i);
  expect_committed({0, 1, 2, 3, 4}, before);
}

TEST_F(OneShotRound, ThatHasGivenAPlanGoesOnWhileTheHelperIsAboutToStop) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const StoredModel before = last_model();
  devices_[0]->take_plan(harness_.plan_for("device-0"));
  harness_.step(HelperEvent{.stopping = true});
  for (std::size_t i = 1; i < 5; ++i) devices_[i]->take_plan(harness_.plan_for(devices_[i]->name));
  EXPECT_FALSE(harness_.coordinator->is_done_with_helpers()) << "a round is under way";
  for (std::size_t i = 0; i < 5; ++i) join(i);
  expect_committed({0, 1, 2, 3, 4}, before);
  EXPECT_THAT(harness_.window_for("device-0").reason, HasSubstr("the mask helper to be back"));
  EXPECT_TRUE(harness_.coordinator->is_done_with_helpers());
  harness_.step(HelperEvent{.stopping = false});
  EXPECT_FALSE(harness_.coordinator->is_done_with_helpers()) << "rounds begin again";
}

TEST_F(OneShotRound, GivesNoPlanThatNamesAHelperThatCannotBeUsed) {
  const std::string words = "the mask helper at h:1, whose key is not one-public.hex";
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  const StoredModel before = last_model();
  devices_[0]->take_plan(harness_.plan_for("device-0"));
  harness_.step(HelperEvent{.unusable = words});
  EXPECT_TRUE(harness_.noticed("one-shot tasks wait for " + words, NoticeAction::Level::kWarning));
  EXPECT_THAT(harness_.window_for("device-1").reason, HasSubstr(words));
  EXPECT_THAT(harness_.status().waiting_for, HasSubstr(words + "; and "));
  harness_.notices.clear();
  harness_.step(HelperEvent{.unusable = words});  // says so again and again
  EXPECT_TRUE(harness_.notices.empty());
  harness_.step(HelperEvent{});
  EXPECT_TRUE(harness_.noticed("the mask helper is back", NoticeAction::Level::kInfo));
  for (std::size_t i = 1; i < 5; ++i) devices_[i]->take_plan(harness_.plan_for(devices_[i]->name));
  for (std::size_t i = 0; i < 5; ++i) join(i);
  expect_committed({0, 1, 2, 3, 4}, before);  // the round that had begun
  harness_.step(HelperEvent{.unusable = words});
  EXPECT_THAT(harness_.window_for("device-0").reason, HasSubstr(words)) << "none begins";
  EXPECT_EQ(harness_.status().waiting_for, words);
}

TEST_F(OneShotRound, OfATaskThatIsMadeMeanwhileWaitsForTheHelperAndNoOtherDoes) {
  harness_.step(HelperEvent{.stopping = true});
  proto::TaskSpec other = task_spec(proto::Aggregation::kPlain, 3);
  other.name = "plain";
  other.population = "others";
  harness_.create(other);
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  EXPECT_THAT(harness_.window_for("device-0").reason, HasSubstr("the mask helper to be back"));
  proto::CheckInRequest request = Harness::request("device-1");
  request.population = "others";
  const auto reply = harness_.take<proto::CheckInReply>(harness_.call(CheckInEvent{{}, request}));
  EXPECT_TRUE(std::holds_alternative<proto::PlanOffer>(reply));
}

TEST_F(OneShotRound, NamesADeviceWhoseSeedDoesNotOpen) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  check_in();
  for (const std::size_t i : {0, 1, 2, 4}) join(i);
  static_cast<void>(harness_.outcome<proto::SessionEnd>(
      harness_.exchange(devices_[3]->token, Step::kJoin, message(*devices_[3], 2))));
  EXPECT_THAT(harness_.rounds().at(0).reason, HasSubstr("1 of 5 masks do not open"));
  EXPECT_TRUE(harness_.noticed("device 'device-3' sent a mask that the helper refuses",
                               NoticeAction::Level::kWarning));
}

TEST_F(OneShotRound, NeedsAHelper) {
  Harness alone;
  const auto reply =
      alone.take<Status>(alone.call(CreateTaskEvent{{}, task_spec(proto::Aggregation::kOneShot, 5)}));
  EXPECT_EQ(reply.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(reply.message(), HasSubstr("needs a helper"));
}

TEST_F(OneShotRound, WaitsForAHelperThatARestartedCoordinatorLacks) {
  harness_.create(task_spec(proto::Aggregation::kOneShot, 5));
  auto tasks = take_up_tasks(harness_.store);
  crypto::SeededRandom random(std::uint64_t{1});
  auto alone = Coordinator::open(std::move(*tasks), random, {.identity = &secagg::enrolled_coordinator()},
                                 harness_.now);
  ASSERT_TRUE(alone.has_value());
  harness_.coordinator = std::move(*alone);
  EXPECT_THAT(harness_.status().waiting_for, HasSubstr("started without one (sotto serve --helper)"));
  EXPECT_TRUE(harness_.noticed("needs a mask helper", NoticeAction::Level::kWarning));
  static_cast<void>(harness_.window_for("d0"));
}

TEST_F(OneShotRound, HasOneCohort) {
  proto::TaskSpec spec = task_spec(proto::Aggregation::kOneShot, 20);
  spec.cohort_max = 10;
  const auto reply = harness_.take<Status>(harness_.call(CreateTaskEvent{{}, spec}));
  EXPECT_THAT(reply.message(), HasSubstr("participants = 20: must be 3 .. 10"));
}

}  // namespace
}  // namespace sotto::server
