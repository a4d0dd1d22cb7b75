// Tasks as operators see them, and the model download.
#include <gtest/gtest.h>

#include <limits>

#include "coordinator_harness.h"
#include "sotto/base/limits.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using testing::Fleet;
using testing::Harness;
using testing::task_spec;

std::vector<std::uint8_t> download(Harness& harness, TaskId task, ModelVersion version, std::size_t& chunks) {
  std::vector<std::uint8_t> bytes;
  chunks = 0;
  for (;;) {
    const auto chunk = harness.take<proto::ModelChunk>(
        harness.call(ReadModelEvent{{}, {.task = task, .version = version, .offset = bytes.size()}}));
    EXPECT_EQ(chunk.offset, bytes.size());
    EXPECT_LE(chunk.bytes.size(), limits::kModelChunkBytes);
    bytes.insert(bytes.end(), chunk.bytes.begin(), chunk.bytes.end());
    ++chunks;
    if (bytes.size() >= chunk.total_bytes || chunk.bytes.empty()) return bytes;
  }
}

TEST(FetchModel, GivesTheBytesOfThePlanInChunks) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.model = {.architecture = proto::Architecture::kDense, .features = 400, .classes = 10, .hidden = {200}};
  spec.model_seed = 5;
  const auto task = harness.create(spec);
  auto request = Harness::request("d0");
  request.trainers = {proto::Architecture::kDense};
  request.parameters_max = 1'000'000;
  const auto reply = harness.take<proto::CheckInReply>(harness.call(CheckInEvent{{}, request}));
  const auto plan = proto::decode_plan(std::get<proto::PlanOffer>(reply).plan);
  std::size_t chunks = 0;
  const auto bytes = download(harness, plan->task, plan->model_version, chunks);
  EXPECT_EQ(bytes.size(), 4 * spec.model.parameter_count());
  EXPECT_EQ(chunks, 2u);
  EXPECT_EQ(crypto::sha256({bytes}), plan->model_digest);
  EXPECT_EQ(task.model_version, ModelVersion{0});
}

TEST(FetchModel, KeepsOlderVersionsAvailable) {
  Harness harness;
  const TaskId task = harness.create(task_spec(Aggregation::kPlain, 3)).id;
  std::size_t chunks = 0;
  const auto initial = download(harness, task, ModelVersion{0}, chunks);
  Fleet fleet(harness, 3);
  fleet.run_round();
  EXPECT_EQ(download(harness, task, ModelVersion{0}, chunks), initial);
  EXPECT_EQ(crypto::sha256({download(harness, task, ModelVersion{1}, chunks)}),
            harness.kept->load_tasks()->at(0).model.digest);
  EXPECT_NE(download(harness, task, ModelVersion{1}, chunks), initial);
}

TEST(FetchModel, TellsOlderVersionsAndTasksApart) {
  Harness harness;
  const TaskId task = harness.create(task_spec(Aggregation::kPlain, 3)).id;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.name = "other";
  spec.population = "rings";
  spec.model = {.architecture = proto::Architecture::kDense, .features = 4, .classes = 3, .hidden = {2}};
  const TaskId other = harness.create(spec).id;
  Fleet fleet(harness, 3);
  fleet.run_round();
  fleet.run_round();
  proto::RoundRecord record;
  record.task = other;
  record.round = RoundId{1};
  StoredModel newer = *harness.kept->model(other, ModelVersion{0});
  newer.version = ModelVersion{1};
  ASSERT_TRUE(harness.kept->record_round(record, &newer, proto::TaskState::kActive).ok());
  harness.restart();
  std::size_t chunks = 0;
  const auto digest = [&](TaskId id, std::uint64_t version) {
    return crypto::sha256({download(harness, id, ModelVersion{version}, chunks)});
  };
  for (int i = 0; i < 2; ++i) {
    for (const std::uint64_t version : {0, 1}) {
      EXPECT_EQ(digest(task, version), harness.kept->model(task, ModelVersion{version})->digest);
    }
    EXPECT_EQ(digest(other, 0), harness.kept->model(other, ModelVersion{0})->digest);
    EXPECT_EQ(digest(task, 0), harness.kept->model(task, ModelVersion{0})->digest);
  }
}

TEST(FetchModel, RefusesWhatDoesNotExist) {
  Harness harness;
  const TaskId task = harness.create(task_spec(Aggregation::kPlain, 3)).id;
  const auto code = [&](const proto::FetchModelRequest& request) {
    return harness.take<Status>(harness.call(ReadModelEvent{{}, request})).code();
  };
  EXPECT_EQ(code({.task = TaskId{9}, .version = ModelVersion{0}, .offset = 0}), StatusCode::kNotFound);
  EXPECT_EQ(code({.task = task, .version = ModelVersion{1}, .offset = 0}), StatusCode::kNotFound);
  EXPECT_EQ(code({.task = task, .version = ModelVersion{0}, .offset = 61}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.task = task, .version = ModelVersion{0}, .offset = UINT64_MAX}),
            StatusCode::kInvalidArgument);
  const auto end = harness.take<proto::ModelChunk>(
      harness.call(ReadModelEvent{{}, {.task = task, .version = ModelVersion{0}, .offset = 60}}));
  EXPECT_TRUE(end.bytes.empty());
  EXPECT_EQ(end.total_bytes, 60u);
}

TEST(CreateTask, BeginsWithTheModelThatWasGiven) {
  Harness harness;
  const auto spec = task_spec(Aggregation::kPlain, 3);
  std::vector<float> initial(spec.model.parameter_count());
  for (std::size_t i = 0; i < initial.size(); ++i) initial[i] = -0.5f * static_cast<float>(i);
  const TaskId task = harness.take<proto::TaskStatus>(harness.call(CreateTaskEvent{{}, spec, initial})).id;
  const auto chunk = harness.take<proto::ModelChunk>(
      harness.call(ReadModelEvent{{}, {.task = task, .version = ModelVersion{0}, .offset = 0}}));
  EXPECT_EQ(chunk.bytes, encode_floats(initial));
}

TEST(CreateTask, RefusesAnInitialModelOfAnotherSizeOrThatIsNotFinite) {
  Harness harness;
  const auto spec = task_spec(Aggregation::kPlain, 3);
  const auto refusal = [&](std::vector<float> initial) {
    return harness.take<Status>(harness.call(CreateTaskEvent{{}, spec, std::move(initial)})).message();
  };
  const std::size_t right = spec.model.parameter_count();
  EXPECT_NE(refusal(std::vector<float>(right - 1)).find("has 14 parameters, the task's model 15"),
            std::string::npos);
  EXPECT_NE(refusal(std::vector<float>(right + 1)).find("16"), std::string::npos);
  std::vector<float> initial(right);
  initial[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(refusal(initial).find("parameter 3 is not a finite number"), std::string::npos);
}

TEST(CreateTask, NamesTheFieldThatIsWrong) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.over_selection = 3;
  const auto status = harness.take<Status>(harness.call(CreateTaskEvent{{}, spec}));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("over_selection"), std::string::npos);
}

TEST(CreateTask, RefusesAPlanThatNoCohortCanServe) {
  Harness harness;
  auto spec = task_spec(Aggregation::kSecure, 3);
  spec.aggregation.corrupt_fraction = 0.49f;
  spec.aggregation.dropout_fraction = 0.49f;
  EXPECT_EQ(harness.take<Status>(harness.call(CreateTaskEvent{{}, spec})).code(),
            StatusCode::kInvalidArgument);
}

TEST(CreateTask, RefusesAnExistingName) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  EXPECT_EQ(harness.take<Status>(harness.call(CreateTaskEvent{{}, task_spec(Aggregation::kPlain, 4)})).code(),
            StatusCode::kAlreadyExists);
}

TEST(CreateTask, KeepsTheNumberOfTasksBounded) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  for (std::size_t i = 0; i < limits::kTasksMax; ++i) {
    spec.name = "t" + std::to_string(i);
    harness.create(spec);
  }
  spec.name = "one-more";
  EXPECT_EQ(harness.take<Status>(harness.call(CreateTaskEvent{{}, spec})).code(),
            StatusCode::kResourceExhausted);
}

TEST(SetTaskState, RefusesAnUnknownTaskAndCompletionByHand) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  const auto code = [&](const std::string& task, proto::TaskState state) {
    return harness.take<Status>(harness.call(SetTaskStateEvent{{}, task, state})).code();
  };
  EXPECT_EQ(code("nobody", proto::TaskState::kPaused), StatusCode::kNotFound);
  EXPECT_EQ(code("gait", proto::TaskState::kComplete), StatusCode::kInvalidArgument);
  EXPECT_EQ(code("gait", static_cast<proto::TaskState>(9)), StatusCode::kInvalidArgument);
}

TEST(SetTaskState, CannotReviveACompleteTask) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 1;
  harness.create(spec);
  Fleet fleet(harness, 3);
  fleet.run_round();
  EXPECT_EQ(
      harness.take<Status>(harness.call(SetTaskStateEvent{{}, "gait", proto::TaskState::kActive})).code(),
      StatusCode::kFailedPrecondition);
}

TEST(Lists, ShowRoundsAndModelsNewestFirst) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  for (int i = 0; i < 3; ++i) fleet.run_round();
  const auto rounds =
      harness.take<std::vector<proto::RoundRecord>>(harness.call(ListRoundsEvent{{}, "gait", 2}));
  ASSERT_EQ(rounds.size(), 2u);
  EXPECT_EQ(rounds[0].round, RoundId{3});
  const auto models =
      harness.take<std::vector<proto::ModelRecord>>(harness.call(ListModelsEvent{{}, "gait"}));
  ASSERT_EQ(models.size(), 4u);
  EXPECT_EQ(models[0].version, ModelVersion{3});
  EXPECT_EQ(harness.take<Status>(harness.call(ListRoundsEvent{{}, "nobody", 2})).code(),
            StatusCode::kNotFound);
  EXPECT_EQ(harness.take<Status>(harness.call(ListModelsEvent{{}, "nobody"})).code(), StatusCode::kNotFound);
}

TEST(WaitingFor, SaysWhatAndUntilWhen) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 4));
  EXPECT_EQ(harness.status().waiting_for,
            "round 1: devices of population 'watches' to check in; 0 of 4 plans given");
  EXPECT_EQ(harness.status().waiting_until_ms, 0);
  Fleet fleet(harness, 4);
  fleet.check_in();
  harness.exchange(fleet.devices[0]->token, proto::Step::kJoin);
  EXPECT_EQ(harness.status().waiting_for,
            "round 1: 1 of 4 devices have joined, 3 are training, 4 of 4 plans given; closes when 4 have "
            "joined or at "
            "2023-11-14T22:14:20Z at the latest");
  EXPECT_EQ(harness.status().waiting_until_ms, harness.now.ms + 60'000);
  EXPECT_EQ(harness.coordinator->next_deadline(), harness.now + std::chrono::milliseconds(10'000))
      << "the held call";
  for (int i = 1; i < 4; ++i) harness.exchange(fleet.devices[i]->token, proto::Step::kJoin);
  EXPECT_EQ(harness.status().waiting_for,
            "round 1: cohort 1 of 1, step collect: 0 of 4 devices have answered; goes on when all have "
            "answered or at "
            "2023-11-14T22:13:25Z at the latest");
  EXPECT_EQ(harness.status().waiting_until_ms, harness.now.ms + 5'000);
}

TEST(Open, RefusesOptionsThatMakeNoSense) {
  crypto::SeededRandom random(std::uint64_t{1});
  const auto code = [&](const CoordinatorOptions& options) {
    return Coordinator::open({}, random, options, Time{}).status().code();
  };
  EXPECT_EQ(code({.hold_call_ms = -1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.hold_call_ms = limits::kHoldCallMsMax + 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.hold_call_ms = limits::kHoldCallMsMax}), StatusCode::kOk);
  EXPECT_EQ(code({.retry_min_ms = 2, .retry_max_ms = 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.retry_min_ms = 2, .retry_max_ms = 2}), StatusCode::kOk);
  EXPECT_EQ(code({.rounds_open_max = 0}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.rounds_open_max = limits::kRoundsOpenMax + 1}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.rounds_open_max = limits::kRoundsOpenMax}), StatusCode::kOk);
}

}  // namespace
}  // namespace sotto::server
