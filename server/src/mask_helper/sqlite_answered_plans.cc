#include <algorithm>
#include <array>
#include <system_error>

#include "sotto/hosting/sealed_database.h"
#include "sotto/server/answered_plans_file.h"

namespace sotto::server {
namespace {

using hosting::SealedDatabase;
using hosting::SqliteStatement;
using mask_helper::AnsweredPlans;

constexpr std::array kMigrations = {
    R"sql(
CREATE TABLE answered (
  plan BLOB NOT NULL PRIMARY KEY CHECK (length(plan) = 32),  -- SHA-256
  masks BLOB NOT NULL CHECK (length(masks) = 32)  -- mask_set_digest()
) STRICT, WITHOUT ROWID;
)sql",
    // Digests over rows, and the count of changes that a step beside the file is held against.
    R"sql(
ALTER TABLE answered ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
CREATE TABLE helper (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  store_id BLOB NOT NULL,
  changes INTEGER NOT NULL,
  epoch INTEGER NOT NULL,  -- always 0
  answered_xor BLOB NOT NULL,
  digest BLOB NOT NULL
) STRICT;
INSERT INTO helper VALUES (1, randomblob(16), 0, 0, x'', x'');
)sql",
};

constexpr char kSeal[] =
    "UPDATE answered SET digest = sotto_row_digest('answered', plan, masks);"
    "UPDATE helper SET answered_xor = (SELECT sotto_xor(digest) FROM answered);"
    "UPDATE helper SET digest = sotto_row_digest('helper', id, store_id, changes, epoch, answered_xor);";
constexpr char kSealRoot[] =
    "UPDATE helper SET changes = changes + 1;"
    "UPDATE helper SET digest = sotto_row_digest('helper', id, store_id, changes, epoch, answered_xor);";
constexpr char kCheckSums[] =
    "SELECT 'the list of answered plans' FROM helper "
    "WHERE answered_xor IS NOT (SELECT sotto_xor(digest) FROM answered)";

constexpr std::array<hosting::SealedTable, 2> kTables = {{
    {"answered", "hex(plan)", "plan, masks"},
    {"helper", "id", "id, store_id, changes, epoch, answered_xor"},
}};

// The application id is "SOTH".
const hosting::SealedSchema kSchema{
    .schema = {.application_id = 0x534f5448, .migrations = kMigrations, .seal = kSeal},
    .tables = kTables,
    .root = "helper",
    .sealed_from = 2,
    .check_sums = kCheckSums,
    .seal_root = kSealRoot};

// An older copy knows less than the helper has answered.
constexpr const char* kWithoutRecord =
    "put no older copy in its place, but make a helper with a new key in another directory (`sotto helper "
    "init`) and give coordinator and devices its public key";

constexpr int kBusyTimeoutMs = 500;  // another helper on the same file will not go away

class SqliteAnsweredPlans final : public AnsweredPlans {
 public:
  explicit SqliteAnsweredPlans(SealedDatabase sealed) : sealed_(std::move(sealed)) {}

  Result<std::optional<crypto::Digest>> find(const crypto::Digest& plan) override {
    SqliteStatement select(sealed_.database(), "SELECT masks FROM answered WHERE plan = ?");
    const Result<bool> row = select.bind(Bytes(plan)).step();
    if (!row) return row.error();
    if (!*row) return std::optional<crypto::Digest>();
    const Bytes set = select.blob();
    crypto::Digest digest;
    if (set.size() != digest.size()) {
      return data_loss("database " + sealed_.database().path() +
                       ": a set's SHA-256 has a wrong length; the helper " +
                       "cannot know what it has answered: " + kWithoutRecord);
    }
    std::ranges::copy(set, digest.begin());
    return std::optional(digest);
  }

  // The primary key refuses a second set.
  Status record(const crypto::Digest& plan, const crypto::Digest& set) override {
    const Result<std::optional<crypto::Digest>> before = find(plan);
    if (!before) return before.error();
    if (*before) return {StatusCode::kAlreadyExists, "the plan has been answered"};
    hosting::SealedChange change(sealed_);
    SOTTO_RETURN_IF_ERROR(change.begin());
    SOTTO_RETURN_IF_ERROR(SqliteStatement(sealed_.database(),
                                          "INSERT INTO answered (plan, masks, digest) "
                                          "VALUES (?1, ?2, sotto_row_digest('answered', ?1, ?2))")
                              .bind(Bytes(plan))
                              .bind(Bytes(set))
                              .run());
    SOTTO_RETURN_IF_ERROR(SqliteStatement(sealed_.database(),
                                          "UPDATE helper SET answered_xor = sotto_xor(answered_xor, "
                                          "(SELECT digest FROM answered WHERE plan = ?))")
                              .bind(Bytes(plan))
                              .run());
    return change.commit();
  }

 private:
  SealedDatabase sealed_;
};

hosting::SealedOptions options_for(const std::filesystem::path& path) {
  return {.path = path, .busy_timeout_ms = kBusyTimeoutMs, .when_damaged = kWithoutRecord};
}

Result<std::unique_ptr<AnsweredPlans>> open_file(const std::filesystem::path& path) {
  Result<SealedDatabase> sealed = SealedDatabase::open(options_for(path), kSchema);
  if (!sealed) return sealed.error();
  return std::unique_ptr<AnsweredPlans>(std::make_unique<SqliteAnsweredPlans>(std::move(*sealed)));
}

}  // namespace

Status create_answered_plans(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return {StatusCode::kAlreadyExists, "the database " + path.string() + " exists already"};
  }
  return open_file(path).status();
}

Result<std::unique_ptr<AnsweredPlans>> open_answered_plans(const std::filesystem::path& path) {
  std::error_code error;
  const bool is_there = std::filesystem::exists(path, error);
  if (!is_there || std::filesystem::file_size(path, error) == 0) {
    return not_found("the database " + path.string() + (is_there ? " is empty" : " is missing") +
                     ", so the helper cannot know what it has answered: " + kWithoutRecord);
  }
  return open_file(path);
}

Status check_answered_plans(const std::filesystem::path& path) {
  return SealedDatabase::inspect(options_for(path), kSchema).status();
}

}  // namespace sotto::server
