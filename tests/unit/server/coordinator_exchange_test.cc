// Calls within a session: repeats, polls, holding, and what hostile devices try.
#include <gtest/gtest.h>

#include "coordinator_harness.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::Step;
using testing::Device;
using testing::Harness;
using testing::task_spec;

// A plain task of `count` devices that all have a plan.
struct PlainRound {
  explicit PlainRound(std::size_t count, CoordinatorOptions options = {}) : harness(options) {
    harness.create(task_spec(Aggregation::kPlain, static_cast<std::uint32_t>(count)));
    for (std::size_t i = 0; i < count; ++i) {
      devices.push_back(std::make_unique<Device>("d" + std::to_string(i), i));
      devices.back()->take_plan(harness.plan_for(devices.back()->name));
    }
  }
  CallId join(std::size_t i) { return harness.exchange(devices[i]->token, Step::kJoin); }
  void join_all() {
    for (std::size_t i = 0; i < devices.size(); ++i) joins.push_back(join(i));
    for (std::size_t i = 0; i < devices.size(); ++i) {
      EXPECT_EQ(harness.outcome<proto::NextStep>(joins[i]).next, Step::kCollect);
    }
  }
  std::vector<std::uint8_t> vector_of(std::size_t i) {
    return devices[i]->answer({.next = Step::kCollect, .payload = {}});
  }
  CallId collect(std::size_t i) { return harness.exchange(devices[i]->token, Step::kCollect, vector_of(i)); }

  Harness harness;
  std::vector<std::unique_ptr<Device>> devices;
  std::vector<CallId> joins;
};

TEST(Exchange, RefusesATokenItNeverGave) {
  PlainRound round(3);
  SessionToken token = round.devices[0]->token;
  token.value[0] ^= 1;
  EXPECT_EQ(round.harness.refusal(round.harness.exchange(token, Step::kJoin)), Rejection::kUnknownSession);
  EXPECT_EQ(round.harness.refusal(round.harness.exchange({}, Step::kCollect)), Rejection::kUnknownSession);
  round.harness.abandon(token);  // ignored
  EXPECT_NE(round.harness.status().waiting_for.find("3 are training"), std::string::npos);
}

TEST(Exchange, HoldsACallAndThenAsksToPoll) {
  PlainRound round(3);
  const CallId join = round.join(0);
  round.harness.advance(9'999);
  EXPECT_FALSE(round.harness.answered(join));
  round.harness.advance(1);
  const auto waiting = round.harness.outcome<proto::KeepWaiting>(join);
  EXPECT_EQ(waiting.window.delay_min_ms, 200u);
  EXPECT_EQ(waiting.window.delay_max_ms, 400u);
  EXPECT_NE(waiting.window.reason.find("1 of 3 devices have joined"), std::string::npos);
  const CallId poll = round.harness.poll(round.devices[0]->token, Step::kJoin);
  EXPECT_FALSE(round.harness.answered(poll));
  round.join(1);
  round.join(2);
  EXPECT_EQ(round.harness.outcome<proto::NextStep>(poll).next, Step::kCollect);
}

TEST(Exchange, AnswersAtOnceWhenTheTransportHoldsNothing) {
  PlainRound round(3, {.hold_call_ms = 0});
  round.harness.outcome<proto::KeepWaiting>(round.join(0));
  round.harness.outcome<proto::KeepWaiting>(round.join(1));
  round.harness.outcome<proto::NextStep>(round.join(2));
  round.harness.outcome<proto::NextStep>(round.harness.poll(round.devices[0]->token, Step::kJoin));
  EXPECT_EQ(round.harness.coordinator->next_deadline(), round.harness.now + std::chrono::milliseconds(5'000));
}

TEST(Exchange, ANewerCallReplacesTheHeldOne) {
  PlainRound round(3);
  const CallId older = round.join(0);
  const CallId newer = round.join(0);
  round.harness.outcome<proto::KeepWaiting>(older);
  EXPECT_FALSE(round.harness.answered(newer));
}

TEST(Exchange, ACancelledCallGetsNoAnswer) {
  PlainRound round(3);
  const CallId join = round.join(0);
  round.harness.step(CallCancelledEvent{join});
  round.harness.step(CallCancelledEvent{join});
  round.harness.step(CallCancelledEvent{CallId{999'999}});
  round.join(1);
  round.join(2);
  round.harness.advance(20'000);
  EXPECT_FALSE(round.harness.answered(join));
}

TEST(Exchange, ALostAnswerIsGivenAgain) {
  PlainRound round(3);
  round.join_all();
  auto& harness = round.harness;
  const SessionToken token = round.devices[0]->token;
  EXPECT_EQ(harness.outcome<proto::NextStep>(harness.exchange(token, Step::kJoin)).next, Step::kCollect);
  EXPECT_EQ(harness.outcome<proto::NextStep>(harness.poll(token, Step::kJoin)).next, Step::kCollect);
  for (std::size_t i = 0; i < 3; ++i) round.collect(i);
  const auto end = harness.outcome<proto::SessionEnd>(harness.poll(token, Step::kCollect));
  EXPECT_TRUE(end.counted);
  EXPECT_TRUE(harness.outcome<proto::SessionEnd>(harness.exchange(token, Step::kCollect, round.vector_of(0)))
                  .counted);
  harness.advance(61'000);
  EXPECT_EQ(harness.refusal(harness.poll(token, Step::kCollect)), Rejection::kUnknownSession);
}

TEST(Exchange, TheSameVectorTwiceCountsOnce) {
  PlainRound round(3);
  round.join_all();
  for (int i = 0; i < 5; ++i) round.collect(0);
  EXPECT_EQ(round.harness.status().rounds_committed, 0u);
  round.collect(1);
  round.collect(2);
  EXPECT_EQ(round.harness.rounds().at(0).collected, 3u);
  EXPECT_EQ(round.harness.rounds().at(0).metrics.examples, 30u);
}

TEST(Exchange, AnotherVectorIsADuplicateAndTheFirstStands) {
  PlainRound round(3);
  round.join_all();
  round.collect(0);
  auto other = round.vector_of(0);
  other[60] ^= 1;
  EXPECT_EQ(round.harness.refusal(round.harness.exchange(round.devices[0]->token, Step::kCollect, other)),
            Rejection::kDuplicate);
  round.collect(1);
  const CallId last = round.collect(2);
  EXPECT_TRUE(round.harness.outcome<proto::SessionEnd>(last).counted);
  EXPECT_EQ(round.harness.rounds().at(0).collected, 3u);
  EXPECT_TRUE(round.harness.noticed("refused 1 messages: 1 duplicate", NoticeAction::Level::kWarning));
}

TEST(Exchange, AVectorOfAnotherLengthDropsItsDeviceOnly) {
  PlainRound round(4);
  round.join_all();
  auto& harness = round.harness;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, round.vector_of(0).size() + 1}) {
    const auto reason = harness.refusal(
        harness.exchange(round.devices[0]->token, Step::kCollect, std::vector<std::uint8_t>(size, 1)));
    EXPECT_EQ(reason, Rejection::kWrongLength) << size;
  }
  EXPECT_EQ(harness.refusal(round.collect(0)), Rejection::kWrongLength) << "the session has ended";
  for (std::size_t i = 1; i < 4; ++i) round.collect(i);
  EXPECT_EQ(harness.status().rounds_committed, 1u) << "nobody waits for the device that was dropped";
  EXPECT_EQ(harness.rounds().at(0).collected, 3u);
}

TEST(Exchange, AVectorThatLiesAboutItsCountIsNotCounted) {
  PlainRound round(3);
  round.join_all();
  auto lie = round.vector_of(0);
  lie[0] = 7;
  round.harness.exchange(round.devices[0]->token, Step::kCollect, lie);
  round.collect(1);
  round.collect(2);
  EXPECT_EQ(round.harness.status().model_version, ModelVersion{0});
  EXPECT_NE(round.harness.rounds().at(0).reason.find("count lane"), std::string::npos);
}

TEST(Exchange, AStepOutOfTurnIsRefusedAndForgiven) {
  PlainRound round(3);
  auto& harness = round.harness;
  const SessionToken token = round.devices[0]->token;
  for (const Step step : {Step::kShare, Step::kCollect, Step::kUnmask}) {
    EXPECT_EQ(harness.refusal(harness.exchange(token, step, {1})), Rejection::kWrongPhase);
  }
  EXPECT_EQ(harness.refusal(harness.poll(token, Step::kJoin)), Rejection::kWrongPhase)
      << "nothing to poll for yet";
  const CallId join = round.join(0);
  EXPECT_EQ(harness.refusal(harness.exchange(token, Step::kCollect, {1})), Rejection::kWrongPhase);
  harness.outcome<proto::KeepWaiting>(join);
  round.join_all();
  EXPECT_EQ(harness.refusal(harness.poll(token, Step::kCollect)), Rejection::kWrongPhase);
  EXPECT_EQ(harness.refusal(harness.exchange(token, Step::kUnmask, {1})), Rejection::kWrongPhase);
  EXPECT_EQ(harness.refusal(harness.exchange(token, static_cast<Step>(77), {1})), Rejection::kWrongPhase);
  for (std::size_t i = 0; i < 3; ++i) round.collect(i);
  EXPECT_EQ(harness.rounds().at(0).collected, 3u);
}

TEST(Exchange, AJoinOfTheWrongFormEndsTheSession) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 5));
  const auto offer = harness.plan_for("d0");
  EXPECT_EQ(harness.refusal(harness.exchange(offer.token, Step::kJoin, std::vector<std::uint8_t>(63))),
            Rejection::kMalformed);
  EXPECT_EQ(harness.refusal(harness.exchange(offer.token, Step::kJoin, std::vector<std::uint8_t>(64))),
            Rejection::kMalformed);
  PlainRound round(3);
  EXPECT_EQ(round.harness.refusal(round.harness.exchange(round.devices[0]->token, Step::kJoin, {1})),
            Rejection::kMalformed);
}

TEST(Exchange, ADeviceThatTrainedByAnotherPlanIsRefusedByName) {
  PlainRound round(3);
  proto::ExchangeRequest stale;
  stale.token = round.devices[0]->token;
  stale.plan_digest = crypto::sha256({});
  EXPECT_EQ(round.harness.refusal(round.harness.call(ExchangeEvent{{}, stale})), Rejection::kWrongModel);
  EXPECT_EQ(round.harness.refusal(round.join(0)), Rejection::kWrongModel) << "the session has ended";
}

TEST(Exchange, AnotherJoinIsADuplicate) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 5));
  Device device("d0", 1);
  device.take_plan(harness.plan_for("d0"));
  const auto keys = device.join_payload();
  harness.exchange(device.token, Step::kJoin, keys);
  auto other = keys;
  other[5] ^= 1;
  EXPECT_EQ(harness.refusal(harness.exchange(device.token, Step::kJoin, other)), Rejection::kDuplicate);
  EXPECT_FALSE(harness.answered(harness.exchange(device.token, Step::kJoin, keys)));
}

TEST(Exchange, APollWithAPayloadIsMalformed) {
  PlainRound round(3);
  const CallId call = round.harness.call(ExchangeEvent{
      {}, {.token = round.devices[0]->token, .step = Step::kJoin, .poll = true, .payload = {1}}});
  EXPECT_EQ(round.harness.refusal(call), Rejection::kMalformed);
}

TEST(Exchange, ASessionOfOneTaskCannotSpeakForAnother) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.name = "other";
  harness.create(spec);
  std::vector<std::unique_ptr<Device>> devices;
  for (int i = 0; i < 6; ++i) {
    devices.push_back(std::make_unique<Device>("d" + std::to_string(i), i));
    devices.back()->take_plan(harness.plan_for(devices.back()->name));
  }
  for (std::size_t i = 0; i < 6; i += 2) harness.exchange(devices[i]->token, Step::kJoin);
  const auto vector = devices[1]->answer({.next = Step::kCollect, .payload = {}});
  EXPECT_EQ(harness.refusal(harness.exchange(devices[1]->token, Step::kCollect, vector)),
            Rejection::kWrongPhase);
}

TEST(Exchange, CountsUplinkBytes) {
  PlainRound round(3);
  round.join_all();
  for (std::size_t i = 0; i < 3; ++i) round.collect(i);
  EXPECT_EQ(round.harness.rounds().at(0).uplink_bytes, 3 * round.vector_of(0).size());
}

}  // namespace
}  // namespace sotto::server
