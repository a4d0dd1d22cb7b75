#include "sotto/hosting/sqlite_schema.h"

#include <fmt/core.h>

#include <sqlite3.h>

#include <array>
#include <bit>
#include <string>
#include <vector>

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

// A value's bytes with its kind and length before them, so that no two rows have the same ones.
void append_value(sqlite3_value* value, std::vector<std::uint8_t>& bytes) {
  const int kind = sqlite3_value_type(value);
  bytes.push_back(static_cast<std::uint8_t>(kind));
  std::array<std::uint8_t, sizeof(std::uint64_t)> number{};
  if (kind == SQLITE_INTEGER) {
    store_le(number.data(), static_cast<std::uint64_t>(sqlite3_value_int64(value)));
  } else if (kind == SQLITE_FLOAT) {
    store_le(number.data(), std::bit_cast<std::uint64_t>(sqlite3_value_double(value)));
  } else {
    const auto* data = static_cast<const std::uint8_t*>(sqlite3_value_blob(value));
    const auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
    store_le(number.data(), static_cast<std::uint64_t>(size));
    bytes.insert(bytes.end(), number.begin(), number.end());
    bytes.insert(bytes.end(), data, data + size);
    return;
  }
  bytes.insert(bytes.end(), number.begin(), number.end());
}

void sql_row_digest(sqlite3_context* context, int count, sqlite3_value** values) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < count; ++i) append_value(values[i], bytes);
  const crypto::Digest digest = crypto::sha256({bytes});
  sqlite3_result_blob(context, digest.data(), static_cast<int>(digest.size()), SQLITE_TRANSIENT);
}

// SQLite sets it to zeros before the first row.
struct XorOfDigests {
  crypto::Digest sum;
};

// What is no digest is none of a sound row: the row's own digest says so.
void xor_into(crypto::Digest& sum, sqlite3_value* value) {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_value_blob(value));
  if (static_cast<std::size_t>(sqlite3_value_bytes(value)) != sum.size()) return;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] ^= data[i];
}

void sql_xor_step(sqlite3_context* context, int, sqlite3_value** values) {
  auto* state = static_cast<XorOfDigests*>(sqlite3_aggregate_context(context, sizeof(XorOfDigests)));
  if (state == nullptr) return sqlite3_result_error_nomem(context);
  xor_into(state->sum, values[0]);
}

void sql_xor_final(sqlite3_context* context) {
  const auto* state = static_cast<XorOfDigests*>(sqlite3_aggregate_context(context, 0));
  const crypto::Digest sum = state == nullptr ? crypto::Digest{} : state->sum;
  sqlite3_result_blob(context, sum.data(), static_cast<int>(sum.size()), SQLITE_TRANSIENT);
}

void sql_xor(sqlite3_context* context, int, sqlite3_value** values) {
  crypto::Digest sum{};
  xor_into(sum, values[0]);
  xor_into(sum, values[1]);
  sqlite3_result_blob(context, sum.data(), static_cast<int>(sum.size()), SQLITE_TRANSIENT);
}

struct SqlFunction {
  const char* name;
  int arguments;  // -1: any number
  void (*call)(sqlite3_context*, int, sqlite3_value**);
  void (*step)(sqlite3_context*, int, sqlite3_value**);
  void (*final)(sqlite3_context*);
};

constexpr std::array<SqlFunction, 4> kFunctions = {{
    {"sotto_sha256", 1, sql_sha256, nullptr, nullptr},
    {"sotto_row_digest", -1, sql_row_digest, nullptr, nullptr},
    {"sotto_xor", 1, nullptr, sql_xor_step, sql_xor_final},
    {"sotto_xor", 2, sql_xor, nullptr, nullptr},
}};

Status add_functions(SqliteDatabase& database) {
  const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
  for (const SqlFunction& function : kFunctions) {
    const int code =
        sqlite3_create_function_v2(database.handle(), function.name, function.arguments, flags, nullptr,
                                   function.call, function.step, function.final, nullptr);
    if (code != SQLITE_OK) return database.error(code, std::string("adding ") + function.name + "()");
  }
  return {};
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
  if (schema.seal != nullptr && static_cast<std::size_t>(version) < schema.migrations.size()) {
    SOTTO_RETURN_IF_ERROR(database.execute(schema.seal));
  }
  const std::string marks = fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                        schema.application_id, schema.migrations.size());
  SOTTO_RETURN_IF_ERROR(database.execute(marks.c_str()));
  return transaction.commit();
}

}  // namespace

Result<std::int64_t> check_schema(SqliteDatabase& database, const SqliteSchema& schema) {
  // Closing would move what the log holds into the file, and whoever can tell what is damaged needs both.
  const int code =
      sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, static_cast<int*>(nullptr));
  if (code != SQLITE_OK) return database.error(code, "keeping its log");
  // From the first read on the file is ours: a second process on the same directory is refused.
  SOTTO_RETURN_IF_ERROR(database.execute("PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = OFF"));
  SOTTO_RETURN_IF_ERROR(add_functions(database));
  const Result<std::int64_t> version = check_identity(database, schema);
  if (!version) return version.error();
  SOTTO_RETURN_IF_ERROR(check_integrity(database));
  return *version;
}

Status prepare_schema(SqliteDatabase& database, const SqliteSchema& schema, const SqliteCheck& check) {
  const Result<std::int64_t> version = check_schema(database, schema);
  if (!version) return version.error();
  if (check) SOTTO_RETURN_IF_ERROR(check(database, *version));
  const int code =
      sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, static_cast<int*>(nullptr));
  if (code != SQLITE_OK) return database.error(code, "closing with its log");
  SOTTO_RETURN_IF_ERROR(set_write_ahead_log(database));
  SOTTO_RETURN_IF_ERROR(database.execute("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  // Also when there is nothing to migrate: the write proves that the disk takes one.
  return migrate(database, schema, *version);
}

}  // namespace sotto::hosting
