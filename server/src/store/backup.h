// Writing a backup from the store's own connection (sotto/server/backup.h).
#pragma once

#include <filesystem>

#include "sotto/hosting/sealed_database.h"

namespace sotto::server {

// Every version's bytes against their digests: a start reads the newest only.
[[nodiscard]] Status check_models(hosting::SqliteDatabase& database);
// Of `from` and the files of its folder, into a new file of mode 0600, which counts once it has been checked:
// until then it has another name, and on failure nothing is left. kAlreadyExists when there is such a file.
[[nodiscard]] Status write_backup(const hosting::SealedDatabase& from, const std::filesystem::path& to);

}  // namespace sotto::server
