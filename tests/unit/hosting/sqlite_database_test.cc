#include "sotto/hosting/sqlite_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <array>
#include <fstream>
#include <limits>

#include "support/temporary_directory.h"

namespace sotto::hosting {
namespace {

using std::filesystem::path;
using std::string_view_literals::operator""sv;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SqliteFile : public testing::Test {
 protected:
  [[nodiscard]] SqliteDatabase open(int busy_timeout_ms = 0) const {
    Result<SqliteDatabase> database = SqliteDatabase::open(file_, busy_timeout_ms);
    EXPECT_TRUE(database.has_value()) << database.status().message();
    return std::move(*database);
  }
  static void run(SqliteDatabase& database, const char* sql) {
    const Status status = database.execute(sql);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  static std::int64_t integer_of(SqliteDatabase& database, const char* sql) {
    SqliteStatement statement(database, sql);
    EXPECT_TRUE(statement.step().value()) << sql;
    return statement.integer();
  }
  static void expect_error(const Status& status, StatusCode code, const std::string& words) {
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_THAT(status.message(), HasSubstr(words));
  }

  TemporaryDirectory folder_;
  const path file_ = folder_.path() / "data.db";
};

TEST_F(SqliteFile, IsMadeWhenItIsAbsentAndKept) {
  {
    SqliteDatabase database = open();
    EXPECT_EQ(database.path(), file_.string());
    run(database, "CREATE TABLE t(n); INSERT INTO t VALUES(7)");
  }
  SqliteDatabase database = open();
  EXPECT_EQ(integer_of(database, "SELECT n FROM t"), 7);
}

TEST_F(SqliteFile, IsItsOwnersAlone) {
  static_cast<void>(open());
  const auto mode = [&] {
    return std::filesystem::status(file_).permissions() & std::filesystem::perms::all;
  };
  constexpr auto kOwner = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  EXPECT_EQ(mode(), kOwner);
  std::filesystem::permissions(file_, std::filesystem::perms(0644));
  static_cast<void>(open());
  EXPECT_EQ(mode(), kOwner) << "also when an earlier version has made it";
}

TEST_F(SqliteFile, IsNotMadeForADatabaseInMemory) {
  Result<SqliteDatabase> first = SqliteDatabase::open(SqliteDatabase::kInMemory, 0);
  Result<SqliteDatabase> second = SqliteDatabase::open(SqliteDatabase::kInMemory, 0);
  ASSERT_TRUE(first && second);
  run(*first, "CREATE TABLE t(n)");
  expect_error(second->execute("SELECT * FROM t"), StatusCode::kIo, "no such table");
  EXPECT_FALSE(std::filesystem::exists(SqliteDatabase::kInMemory)) << "in the working folder";
}

TEST_F(SqliteFile, WaitsAsLongAsItIsToldFor) {
  SqliteDatabase database = open(1234);
  EXPECT_EQ(integer_of(database, "PRAGMA busy_timeout"), 1234);
}

TEST_F(SqliteFile, ThatCannotBeOpenedOrWrittenIsNamed) {
  const auto opened = [](const path& file) { return SqliteDatabase::open(file, 0).status(); };
  const std::string advice = "The directory must exist and this user must be able to write";
  expect_error(opened(folder_.path() / "none" / "data.db"), StatusCode::kIo, advice);
  expect_error(opened(folder_.path()), StatusCode::kIo, folder_.path().string());
  // A program that runs cannot be written by anybody, and SQLite would go on with reading it.
  expect_error(opened("/proc/self/exe"), StatusCode::kIo, advice);
}

TEST_F(SqliteFile, OfAnotherKindOrDamagedIsDataLoss) {
  std::ofstream(file_) << std::string(4096, 'x');
  SqliteDatabase other = open();
  expect_error(other.execute("SELECT * FROM sqlite_schema"), StatusCode::kDataLoss, "not a Sotto database");
  SqliteDatabase any = open();
  expect_error(any.error(SQLITE_CORRUPT_INDEX, "reading"), StatusCode::kDataLoss, "The file is damaged");
}

TEST_F(SqliteFile, HeldByAnotherIsUnavailable) {
  SqliteDatabase first = open(), second = open();
  run(first, "CREATE TABLE t(n); BEGIN EXCLUSIVE");
  expect_error(second.execute("INSERT INTO t VALUES(1)"), StatusCode::kUnavailable,
               "database " + file_.string() + ": running 'INSERT INTO t VALUES(1)': database is locked. " +
                   "Another process holds this database");
  expect_error(second.error(SQLITE_LOCKED_SHAREDCACHE, "reading"), StatusCode::kUnavailable,
               "Another process holds this database");
}

TEST_F(SqliteFile, ThatIsFullSaysSo) {
  SqliteDatabase database = open();
  run(database, "CREATE TABLE t(b); PRAGMA max_page_count = 3");
  expect_error(database.execute("INSERT INTO t VALUES(zeroblob(100000))"), StatusCode::kIo,
               "Free some space on that disk");
}

TEST_F(SqliteFile, TellsWhatExistsFromOtherErrors) {
  SqliteDatabase database = open();
  run(database, "CREATE TABLE t(n PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES(1)");
  expect_error(database.execute("INSERT INTO t VALUES(1)"), StatusCode::kAlreadyExists, "UNIQUE");
  const Status status = database.execute("INSERT INTO missing VALUES(1)");
  expect_error(status, StatusCode::kIo, "running 'INSERT INTO missing VALUES(1)': no such table: missing");
  EXPECT_TRUE(status.message().ends_with("missing")) << "no advice fits: " << status.message();
}

TEST_F(SqliteFile, SaysWhichRowWasInsertedLast) {
  SqliteDatabase database = open();
  run(database,
      "CREATE TABLE t(n INTEGER PRIMARY KEY); INSERT INTO t VALUES(41); INSERT INTO t VALUES(NULL)");
  EXPECT_EQ(database.last_insert_rowid(), 42);
}

TEST_F(SqliteFile, GivesBackTheValuesThatWereBoundFromLeftToRight) {
  SqliteDatabase database = open();
  const std::array<std::uint8_t, 3> blob{1, 0, 255};
  SqliteStatement statement(database, "SELECT ?, ?, ?, ?, ?, ?, ?");
  statement.bind(std::numeric_limits<std::int64_t>::min())
      .bind(std::numeric_limits<std::uint64_t>::max())
      .bind(std::numeric_limits<std::uint32_t>::max())
      .bind(0.1)
      .bind("a\0b"sv)
      .bind(Bytes(blob))
      .bind(std::int64_t{5});
  ASSERT_TRUE(statement.step().value());
  EXPECT_EQ(statement.integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(statement.u64(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(statement.u32(), std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(statement.real(), 0.1);
  EXPECT_EQ(statement.text(), "a\0b"sv);
  EXPECT_THAT(statement.blob(), ElementsAre(1, 0, 255));
  EXPECT_EQ(statement.integer(), 5);
  EXPECT_FALSE(statement.step().value());
}

TEST_F(SqliteFile, TellsWhatIsEmptyFromNothing) {
  SqliteDatabase database = open();
  SqliteStatement bound(database, "SELECT typeof(?), typeof(?), typeof(?), typeof(?), ?");
  const std::array<std::uint8_t, 1> some{};
  bound.bind("").bind(std::string_view()).bind(Bytes()).bind(Bytes(some).first(0)).bind(Bytes());
  ASSERT_TRUE(bound.step().value());
  for (const char* type : {"text", "text", "blob", "blob"}) EXPECT_EQ(bound.text(), type);
  EXPECT_THAT(bound.blob(), IsEmpty());
  SqliteStatement nulls(database, "SELECT NULL, NULL, NULL, 3");
  ASSERT_TRUE(nulls.step().value());
  EXPECT_EQ(nulls.text(), "");
  EXPECT_THAT(nulls.blob(), IsEmpty());
  EXPECT_EQ(nulls.integer(), 0);
  EXPECT_EQ(nulls.integer(), 3);
}

TEST_F(SqliteFile, GivesEveryRowFromItsFirstColumn) {
  SqliteDatabase database = open();
  SqliteStatement statement(database, "VALUES(1, 'one'), (2, 'two')");
  for (const auto& [number, word] : {std::pair(1, "one"), std::pair(2, "two")}) {
    ASSERT_TRUE(statement.step().value());
    EXPECT_EQ(statement.integer(), number);
    EXPECT_EQ(statement.text(), word);
  }
  EXPECT_FALSE(statement.step().value());
}

TEST_F(SqliteFile, SurfacesErrorsOfPreparingAndBindingAtTheStep) {
  SqliteDatabase database = open();
  expect_error(
      SqliteStatement(database, "SELEC 1").bind(std::int64_t{1}).bind(0.5).bind("a").bind(Bytes()).run(),
      StatusCode::kIo, "running 'SELEC 1': near \"SELEC\": syntax error");
  const std::array<std::uint8_t, 1> byte{};
  const auto excess = [&](auto value) {
    return SqliteStatement(database, "SELECT ?").bind(std::int64_t{1}).bind(value).run();
  };
  for (const Status& status :
       {excess(std::int64_t{1}), excess(1.0), excess("text"sv), excess(Bytes(byte)), excess(Bytes())}) {
    expect_error(status, StatusCode::kIo, "running 'SELECT ?'");
  }
}

TEST_F(SqliteFile, StatementsWithoutRowsAreRun) {
  SqliteDatabase database = open();
  run(database, "CREATE TABLE t(n)");
  EXPECT_TRUE(SqliteStatement(database, "INSERT INTO t VALUES(?)").bind(std::int64_t{9}).run().ok());
  EXPECT_EQ(integer_of(database, "SELECT n FROM t"), 9);
}

TEST_F(SqliteFile, KeepsOfATransactionWhatIsCommitted) {
  SqliteDatabase database = open();
  run(database, "CREATE TABLE t(n)");
  for (const bool commits : {false, true}) {
    SqliteTransaction transaction(database);
    ASSERT_TRUE(transaction.begin().ok());
    run(database, "INSERT INTO t VALUES(1)");
    if (commits) {
      EXPECT_TRUE(transaction.commit().ok());
    }
  }
  EXPECT_EQ(integer_of(database, "SELECT count(*) FROM t"), 1);
  EXPECT_NE(sqlite3_get_autocommit(database.handle()), 0) << "a transaction is still open";
}

TEST_F(SqliteFile, OfATransactionIsHeldFromItsBeginning) {
  SqliteDatabase first = open(), second = open();
  SqliteTransaction transaction(first);
  ASSERT_TRUE(transaction.begin().ok());
  EXPECT_EQ(second.execute("BEGIN IMMEDIATE").code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace sotto::hosting
