// How a program opens a database of its own: the steps from one version of its tables to the next.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "sotto/hosting/sqlite_database.h"

namespace sotto::hosting {

struct SqliteSchema {
  std::int32_t application_id;
  // Entry i leads from user_version i to i + 1. Released entries never change; new ones go to the end.
  // They may call these functions, which no view or trigger of the file can: sotto_sha256(blob);
  // sotto_row_digest(value, ...), the SHA-256 of a row's values, each with its kind and length;
  // sotto_xor(digest) over rows in any order, zeros for none, and sotto_xor(digest, digest).
  std::span<const char* const> migrations;
  // Run after whatever migrations there were, in their transaction: brings rows' digests up to the columns
  // of this version. Null: there are none.
  const char* seal = nullptr;
};

// Takes the database for this process alone and checks that it is a sound database of this schema: its
// version, 0 when it is empty. Writes nothing, and closing the database then leaves its files as they were.
[[nodiscard]] Result<std::int64_t> check_schema(SqliteDatabase& database, const SqliteSchema& schema);

// What a program asks of its tables of this version before anything is written.
using SqliteCheck = std::function<Status(SqliteDatabase& database, std::int64_t version)>;
// As check_schema(), asks `check`, and brings the tables to this version. Nothing is written before checks
// have passed.
[[nodiscard]] Status prepare_schema(SqliteDatabase& database, const SqliteSchema& schema,
                                    const SqliteCheck& check = {});

}  // namespace sotto::hosting
