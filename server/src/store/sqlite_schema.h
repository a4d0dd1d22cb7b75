// The tables of the coordinator's database and the steps from one version of them to the next.
#pragma once

#include "store/sqlite_database.h"

namespace sotto::server {

// Takes the database for this process alone, checks that it is a sound Sotto database (or empty) and brings
// its tables to this version. Nothing is written before the checks have passed.
[[nodiscard]] Status prepare_schema(SqliteDatabase& database);

}  // namespace sotto::server
