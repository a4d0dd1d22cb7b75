#include "sotto/hosting/sealed_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <string>

#include "support/temporary_directory.h"

namespace sotto::hosting {
namespace {

using std::filesystem::path;
using ::testing::HasSubstr;
using ::testing::Not;

// Version 1 had no digests.
constexpr std::array kSteps = {
    "CREATE TABLE fact(id INTEGER PRIMARY KEY, words TEXT NOT NULL)",
    "ALTER TABLE fact ADD COLUMN digest BLOB NOT NULL DEFAULT x'';"
    "CREATE TABLE neighbour(name TEXT PRIMARY KEY, value BLOB NOT NULL, digest BLOB NOT NULL);"
    "CREATE TABLE root(id INTEGER PRIMARY KEY, store_id BLOB, changes INTEGER, epoch INTEGER, facts BLOB, "
    "digest BLOB);"
    "INSERT INTO root VALUES(1, randomblob(16), 0, 0, x'', x'')",
};
constexpr char kSealRoot[] =
    "UPDATE root SET changes = changes + 1, facts = (SELECT sotto_xor(digest) FROM fact);"
    "UPDATE root SET digest = sotto_row_digest('root', id, store_id, changes, epoch, facts)";
constexpr char kSeal[] =
    "UPDATE fact SET digest = sotto_row_digest('fact', id, words);"
    "UPDATE root SET facts = (SELECT sotto_xor(digest) FROM fact);"
    "UPDATE root SET digest = sotto_row_digest('root', id, store_id, changes, epoch, facts)";
constexpr std::array<SealedTable, 3> kTables = {{{"fact", "id", "id, words"},
                                                 {"neighbour", "name", "name, value"},
                                                 {"root", "id", "id, store_id, changes, epoch, facts"}}};

constexpr SealedSchema kSealed{
    .schema = {.application_id = 0x73656172, .migrations = kSteps, .seal = kSeal},
    .tables = kTables,
    .root = "root",
    .sealed_from = 2,
    .check_sums = "SELECT 'the list' FROM root WHERE facts IS NOT (SELECT sotto_xor(digest) FROM fact)",
    .seal_root = kSealRoot};

class Sealed : public testing::Test {
 protected:
  [[nodiscard]] SealedOptions options() const {
    return {.path = file_, .busy_timeout_ms = 0, .when_damaged = "ask its owner"};
  }
  [[nodiscard]] Result<SealedDatabase> open() const { return SealedDatabase::open(options(), kSealed); }
  static void add(SealedDatabase& sealed, const std::string& words) {
    SealedChange change(sealed);
    ASSERT_TRUE(change.begin().ok());
    SqliteStatement insert(sealed.database(), "INSERT INTO fact (words) VALUES (?)");
    ASSERT_TRUE(insert.bind(std::string_view(words)).run().ok());
    ASSERT_TRUE(sealed.database()
                    .execute("UPDATE fact SET digest = sotto_row_digest('fact', id, words) "
                             "WHERE id = last_insert_rowid()")
                    .ok());
    const Status done = change.commit();
    ASSERT_TRUE(done.ok()) << done.message();
  }
  void write(int count) const {
    auto sealed = open();
    ASSERT_TRUE(sealed.has_value()) << sealed.error().message();
    for (int i = 0; i < count; ++i) add(*sealed, "fact " + std::to_string(i));
  }
  void by_hand(const std::string& sql) const {
    SqliteDatabase database = std::move(*SqliteDatabase::open(file_, 0));
    const Status done = database.execute(sql.c_str());
    ASSERT_TRUE(done.ok()) << done.message();
  }
  static std::int64_t count(SealedDatabase& sealed) {
    SqliteStatement select(sealed.database(), "SELECT count(*) FROM fact");
    EXPECT_TRUE(select.step().value());
    return select.integer();
  }
  void expect_refused(const std::string& words) const {
    const auto opened = open();
    ASSERT_FALSE(opened.has_value()) << words;
    EXPECT_EQ(opened.error().code(), StatusCode::kDataLoss) << opened.error().message();
    EXPECT_THAT(opened.error().message(), HasSubstr(words));
    EXPECT_THAT(opened.error().message(), HasSubstr("ask its owner"));
    EXPECT_EQ(SealedDatabase::inspect(options(), kSealed).status().code(), StatusCode::kDataLoss);
  }

  TemporaryDirectory folder_;
  const path file_ = folder_.path() / "data.db";
};

TEST_F(Sealed, IsOpenedAgainWithWhatWasCommitted) {
  write(3);
  auto sealed = open();
  ASSERT_TRUE(sealed.has_value()) << sealed.error().message();
  EXPECT_EQ(count(*sealed), 3);
  EXPECT_EQ(sealed->accepted_below(), std::nullopt);
  EXPECT_EQ((*identity::read_step(file_))->count, 3u);
}

TEST_F(Sealed, AChangeThatIsNotCommittedLeavesNothing) {
  write(1);
  auto sealed = open();
  {
    SealedChange change(*sealed);
    ASSERT_TRUE(change.begin().ok());
    ASSERT_TRUE(sealed->database().execute("DELETE FROM fact").ok());
  }
  EXPECT_EQ(count(*sealed), 1);
  EXPECT_EQ((*identity::read_step(file_))->count, 1u);
}

TEST_F(Sealed, WritesNothingOnceItsFileOrItsLogIsNotInItsPlaceAndGoesOnWhenItIsBack) {
  write(1);
  auto sealed = open();
  ASSERT_TRUE(sealed->in_place().ok());
  const path wal = file_.string() + "-wal";
  for (const path& gone : {file_, wal}) {
    const path elsewhere = folder_.path() / "elsewhere";
    std::filesystem::rename(gone, elsewhere);
    const auto refused = [&](const char* how) {
      const Status status = sealed->in_place();
      EXPECT_EQ(status.code(), StatusCode::kDataLoss) << how;
      EXPECT_THAT(status.message(), HasSubstr(gone.string())) << how;
      SealedChange change(*sealed);
      EXPECT_EQ(change.begin().code(), StatusCode::kDataLoss) << how;
    };
    refused("moved");
    std::filesystem::copy_file(elsewhere, gone);
    refused("replaced by the same bytes");
    std::filesystem::rename(elsewhere, gone);
    EXPECT_TRUE(sealed->in_place().ok());
  }
  add(*sealed, "more");
  EXPECT_EQ(count(*sealed), 2);
}

TEST_F(Sealed, AChangeThatHasBegunIsNotCommittedIntoAFileThatWasRemoved) {
  write(1);
  auto sealed = open();
  SealedChange change(*sealed);
  ASSERT_TRUE(change.begin().ok());
  std::filesystem::remove(file_);
  EXPECT_EQ(change.commit().code(), StatusCode::kDataLoss);
}

TEST_F(Sealed, WhatARemovedFileHeldIsCopiedOutAndCanBePutInItsPlace) {
  write(3);
  const path rescued = folder_.path() / "rescued.db";
  {
    auto sealed = open();
    add(*sealed, "the last");
    std::filesystem::remove(file_);
    ASSERT_TRUE(sealed->copy_out(rescued).ok());
    EXPECT_EQ(sealed->copy_out(rescued).code(), StatusCode::kAlreadyExists);
  }
  EXPECT_EQ(std::filesystem::status(rescued).permissions() & std::filesystem::perms(077),
            std::filesystem::perms::none);
  std::filesystem::remove(file_.string() + "-wal");
  std::filesystem::rename(rescued, file_);
  auto sealed = open();
  ASSERT_TRUE(sealed.has_value()) << sealed.error().message();
  EXPECT_EQ(count(*sealed), 4);
}

TEST_F(Sealed, AMarkGoesWithTheNextChangeThatIsCommittedAndNoOther) {
  auto sealed = open();
  sealed->mark_next_change(SealedDatabase::Mark{"act", crypto::sha256({text_bytes("one")})});
  {
    SealedChange change(*sealed);
    ASSERT_TRUE(change.begin().ok());
  }
  EXPECT_TRUE(sealed->neighbours()->empty()) << "rolled back";
  add(*sealed, "marked");
  EXPECT_EQ(sealed->neighbours()->at("act"), crypto::sha256({text_bytes("one")}));
  sealed->mark_next_change(SealedDatabase::Mark{"act", crypto::sha256({text_bytes("two")})});
  sealed->mark_next_change({});
  add(*sealed, "not marked");
  EXPECT_EQ(sealed->neighbours()->at("act"), crypto::sha256({text_bytes("one")}));
}

TEST_F(Sealed, RefusesWhatWasChangedByHand) {
  const std::pair<const char*, const char*> changes[] = {
      {"UPDATE fact SET words = 'other' WHERE id = 2", "the row id = 2 of table fact"},
      {"DELETE FROM fact WHERE id = 3", "the list does not match"},
      {"UPDATE root SET changes = 9", "table root"},
      {"DELETE FROM root", "no valid root row"},
  };
  for (const auto& [sql, words] : changes) {
    std::filesystem::remove(file_);
    std::filesystem::remove(identity::step_path(file_));
    write(3);
    by_hand(sql);
    expect_refused(words);
  }
}

TEST_F(Sealed, RefusesWhatIsOlderThanItsStepUnlessAskedFor) {
  write(1);
  const path older = folder_.path() / "older";
  std::filesystem::copy_file(file_, older);
  write(2);
  std::filesystem::copy_file(older, file_, std::filesystem::copy_options::overwrite_existing);
  expect_refused("it holds 1 changes, and the step beside it knows of 3");
  SealedOptions asked = options();
  asked.accept_older = true;
  {
    auto sealed = SealedDatabase::open(asked, kSealed);
    ASSERT_TRUE(sealed.has_value()) << sealed.error().message();
    EXPECT_EQ(sealed->accepted_below(), 0u);
  }
  auto sealed = open();
  ASSERT_TRUE(sealed.has_value()) << "it is asked for once: " << sealed.error().message();
  EXPECT_EQ(sealed->accepted_below(), std::nullopt);
}

TEST_F(Sealed, NamesTheOptionOnlyWhereThereIsOne) {
  write(1);
  std::filesystem::remove(file_);
  EXPECT_THAT(open().error().message(), Not(HasSubstr("start once with")));
  SealedOptions named = options();
  named.accept_option = "--do-it";
  EXPECT_THAT(SealedDatabase::open(named, kSealed).error().message(), HasSubstr("start once with --do-it"));
}

TEST_F(Sealed, SealsTheRowsOfAnOlderVersionOnce) {
  {
    SqliteDatabase database = std::move(*SqliteDatabase::open(file_, 0));
    ASSERT_TRUE(prepare_schema(database, {.application_id = kSealed.schema.application_id,
                                          .migrations = kSealed.schema.migrations.first(1)})
                    .ok());
    ASSERT_TRUE(database.execute("INSERT INTO fact (words) VALUES ('old'), ('older')").ok());
  }
  write(1);
  by_hand("UPDATE fact SET words = 'new' WHERE id = 1");
  expect_refused("table fact");
}

// An older version's file beside a step is an older copy, however sound.
TEST_F(Sealed, RefusesAnOlderVersionWhereThereIsAStep) {
  write(1);
  std::filesystem::remove(file_);
  {
    SqliteDatabase database = std::move(*SqliteDatabase::open(file_, 0));
    ASSERT_TRUE(prepare_schema(database, {.application_id = kSealed.schema.application_id,
                                          .migrations = kSealed.schema.migrations.first(1)})
                    .ok());
  }
  expect_refused("of an older version of sotto");
}

// The commit has happened: what fails is the next one, before it begins.
TEST_F(Sealed, AStepThatCannotBeWrittenStopsTheNextChange) {
  auto sealed = open();
  ASSERT_TRUE(sealed.has_value());
  add(*sealed, "first");
  const path step = identity::step_path(file_);
  std::filesystem::remove(step);
  std::filesystem::create_directory(step);
  add(*sealed, "second");
  EXPECT_EQ(count(*sealed), 2);
  {
    SealedChange change(*sealed);
    EXPECT_EQ(change.begin().code(), StatusCode::kIo);
  }
  std::filesystem::remove(step);
  add(*sealed, "third");
  EXPECT_EQ((*identity::read_step(file_))->count, 3u);
}

TEST_F(Sealed, RemembersNeighbours) {
  auto sealed = open();
  const std::map<std::string, crypto::Digest> wanted = {{"a", crypto::sha256({})}, {"b", crypto::Digest{}}};
  SealedChange change(*sealed);
  ASSERT_TRUE(change.begin().ok());
  for (const auto& [name, value] : wanted) ASSERT_TRUE(sealed->set_neighbour(name, value).ok());
  ASSERT_TRUE(change.commit().ok());
  EXPECT_EQ(*sealed->neighbours(), wanted);
}

}  // namespace
}  // namespace sotto::hosting
