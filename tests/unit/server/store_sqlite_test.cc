// What only the file can do: survive, be locked, be damaged, be somebody else's.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "sotto/aggregator/server_optimizer.h"
#include "sotto/base/limits.h"
#include "sotto/proto/task_json.h"
#include "sotto/server/store.h"
#include "store/coordinator_schema.h"
#include "store/model_bytes.h"
#include "store_samples.h"

namespace sotto::server {
namespace {

using testing::expect_equal;
using testing::sample_model;
using testing::sample_round;
using testing::sample_spec;

const hosting::SqliteSchema& kSchema = kCoordinatorSchema.schema;

class SqliteStore : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(::testing::TempDir()) /
                 ("sotto-sqlite-" + std::to_string(getpid()) + "-" +
                  ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    path_ = directory_ / "sotto.db";
  }
  void TearDown() override {
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(directory_);
  }
  Result<std::unique_ptr<Store>> open() { return open_sqlite_store({.path = path_, .busy_timeout_ms = 10}); }
  std::unique_ptr<Store> must_open() {
    auto store = open();
    EXPECT_TRUE(store.has_value()) << (store ? "" : store.error().message());
    return store ? std::move(*store) : nullptr;
  }
  // A database with a task, two model versions and two rounds; closed.
  void write_sample() {
    auto store = must_open();
    const TaskId id = *store->create_task(sample_spec("gait"), sample_model(0));
    const StoredModel next = sample_model(1);
    ASSERT_TRUE(store->record_round(sample_round(id, 1, true), &next, proto::TaskState::kActive).ok());
    ASSERT_TRUE(store->record_round(sample_round(id, 2, false), nullptr, proto::TaskState::kPaused).ok());
  }
  // Runs SQL the way the database shell would.
  void sql(const std::string& statement) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &handle), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(handle, statement.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_free(error);
    sqlite3_close(handle);
  }
  // As a program would that seals what it writes: what is wrong then is for load_tasks() to find.
  void sql_sealed(const std::string& statement) {
    auto database = hosting::SqliteDatabase::open(path_, 10);
    ASSERT_TRUE(database.has_value());
    ASSERT_TRUE(hosting::check_schema(*database, kSchema).has_value());
    for (const char* text : {statement.c_str(), kSchema.seal}) {
      const Status done = database->execute(text);
      EXPECT_TRUE(done.ok()) << done.message();
    }
  }
  // Refused with this code, naming the file.
  void expect_refused(StatusCode code, const std::string& word) {
    const auto store = open();
    ASSERT_FALSE(store.has_value());
    EXPECT_EQ(store.error().code(), code) << store.error().message();
    EXPECT_NE(store.error().message().find(path_.string()), std::string::npos) << store.error().message();
    EXPECT_NE(store.error().message().find(word), std::string::npos) << store.error().message();
  }

  std::filesystem::path directory_;
  std::filesystem::path path_;
};

TEST_F(SqliteStore, ReopensWithEqualContents) {
  write_sample();
  auto store = must_open();
  const auto tasks = store->load_tasks();
  ASSERT_EQ(tasks->size(), 1u);
  StoredTask expected;
  expected.id = tasks->at(0).id;
  expected.spec = sample_spec("gait");
  expected.state = proto::TaskState::kPaused;
  expected.rounds_committed = 1;
  expected.rounds_abandoned = 1;
  expected.last_round = RoundId{2};
  expected.rounds_reserved = RoundId{limits::kRoundsReserved};
  expected.model = sample_model(1);
  expect_equal(tasks->at(0), expected);
  EXPECT_EQ(store->rounds(expected.id, 9)->size(), 2u);
  EXPECT_EQ(store->rounds(expected.id, 9)->at(1), sample_round(expected.id, 1, true));
}

TEST_F(SqliteStore, RefusesADatabaseThatIsOpenElsewhere) {
  auto first = must_open();
  expect_refused(StatusCode::kUnavailable, "stop the other");
  first.reset();
  EXPECT_TRUE(open().has_value());
}

TEST_F(SqliteStore, RefusesADatabaseThatAShellHoldsLocked) {
  write_sample();
  sqlite3* shell = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &shell), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(shell, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  expect_refused(StatusCode::kUnavailable, "stop the other");
  sqlite3_close(shell);
}

TEST_F(SqliteStore, RefusesAFileThatIsNoDatabase) {
  std::ofstream(path_) << std::string(5000, 'x');
  expect_refused(StatusCode::kDataLoss, "not a Sotto database");
}

TEST_F(SqliteStore, RefusesAnotherProgramsDatabaseAndLeavesItAlone) {
  sql("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)");
  const auto size = std::filesystem::file_size(path_);
  expect_refused(StatusCode::kDataLoss, "another program");
  EXPECT_EQ(std::filesystem::file_size(path_), size);
  std::ifstream file(path_, std::ios::binary);
  file.seekg(18);
  EXPECT_EQ(file.get(), 1) << "the journal mode was changed";
}

TEST_F(SqliteStore, RefusesANewerSchema) {
  write_sample();
  sql("PRAGMA user_version = 1000");
  expect_refused(StatusCode::kFailedPrecondition, "newer");
}

TEST_F(SqliteStore, RefusesATruncatedFile) {
  write_sample();
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  expect_refused(StatusCode::kDataLoss, "damaged");
}

TEST_F(SqliteStore, RefusesADamagedPage) {
  write_sample();
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  file << std::string(64, '\xff');
  file.close();
  expect_refused(StatusCode::kDataLoss, "damaged");
}

// Flipping one byte anywhere never crashes, and what is read either equals what was written or is refused.
TEST_F(SqliteStore, NeverReturnsAModelWithAFlippedByte) {
  write_sample();
  std::ifstream in(path_, std::ios::binary);
  const std::string original((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  in.close();
  std::size_t refused = 0;
  for (std::size_t offset = 0; offset < original.size(); offset += 251) {
    std::string damaged = original;
    damaged[offset] = static_cast<char>(damaged[offset] ^ 0x40);
    std::ofstream(path_, std::ios::binary) << damaged;
    std::filesystem::remove(path_.string() + "-wal");
    auto store = open();
    auto tasks = store ? (*store)->load_tasks() : Result<std::vector<StoredTask>>(store.error());
    if (!tasks) {
      ++refused;
      continue;
    }
    for (const StoredTask& task : *tasks)
      EXPECT_EQ(task.model.parameters, sample_model(task.model.version.value).parameters);
  }
  EXPECT_GT(refused, 0u);
}

TEST_F(SqliteStore, NamesTaskAndVersionOfADamagedModel) {
  write_sample();
  sql("UPDATE model SET parameters = zeroblob(28) WHERE version = 1");
  auto store = must_open();
  const auto tasks = store->load_tasks();
  ASSERT_FALSE(tasks.has_value());
  EXPECT_EQ(tasks.error().code(), StatusCode::kDataLoss);
  const std::string& message = tasks.error().message();
  for (const std::string& word :
       {path_.string(), std::string("task 1"), std::string("version 1"), std::string("backup")}) {
    EXPECT_NE(message.find(word), std::string::npos) << message;
  }
  EXPECT_TRUE(store->model(TaskId{1}, ModelVersion{0}).has_value()) << "the other version is sound";
}

TEST_F(SqliteStore, RefusesADigestOfAnotherLength) {
  write_sample();
  sql("PRAGMA ignore_check_constraints = ON; UPDATE model SET sha256 = zeroblob(31) WHERE version = 0");
  const auto store = open();
  const Status status = store ? (*store)->models(TaskId{1}).status() : store.error();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
}

// A constraint that is looked at when the transaction ends.
TEST_F(SqliteStore, ACommitThatFailsIsAnErrorAndChangesNothing) {
  write_sample();
  sql("CREATE TABLE child (parent INTEGER REFERENCES task (id) DEFERRABLE INITIALLY DEFERRED);"
      "CREATE TRIGGER late AFTER INSERT ON round BEGIN INSERT INTO child VALUES (99); END;"
      "CREATE TRIGGER later AFTER INSERT ON task BEGIN INSERT INTO child VALUES (99); END");
  const auto store = must_open();
  const StoredModel next = sample_model(2);
  EXPECT_FALSE(
      store->record_round(sample_round(TaskId{1}, 3, true), &next, proto::TaskState::kComplete).ok());
  EXPECT_EQ(store->rounds(TaskId{1}, 9)->size(), 2u);
  EXPECT_EQ(store->models(TaskId{1})->size(), 2u);
  EXPECT_EQ(store->load_tasks()->at(0).state, proto::TaskState::kPaused);
  EXPECT_FALSE(store->create_task(sample_spec("other"), sample_model(0)).has_value());
  EXPECT_EQ(store->load_tasks()->size(), 1u);
}

TEST_F(SqliteStore, RefusesAnOptimizerStateThatChanged) {
  write_sample();
  sql("UPDATE model SET optimizer_state = x'00' WHERE version = 1");
  auto store = must_open();
  EXPECT_EQ(store->model(TaskId{1}, ModelVersion{1}).status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(store->model(TaskId{1}, ModelVersion{0}).has_value()) << "the other version is sound";
}

// ---- what was changed by hand, or set back ----

// A digit of a learning rate, a clip's sign, a sum: nothing else would notice these.
TEST_F(SqliteStore, RefusesARowThatWasChangedAndNamesIt) {
  const std::pair<const char*, const char*> changes[] = {
      {"UPDATE task SET spec = replace(spec, '\"learning_rate\":0.1', '\"learning_rate\":0.7')",
       "id = 1 of table task"},
      {"UPDATE task SET state = 'complete'", "table task"},
      {"UPDATE model SET clip = -clip WHERE version = 1", "1, 1 of table model"},
      {"UPDATE model SET version = 7 WHERE version = 1", "table model"},
      {"UPDATE round SET sum_weight = 9 WHERE round = 1", "1, 1 of table round"},
      {"UPDATE round SET digest = x'00'", "table round"},
      {"UPDATE coordinator SET epoch = 5", "table coordinator"},
      {"DELETE FROM round WHERE round = 1", "task 1 does not match"},
      {"DELETE FROM model WHERE version = 0", "task 1 does not match"},
      {"DELETE FROM task", "the list of tasks"},
      {"INSERT INTO neighbour SELECT 'x', digest, digest FROM task", "table neighbour"},
  };
  for (const auto& [change, words] : changes) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    write_sample();
    sql(change);
    expect_refused(StatusCode::kDataLoss, words);
    EXPECT_EQ(check_sqlite_store({.path = path_, .busy_timeout_ms = 10}).code(), StatusCode::kDataLoss);
  }
}

// What a crash leaves: a log that is not in the file yet.
class InterruptedSqliteStore : public SqliteStore {
 protected:
  // Copies of the files while the store is open, as a kill would leave them.
  void keep_copy(const std::filesystem::path& folder) {
    std::filesystem::copy(directory_, folder, std::filesystem::copy_options::recursive);
  }
  void TearDown() override {
    std::filesystem::remove_all(copy());
    SqliteStore::TearDown();
  }
  [[nodiscard]] std::filesystem::path copy() const { return directory_.string() + "-copy"; }
  // Two commits, of which the second is in the log alone.
  void interrupt() {
    std::filesystem::remove_all(copy());
    {
      auto store = must_open();
      const TaskId id = *store->create_task(sample_spec("gait"), sample_model(0));
      const StoredModel next = sample_model(1);
      ASSERT_TRUE(store->record_round(sample_round(id, 1, true), &next, proto::TaskState::kActive).ok());
      keep_copy(copy());
    }
    std::filesystem::remove_all(directory_);
    std::filesystem::rename(copy(), directory_);
  }
  [[nodiscard]] std::filesystem::path log() const { return path_.string() + "-wal"; }
};

TEST_F(InterruptedSqliteStore, IsWholeAgain) {
  interrupt();
  EXPECT_EQ(must_open()->load_tasks()->at(0).model.version, ModelVersion{1});
}

TEST_F(InterruptedSqliteStore, WithoutTheEndOfItsLogIsRefusedAndTheLogIsLeftAlone) {
  interrupt();
  const auto size = std::filesystem::file_size(log());
  for (const std::uintmax_t kept : {size - 1, size - 4096, size / 2, std::uintmax_t{32}, std::uintmax_t{0}}) {
    SCOPED_TRACE(kept);
    std::filesystem::resize_file(log(), kept);
    expect_refused(StatusCode::kDataLoss, "--accept-older-store");
    EXPECT_EQ(std::filesystem::file_size(log()), kept) << "whoever has the rest can put it back";
  }
  std::filesystem::remove(log());
  expect_refused(StatusCode::kDataLoss, "--accept-older-store");
}

TEST_F(SqliteStore, RefusesToBeginAnewWhereItsStepKnowsOfMore) {
  write_sample();
  std::filesystem::resize_file(path_, 0);
  expect_refused(StatusCode::kDataLoss, "missing or empty");
  EXPECT_EQ(std::filesystem::file_size(path_), 0u);
  std::filesystem::remove(path_);
  expect_refused(StatusCode::kDataLoss, "missing or empty");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SqliteStore, RefusesAnOlderCopyUnlessAskedForAndThenRaisesItsEpochAboveAllThatIsKnown) {
  write_sample();
  const std::filesystem::path older = directory_ / "older.db";
  std::filesystem::copy_file(path_, older);
  ASSERT_TRUE(must_open()->raise_epoch().ok());
  ASSERT_TRUE(must_open()->set_task_state(TaskId{1}, proto::TaskState::kActive).ok());
  std::filesystem::copy_file(older, path_, std::filesystem::copy_options::overwrite_existing);
  expect_refused(StatusCode::kDataLoss, "was set back");
  auto store = open_sqlite_store({.path = path_, .busy_timeout_ms = 10, .accept_older = true});
  ASSERT_TRUE(store.has_value()) << store.error().message();
  EXPECT_EQ(*(*store)->epoch(), 2u) << "1 had been used";
  store->reset();
  EXPECT_EQ(*must_open()->epoch(), 2u) << "it is asked for once";
}

TEST_F(SqliteStore, BeginsAnewAboveTheLostEpochWhenAskedFor) {
  write_sample();
  ASSERT_TRUE(must_open()->raise_epoch().ok());
  std::filesystem::remove(path_);
  auto store = open_sqlite_store({.path = path_, .busy_timeout_ms = 10, .accept_older = true});
  ASSERT_TRUE(store.has_value()) << store.error().message();
  EXPECT_EQ(*(*store)->epoch(), 2u);
  EXPECT_TRUE((*store)->load_tasks()->empty());
}

TEST_F(SqliteStore, RefusesAnotherStoresFileAndOneWhoseStepIsLost) {
  write_sample();
  const std::filesystem::path step = path_.string() + ".step";
  const std::filesystem::path kept = directory_ / "kept";
  std::filesystem::rename(step, kept);
  expect_refused(StatusCode::kDataLoss, "has no step beside it");
  std::filesystem::remove(path_);
  write_sample();
  std::filesystem::rename(kept, step);
  expect_refused(StatusCode::kDataLoss, "another one");
}

TEST_F(SqliteStore, RemembersItsNeighbours) {
  EXPECT_TRUE(must_open()->neighbours()->empty());
  const std::map<std::string, crypto::Digest> both = {{"authority", crypto::sha256({})}, {"tls", {}}};
  ASSERT_TRUE(must_open()->set_neighbours(both).ok());
  ASSERT_TRUE(must_open()->set_neighbours({{"tls", crypto::Digest{}}}).ok());
  EXPECT_EQ(*must_open()->neighbours(), both);
}

TEST_F(SqliteStore, IsCheckedWithoutBeingMadeOrChanged) {
  const SqliteOptions options{.path = path_, .busy_timeout_ms = 10};
  EXPECT_EQ(check_sqlite_store(options).code(), StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(path_));
  write_sample();
  const Status sound = check_sqlite_store(options);
  EXPECT_TRUE(sound.ok()) << sound.message();
}

// ---- older schemas ----

class OlderSqliteStore : public SqliteStore {
 protected:
  // A database as version 2 of the schema left it: model 0 without velocity, model 1 with this one.
  void write_version_2(const std::vector<float>& velocity) {
    auto database = hosting::SqliteDatabase::open(path_, 10);
    ASSERT_TRUE(database.has_value());
    ASSERT_TRUE(hosting::prepare_schema(*database, {.application_id = kSchema.application_id,
                                                    .migrations = kSchema.migrations.first(2)})
                    .ok());
    hosting::SqliteStatement task(*database,
                                  "INSERT INTO task (name, state, spec) VALUES ('gait', 'active', ?)");
    ASSERT_TRUE(task.bind(std::string_view(proto::encode_task_spec(sample_spec("gait")))).run().ok());
    insert_model(*database, sample_model(0), {});
    insert_model(*database, sample_model(1), velocity);
  }
  static void insert_model(hosting::SqliteDatabase& database, const StoredModel& model,
                           const std::vector<float>& velocity) {
    const std::vector<std::uint8_t> parameters = encode_floats(model.parameters);
    const std::vector<std::uint8_t> carried = encode_floats(velocity);
    const crypto::Digest digest = crypto::sha256({carried});
    hosting::SqliteStatement insert(
        database,
        "INSERT INTO model (task, version, committed_ms, clip, sha256, velocity_sha256, "
        "parameters, velocity) VALUES (1, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(model.version.value).bind(model.committed_ms).bind(static_cast<double>(model.clip));
    insert.bind(Bytes(model.digest)).bind(Bytes(digest)).bind(Bytes(parameters)).bind(Bytes(carried));
    ASSERT_TRUE(insert.run().ok());
  }
};

TEST_F(OlderSqliteStore, CarriesItsVelocityOverIntoTheOptimizersState) {
  const std::vector<float> velocity = {0.5f, -0.25f, 1e-8f, 0.0f, -0.0f, 3.0f, -4.0f};
  write_version_2(velocity);
  auto store = must_open();
  StoredModel expected = sample_model(0);
  expected.segment_clips.clear();  // that version knew none
  expect_equal(*store->model(TaskId{1}, ModelVersion{0}), expected);
  expected = sample_model(1);
  expected.segment_clips.clear();
  expected.optimizer_state = {1, 1};
  const std::vector<std::uint8_t> bytes = encode_floats(velocity);
  expected.optimizer_state.insert(expected.optimizer_state.end(), bytes.begin(), bytes.end());
  StoredModel carried = *store->model(TaskId{1}, ModelVersion{1});
  expect_equal(carried, expected);
  aggregator::CohortSum sum;
  sum.sum.resize(velocity.size());
  sum.segments = {{.length = static_cast<std::uint32_t>(velocity.size()), .unit = 1}};
  sum.metrics.weight = 1;
  EXPECT_TRUE(
      aggregator::apply_update(sum, {.momentum = 0.5f}, carried.parameters, carried.optimizer_state).ok())
      << "the optimiser goes on with it";
  EXPECT_EQ(store->load_tasks()->size(), 1u);
}

TEST_F(OlderSqliteStore, KeepsTheTwoSumsThatRoundsHadThen) {
  write_version_2({});
  sql("INSERT INTO round VALUES (1, 1, 'committed', '', 0, 1, 5, 6, 1, 3, 3, 3, 3, 3, 900, 3, 30, 33, 21, "
      "4096, 1, "
      "0.5, 3)");
  const auto rounds = must_open()->rounds(TaskId{1}, 10);
  ASSERT_TRUE(rounds.has_value()) << rounds.error().message();
  EXPECT_EQ(rounds->at(0).metrics,
            (secagg::MetricSums{.count = 3, .weight = 30, .examples = 33, .sums = {21, 4096}, .clipped = 1}));
}

TEST_F(OlderSqliteStore, ReservesAboveEveryRoundThatMayHaveBeenSignedThen) {
  write_version_2({});
  sql("INSERT INTO round VALUES (1, 7, 'committed', '', 0, 1, 5, 6, 1, 3, 3, 3, 3, 3, 900, 3, 30, 33, 21, "
      "4096, 1, "
      "0.5, 3)");
  auto store = must_open();
  const auto tasks = take_up_tasks(*store);
  ASSERT_TRUE(tasks.has_value()) << tasks.error().message();
  EXPECT_EQ(tasks->at(0).last_round, RoundId{7 + limits::kRoundsOpenMax});
  EXPECT_EQ(store->load_tasks()->at(0).rounds_reserved,
            RoundId{7 + limits::kRoundsOpenMax + limits::kRoundsReserved});
  EXPECT_EQ(*store->epoch(), 0u);
}

TEST_F(SqliteStore, RefusesRoundsThatWereNeverReserved) {
  write_sample();
  sql_sealed("UPDATE task SET rounds_reserved = 1");
  EXPECT_EQ(must_open()->load_tasks().status().code(), StatusCode::kDataLoss);
}

TEST_F(SqliteStore, RefusesADatabaseWithoutTheRowThatCountsItsChanges) {
  write_sample();
  sql("DELETE FROM coordinator");
  expect_refused(StatusCode::kDataLoss, "no valid coordinator row");
}

TEST_F(SqliteStore, RaisesNoEpochBeyondItsBits) {
  write_sample();
  sql_sealed("UPDATE coordinator SET epoch = 8388607");
  EXPECT_EQ(must_open()->raise_epoch().code(), StatusCode::kFailedPrecondition);
}

// What a restored coordinator does, over the restarts in between.
TEST_F(SqliteStore, KeepsItsEpochAndWhatIsReserved) {
  write_sample();
  ASSERT_TRUE(must_open()->raise_epoch().ok());
  EXPECT_EQ(*must_open()->epoch(), 1u);
  {
    auto store = must_open();
    EXPECT_EQ(take_up_tasks(*store)->at(0).last_round, round_id({.epoch = 1, .counter = 0}));
  }
  auto store = must_open();
  const RoundId block = round_id({.epoch = 1, .counter = limits::kRoundsReserved});
  EXPECT_EQ(store->load_tasks()->at(0).rounds_reserved, block);
  EXPECT_EQ(take_up_tasks(*store)->at(0).last_round, block) << "no number of the first block is used again";
}

TEST_F(OlderSqliteStore, DoesNotMakeADamagedVelocitySound) {
  write_version_2(std::vector<float>(7, 0.5f));
  sql("UPDATE model SET velocity = zeroblob(28) WHERE version = 1");
  auto store = must_open();
  EXPECT_EQ(store->model(TaskId{1}, ModelVersion{1}).status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(store->model(TaskId{1}, ModelVersion{0}).has_value());
}

TEST_F(SqliteStore, RefusesAModelOfAnotherShapeThanItsSpec) {
  write_sample();
  sql_sealed(
      "DELETE FROM model WHERE version = 1; UPDATE task SET spec = replace(spec, '\"features\":2', "
      "'\"features\":3')");
  EXPECT_EQ(must_open()->load_tasks().status().code(), StatusCode::kDataLoss);
}

TEST_F(SqliteStore, RefusesATaskWithoutAModel) {
  write_sample();
  sql_sealed("DELETE FROM model");
  const auto tasks = must_open()->load_tasks();
  EXPECT_EQ(tasks.status().code(), StatusCode::kDataLoss);
  EXPECT_NE(tasks.status().message().find("it has no model"), std::string::npos);
}

TEST_F(SqliteStore, RefusesATaskWhoseNameIsNotThatOfItsSpec) {
  write_sample();
  sql_sealed("UPDATE task SET name = 'other'");
  EXPECT_EQ(must_open()->load_tasks().status().code(), StatusCode::kDataLoss);
}

TEST_F(SqliteStore, RefusesASchemaVersionBelowOne) {
  write_sample();
  sql("PRAGMA user_version = 0");
  expect_refused(StatusCode::kDataLoss, "no valid schema version");
}

TEST_F(SqliteStore, ACommitThatTheDiskRefusesIsAnErrorAndChangesNothing) {
  auto store = must_open();
  const TaskId id = *store->create_task(sample_spec("gait"), sample_model(0));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{.rlim_cur = std::filesystem::file_size(path_.string() + "-wal"),
                    .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  const StoredModel next = sample_model(1);
  const Status refused = store->record_round(sample_round(id, 1, true), &next, proto::TaskState::kActive);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(refused.code(), StatusCode::kIo) << refused.message();
  EXPECT_TRUE(store->rounds(id, 9)->empty());
  EXPECT_EQ(store->models(id)->size(), 1u);
  EXPECT_TRUE(store->record_round(sample_round(id, 1, true), &next, proto::TaskState::kActive).ok());
  EXPECT_EQ(store->models(id)->size(), 2u);
}

TEST_F(SqliteStore, RefusesASpecThatDoesNotRead) {
  write_sample();
  for (const std::string spec : {"{}", "nonsense", "{\"name\": 7}", ""}) {
    sql_sealed("UPDATE task SET spec = '" + spec + "'");
    EXPECT_EQ(must_open()->load_tasks().status().code(), StatusCode::kDataLoss) << spec;
  }
}

TEST_F(SqliteStore, NamesADirectoryThatDoesNotExist) {
  path_ = directory_ / "absent" / "sotto.db";
  expect_refused(StatusCode::kIo, "directory must exist");
}

TEST_F(SqliteStore, RefusesADirectoryAsFile) {
  std::filesystem::create_directory(path_);
  EXPECT_EQ(open().status().code(), StatusCode::kIo);
}

TEST_F(SqliteStore, RefusesAReadOnlyDirectory) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  std::filesystem::permissions(directory_,
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  expect_refused(StatusCode::kIo, "able to write");
}

TEST_F(SqliteStore, RefusesAReadOnlyFile) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  write_sample();
  std::filesystem::permissions(path_, std::filesystem::perms::owner_read);
  expect_refused(StatusCode::kIo, "able to write");
}

}  // namespace
}  // namespace sotto::server
