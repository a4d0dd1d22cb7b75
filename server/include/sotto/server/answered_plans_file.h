// What a mask helper has answered, as a SQLite file that is synced to disk with every record; for one process
// at a time (kUnavailable otherwise).
#pragma once

#include <filesystem>
#include <memory>

#include "sotto/base/result.h"
#include "sotto/mask_helper/mask_helper.h"

namespace sotto::server {

// Makes the file; kAlreadyExists when it is there.
[[nodiscard]] Status create_answered_plans(const std::filesystem::path& path);
// Takes no file that is missing (kNotFound), another program's, damaged, emptied or set back (kDataLoss).
[[nodiscard]] Result<std::unique_ptr<mask_helper::AnsweredPlans>> open_answered_plans(
    const std::filesystem::path& path);

// What opening would refuse, without writing anything.
[[nodiscard]] Status check_answered_plans(const std::filesystem::path& path);

}  // namespace sotto::server
