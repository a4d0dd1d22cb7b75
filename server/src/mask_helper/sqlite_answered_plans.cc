#include <algorithm>
#include <array>
#include <system_error>

#include "sotto/hosting/sqlite_database.h"
#include "sotto/hosting/sqlite_schema.h"
#include "sotto/server/answered_plans_file.h"

namespace sotto::server {
namespace {

using hosting::SqliteDatabase;
using hosting::SqliteStatement;
using mask_helper::AnsweredPlans;

constexpr std::array kMigrations = {
    R"sql(
CREATE TABLE answered (
  plan BLOB NOT NULL PRIMARY KEY CHECK (length(plan) = 32),  -- SHA-256
  masks BLOB NOT NULL CHECK (length(masks) = 32)  -- mask_set_digest()
) STRICT, WITHOUT ROWID;
)sql",
};

// The application id is "SOTH".
const hosting::SqliteSchema kSchema{.application_id = 0x534f5448, .migrations = kMigrations};

// An older copy knows less than the helper has answered.
constexpr const char* kWithoutRecord =
    "put no older copy in its place, but make a helper with a new key in another directory (`sotto helper "
    "init`) and give coordinator and devices its public key";

constexpr int kBusyTimeoutMs = 500;  // another helper on the same file will not go away

class SqliteAnsweredPlans final : public AnsweredPlans {
 public:
  explicit SqliteAnsweredPlans(SqliteDatabase database) : database_(std::move(database)) {}

  Result<std::optional<crypto::Digest>> find(const crypto::Digest& plan) override {
    SqliteStatement select(database_, "SELECT masks FROM answered WHERE plan = ?");
    const Result<bool> row = select.bind(Bytes(plan)).step();
    if (!row) return row.error();
    if (!*row) return std::optional<crypto::Digest>();
    const Bytes set = select.blob();
    crypto::Digest digest;
    if (set.size() != digest.size()) {
      return data_loss("database " + database_.path() + ": a set's SHA-256 has a wrong length; the helper " +
                       "cannot know what it has answered: " + kWithoutRecord);
    }
    std::ranges::copy(set, digest.begin());
    return std::optional(digest);
  }

  // One statement is one transaction; the primary key refuses a second set.
  Status record(const crypto::Digest& plan, const crypto::Digest& set) override {
    const Result<std::optional<crypto::Digest>> before = find(plan);
    if (!before) return before.error();
    if (*before) return {StatusCode::kAlreadyExists, "the plan has been answered"};
    return SqliteStatement(database_, "INSERT INTO answered (plan, masks) VALUES (?, ?)")
        .bind(Bytes(plan))
        .bind(Bytes(set))
        .run();
  }

 private:
  SqliteDatabase database_;
};

Result<std::unique_ptr<AnsweredPlans>> open_file(const std::filesystem::path& path) {
  Result<SqliteDatabase> database = SqliteDatabase::open(path, kBusyTimeoutMs, kWithoutRecord);
  if (!database) return database.error();
  SOTTO_RETURN_IF_ERROR(hosting::prepare_schema(*database, kSchema));
  return std::unique_ptr<AnsweredPlans>(std::make_unique<SqliteAnsweredPlans>(std::move(*database)));
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
  if (!std::filesystem::exists(path, error)) {
    return not_found("the database " + path.string() +
                     " is missing, so the helper cannot know what it has answered: " + kWithoutRecord);
  }
  return open_file(path);
}

}  // namespace sotto::server
