// What every store promises, run against both.
#include "sotto/server/store.h"
#include "sotto/base/limits.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "store_samples.h"

namespace sotto::server {
namespace {

using testing::expect_equal;
using testing::sample_model;
using testing::sample_round;
using testing::sample_spec;

enum class Kind { kMemory, kSqlite };

class AnyStore : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kMemory) {
      store_ = make_memory_store();
      return;
    }
    const std::string test = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    directory_ = std::filesystem::path(::testing::TempDir()) /
                 ("sotto-store-" + std::to_string(getpid()) + "-" + test.substr(0, test.find('/')));
    std::filesystem::create_directories(directory_);
    auto opened = open_sqlite_store({.path = directory_ / "sotto.db"});
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    store_ = std::move(*opened);
  }
  void TearDown() override {
    store_.reset();
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  TaskId create(const std::string& name) {
    const Result<TaskId> id = store_->create_task(sample_spec(name), sample_model(0));
    EXPECT_TRUE(id.has_value());
    return id ? *id : TaskId{};
  }
  StoredTask load(TaskId id) {
    auto tasks = store_->load_tasks();
    EXPECT_TRUE(tasks.has_value());
    for (const StoredTask& task : *tasks) {
      if (task.id == id) return task;
    }
    ADD_FAILURE() << "task not loaded";
    return {};
  }

  std::filesystem::path directory_;
  std::unique_ptr<Store> store_;
};

TEST_P(AnyStore, StartsEmpty) { EXPECT_TRUE(store_->load_tasks()->empty()); }

TEST_P(AnyStore, ReturnsACreatedTaskWithEveryField) {
  const TaskId id = create("gait");
  StoredTask expected;
  expected.id = id;
  expected.spec = sample_spec("gait");
  expected.rounds_reserved = RoundId{limits::kRoundsReserved};
  expected.model = sample_model(0);
  expect_equal(load(id), expected);
}

TEST_P(AnyStore, ReservesRoundsUpwardsOnly) {
  const TaskId id = create("gait");
  ASSERT_TRUE(store_->reserve_rounds(id, RoundId{100}).ok());
  EXPECT_EQ(load(id).rounds_reserved, RoundId{100});
  for (const std::uint64_t through : {1, 99, 100}) {
    EXPECT_EQ(store_->reserve_rounds(id, RoundId{through}).code(), StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(load(id).rounds_reserved, RoundId{100});
  EXPECT_EQ(store_->reserve_rounds(TaskId{99}, RoundId{100}).code(), StatusCode::kNotFound);
}

TEST_P(AnyStore, IsTakenUpAboveAllThatAnEarlierRunReserved) {
  const TaskId id = create("gait");
  const TaskId done = create("done");
  ASSERT_TRUE(store_->set_task_state(done, proto::TaskState::kComplete).ok());
  const auto tasks = take_up_tasks(*store_);
  EXPECT_EQ(tasks->at(0).last_round, RoundId{limits::kRoundsReserved});
  EXPECT_EQ(tasks->at(0).rounds_reserved, RoundId{2 * limits::kRoundsReserved});
  EXPECT_EQ(load(id).rounds_reserved, RoundId{2 * limits::kRoundsReserved}) << "on disk already";
  EXPECT_EQ(load(done).rounds_reserved, RoundId{limits::kRoundsReserved}) << "it has no more rounds";
}

TEST_P(AnyStore, IsTakenUpWithTheBestMeanOfTheRoundsThatWereCommitted) {
  proto::TaskSpec spec = sample_spec("gait");
  spec.stop_metric = "correct";
  spec.stop_on_fall = 0.25f;
  const TaskId id = *store_->create_task(spec, sample_model(0));
  EXPECT_EQ(take_up_tasks(*store_)->at(0).best_mean, std::nullopt);
  proto::RoundRecord round = sample_round(id, 1, true);
  round.metrics = {.count = 3, .weight = 10, .examples = 10, .sums = {5, 1024}};
  const StoredModel next = sample_model(1);
  ASSERT_TRUE(store_->record_round(round, &next, proto::TaskState::kActive).ok());
  proto::RoundRecord abandoned = sample_round(id, 2, false);
  abandoned.metrics = round.metrics;
  abandoned.metrics.sums[0] = 9;
  ASSERT_TRUE(store_->record_round(abandoned, nullptr, proto::TaskState::kActive).ok());
  EXPECT_EQ(take_up_tasks(*store_)->at(0).best_mean, 0.5) << "0.9 went into no model";
}

TEST_P(AnyStore, ARaisedEpochIsAboveWhateverWasReserved) {
  const TaskId id = create("gait");
  ASSERT_TRUE(store_->reserve_rounds(id, RoundId{1'000'000}).ok());
  EXPECT_EQ(*store_->epoch(), 0u);
  ASSERT_TRUE(store_->raise_epoch().ok());
  EXPECT_EQ(*store_->epoch(), 1u);
  EXPECT_EQ(load(id).rounds_reserved, round_id({.epoch = 1, .counter = 0}));
  const TaskId fresh = create("fresh");
  EXPECT_EQ(load(fresh).rounds_reserved, round_id({.epoch = 1, .counter = limits::kRoundsReserved}));
}

TEST_P(AnyStore, IssuesTheLastModelAgainAsANewerVersion) {
  const TaskId id = create("gait");
  ASSERT_TRUE(store_->reissue_model(id, ModelVersion{3}).ok());
  StoredModel expected = sample_model(0);
  expected.version = ModelVersion{3};
  expect_equal(load(id).model, expected);
  expect_equal(*store_->model(id, ModelVersion{3}), expected);
  EXPECT_EQ(store_->model(id, ModelVersion{0}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->models(id)->size(), 1u);
  for (const std::uint64_t version : {0, 3}) {
    EXPECT_EQ(store_->reissue_model(id, ModelVersion{version}).code(), StatusCode::kFailedPrecondition);
  }
  EXPECT_EQ(store_->reissue_model(TaskId{99}, ModelVersion{9}).code(), StatusCode::kNotFound);
}

TEST_P(AnyStore, GoesBackToAnOlderModelAsANewerVersion) {
  const TaskId id = create("gait");
  const StoredModel next = sample_model(1);
  ASSERT_TRUE(store_->record_round(sample_round(id, 1, true), &next, proto::TaskState::kActive).ok());
  const RolledBack back{
      .to = ModelVersion{0}, .version = ModelVersion{2}, .committed_ms = 77, .note = "rolled back: why"};
  const auto gone_back = store_->roll_back_model(id, back);
  ASSERT_TRUE(gone_back.has_value());
  StoredModel expected = sample_model(0);
  expected.version = ModelVersion{2};
  expected.committed_ms = 77;
  expect_equal(*gone_back, expected);
  expect_equal(load(id).model, expected);
  EXPECT_EQ(store_->models(id)->at(0).note, "rolled back: why");
  EXPECT_EQ(store_->models(id)->at(1).note, "");
  expect_equal(*store_->model(id, ModelVersion{1}), next);
  // A note goes with its version.
  ASSERT_TRUE(store_->reissue_model(id, ModelVersion{3}).ok());
  EXPECT_EQ(store_->models(id)->at(0).version, ModelVersion{3});
  EXPECT_EQ(store_->models(id)->at(0).note, "rolled back: why");

  const auto code = [&](TaskId task, std::uint64_t to, std::uint64_t version) {
    return store_->roll_back_model(task, {.to = ModelVersion{to}, .version = ModelVersion{version}})
        .status()
        .code();
  };
  EXPECT_EQ(code(id, 9, 10), StatusCode::kNotFound);
  EXPECT_EQ(code(id, 0, 3), StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(TaskId{99}, 0, 3), StatusCode::kNotFound);
  EXPECT_EQ(store_->models(id)->size(), 3u);
}

TEST_P(AnyStore, KeepsBansUntilTheyAreLifted) {
  EXPECT_TRUE(store_->bans()->empty());
  const Ban first{.device = "d1", .reason = "why", .since_ms = 7};
  const Ban second{.device = "d0", .since_ms = 8};
  ASSERT_TRUE(store_->set_ban(first).ok());
  ASSERT_TRUE(store_->set_ban(second).ok());
  EXPECT_EQ(*store_->bans(), (std::vector<Ban>{second, first}));
  ASSERT_TRUE(store_->set_ban({.device = "d1", .reason = "another", .since_ms = 9}).ok());
  EXPECT_EQ(store_->bans()->at(1).reason, "another");
  ASSERT_TRUE(store_->lift_ban("d1").ok());
  EXPECT_EQ(store_->lift_ban("d1").code(), StatusCode::kNotFound);
  EXPECT_EQ(*store_->bans(), (std::vector<Ban>{second}));
}

TEST_P(AnyStore, EditsATask) {
  const TaskId id = create("gait");
  proto::TaskSpec spec = sample_spec("gait");
  spec.rounds = 99;
  ASSERT_TRUE(store_->edit_task(id, spec, proto::TaskState::kPaused).ok());
  EXPECT_EQ(load(id).spec, spec);
  EXPECT_EQ(load(id).state, proto::TaskState::kPaused);
  EXPECT_EQ(store_->edit_task(TaskId{99}, spec, proto::TaskState::kPaused).code(), StatusCode::kNotFound);
}

TEST_P(AnyStore, ADeletedTaskLeavesItsNumberOnly) {
  create("first");
  const TaskId id = create("gait");
  const StoredModel next = sample_model(1);
  ASSERT_TRUE(store_->record_round(sample_round(id, 1, true), &next, proto::TaskState::kActive).ok());
  ASSERT_TRUE(store_->roll_back_model(id, {.to = ModelVersion{0}, .version = ModelVersion{2}, .note = "x"})
                  .has_value());
  ASSERT_TRUE(store_->delete_task(id, 5).ok());
  EXPECT_EQ(store_->load_tasks()->size(), 1u);
  EXPECT_EQ(store_->rounds(id, 1).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->delete_task(id, 5).code(), StatusCode::kNotFound);
  const TaskId again = create("gait");
  EXPECT_EQ(again.value, id.value + 1);
  EXPECT_TRUE(store_->rounds(again, 10)->empty());
  EXPECT_EQ(store_->models(again)->size(), 1u);
  EXPECT_EQ(store_->models(again)->at(0).note, "");
}

TEST_P(AnyStore, RefusesASecondTaskOfTheSameNameAndKeepsTheFirst) {
  const TaskId id = create("gait");
  proto::TaskSpec other = sample_spec("gait");
  other.rounds = 99;
  EXPECT_EQ(store_->create_task(other, sample_model(0)).status().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(store_->load_tasks()->size(), 1u);
  EXPECT_EQ(load(id).spec.rounds, 12u);
}

TEST_P(AnyStore, CommitsARoundWithItsModelAndState) {
  const TaskId id = create("gait");
  const StoredModel next = sample_model(1);
  ASSERT_TRUE(store_->record_round(sample_round(id, 1, true), &next, proto::TaskState::kComplete).ok());
  const StoredTask task = load(id);
  EXPECT_EQ(task.rounds_committed, 1u);
  EXPECT_EQ(task.last_round, RoundId{1});
  EXPECT_EQ(task.state, proto::TaskState::kComplete);
  expect_equal(task.model, next);
  EXPECT_EQ(store_->rounds(id, 10)->at(0), sample_round(id, 1, true));
}

TEST_P(AnyStore, AnAbandonedRoundLeavesTheModel) {
  const TaskId id = create("gait");
  ASSERT_TRUE(store_->record_round(sample_round(id, 1, false), nullptr, proto::TaskState::kActive).ok());
  const StoredTask task = load(id);
  EXPECT_EQ(task.rounds_committed, 0u);
  EXPECT_EQ(task.rounds_abandoned, 1u);
  EXPECT_EQ(task.last_round, RoundId{1});
  expect_equal(task.model, sample_model(0));
}

TEST_P(AnyStore, ListsRoundsNewestFirstAndAtMostAsManyAsAsked) {
  const TaskId id = create("gait");
  const TaskId other = create("other");
  for (std::uint64_t round = 1; round <= 5; ++round) {
    ASSERT_TRUE(
        store_->record_round(sample_round(id, round, false), nullptr, proto::TaskState::kActive).ok());
  }
  const auto rounds = store_->rounds(id, 3);
  ASSERT_EQ(rounds->size(), 3u);
  EXPECT_EQ(rounds->at(0).round, RoundId{5});
  EXPECT_EQ(rounds->at(2).round, RoundId{3});
  EXPECT_TRUE(store_->rounds(other, 3)->empty());
}

// The record of a round outlives its version.
TEST_P(AnyStore, KeepsTheNewestVersionsAndEveryFewth) {
  proto::TaskSpec spec = sample_spec("gait");
  spec.keep_versions = 20;
  spec.keep_every = 10;
  const TaskId id = *store_->create_task(spec, sample_model(0));
  for (std::uint64_t version = 1; version <= 45; ++version) {
    const StoredModel next = sample_model(version);
    ASSERT_TRUE(store_->record_round(sample_round(id, version, true), &next, proto::TaskState::kActive).ok());
  }
  std::vector<std::uint64_t> versions;
  const auto models = store_->models(id);
  for (const proto::ModelRecord& model : *models) versions.push_back(model.version.value);
  std::vector<std::uint64_t> expected;
  for (std::uint64_t version = 45; version >= 26; --version) expected.push_back(version);
  expected.insert(expected.end(), {20, 10, 0});
  EXPECT_EQ(versions, expected);
  EXPECT_EQ(store_->model(id, ModelVersion{19}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->rounds(id, 100)->size(), 45u);
  EXPECT_EQ(load(id).rounds_committed, 45u);
}

TEST_P(AnyStore, KeepsVersionsThatDevicesMayStillFetchWhateverTheTaskSays) {
  proto::TaskSpec spec = sample_spec("gait");
  spec.keep_versions = 1;
  spec.keep_every = 0;
  const TaskId id = *store_->create_task(spec, sample_model(0));
  for (std::uint64_t version = 1; version <= 30; ++version) {
    const StoredModel next = sample_model(version);
    ASSERT_TRUE(store_->record_round(sample_round(id, version, true), &next, proto::TaskState::kActive).ok());
  }
  EXPECT_EQ(store_->models(id)->size(), limits::kRoundsOpenMax + 1);
}

TEST_P(AnyStore, KeepsEveryModelVersion) {
  const TaskId id = create("gait");
  const StoredModel next = sample_model(1);
  ASSERT_TRUE(store_->record_round(sample_round(id, 1, true), &next, proto::TaskState::kActive).ok());
  expect_equal(*store_->model(id, ModelVersion{0}), sample_model(0));
  expect_equal(*store_->model(id, ModelVersion{1}), next);
  EXPECT_EQ(store_->model(id, ModelVersion{2}).status().code(), StatusCode::kNotFound);
  const auto models = store_->models(id);
  ASSERT_EQ(models->size(), 2u);
  EXPECT_EQ(models->at(0).version, ModelVersion{1});
  EXPECT_EQ(models->at(0).digest, next.digest);
  EXPECT_EQ(models->at(0).bytes, 28u);
  EXPECT_EQ(models->at(0).committed_ms, next.committed_ms);
  EXPECT_EQ(models->at(1).version, ModelVersion{0});
}

TEST_P(AnyStore, ARoundRecordedTwiceChangesNothing) {
  const TaskId id = create("gait");
  ASSERT_TRUE(store_->record_round(sample_round(id, 1, false), nullptr, proto::TaskState::kActive).ok());
  const StoredModel next = sample_model(1);
  EXPECT_EQ(store_->record_round(sample_round(id, 1, true), &next, proto::TaskState::kPaused).code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(load(id).state, proto::TaskState::kActive);
  EXPECT_EQ(load(id).model.version, ModelVersion{0});
}

TEST_P(AnyStore, AModelVersionCommittedTwiceRecordsNoRound) {
  const TaskId id = create("gait");
  const StoredModel again = sample_model(0);
  EXPECT_EQ(store_->record_round(sample_round(id, 1, true), &again, proto::TaskState::kActive).code(),
            StatusCode::kAlreadyExists);
  EXPECT_TRUE(store_->rounds(id, 10)->empty());
}

TEST_P(AnyStore, KeepsTheTaskState) {
  const TaskId id = create("gait");
  ASSERT_TRUE(store_->set_task_state(id, proto::TaskState::kPaused).ok());
  EXPECT_EQ(load(id).state, proto::TaskState::kPaused);
}

TEST_P(AnyStore, NamesAnUnknownTask) {
  const TaskId nobody{77};
  EXPECT_EQ(store_->set_task_state(nobody, proto::TaskState::kPaused).code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->rounds(nobody, 1).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->models(nobody).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->model(nobody, ModelVersion{0}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(store_->record_round(sample_round(nobody, 1, false), nullptr, proto::TaskState::kActive).code(),
            StatusCode::kNotFound);
}

INSTANTIATE_TEST_SUITE_P(Stores, AnyStore, ::testing::Values(Kind::kMemory, Kind::kSqlite),
                         [](const auto& which) {
                           return which.param == Kind::kMemory ? "Memory" : "Sqlite";
                         });

}  // namespace
}  // namespace sotto::server
