// What operators do to tasks that there are: once, at the right moment, and whole.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator_harness.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::RoundOutcome;
using proto::Step;
using testing::Fleet;
using testing::Harness;
using ::testing::HasSubstr;
using testing::task_spec;

CallId steer(Harness& harness, proto::TaskAct act, const std::string& reason = "",
             const std::string& task = "gait") {
  return harness.call(SteerTaskEvent{{}, {.task = task, .reason = reason, .act = std::move(act)}});
}
proto::TaskStatus steered(Harness& harness, proto::TaskAct act, const std::string& reason = "") {
  return harness.take<proto::TaskStatus>(steer(harness, std::move(act), reason));
}
Status refused(Harness& harness, proto::TaskAct act, const std::string& task = "gait") {
  return harness.take<Status>(steer(harness, std::move(act), "", task));
}
std::vector<proto::ModelRecord> models(Harness& harness) {
  return harness.take<std::vector<proto::ModelRecord>>(harness.call(ListModelsEvent{{}, "gait"}));
}
proto::RollBackModel back_to(std::uint64_t version) { return {ModelVersion{version}}; }

// Every device of a plain round has joined, and none has sent its vector.
std::vector<CallId> join_all(Harness& harness, Fleet& fleet) {
  fleet.check_in();
  std::vector<CallId> calls;
  for (const auto& device : fleet.devices) calls.push_back(harness.exchange(device->token, Step::kJoin));
  return calls;
}

// ---- rollback ----

TEST(RollBack, IsANewVersionWithTheOldBytesAndNoMomentum) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.server_momentum = 0.9f;
  const TaskId task = harness.create(spec).id;
  Fleet fleet(harness, 3);
  for (int i = 0; i < 3; ++i) fleet.run_round();
  const StoredModel older = *harness.kept->model(task, ModelVersion{1});
  ASSERT_FALSE(older.optimizer_state.empty());

  EXPECT_EQ(steered(harness, back_to(1), "accuracy fell").model_version, ModelVersion{4});
  const StoredModel now = harness.kept->load_tasks()->at(0).model;
  EXPECT_EQ(now.version, ModelVersion{4});
  EXPECT_EQ(now.parameters, older.parameters);
  EXPECT_EQ(now.clip, older.clip);
  EXPECT_TRUE(now.optimizer_state.empty());
  const auto listed = models(harness);
  ASSERT_EQ(listed.size(), 5u);
  EXPECT_EQ(listed[0].note, "rolled back to version 1: accuracy fell");
  EXPECT_EQ(listed[1].note, "");

  fleet.check_in();
  EXPECT_EQ(fleet.devices[0]->plan.model_version, ModelVersion{4}) << "devices may train on it: it is new";
  EXPECT_EQ(fleet.devices[0]->plan.model_digest, older.digest);
  fleet.run();
  EXPECT_EQ(harness.status().model_version, ModelVersion{5});
}

TEST(RollBack, EndsTheRoundThatTrainsOnTheModelLeftBehind) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.run_round();
  const std::vector<CallId> calls = join_all(harness, fleet);
  steered(harness, back_to(0));
  EXPECT_THAT(harness.outcome<proto::NextStep>(calls[0]).payload, ::testing::IsEmpty());
  const auto end = harness.outcome<proto::SessionEnd>(harness.poll(fleet.devices[0]->token, Step::kCollect));
  EXPECT_FALSE(end.counted);
  EXPECT_THAT(end.outcome, HasSubstr("rolled back to version 0"));
  const auto rounds = harness.rounds();
  EXPECT_EQ(rounds.at(0).outcome, RoundOutcome::kAbandoned);
  EXPECT_THAT(rounds.at(0).reason, HasSubstr("rolled back"));
  EXPECT_EQ(harness.status().model_version, ModelVersion{2});
  fleet.run_round();
  EXPECT_EQ(harness.status().model_version, ModelVersion{3});
}

TEST(RollBack, GivesUpASumThatTheStoreHasNotTaken) {
  Harness harness;
  const TaskId task = harness.create(task_spec(Aggregation::kPlain, 3)).id;
  Fleet fleet(harness, 3);
  fleet.run_round();
  harness.store.broken = true;
  const std::vector<CallId> calls = join_all(harness, fleet);
  std::vector<CallId> last;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto next = harness.outcome<proto::NextStep>(calls[i]);
    last.push_back(harness.exchange(fleet.devices[i]->token, Step::kCollect, fleet.devices[i]->answer(next)));
  }
  harness.store.broken = false;
  steered(harness, back_to(0));
  EXPECT_FALSE(harness.outcome<proto::SessionEnd>(last[0]).counted);
  harness.advance(60'000);
  EXPECT_EQ(harness.rounds().at(0).outcome, RoundOutcome::kAbandoned);
  EXPECT_EQ(harness.kept->load_tasks()->at(0).model.parameters,
            harness.kept->model(task, ModelVersion{0})->parameters);
}

TEST(RollBack, WaitsForACommitThatIsBeingWritten) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.run_round();
  harness.store_is_late = true;
  const std::vector<CallId> calls = join_all(harness, fleet);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto next = harness.outcome<proto::NextStep>(calls[i]);
    static_cast<void>(
        harness.exchange(fleet.devices[i]->token, Step::kCollect, fleet.devices[i]->answer(next)));
  }
  const CallId call = steer(harness, back_to(1));
  ASSERT_EQ(harness.late.size(), 1u) << "the commit";
  harness.answer_store();
  EXPECT_FALSE(harness.answered(call));
  harness.answer_store();
  EXPECT_EQ(harness.take<proto::TaskStatus>(call).model_version, ModelVersion{3});
}

TEST(RollBack, RefusesVersionsThatAreNotThereOrTheNewest) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  EXPECT_EQ(refused(harness, back_to(7)).code(), StatusCode::kNotFound);
  EXPECT_EQ(refused(harness, back_to(0)).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused(harness, back_to(0), "nobody").code(), StatusCode::kNotFound);
  EXPECT_EQ(models(harness).size(), 1u);
}

TEST(RollBack, ChangesNothingWhenTheStoreFails) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.run_round();
  const std::vector<CallId> calls = join_all(harness, fleet);
  harness.store.broken = true;
  EXPECT_EQ(refused(harness, back_to(0)).code(), StatusCode::kIo);
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
  harness.outcome<proto::NextStep>(calls[0]);
}

// ---- abort ----

TEST(AbortRounds, TellsTheDevicesAndBeginsAnother) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  const CallId waits = harness.exchange(fleet.devices[0]->token, Step::kJoin);
  steered(harness, proto::AbortRounds{}, "wrong firmware");
  EXPECT_THAT(harness.outcome<proto::SessionEnd>(waits).outcome, HasSubstr("wrong firmware"));
  EXPECT_EQ(harness.rounds().at(0).reason, "aborted by an operator: wrong firmware");
  fleet.run_round();
  EXPECT_EQ(harness.status().rounds_committed, 1u);
}

TEST(AbortRounds, NeedsARoundAtWork) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  const Status status = refused(harness, proto::AbortRounds{});
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("no round at work"));
  EXPECT_TRUE(harness.rounds().empty());
}

TEST(AbortRounds, LeavesARoundWhoseSumIsBeingWritten) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  const std::vector<CallId> calls = join_all(harness, fleet);
  harness.store_is_late = true;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto next = harness.outcome<proto::NextStep>(calls[i]);
    static_cast<void>(
        harness.exchange(fleet.devices[i]->token, Step::kCollect, fleet.devices[i]->answer(next)));
  }
  const CallId call = steer(harness, proto::AbortRounds{});
  harness.answer_store();
  EXPECT_EQ(harness.take<Status>(call).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(harness.status().rounds_committed, 1u);
}

// ---- delete ----

TEST(DeleteTask, TakesEverythingAlongAndNeverGivesItsNumberAgain) {
  Harness harness;
  const TaskId first = harness.create(task_spec(Aggregation::kPlain, 3)).id;
  Fleet fleet(harness, 3);
  fleet.run_round();
  harness.set_state(proto::TaskState::kPaused);
  EXPECT_EQ(steered(harness, proto::DeleteTask{}).rounds_committed, 1u);
  EXPECT_TRUE(harness.kept->load_tasks()->empty());
  EXPECT_EQ(harness.take<Status>(harness.call(ListRoundsEvent{{}, "gait", 1})).code(), StatusCode::kNotFound);
  EXPECT_THAT(harness.window_for("device-0").reason, HasSubstr("no task for population"));
  const TaskId second = harness.create(task_spec(Aggregation::kPlain, 3)).id;
  EXPECT_GT(second, first);
  fleet.run_round();
  EXPECT_EQ(harness.status().rounds_committed, 1u);
}

TEST(DeleteTask, AnActiveOneGoesByForceOnly) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  const CallId waits = harness.exchange(fleet.devices[0]->token, Step::kJoin);
  const Status status = refused(harness, proto::DeleteTask{});
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("--force"));
  EXPECT_FALSE(harness.answered(waits));

  steered(harness, proto::DeleteTask{.force = true});
  EXPECT_THAT(harness.outcome<proto::SessionEnd>(waits).outcome, HasSubstr("deleted"));
  // Whoever was training asks, leaves, and checks in again: none of it finds the task, nothing breaks.
  EXPECT_THAT(
      harness.outcome<proto::SessionEnd>(harness.exchange(fleet.devices[1]->token, Step::kJoin)).outcome,
      HasSubstr("deleted"));
  harness.abandon(fleet.devices[2]->token);
  harness.advance(600'000);
  EXPECT_TRUE(harness.take<std::vector<proto::TaskStatus>>(harness.call(ListTasksEvent{})).empty());
}

TEST(DeleteTask, LeavesOtherTasksOfItsPopulationAtWork) {
  Harness harness;
  auto other = task_spec(Aggregation::kPlain, 3);
  other.name = "other";
  harness.create(other);
  harness.create(task_spec(Aggregation::kPlain, 3));
  steered(harness, proto::DeleteTask{.force = true});
  Fleet fleet(harness, 3);
  fleet.run_round();
  EXPECT_EQ(harness.status().spec.name, "other");
  EXPECT_EQ(harness.status().rounds_committed, 1u);
}

TEST(DeleteTask, AnswersWhoeverWaitedForSomethingElseOfIt) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.store_is_late = true;
  const CallId deletion = steer(harness, proto::DeleteTask{.force = true});
  const CallId pause = harness.call(SetTaskStateEvent{{}, "gait", proto::TaskState::kPaused});
  harness.answer_store();
  EXPECT_EQ(harness.take<proto::TaskStatus>(deletion).spec.name, "gait");
  EXPECT_EQ(harness.take<Status>(pause).code(), StatusCode::kNotFound);
}

TEST(DeleteTask, FinishesASumForNobody) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  const std::vector<CallId> calls = join_all(harness, fleet);
  harness.finishing_is_late = true;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const auto next = harness.outcome<proto::NextStep>(calls[i]);
    static_cast<void>(
        harness.exchange(fleet.devices[i]->token, Step::kCollect, fleet.devices[i]->answer(next)));
  }
  ASSERT_EQ(harness.finishing.size(), 1u);
  steered(harness, proto::DeleteTask{.force = true});
  harness.step(harness.finish_cohort());
  EXPECT_TRUE(harness.kept->load_tasks()->empty());
}

// ---- edit ----

proto::EditTask edit(const std::string& fields) { return {fields}; }

TEST(EditTask, HoldsFromTheNextRoundOn) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  const float before = fleet.devices[0]->plan.training.learning_rate;
  const auto status = steered(harness, edit(R"({"training":{"learning_rate":0.5},"participants":4})"));
  EXPECT_EQ(status.spec.training.learning_rate, 0.5f);
  EXPECT_EQ(status.spec.participants, 4u);
  EXPECT_THAT(status.waiting_for, HasSubstr("3 are training, 3 of 3 plans given"));
  fleet.run();
  EXPECT_EQ(harness.rounds().at(0).plans_given, 3u) << "the round at work keeps what it began with";
  fleet.check_in();
  EXPECT_EQ(fleet.devices[0]->plan.training.learning_rate, 0.5f);
  EXPECT_NE(before, 0.5f);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("3 of 4 plans given"));
}

TEST(EditTask, ChangesARoundThatNobodyHasAPlanOf) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  EXPECT_THAT(steered(harness, edit(R"({"participants":5})")).waiting_for, HasSubstr("0 of 5 plans given"));
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("round 1:"));
}

TEST(EditTask, SurvivesARestart) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  steered(harness, edit(R"({"over_selection":1.5})"));
  harness.restart();
  EXPECT_EQ(harness.status().spec.over_selection, 1.5f);
}

TEST(EditTask, RefusesWhatIsFixedUnknownOrOutOfRange) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  const proto::TaskSpec before = harness.status().spec;
  const auto why = [&](const std::string& fields) {
    const Status status = refused(harness, edit(fields));
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << fields;
    return status.message();
  };
  EXPECT_THAT(why(R"({"model":{"features":5}})"), HasSubstr("model.features is fixed"));
  EXPECT_THAT(why(R"({"name":"other"})"), HasSubstr("name is fixed"));
  EXPECT_THAT(why(R"({"aggregation":{"cohort_min":4}})"), HasSubstr("aggregation.cohort_min is fixed"));
  EXPECT_THAT(why(R"({"learning_rat":1})"), HasSubstr("unknown key 'learning_rat'"));
  EXPECT_THAT(why(R"({"participants":"many"})"), HasSubstr("must be a whole number"));
  EXPECT_THAT(why(R"({"over_selection":3})"), HasSubstr("over_selection = 3"));
  EXPECT_THAT(why("[]"), HasSubstr("JSON object"));
  EXPECT_EQ(harness.status().spec, before);
}

TEST(EditTask, ToTheSameValuesWritesNothing) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.store.broken = true;
  steered(harness, edit(R"({"participants":3,"model":{"features":4}})"));
}

TEST(EditTask, CannotEndBelowWhatIsCommittedAndRevivesACompleteTask) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 2;
  harness.create(spec);
  Fleet fleet(harness, 3);
  fleet.run_round();
  EXPECT_THAT(refused(harness, edit(R"({"rounds":1})")).message(), HasSubstr("1 are committed already"));
  fleet.run_round();
  EXPECT_EQ(harness.status().state, proto::TaskState::kComplete);
  EXPECT_EQ(steered(harness, edit(R"({"participants":4,"participants_min":3})")).state,
            proto::TaskState::kComplete);
  EXPECT_EQ(steered(harness, edit(R"({"rounds":3,"participants":3})")).state, proto::TaskState::kActive);
  fleet.run_round();
  EXPECT_EQ(harness.status().rounds_committed, 3u);
}

TEST(EditTask, ChangesNothingWhenTheStoreFails) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.store.broken = true;
  EXPECT_EQ(refused(harness, edit(R"({"participants":4})")).code(), StatusCode::kIo);
  EXPECT_EQ(harness.status().spec.participants, 3u);
}

// ---- the stop rule ----

TEST(StopAt, CompletesTheTaskAtItsTarget) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.stop_metric = "correct";
  spec.stop_at = 0.5f;  // as the harness's devices report: 5 of 10
  harness.create(spec);
  Fleet fleet(harness, 3);
  fleet.run_round();
  EXPECT_EQ(harness.status().state, proto::TaskState::kComplete);
  EXPECT_EQ(harness.status().waiting_for, "nothing: its stop rule ended it after 1 rounds");
  EXPECT_TRUE(harness.noticed("as good as stop.at", NoticeAction::Level::kInfo));
  EXPECT_EQ(steered(harness, edit(R"({"stop":{"at":0.75}})")).state, proto::TaskState::kActive);
  fleet.run_round();
  EXPECT_EQ(harness.status().state, proto::TaskState::kActive);
}

TEST(StopOnFall, RemembersTheBestOverARestart) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.stop_metric = "correct";
  spec.stop_on_fall = 0.25f;
  harness.create(spec);
  Fleet fleet(harness, 3);
  fleet.run_round();
  EXPECT_EQ(harness.status().state, proto::TaskState::kActive);
  harness.restart();
  const auto run = [&](std::uint32_t correct) {
    fleet.check_in();
    for (auto& device : fleet.devices) device->report_correct(correct);
    fleet.run();
  };
  run(3);
  EXPECT_EQ(harness.status().state, proto::TaskState::kActive) << "0.3 after 0.5";
  run(2);
  EXPECT_EQ(harness.status().state, proto::TaskState::kComplete) << "0.2 after 0.5";
}

// ---- the record ----

TEST(Acts, GoToTheStoreWithWhoAskedAndWhatChanges) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.store_is_late = true;
  harness.call(
      SteerTaskEvent{{}, {.task = "gait", .reason = "why", .act = edit(R"({"participants":4})")}, "uid 12"});
  ASSERT_EQ(harness.late.size(), 1u);
  ASSERT_TRUE(harness.late[0].act.has_value());
  const Act& act = *harness.late[0].act;
  EXPECT_EQ(act.who, "uid 12");
  EXPECT_EQ(act.what, "edit task");
  EXPECT_EQ(act.subject, "gait");
  EXPECT_EQ(act.reason, "why");
  EXPECT_EQ(act.time_ms, harness.now.ms);
  ASSERT_EQ(act.changes.size(), 1u);
  EXPECT_EQ(act.changes[0].key + " " + act.changes[0].from + " " + act.changes[0].to, "participants 3 4");
}

TEST(Acts, OfEveryKindAreRecordedAndRoundsAreNot) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.run_round();
  fleet.check_in();
  harness.store_is_late = true;
  std::vector<std::string> recorded;
  const auto act = [&](Event event) {
    std::visit(
        [&](auto& any) {
          if constexpr (requires {
                          any.call;
                          any.by;
                        })
            harness.call(any);
        },
        event);
    if (harness.late.front().act) recorded.push_back(harness.late.front().act->what);
    while (!harness.late.empty()) harness.answer_store();
  };
  act(SetTaskStateEvent{{}, "gait", proto::TaskState::kPaused, ""});
  act(SetTaskStateEvent{{}, "gait", proto::TaskState::kActive, ""});
  act(SteerTaskEvent{{}, {.task = "gait", .reason = "", .act = proto::AbortRounds{}}, ""});
  act(SteerTaskEvent{{}, {.task = "gait", .reason = "", .act = back_to(0)}, ""});
  act(SteerTaskEvent{{}, {.task = "gait", .reason = "", .act = proto::DeleteTask{true}}, ""});
  act(CreateTaskEvent{{}, task_spec(Aggregation::kPlain, 3), {}, "", ""});
  EXPECT_THAT(recorded, ::testing::ElementsAre("pause task", "resume task", "abort rounds", "roll back model",
                                               "delete task", "create task"));
}

// ---- branch ----

TEST(Branch, KeepsWhereItsModelComesFrom) {
  Harness harness;
  const auto spec = task_spec(Aggregation::kPlain, 3);
  const std::vector<float> initial(spec.model.parameter_count(), 0.25f);
  static_cast<void>(harness.take<proto::TaskStatus>(
      harness.call(CreateTaskEvent{{}, spec, initial, "version 7 of task 'older'"})));
  EXPECT_EQ(models(harness).at(0).note, "version 7 of task 'older'");
}

}  // namespace
}  // namespace sotto::server
