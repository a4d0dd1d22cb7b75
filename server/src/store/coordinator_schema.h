// The coordinator's tables.
#pragma once

#include "sotto/hosting/sqlite_schema.h"

namespace sotto::server {

extern const hosting::SqliteSchema kCoordinatorSchema;

}  // namespace sotto::server
