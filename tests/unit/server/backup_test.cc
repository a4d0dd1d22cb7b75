#include "sotto/server/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "sotto/base/limits.h"
#include "sotto/server/store.h"
#include "store_samples.h"
#include "support/temporary_directory.h"

namespace sotto::server {
namespace {

using std::filesystem::path;
using testing::expect_equal;
using ::testing::HasSubstr;
using testing::sample_model;
using testing::sample_round;
using testing::sample_spec;

constexpr Time kNow{1'780'000'000'000};

class Backup : public ::testing::Test {
 protected:
  Backup() {
    std::filesystem::create_directories(data_ / "tls");
    write(data_ / "coordinator-key.pem", "the key");
    write(data_ / "tls" / "ca.pem", "the CA");
    store_ = must_open(data_);
    task_ = *store_->create_task(sample_spec("gait"), sample_model(0));
    commit(1);
  }
  static void write(const path& file, const std::string& text) { std::ofstream(file) << text; }
  static std::string read(const path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  static std::unique_ptr<Store> must_open(const path& folder) {
    auto store = open_sqlite_store({.path = folder / "sotto.db", .busy_timeout_ms = 10});
    EXPECT_TRUE(store.has_value()) << store.error().message();
    return store ? std::move(*store) : nullptr;
  }
  void commit(std::uint64_t version) {
    const StoredModel next = sample_model(version);
    ASSERT_TRUE(
        store_->record_round(sample_round(task_, version, true), &next, proto::TaskState::kActive).ok());
  }
  void must_back_up() {
    const Status done = store_->backup(file_);
    ASSERT_TRUE(done.ok()) << done.message();
  }
  static void expect_ok(const Status& status) { EXPECT_TRUE(status.ok()) << status.message(); }

  TemporaryDirectory folder_{"backup-"};
  const path data_ = folder_.path() / "data";
  const path file_ = folder_.path() / "backup.db";
  const path restored_ = folder_.path() / "restored";
  std::unique_ptr<Store> store_;
  TaskId task_{};
};

TEST_F(Backup, IsRestoredWithEverythingAndInAHigherEpoch) {
  must_back_up();
  commit(2);  // what comes after it is not in it
  expect_ok(check_backup(file_));
  expect_ok(restore_backup(file_, restored_, kNow));
  auto store = must_open(restored_);
  const auto tasks = store->load_tasks();
  ASSERT_TRUE(tasks.has_value()) << tasks.error().message();
  expect_equal(tasks->at(0).model, sample_model(1));
  EXPECT_EQ(store->rounds(task_, 9)->at(0), sample_round(task_, 1, true));
  EXPECT_GT(*store->epoch(), 0u);
  EXPECT_GT(tasks->at(0).rounds_reserved, store_->load_tasks()->at(0).rounds_reserved);
  EXPECT_EQ(read(restored_ / "coordinator-key.pem"), "the key");
  EXPECT_EQ(read(restored_ / "tls" / "ca.pem"), "the CA");
  const auto mode = std::filesystem::status(restored_ / "coordinator-key.pem").permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(read(restored_ / "sotto.db").find("the key"), std::string::npos) << "no page keeps a rest";
}

// Each of them must give out numbers that the other has not.
TEST_F(Backup, RestoredTwiceHasTwoEpochs) {
  must_back_up();
  expect_ok(restore_backup(file_, restored_, kNow));
  const path again = folder_.path() / "again";
  expect_ok(restore_backup(file_, again, Time{kNow.ms + 3'600'000}));
  EXPECT_GT(*must_open(again)->epoch(), *must_open(restored_)->epoch());
}

TEST_F(Backup, OfARestoredCoordinatorWorksWithAClockThatIsBehind) {
  must_back_up();
  expect_ok(restore_backup(file_, restored_, kNow));
  store_ = must_open(restored_);
  const std::uint32_t epoch = *store_->epoch();
  std::filesystem::remove(file_);
  must_back_up();
  const path again = folder_.path() / "again";
  expect_ok(restore_backup(file_, again, Time{0}));
  EXPECT_EQ(*must_open(again)->epoch(), epoch + 1);
}

TEST_F(Backup, ReplacesNothingAndLeavesNothingWhenItFails) {
  must_back_up();
  EXPECT_EQ(store_->backup(file_).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(store_->backup(data_ / "inside.db").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->backup(folder_.path() / "absent" / "b").code(), StatusCode::kIo);
  EXPECT_EQ(restore_backup(file_, data_, kNow).code(), StatusCode::kAlreadyExists);
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_THAT((std::vector<path>{data_, file_}), ::testing::Contains(entry.path()));
  }
  EXPECT_EQ(make_memory_store()->backup(file_).code(), StatusCode::kFailedPrecondition);
}

TEST_F(Backup, MayLieInAFolderOfItsOwnBelowTheDataAndIsNotCarriedAlong) {
  expect_ok(store_->backup(data_ / "backups" / "first.db"));
  must_back_up();
  expect_ok(restore_backup(file_, restored_, kNow));
  EXPECT_FALSE(std::filesystem::exists(restored_ / "backups"));
}

TEST_F(Backup, ThatIsDamagedAnywhereIsRefusedOrWhole) {
  must_back_up();
  const std::string sound = read(file_);
  std::size_t refused = 0;
  for (std::size_t offset = 0; offset < sound.size(); offset += 997) {
    std::string damaged = sound;
    damaged[offset] = static_cast<char>(damaged[offset] ^ 0x10);
    write(file_, damaged);
    const Status status = check_backup(file_);
    refused += status.ok() ? 0 : 1;
    if (status.ok()) continue;
    EXPECT_THAT(status.message(), HasSubstr("backup.db"));
    EXPECT_FALSE(restore_backup(file_, restored_, kNow).ok());
    EXPECT_FALSE(std::filesystem::exists(restored_)) << "nothing is made of it";
  }
  EXPECT_GT(refused, 0u);
  write(file_, sound.substr(0, sound.size() / 2));
  EXPECT_EQ(check_backup(file_).code(), StatusCode::kDataLoss);
  std::filesystem::remove(file_);
  EXPECT_EQ(check_backup(file_).code(), StatusCode::kNotFound);
}

// In a row of a table, and in an index, by which SQLite finds rows but which no row's digest covers.
TEST_F(Backup, ThatIsDamagedWhereverANameStandsIsRefused) {
  must_back_up();
  const std::string sound = read(file_);
  int found = 0;
  for (std::size_t at = sound.find("gait"); at != std::string::npos; at = sound.find("gait", at + 1)) {
    std::string damaged = sound;
    damaged[at + 3] = 'n';
    write(file_, damaged);
    const Status status = check_backup(file_);
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << at << ": " << status.message();
    ++found;
  }
  EXPECT_GT(found, 1);
}

TEST_F(Backup, IsNoOtherDatabase) {
  store_.reset();
  const Status status = check_backup(data_ / "sotto.db");
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("`sotto backup` writes them"));
}

}  // namespace
}  // namespace sotto::server
