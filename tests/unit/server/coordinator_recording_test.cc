// What is written, when the store is late or fails: nobody waits who need not, nothing is written twice, in
// another order, or lost.
#include <gtest/gtest.h>

#include <numeric>

#include "coordinator_harness.h"
#include "sotto/aggregator/server_optimizer.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::RoundOutcome;
using proto::Step;
using testing::Fleet;
using testing::Harness;
using testing::task_spec;

StoredTask stored_task(Harness& harness) { return harness.kept->load_tasks()->at(0); }

std::vector<std::size_t> everybody(const Fleet& fleet) {
  std::vector<std::size_t> members(fleet.devices.size());
  std::iota(members.begin(), members.end(), 0);
  return members;
}

// From joining to the last vector of a plain round; returns the calls that wait for the outcome.
std::vector<CallId> send(Harness& harness, Fleet& fleet) {
  std::vector<CallId> calls;
  for (const auto& device : fleet.devices) calls.push_back(harness.exchange(device->token, Step::kJoin));
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto next = harness.outcome<proto::NextStep>(calls[i]);
    calls[i] = harness.exchange(fleet.devices[i]->token, Step::kCollect, fleet.devices[i]->answer(next));
  }
  return calls;
}

std::vector<CallId> send_all(Harness& harness, Fleet& fleet) {
  fleet.check_in();
  return send(harness, fleet);
}

// ---- a store that is late ----

TEST(LateStore, StallsNoDevice) {
  Harness harness;
  const TaskId task = harness.create(task_spec(Aggregation::kPlain, 3)).id;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.name = "other";
  spec.population = "rings";
  harness.create(spec);
  Fleet fleet(harness, 3);
  harness.store_is_late = true;
  const std::vector<CallId> calls = send_all(harness, fleet);
  ASSERT_EQ(harness.late.size(), 1u);

  // Whoever waits for this round's outcome is told to keep waiting, in time and with the reason.
  EXPECT_FALSE(harness.answered(calls[0]));
  EXPECT_EQ(harness.status().waiting_for, "round 1: its model to be stored");
  harness.advance(10'000);
  harness.outcome<proto::KeepWaiting>(calls[0]);
  const CallId early = harness.poll(fleet.devices[0]->token, Step::kCollect);
  harness.advance(9'999);
  EXPECT_FALSE(harness.answered(early));
  harness.advance(1);
  harness.outcome<proto::KeepWaiting>(early);
  const CallId poll = harness.poll(fleet.devices[0]->token, Step::kCollect);
  // Everybody else is served: sent away, given plans of other tasks, the model, the list of tasks.
  EXPECT_NE(harness.window_for("device-7").reason.find("its model to be stored"), std::string::npos);
  auto request = Harness::request("ring-1");
  request.population = "rings";
  EXPECT_TRUE(std::holds_alternative<proto::PlanOffer>(
      harness.take<proto::CheckInReply>(harness.call(CheckInEvent{{}, request}))));
  const auto chunk = harness.take<proto::ModelChunk>(
      harness.call(ReadModelEvent{{}, {.task = task, .version = {}, .offset = 0}}));
  EXPECT_EQ(chunk.total_bytes, 60u);

  harness.answer_store();
  EXPECT_TRUE(harness.outcome<proto::SessionEnd>(poll).counted);
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
  harness.plan_for("device-7");
}

TEST(LateStore, CommitsARoundOnceHoweverLongItTakes) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  harness.store_is_late = true;
  send_all(harness, fleet);
  for (int i = 0; i < 100; ++i) {
    harness.advance(5'000);
    static_cast<void>(harness.poll(fleet.devices[0]->token, Step::kCollect));
    static_cast<void>(harness.exchange(fleet.devices[1]->token, Step::kCollect,
                                       fleet.devices[1]->answer({.next = Step::kCollect, .payload = {}})));
  }
  ASSERT_EQ(harness.late.size(), 1u);
  const StoreAction request = harness.late.front();
  harness.answer_store();
  EXPECT_EQ(harness.store.attempts, 1);
  EXPECT_EQ(harness.status().rounds_committed, 1u);
  // The same answer again, and one that nobody asked for.
  harness.step(StoreAnsweredEvent{request.call, request.request, Status()});
  harness.step(StoreAnsweredEvent{StoreCallId{999}, request.request, Status()});
  harness.step(StoreAnsweredEvent{request.call, request.request, io_error("invented")});
  EXPECT_EQ(harness.status().rounds_committed, 1u);
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
  EXPECT_EQ(harness.status().waiting_for.find("round 2: devices of population"), 0u);
}

TEST(LateStore, MakesOneTaskOfAName) {
  Harness harness;
  harness.store_is_late = true;
  const CallId first = harness.call(CreateTaskEvent{{}, task_spec(Aggregation::kPlain, 3)});
  const CallId second = harness.call(CreateTaskEvent{{}, task_spec(Aggregation::kPlain, 4)});
  EXPECT_FALSE(harness.answered(first));
  harness.answer_store();
  harness.answer_store();
  EXPECT_EQ(harness.take<proto::TaskStatus>(first).spec.participants, 3u);
  EXPECT_EQ(harness.take<Status>(second).code(), StatusCode::kAlreadyExists);
}

TEST(LateStore, CountsTasksThatAreBeingMade) {
  Harness harness;
  harness.store_is_late = true;
  auto spec = task_spec(Aggregation::kPlain, 3);
  for (std::size_t i = 0; i < limits::kTasksMax; ++i) {
    spec.name = "t" + std::to_string(i);
    EXPECT_FALSE(harness.answered(harness.call(CreateTaskEvent{{}, spec})));
  }
  spec.name = "one-more";
  EXPECT_EQ(harness.take<Status>(harness.call(CreateTaskEvent{{}, spec})).code(),
            StatusCode::kResourceExhausted);
}

TEST(LateStore, ReadsAnOlderModelOnceForAllWhoWait) {
  Harness harness;
  const TaskId task = harness.create(task_spec(Aggregation::kPlain, 3)).id;
  Fleet fleet(harness, 3);
  fleet.run_round();
  harness.store_is_late = true;
  const auto fetch = [&](std::uint64_t version, std::uint64_t offset) {
    return harness.call(
        ReadModelEvent{{}, {.task = task, .version = ModelVersion{version}, .offset = offset}});
  };
  const CallId whole = fetch(0, 0);
  const CallId half = fetch(0, 30);
  const CallId beyond = fetch(0, 61);
  const CallId absent = fetch(7, 0);
  EXPECT_EQ(harness.late.size(), 2u);
  while (!harness.late.empty()) harness.answer_store();
  EXPECT_EQ(harness.take<proto::ModelChunk>(whole).bytes.size(), 60u);
  EXPECT_EQ(harness.take<proto::ModelChunk>(half).bytes.size(), 30u);
  EXPECT_EQ(harness.take<Status>(beyond).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(harness.take<Status>(absent).code(), StatusCode::kNotFound);
}

TEST(LateStore, IsAskedForABoundedNumberOfThings) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.store_is_late = true;
  std::vector<CallId> calls;
  for (std::size_t i = 0; i < limits::kStoreCallsMax; ++i) {
    calls.push_back(harness.call(ListModelsEvent{{}, "gait"}));
  }
  for (const CallId refused :
       {harness.call(ListModelsEvent{{}, "gait"}), harness.call(ListRoundsEvent{{}, "gait", 1}),
        harness.call(SetTaskStateEvent{{}, "gait", proto::TaskState::kPaused}),
        harness.call(ReadModelEvent{{}, {.task = TaskId{1}, .version = ModelVersion{9}, .offset = 0}})}) {
    EXPECT_EQ(harness.take<Status>(refused).code(), StatusCode::kResourceExhausted);
  }
  harness.answer_store();
  static_cast<void>(harness.take<std::vector<proto::ModelRecord>>(calls[0]));
  EXPECT_FALSE(harness.answered(harness.call(ListModelsEvent{{}, "gait"}))) << "there is room again";
}

TEST(LateStore, APauseThatComesDuringACommitOutlivesIt) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  harness.store_is_late = true;
  send_all(harness, fleet);
  const CallId pause = harness.call(SetTaskStateEvent{{}, "gait", proto::TaskState::kPaused});
  const CallId again = harness.call(SetTaskStateEvent{{}, "gait", proto::TaskState::kPaused});
  EXPECT_EQ(harness.late.size(), 1u) << "one thing of a task at a time";
  while (!harness.late.empty()) harness.answer_store();
  EXPECT_EQ(harness.take<proto::TaskStatus>(pause).state, proto::TaskState::kPaused);
  EXPECT_EQ(harness.take<proto::TaskStatus>(again).state, proto::TaskState::kPaused);
  EXPECT_EQ(stored_task(harness).state, proto::TaskState::kPaused);
  EXPECT_EQ(stored_task(harness).rounds_committed, 1u);
}

TEST(LateStore, ACommitThatComesDuringAPauseLeavesItStanding) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  harness.store_is_late = true;
  const CallId pause = harness.call(SetTaskStateEvent{{}, "gait", proto::TaskState::kPaused});
  send(harness, fleet);
  EXPECT_EQ(harness.late.size(), 1u);
  while (!harness.late.empty()) harness.answer_store();
  EXPECT_EQ(harness.take<proto::TaskStatus>(pause).state, proto::TaskState::kPaused);
  EXPECT_EQ(stored_task(harness).state, proto::TaskState::kPaused);
  EXPECT_EQ(stored_task(harness).rounds_committed, 1u);
}

TEST(LateStore, APauseAfterTheLastCommitIsRefused) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 1;
  harness.create(spec);
  Fleet fleet(harness, 3);
  harness.store_is_late = true;
  send_all(harness, fleet);
  const CallId pause = harness.call(SetTaskStateEvent{{}, "gait", proto::TaskState::kPaused});
  harness.answer_store();
  EXPECT_EQ(harness.take<Status>(pause).code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(harness.late.empty());
  EXPECT_EQ(stored_task(harness).state, proto::TaskState::kComplete);
}

TEST(LateStore, LosesWithACrashOnlyWhatItHadNotAnswered) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.run_round();
  harness.store_is_late = true;
  send_all(harness, fleet);
  harness.store_is_late = false;
  harness.restart();
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
  fleet.run_round();
  EXPECT_EQ(harness.status().model_version, ModelVersion{2});
}

// ---- a store that fails ----

TEST(FailingStore, IsTriedAgainWithTheSameModel) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  StoredModel expected = stored_task(harness).model;
  harness.store.broken = true;
  const std::vector<CallId> calls = send_all(harness, fleet);
  ASSERT_TRUE(aggregator::apply_update(fleet.sum_of(everybody(fleet)), {}, expected.parameters,
                                       expected.optimizer_state)
                  .ok());
  EXPECT_EQ(harness.store.attempts, 1);
  EXPECT_NE(harness.status().waiting_for.find("round 1: its model to be stored; tried again at"),
            std::string::npos);
  EXPECT_EQ(harness.status().waiting_until_ms, harness.now.ms + 500);
  EXPECT_TRUE(
      harness.noticed("round 1: the store failed: no space left on device", NoticeAction::Level::kError));
  harness.advance(499);
  EXPECT_EQ(harness.store.attempts, 1);
  harness.advance(1);
  EXPECT_EQ(harness.store.attempts, 2);
  harness.advance(999);
  EXPECT_EQ(harness.store.attempts, 2) << "pauses grow";
  harness.store.broken = false;
  harness.advance(1);
  EXPECT_EQ(harness.store.attempts, 3);
  for (const CallId call : calls) EXPECT_TRUE(harness.outcome<proto::SessionEnd>(call).counted);
  EXPECT_EQ(stored_task(harness).model.parameters, expected.parameters);
  EXPECT_EQ(harness.rounds().size(), 1u);
  EXPECT_EQ(harness.rounds().at(0).outcome, RoundOutcome::kCommitted);
}

TEST(FailingStore, CostsTheRoundAfterSomeAttemptsAndNotItsRecord) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  harness.store.broken = true;
  const std::vector<CallId> calls = send_all(harness, fleet);
  harness.advance(500 + 1'000);
  EXPECT_FALSE(harness.answered(calls[0]));
  harness.advance(2'000);
  EXPECT_EQ(harness.store.attempts, 4);
  const auto end = harness.outcome<proto::SessionEnd>(calls[0]);
  EXPECT_FALSE(end.counted);
  EXPECT_NE(end.outcome.find("abandoned: the model could not be stored: no space left"), std::string::npos);
  // Its record is tried for as long as it takes, and until then there is no other round.
  harness.advance(300'000);
  EXPECT_GT(harness.store.attempts, 8);
  EXPECT_LT(harness.store.attempts, 16) << "once a minute in the end";
  EXPECT_NE(harness.window_for("device-0").reason.find("its record to be stored"), std::string::npos);
  EXPECT_EQ(harness.status().rounds_abandoned, 0u);
  harness.store.broken = false;
  harness.advance(60'000);
  ASSERT_EQ(harness.rounds().size(), 1u);
  EXPECT_EQ(harness.rounds().at(0).outcome, RoundOutcome::kAbandoned);
  EXPECT_NE(harness.rounds().at(0).reason.find("the model could not be stored"), std::string::npos);
  EXPECT_EQ(harness.status().rounds_abandoned, 1u);
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(0).round, RoundId{2});
  EXPECT_EQ(harness.rounds().at(0).outcome, RoundOutcome::kCommitted);
  EXPECT_EQ(stored_task(harness).model.version, ModelVersion{1});
}

TEST(FailingStore, LosesNoAbandonedRound) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.store.broken = true;
  for (const char* name : {"a", "b", "c"}) harness.plan_for(name);
  harness.advance(60'000);
  harness.window_for("d");
  harness.store.broken = false;
  harness.advance(500);
  EXPECT_EQ(harness.rounds().at(0).reason, "0 of 3 devices with a plan joined, 3 are needed");
  EXPECT_EQ(harness.status().rounds_abandoned, 1u);
  harness.plan_for("d");
}

TEST(FailingStore, DoesNotKeepAnOperatorFromPausing) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  harness.store.broken = true;
  send_all(harness, fleet);
  EXPECT_EQ(harness.set_state(proto::TaskState::kPaused).state, proto::TaskState::kPaused);
  harness.store.broken = false;
  harness.advance(500);
  EXPECT_EQ(harness.status().rounds_committed, 1u);
  EXPECT_EQ(stored_task(harness).state, proto::TaskState::kPaused);
  EXPECT_EQ(harness.status().waiting_for, "an operator to resume the paused task");
}

TEST(FailingStore, ARoundThatIsRecordedAlreadyIsNotTriedForEver) {
  Harness harness;
  const TaskId task = harness.create(task_spec(Aggregation::kPlain, 3)).id;
  Fleet fleet(harness, 3);
  fleet.check_in();
  proto::RoundRecord theirs;
  theirs.task = task;
  theirs.round = RoundId{1};
  theirs.outcome = RoundOutcome::kAbandoned;
  ASSERT_TRUE(harness.kept->record_round(theirs, nullptr, proto::TaskState::kActive).ok());
  fleet.run();
  EXPECT_TRUE(harness.noticed("is recorded already", NoticeAction::Level::kError));
  harness.advance(1'000);
  EXPECT_EQ(harness.store.attempts, 2) << "once as committed, once as abandoned";
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(0).round, RoundId{2});
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
}

// ---- several rounds of one task ----

TEST(OpenRounds, AreOneByDefault) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  EXPECT_NE(harness.window_for("device-9").reason.find("all 3 plans of round 1 are given"),
            std::string::npos);
}

TEST(OpenRounds, FollowOneAnotherAsSoonAsOneIsFull) {
  Harness harness({.rounds_open_max = 2});
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet first(harness, 3);
  Fleet second(harness, 3, 3);
  first.check_in();
  second.check_in();
  EXPECT_EQ(first.devices[0]->plan.round, RoundId{1});
  EXPECT_EQ(second.devices[0]->plan.round, RoundId{2});
  EXPECT_NE(harness.window_for("device-9").reason.find("all 3 plans of round 2 are given"),
            std::string::npos);
  first.run();
  EXPECT_EQ(harness.status().rounds_committed, 1u);
  EXPECT_EQ(proto::decode_plan(harness.plan_for("device-9").plan)->round, RoundId{3});
  second.run();
  EXPECT_EQ(harness.status().rounds_committed, 2u);
}

TEST(OpenRounds, AreRecordedInTheOrderInWhichTheyEndEachOnTheModelBefore) {
  Harness harness({.rounds_open_max = 2});
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet first(harness, 3);
  Fleet second(harness, 3, 3);
  first.check_in();
  StoredModel expected = stored_task(harness).model;
  harness.store_is_late = true;
  const std::vector<CallId> second_calls = send_all(harness, second);
  send(harness, first);
  EXPECT_EQ(harness.late.size(), 1u) << "one thing of a task at a time";
  const auto apply = [&](const Fleet& fleet) {
    ASSERT_TRUE(aggregator::apply_update(fleet.sum_of(everybody(fleet)), {}, expected.parameters,
                                         expected.optimizer_state)
                    .ok());
  };
  harness.answer_store();
  apply(second);
  EXPECT_EQ(stored_task(harness).model.version, ModelVersion{1});
  EXPECT_EQ(stored_task(harness).model.parameters, expected.parameters);
  EXPECT_TRUE(harness.outcome<proto::SessionEnd>(second_calls[0]).counted);
  ASSERT_EQ(harness.late.size(), 1u);
  harness.answer_store();
  apply(first);
  EXPECT_EQ(stored_task(harness).model.version, ModelVersion{2});
  EXPECT_EQ(stored_task(harness).model.parameters, expected.parameters);
  harness.store_is_late = false;
  const auto rounds = harness.rounds();
  EXPECT_EQ(rounds.at(0).round, RoundId{2});
  EXPECT_EQ(rounds.at(0).committed_version, ModelVersion{1});
  EXPECT_EQ(rounds.at(1).round, RoundId{1});
  EXPECT_EQ(rounds.at(1).committed_version, ModelVersion{2});
}

TEST(OpenRounds, NeverExceedWhatTheTaskHasLeft) {
  Harness harness({.rounds_open_max = 4});
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 2;
  harness.create(spec);
  Fleet first(harness, 3);
  Fleet second(harness, 3, 3);
  first.check_in();
  second.check_in();
  harness.window_for("device-9");
  second.run();
  EXPECT_EQ(harness.status().state, proto::TaskState::kActive);
  first.run();
  EXPECT_EQ(harness.status().state, proto::TaskState::kComplete);
  EXPECT_EQ(harness.status().rounds_committed, 2u);
}

}  // namespace
}  // namespace sotto::server
