#include "sotto/hosting/sqlite_schema.h"

#include <fmt/core.h>

#include <sqlite3.h>

#include <string>

#include "sotto/crypto/primitives.h"

namespace sotto::hosting {
namespace {

void sql_sha256(sqlite3_context* context, int, sqlite3_value** arguments) {
  // The blob is asked for before its length, as SQLite wants it.
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_value_blob(arguments[0]));
  const auto bytes = static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]));
  const crypto::Digest digest = crypto::sha256({Bytes(data, bytes)});
  sqlite3_result_blob(context, digest.data(), static_cast<int>(digest.size()), SQLITE_TRANSIENT);
}

Status add_sha256(SqliteDatabase& database) {
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  const int code = sqlite3_create_function_v2(database.handle(), "sotto_sha256", 1, flags, nullptr,
                                              sql_sha256, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : database.error(code, "adding sotto_sha256()");
}

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
                     " has no valid schema version: " + database.when_damaged());
  }
  if (*version > static_cast<std::int64_t>(schema.migrations.size())) {
    return failed_precondition(
        fmt::format("database {} has schema version {}, this program knows versions up to {}: run the newer "
                    "sotto that wrote it, or use another data directory",
                    database.path(), *version, schema.migrations.size()));
  }
  return *version;
}

Status check_integrity(SqliteDatabase& database) {
  SqliteStatement statement(database, "PRAGMA quick_check(1)");
  const Result<bool> row = statement.step();
  if (!row) return row.error();
  const std::string answer = statement.text();
  if (answer == "ok") return {};
  return data_loss(
      fmt::format("database {} is damaged ({}): {}", database.path(), answer, database.when_damaged()));
}

Status set_write_ahead_log(SqliteDatabase& database) {
  SqliteStatement statement(database, "PRAGMA journal_mode = WAL");
  const Result<bool> row = statement.step();
  if (!row) return row.error();
  const std::string mode = statement.text();
  if (mode == "wal") return {};
  return io_error(
      fmt::format("database {}: this file system allows no write-ahead log (journal mode is '{}'): use a "
                  "data directory on a local disk",
                  database.path(), mode));
}

Status migrate(SqliteDatabase& database, const SqliteSchema& schema, std::int64_t version) {
  SqliteTransaction transaction(database);
  SOTTO_RETURN_IF_ERROR(transaction.begin());
  for (std::size_t i = static_cast<std::size_t>(version); i < schema.migrations.size(); ++i) {
    SOTTO_RETURN_IF_ERROR(database.execute(schema.migrations[i]));
  }
  const std::string marks = fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                        schema.application_id, schema.migrations.size());
  SOTTO_RETURN_IF_ERROR(database.execute(marks.c_str()));
  return transaction.commit();
}

}  // namespace

Status prepare_schema(SqliteDatabase& database, const SqliteSchema& schema) {
  // From the first read on the file is ours: a second process on the same directory is refused.
  SOTTO_RETURN_IF_ERROR(database.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF"));
  SOTTO_RETURN_IF_ERROR(add_sha256(database));
  const Result<std::int64_t> version = check_identity(database, schema);
  if (!version) return version.error();
  SOTTO_RETURN_IF_ERROR(check_integrity(database));
  SOTTO_RETURN_IF_ERROR(set_write_ahead_log(database));
  SOTTO_RETURN_IF_ERROR(database.execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  // Also when there is nothing to migrate: the write proves that the disk takes one.
  return migrate(database, schema, *version);
}

}  // namespace sotto::hosting
