// How a program opens a database of its own: the steps from one version of its tables to the next.
#pragma once

#include <cstdint>
#include <span>

#include "sotto/hosting/sqlite_database.h"

namespace sotto::hosting {

struct SqliteSchema {
  std::int32_t application_id;
  // Entry i leads from user_version i to i + 1. Released entries never change; new ones go to the end.
  // They may call sotto_sha256(blob) to carry digests over.
  std::span<const char* const> migrations;
};

// Takes the database for this process alone, checks that it is a sound database of this schema (or empty) and
// brings its tables to this version. Nothing is written before the checks have passed.
[[nodiscard]] Status prepare_schema(SqliteDatabase& database, const SqliteSchema& schema);

}  // namespace sotto::hosting
