// What operators see of single devices, and bans.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator_harness.h"
#include "sotto/base/hex.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::DeviceState;
using proto::Step;
using testing::Fleet;
using testing::Harness;
using ::testing::HasSubstr;
using testing::task_spec;

using Devices = std::vector<proto::DeviceStatus>;

Devices list(Harness& harness, const std::string& device = "") {
  return harness.take<Devices>(harness.call(ListDevicesEvent{{}, {.device = device}}));
}
proto::DeviceStatus show(Harness& harness, const std::string& device) { return list(harness, device).at(0); }
CallId ban(Harness& harness, const std::string& device, const std::string& reason = "", bool lift = false) {
  return harness.call(BanDeviceEvent{{}, {.device = device, .reason = reason, .lift = lift}, "uid 7"});
}
void done(Harness& harness, CallId call) { static_cast<void>(harness.take<Devices>(call)); }
proto::FleetStatus fleet_of(Harness& harness) {
  return harness.take<proto::FleetStatus>(harness.call(ShowFleetEvent{}));
}
std::string identity_of(const std::string& device) {
  return to_hex(secagg::identity_of(secagg::enrolled_device(device).signer.public_key()));
}
proto::TaskSpec signed_spec() {
  auto spec = task_spec(Aggregation::kSecure, 3);
  spec.aggregation.adversary = proto::Adversary::kSemiMalicious;
  return spec;
}

TEST(Devices, AreShownWhereTheyAre) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  harness.advance(1000);
  static_cast<void>(harness.exchange(fleet.devices[1]->token, Step::kJoin));
  const proto::DeviceStatus training = show(harness, "device-0");
  EXPECT_EQ(training.state, DeviceState::kTraining);
  EXPECT_EQ(training.task, "gait");
  EXPECT_EQ(training.round, RoundId{1});
  EXPECT_EQ(training.version, ModelVersion{0});
  EXPECT_EQ(training.peer, "here");
  EXPECT_EQ(training.last_seen_ms, harness.now.ms - 1000);
  EXPECT_EQ(training.last_outcome, proto::DeviceOutcome::kNone);
  EXPECT_EQ(show(harness, "device-1").state, DeviceState::kJoined);
  EXPECT_EQ(list(harness).size(), 3u);
  EXPECT_EQ(harness.take<Status>(harness.call(ListDevicesEvent{{}, {.device = "nobody"}})).code(),
            StatusCode::kNotFound);
}

TEST(Devices, ThatShowAnIdentityGoByItAndByItsBeginning) {
  Harness harness;
  harness.create(signed_spec());
  harness.plan_for("device-0");
  const std::string identity = identity_of("device-0");
  ASSERT_EQ(list(harness).size(), 1u) << "one record, under the identity";
  EXPECT_EQ(show(harness, identity).id, "device-0");
  EXPECT_EQ(show(harness, identity.substr(0, 8)).id, "device-0");
  EXPECT_EQ(show(harness, "device-0").identity,
            secagg::identity_of(secagg::enrolled_device("device-0").signer.public_key()));
  EXPECT_EQ(
      harness.take<Status>(harness.call(ListDevicesEvent{{}, {.device = identity.substr(0, 7)}})).code(),
      StatusCode::kNotFound)
      << "seven digits are no beginning";
}

TEST(Devices, AReasonThatIsPastIsNotShownAsCurrent) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  const proto::PlanOffer offer = harness.plan_for("device-0");
  static_cast<void>(harness.take<AbandonReply>(
      harness.call(AbandonEvent{{}, {.token = offer.token, .reason = "example 7 has label 6"}})));
  EXPECT_EQ(show(harness, "device-0").reason, "example 7 has label 6");
  Fleet fleet(harness, 3);
  fleet.run_round();
  const proto::DeviceStatus now = show(harness, "device-0");
  EXPECT_EQ(now.last_outcome, proto::DeviceOutcome::kCounted);
  EXPECT_EQ(now.reason, "");
  EXPECT_EQ(now.failures, 1u) << "but counted";
}

TEST(Devices, ThatAreSpentForATaskAreShownWithTheTask) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  const proto::PlanOffer offer = harness.plan_for("device-0");
  EXPECT_EQ(show(harness, "device-0").kept_from, "");
  static_cast<void>(harness.take<AbandonReply>(
      harness.call(AbandonEvent{{},
                                {.token = offer.token,
                                 .reason = "plan refused",
                                 .ledger = {{.refusal = proto::LedgerRefusal::kTaskSpent}}}})));
  EXPECT_THAT(show(harness, "device-0").kept_from, HasSubstr("task 'gait': "));
}

// ---- plans that a device's owner refuses ----

void refuse_plan(Harness& harness, const proto::PlanOffer& offer) {
  static_cast<void>(harness.take<AbandonReply>(harness.call(AbandonEvent{
      {}, {.token = offer.token, .reason = "plan refused: no helper_key", .plan_refused = true}})));
}

TEST(RefusedPlans, ADeviceIsNotGivenTheTaskAgainAndWaitsLongerEachTime) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  for (const std::int64_t wait_ms : {60'000, 120'000, 240'000, 480'000}) {
    refuse_plan(harness, harness.plan_for("device-0"));
    EXPECT_THAT(harness.window_for("device-0").reason, HasSubstr("plan refused: no helper_key"));
    harness.advance(wait_ms - 1);
    EXPECT_THAT(harness.window_for("device-0").reason, HasSubstr("no helper_key"));
    harness.advance(1);
  }
  for (int more = 0; more < 20; ++more) {
    refuse_plan(harness, harness.plan_for("device-0"));
    harness.advance(3'600'000);
  }
  EXPECT_THAT(show(harness, "device-0").kept_from, "") << "an hour at most";
}

TEST(RefusedPlans, CostNoPlaceAndNoFailureAndKeepNobodyFromOtherTasks) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  refuse_plan(harness, harness.plan_for("device-0"));
  const proto::DeviceStatus shown = show(harness, "device-0");
  EXPECT_EQ(shown.failures, 0u);
  EXPECT_EQ(shown.kept_from, "task 'gait': plan refused: no helper_key");
  for (const char* name : {"device-1", "device-2", "device-3"}) harness.plan_for(name);
  EXPECT_THAT(harness.window_for("device-4").reason, HasSubstr("all 3 plans of round"))
      << "three plans, and not two";
  auto other = task_spec(Aggregation::kPlain, 3);
  other.name = "steps";
  harness.create(other);
  harness.plan_for("device-0");
}

TEST(RefusedPlans, AreForgottenWhenTheTaskIsEdited) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  refuse_plan(harness, harness.plan_for("device-0"));
  static_cast<void>(harness.take<proto::TaskStatus>(harness.call(SteerTaskEvent{
      {}, {.task = "gait", .reason = "r", .act = proto::EditTask{R"({"patience":3.0})"}}, "uid 7"})));
  harness.plan_for("device-0");
}

TEST(RefusedPlans, WhoHasJoinedAlreadyHasNotRefused) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  const proto::PlanOffer offer = harness.plan_for("device-0");
  static_cast<void>(harness.exchange(offer.token, Step::kJoin));
  refuse_plan(harness, offer);
  EXPECT_EQ(show(harness, "device-0").failures, 1u);
  EXPECT_EQ(show(harness, "device-0").kept_from, "");
}

TEST(Fleet, IsCounted) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  EXPECT_EQ(fleet_of(harness), proto::FleetStatus{});
  Fleet fleet(harness, 3);
  fleet.check_in();
  auto now = fleet_of(harness);
  EXPECT_EQ(now.known, 3u);
  EXPECT_EQ(now.in_rounds, 3u);
  EXPECT_EQ(now.seen_in_minute, 3u);
  fleet.run();
  harness.advance(3'000'000);
  done(harness, ban(harness, "device-2"));
  now = fleet_of(harness);
  EXPECT_EQ(now.in_rounds, 0u);
  EXPECT_EQ(now.seen_in_minute, 0u);
  EXPECT_EQ(now.seen_in_hour, 3u);
  EXPECT_EQ(now.banned, 1u);
}

TEST(Fleet, CountsADeviceToTheEndOfTheMinuteTheHourAndTheDayThatItWasSeenIn) {
  constexpr std::int64_t kMinute = 60'000;
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.abandon(harness.plan_for("device-0").token);
  harness.advance(kMinute);
  EXPECT_EQ(fleet_of(harness).seen_in_minute, 1u);
  harness.advance(1);
  EXPECT_EQ(fleet_of(harness).seen_in_minute, 0u);
  harness.advance(59 * kMinute - 1);
  EXPECT_EQ(fleet_of(harness).seen_in_hour, 1u);
  harness.advance(1);
  EXPECT_EQ(fleet_of(harness).seen_in_hour, 0u);
  harness.advance(23 * 60 * kMinute - 1);
  EXPECT_EQ(fleet_of(harness).seen_in_day, 1u);
  harness.advance(1);
  EXPECT_EQ(fleet_of(harness).seen_in_day, 0u);
  EXPECT_EQ(fleet_of(harness).known, 1u);
}

// ---- bans ----

TEST(Ban, GivesNoPlanAndSaysWhy) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  done(harness, ban(harness, "device-0", "it lies"));
  const proto::RetryWindow window = harness.window_for("device-0");
  EXPECT_THAT(window.reason, HasSubstr("banned by the coordinator's operator: it lies"));
  EXPECT_EQ(window.delay_min_ms, 60'000u) << "it may be a mistake";
  EXPECT_EQ(window.delay_max_ms, 90'000u);
  harness.plan_for("device-1");
  const proto::DeviceStatus shown = show(harness, "device-0");
  EXPECT_TRUE(shown.banned);
  EXPECT_EQ(shown.ban_reason, "it lies");
  EXPECT_EQ(shown.banned_ms, harness.now.ms);
}

TEST(Ban, MakesADeviceWaitLongerTheLongerItStands) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  done(harness, ban(harness, "device-0"));
  harness.advance(120'000);
  EXPECT_EQ(harness.window_for("device-0").delay_min_ms, 120'000u);
  harness.advance(86'400'000);
  EXPECT_EQ(harness.window_for("device-0").delay_min_ms, 600'000u);
  EXPECT_EQ(harness.window_for("device-0").delay_max_ms, 900'000u);
}

TEST(Ban, ThatIsSaidAgainKeepsWhatIsNotSaidAnew) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  done(harness, ban(harness, "device-0", "it lies"));
  const std::int64_t since_ms = harness.now.ms;
  harness.advance(1'000);
  done(harness, ban(harness, "device-0"));
  EXPECT_EQ(show(harness, "device-0").ban_reason, "it lies");
  EXPECT_EQ(show(harness, "device-0").banned_ms, since_ms);
  done(harness, ban(harness, "device-0", "it still lies"));
  EXPECT_EQ(show(harness, "device-0").ban_reason, "it still lies");
}

TEST(Ban, OfAnIdentityHoldsWhateverItCallsItself) {
  Harness harness;
  harness.create(signed_spec());
  done(harness, ban(harness, identity_of("device-0")));
  auto reply = harness.check_in("another-name", "device-0");
  ASSERT_TRUE(std::holds_alternative<proto::RetryWindow>(reply));
  EXPECT_THAT(std::get<proto::RetryWindow>(reply).reason, HasSubstr("banned"));
  harness.plan_for("device-1");
}

TEST(Ban, SurvivesARestartAndIsLifted) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  done(harness, ban(harness, "device-0"));
  harness.restart();
  EXPECT_TRUE(show(harness, "device-0").banned) << "although it was not seen since";
  harness.window_for("device-0");
  done(harness, ban(harness, "device-0", "", true));
  harness.plan_for("device-0");
  harness.restart();
  harness.plan_for("device-0");
}

TEST(Ban, EndsASessionUnderWay) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  const CallId waits = harness.exchange(fleet.devices[0]->token, Step::kJoin);
  done(harness, ban(harness, "device-0", "it lies"));
  const auto end = harness.outcome<proto::SessionEnd>(waits);
  EXPECT_FALSE(end.counted);
  EXPECT_THAT(end.outcome, HasSubstr("it lies"));
}

TEST(Ban, IsNoneWhenTheStoreFails) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.store.broken = true;
  EXPECT_EQ(harness.take<Status>(ban(harness, "device-0")).code(), StatusCode::kIo);
  harness.plan_for("device-0");
}

TEST(Ban, IsRecordedAndBounded) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  EXPECT_EQ(harness.take<Status>(ban(harness, "device-0", "", true)).code(), StatusCode::kNotFound);
  harness.store_is_late = true;
  const CallId call = ban(harness, "device-0", "why");
  ASSERT_TRUE(harness.late.front().act.has_value());
  EXPECT_EQ(harness.late.front().act->what, "ban device");
  EXPECT_EQ(harness.late.front().act->subject, "device-0");
  EXPECT_EQ(harness.late.front().act->who, "uid 7");
  harness.answer_store();
  done(harness, call);
  harness.store_is_late = false;
  for (std::size_t i = 1; i < kBansMax; ++i) done(harness, ban(harness, "d" + std::to_string(i)));
  EXPECT_EQ(harness.take<Status>(ban(harness, "one-more")).code(), StatusCode::kResourceExhausted);
  done(harness, ban(harness, "device-0", "another reason"));
}

}  // namespace
}  // namespace sotto::server
