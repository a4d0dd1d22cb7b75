// The tables of a database and the steps from one version of them to the next.
#pragma once

#include <cstdint>
#include <span>

#include "store/sqlite_database.h"

namespace sotto::server {

struct SqliteSchema {
  std::int32_t application_id;
  // Entry i leads from user_version i to i + 1. Released entries never change; new ones go to the end.
  std::span<const char* const> migrations;
};
extern const SqliteSchema kCoordinatorSchema;
extern const SqliteSchema kHelperSchema;

// Takes the database for this process alone, checks that it is a sound database of this schema (or empty) and
// brings its tables to this version. Nothing is written before the checks have passed.
[[nodiscard]] Status prepare_schema(SqliteDatabase& database, const SqliteSchema& schema);

}  // namespace sotto::server
