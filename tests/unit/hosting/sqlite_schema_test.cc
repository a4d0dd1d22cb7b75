#include "sotto/hosting/sqlite_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <array>
#include <cstring>
#include <fstream>
#include <string>

#include "sotto/crypto/primitives.h"
#include "support/temporary_directory.h"

namespace sotto::hosting {
namespace {

using std::filesystem::path;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::array<const char*, 3> kSteps = {
    "CREATE TABLE first(n); INSERT INTO first VALUES(1)",
    "CREATE TABLE second(digest); INSERT INTO second SELECT sotto_sha256('abc') UNION ALL SELECT "
    "sotto_sha256(x'')",
    "CREATE TABLE third(n)",
};
constexpr std::int32_t kApplication = 0x736f7474;

SqliteSchema schema(std::size_t version = kSteps.size()) {
  return {.application_id = kApplication, .migrations = std::span(kSteps).first(version)};
}

class SqliteSchemaTest : public testing::Test {
 protected:
  [[nodiscard]] SqliteDatabase open() const { return std::move(*SqliteDatabase::open(file_, 0)); }
  [[nodiscard]] Status prepare(const SqliteSchema& wanted = schema()) const {
    SqliteDatabase database = open();
    return prepare_schema(database, wanted);
  }
  // Makes the file as another program, or another version, would have left it.
  void leave_behind(const std::string& sql) const {
    SqliteDatabase database = open();
    const Status status = database.execute(sql.c_str());
    ASSERT_TRUE(status.ok()) << status.message();
  }
  static std::string value_of(SqliteDatabase& database, const char* sql) {
    SqliteStatement statement(database, sql);
    EXPECT_TRUE(statement.step().value()) << sql;
    return statement.text();
  }
  [[nodiscard]] std::string value_of(const char* sql) const {
    SqliteDatabase database = open();
    return value_of(database, sql);
  }
  static void expect_error(const Status& status, StatusCode code, const std::string& words) {
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_THAT(status.message(), HasSubstr(words));
  }

  TemporaryDirectory folder_;
  const path file_ = folder_.path() / "data.db";
};

TEST_F(SqliteSchemaTest, IsMadeInANewFile) {
  ASSERT_TRUE(prepare().ok());
  EXPECT_EQ(value_of("SELECT count(*) FROM sqlite_schema"), "3");
  EXPECT_EQ(value_of("PRAGMA application_id"), std::to_string(kApplication));
  EXPECT_EQ(value_of("PRAGMA user_version"), "3");
}

TEST_F(SqliteSchemaTest, IsBroughtUpToDateWithoutRepeatingWhatIsDone) {
  for (const std::size_t version : {1u, 1u, 3u, 3u}) {
    const Status status = prepare(schema(version));
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(value_of("PRAGMA user_version"), std::to_string(version));
    EXPECT_EQ(value_of("SELECT count(*) FROM sqlite_schema"), std::to_string(version));
    EXPECT_EQ(value_of("SELECT count(*) FROM first"), "1");
  }
}

TEST_F(SqliteSchemaTest, HoldsTheFileForThisProcessAndWritesItSafely) {
  SqliteDatabase database = open();
  ASSERT_TRUE(prepare_schema(database, schema()).ok());
  EXPECT_EQ(value_of(database, "PRAGMA locking_mode"), "exclusive");
  EXPECT_EQ(value_of(database, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(value_of(database, "PRAGMA synchronous"), "2");
  EXPECT_EQ(value_of(database, "PRAGMA foreign_keys"), "1");
  EXPECT_EQ(value_of(database, "PRAGMA trusted_schema"), "0");
  expect_error(prepare(), StatusCode::kUnavailable, "Another process holds this database");
}

TEST_F(SqliteSchemaTest, CanCarryDigestsOver) {
  SqliteDatabase database = open();
  ASSERT_TRUE(prepare_schema(database, schema()).ok());
  SqliteStatement digests(database, "SELECT digest FROM second ORDER BY rowid");
  for (const char* text : {"abc", ""}) {
    ASSERT_TRUE(digests.step().value());
    EXPECT_THAT(digests.blob(), ElementsAreArray(crypto::sha256({text_bytes(text)}))) << text;
  }
}

// A file's own views and triggers, which somebody else may have written, cannot call it.
TEST_F(SqliteSchemaTest, LetsOnlyStatementsOfTheProgramCallItsFunction) {
  SqliteDatabase database = open();
  ASSERT_TRUE(prepare_schema(database, schema()).ok());
  ASSERT_TRUE(database.execute("CREATE VIEW v AS SELECT sotto_sha256('abc')").ok());
  expect_error(database.execute("SELECT * FROM v"), StatusCode::kIo, "unsafe use of sotto_sha256()");
  SqliteStatement statement(database, "SELECT flags FROM pragma_function_list WHERE name = 'sotto_sha256'");
  ASSERT_TRUE(statement.step().value());
  const std::int64_t flags = statement.integer();
  EXPECT_NE(flags & SQLITE_DETERMINISTIC, 0);
  EXPECT_NE(flags & SQLITE_DIRECTONLY, 0);
}

TEST_F(SqliteSchemaTest, RefusesAFileOfAnotherProgram) {
  for (const std::string sql : {"CREATE TABLE t(n)", "PRAGMA application_id = 77", "PRAGMA user_version = 1",
                                "PRAGMA application_id = 77; PRAGMA user_version = 1; CREATE TABLE t(n)"}) {
    std::filesystem::remove(file_);
    ASSERT_NO_FATAL_FAILURE(leave_behind(sql));
    const std::string tables = value_of("SELECT count(*) FROM sqlite_schema");
    expect_error(prepare(), StatusCode::kDataLoss, "belongs to another program");
    EXPECT_EQ(value_of("SELECT count(*) FROM sqlite_schema"), tables) << sql;
    EXPECT_EQ(value_of("PRAGMA journal_mode"), "delete") << "nothing is written: " << sql;
  }
}

TEST_F(SqliteSchemaTest, RefusesVersionsThatItDoesNotKnow) {
  ASSERT_TRUE(prepare().ok());
  for (const char* version : {"0", "-1"}) {
    ASSERT_NO_FATAL_FAILURE(leave_behind(std::string("PRAGMA user_version = ") + version));
    expect_error(prepare(), StatusCode::kDataLoss, "has no valid schema version");
  }
  ASSERT_NO_FATAL_FAILURE(leave_behind("PRAGMA user_version = 4"));
  expect_error(prepare(), StatusCode::kFailedPrecondition,
               "has schema version 4, this program knows versions up to 3");
  ASSERT_NO_FATAL_FAILURE(leave_behind("PRAGMA user_version = 3"));
  EXPECT_TRUE(prepare().ok());
}

TEST_F(SqliteSchemaTest, RefusesAFileThatIsDamagedOrNone) {
  std::ofstream(file_) << std::string(8192, 'x');
  expect_error(prepare(), StatusCode::kDataLoss, "not a Sotto database");
  std::filesystem::remove(file_);
  ASSERT_NO_FATAL_FAILURE(
      leave_behind("PRAGMA page_size = 4096; CREATE TABLE first(n); CREATE INDEX i ON first(n); INSERT INTO "
                   "first VALUES(1);"
                   "PRAGMA application_id = " +
                   std::to_string(kApplication) + "; PRAGMA user_version = 1"));
  std::fstream pages(file_, std::ios::in | std::ios::out | std::ios::binary);
  pages.seekp(2 * 4096);  // the index, of which quick_check reads the structure only
  pages << std::string(64, '\xee');
  pages.close();
  expect_error(prepare(), StatusCode::kDataLoss, "is damaged");
}

// Every error that could send an operator to a backup.
TEST_F(SqliteSchemaTest, AdvisesWhatTheOwnerOfADamagedFileSays) {
  const auto told = [&] {
    SqliteDatabase database = std::move(*SqliteDatabase::open(file_, 0, "ask its owner"));
    const std::string text = prepare_schema(database, schema()).message();
    EXPECT_THAT(text, HasSubstr("ask its owner"));
    EXPECT_THAT(text, Not(HasSubstr("backup")));
    return text;
  };
  std::ofstream(file_) << std::string(8192, 'x');
  EXPECT_THAT(told(), HasSubstr("not a Sotto database"));
  expect_error(prepare(), StatusCode::kDataLoss, "restore it from a backup");
  std::filesystem::remove(file_);
  ASSERT_NO_FATAL_FAILURE(leave_behind("CREATE TABLE first(n); PRAGMA application_id = " +
                                       std::to_string(kApplication) + "; PRAGMA user_version = -1"));
  EXPECT_THAT(told(), HasSubstr("no valid schema version"));
  ASSERT_NO_FATAL_FAILURE(
      leave_behind("PRAGMA page_size = 4096; CREATE INDEX i ON first(n); PRAGMA "
                   "user_version = 1"));
  std::fstream pages(file_, std::ios::in | std::ios::out | std::ios::binary);
  pages.seekp(2 * 4096);
  pages << std::string(64, '\xee');
  pages.close();
  EXPECT_THAT(told(), HasSubstr("is damaged"));
}

TEST_F(SqliteSchemaTest, NeedsAWriteAheadLog) {
  SqliteDatabase memory = std::move(*SqliteDatabase::open(SqliteDatabase::kInMemory, 0));
  expect_error(prepare_schema(memory, schema()), StatusCode::kIo,
               "allows no write-ahead log (journal mode is 'memory')");
}

// What SQLite shall refuse: an action, and the name that it is about; with a value, or in any case.
struct Forbidden {
  int action;
  const char* name;
  const char* value = nullptr;
};

int authorise(void* context, int action, const char* name, const char* value, const char*, const char*) {
  const auto& forbidden = *static_cast<const Forbidden*>(context);
  const bool meant =
      action == forbidden.action && name != nullptr && std::strcmp(name, forbidden.name) == 0 &&
      (forbidden.value == nullptr || (value != nullptr && std::strcmp(value, forbidden.value) == 0));
  return meant ? SQLITE_DENY : SQLITE_OK;
}

TEST_F(SqliteSchemaTest, IsLeftAsItWasWhenAnyStepFails) {
  const std::array<Forbidden, 13> steps = {{
      {SQLITE_PRAGMA, "locking_mode"},
      {SQLITE_PRAGMA, "trusted_schema"},
      {SQLITE_READ, "sqlite_master"},
      {SQLITE_PRAGMA, "application_id"},
      {SQLITE_PRAGMA, "user_version"},
      {SQLITE_PRAGMA, "quick_check"},
      {SQLITE_PRAGMA, "journal_mode"},
      {SQLITE_PRAGMA, "synchronous"},
      {SQLITE_PRAGMA, "foreign_keys"},
      {SQLITE_TRANSACTION, "BEGIN"},
      {SQLITE_CREATE_TABLE, "second"},
      {SQLITE_PRAGMA, "user_version", "3"},
      {SQLITE_TRANSACTION, "COMMIT"},
  }};
  for (Forbidden forbidden : steps) {
    std::filesystem::remove(file_);
    SqliteDatabase database = open();
    ASSERT_EQ(sqlite3_set_authorizer(database.handle(), authorise, &forbidden), SQLITE_OK);
    EXPECT_EQ(prepare_schema(database, schema()).code(), StatusCode::kIo) << forbidden.name;
    ASSERT_EQ(sqlite3_set_authorizer(database.handle(), nullptr, nullptr), SQLITE_OK);
    EXPECT_EQ(value_of(database, "SELECT count(*) FROM sqlite_schema"), "0") << forbidden.name;
    EXPECT_EQ(value_of(database, "PRAGMA user_version"), "0") << forbidden.name;
    const Status status = prepare_schema(database, schema());
    EXPECT_TRUE(status.ok()) << forbidden.name << ": " << status.message();
  }
}

}  // namespace
}  // namespace sotto::hosting
