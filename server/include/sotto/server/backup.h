// A backup of a coordinator: one file that holds its database and the files beside it (keys, certificates, a
// local authority, the bulletin). It is as secret as the data directory.
#pragma once

#include <filesystem>

#include "sotto/base/clock.h"
#include "sotto/base/result.h"

namespace sotto::server {

// That the file is a whole and sound backup: its pages, every row's digest, every model's. kNotFound,
// kDataLoss, kFailedPrecondition for one of a newer version.
[[nodiscard]] Status check_backup(const std::filesystem::path& file);
// Makes the data directory, which must not exist or be empty (kAlreadyExists), of a backup that is sound. The
// epoch of round numbers is raised above whatever the lost coordinator can have used: it says how long ago
// `now` is, so that restoring twice gives two epochs. kIo, kPermissionDenied; what was made by then stays,
// without a database.
[[nodiscard]] Status restore_backup(const std::filesystem::path& file, const std::filesystem::path& data_dir,
                                    Time now);

}  // namespace sotto::server
