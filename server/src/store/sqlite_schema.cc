#include "store/sqlite_schema.h"

#include <array>

namespace sotto::server {
namespace {

constexpr std::array kCoordinatorMigrations = {
    R"sql(
CREATE TABLE task (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'complete')),
  spec TEXT NOT NULL  -- JSON
) STRICT;
CREATE TABLE model (
  task INTEGER NOT NULL REFERENCES task (id),
  version INTEGER NOT NULL,
  committed_ms INTEGER NOT NULL,
  clip REAL NOT NULL,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),  -- of parameters
  velocity_sha256 BLOB NOT NULL CHECK (length(velocity_sha256) = 32),
  parameters BLOB NOT NULL,  -- little-endian float32
  velocity BLOB NOT NULL,
  PRIMARY KEY (task, version)
) STRICT;
CREATE TABLE round (
  task INTEGER NOT NULL REFERENCES task (id),
  round INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('committed', 'abandoned')),
  reason TEXT NOT NULL,
  base_version INTEGER NOT NULL,
  committed_version INTEGER NOT NULL,
  started_ms INTEGER NOT NULL,
  finished_ms INTEGER NOT NULL,
  cohorts INTEGER NOT NULL,
  plans_given INTEGER NOT NULL,
  joined INTEGER NOT NULL,
  shared INTEGER NOT NULL,
  collected INTEGER NOT NULL,
  unmasked INTEGER NOT NULL,
  uplink_bytes INTEGER NOT NULL,
  sum_count INTEGER NOT NULL,
  sum_weight INTEGER NOT NULL,
  sum_examples INTEGER NOT NULL,
  sum_correct INTEGER NOT NULL,
  sum_loss_1024 INTEGER NOT NULL,
  sum_clipped INTEGER NOT NULL,
  clip REAL NOT NULL,
  PRIMARY KEY (task, round)
) STRICT, WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE round ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
)sql",
    // The momentum's velocity becomes the state of an optimiser: version 1, kind 1. A row that does not match
    // its digest must not match the new one either.
    R"sql(
ALTER TABLE model ADD COLUMN optimizer_state BLOB NOT NULL DEFAULT x'';
ALTER TABLE model ADD COLUMN optimizer_sha256 BLOB NOT NULL DEFAULT x'';
UPDATE model SET optimizer_state = CAST(x'0101' || velocity AS BLOB) WHERE length(velocity) > 0;
UPDATE model SET optimizer_sha256 = sotto_sha256(optimizer_state)
  WHERE velocity_sha256 = sotto_sha256(velocity);
ALTER TABLE model DROP COLUMN velocity;
ALTER TABLE model DROP COLUMN velocity_sha256;
)sql",
};

constexpr std::array kHelperMigrations = {
    R"sql(
CREATE TABLE answered (
  plan BLOB NOT NULL PRIMARY KEY CHECK (length(plan) = 32),  -- SHA-256
  masks BLOB NOT NULL CHECK (length(masks) = 32)  -- mask_set_digest()
) STRICT, WITHOUT ROWID;
)sql",
};

Result<std::int64_t> read_integer(SqliteDatabase& database, const char* sql) {
  SqliteStatement statement(database, sql);
  Result<bool> row = statement.step();
  if (!row) return row.error();
  return statement.integer();
}

// The version of the tables found, 0 for an empty file.
Result<std::int64_t> check_identity(SqliteDatabase& database, const SqliteSchema& schema) {
  const Result<std::int64_t> tables = read_integer(database, "SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  const Result<std::int64_t> application = read_integer(database, "PRAGMA application_id");
  if (!application) return application.error();
  const Result<std::int64_t> version = read_integer(database, "PRAGMA user_version");
  if (!version) return version.error();
  if (*tables == 0 && *application == 0 && *version == 0) return 0;
  if (*application != schema.application_id) {
    return data_loss("database " + database.path() +
                     " belongs to another program: use another data directory");
  }
  if (*version < 1) {
    return data_loss("database " + database.path() +
                     " has no valid schema version: restore it from a backup");
  }
  if (*version > static_cast<std::int64_t>(schema.migrations.size())) {
    return failed_precondition("database " + database.path() + " has schema version " +
                               std::to_string(*version) + ", this program knows versions up to " +
                               std::to_string(schema.migrations.size()) +
                               ": run the newer sotto that wrote it, or use another data directory");
  }
  return *version;
}

Status check_integrity(SqliteDatabase& database) {
  SqliteStatement statement(database, "PRAGMA quick_check(1)");
  const Result<bool> row = statement.step();
  if (!row) return row.error();
  const std::string answer = statement.text();
  if (answer == "ok") return {};
  return data_loss("database " + database.path() + " is damaged (" + answer +
                   "): restore it from a backup, or move it away to start anew");
}

Status set_write_ahead_log(SqliteDatabase& database) {
  SqliteStatement statement(database, "PRAGMA journal_mode = WAL");
  const Result<bool> row = statement.step();
  if (!row) return row.error();
  const std::string mode = statement.text();
  if (mode == "wal") return {};
  return io_error("database " + database.path() +
                  ": this file system allows no write-ahead log (journal mode is '" + mode +
                  "'): use a data directory on a local disk");
}

Status migrate(SqliteDatabase& database, const SqliteSchema& schema, std::int64_t version) {
  SqliteTransaction transaction(database);
  SOTTO_RETURN_IF_ERROR(transaction.begin());
  for (std::size_t i = static_cast<std::size_t>(version); i < schema.migrations.size(); ++i) {
    SOTTO_RETURN_IF_ERROR(database.execute(schema.migrations[i]));
  }
  const std::string marks = "PRAGMA application_id = " + std::to_string(schema.application_id) +
                            "; PRAGMA user_version = " + std::to_string(schema.migrations.size());
  SOTTO_RETURN_IF_ERROR(database.execute(marks.c_str()));
  return transaction.commit();
}

}  // namespace

const SqliteSchema kCoordinatorSchema{.application_id = 0x534f544f,  // "SOTO"
                                      .migrations = kCoordinatorMigrations};
const SqliteSchema kHelperSchema{.application_id = 0x534f5448,  // "SOTH"
                                 .migrations = kHelperMigrations};

Status prepare_schema(SqliteDatabase& database, const SqliteSchema& schema) {
  // From the first read on the file is ours: a second process on the same directory is refused.
  SOTTO_RETURN_IF_ERROR(database.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF"));
  const Result<std::int64_t> version = check_identity(database, schema);
  if (!version) return version.error();
  SOTTO_RETURN_IF_ERROR(check_integrity(database));
  SOTTO_RETURN_IF_ERROR(set_write_ahead_log(database));
  SOTTO_RETURN_IF_ERROR(database.execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  // Also when there is nothing to migrate: the write proves that the disk takes one.
  return migrate(database, schema, *version);
}

}  // namespace sotto::server
