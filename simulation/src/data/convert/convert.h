// Published originals into the compact files that the loaders read.
#pragma once

#include <filesystem>

#include "sotto/base/result.h"

namespace sotto::simulation {

// `source`: the unpacked "UCI HAR Dataset" folder, or the folder that holds it. Writes what har_format.h
// describes, rows in the published order.
[[nodiscard]] Status convert_har(const std::filesystem::path& source,
                                 const std::filesystem::path& destination);
// `source`: the repository's root, or its folder "recordings". Writes what fsdd_format.h describes, rows by
// digit, then take.
[[nodiscard]] Status convert_fsdd(const std::filesystem::path& source,
                                  const std::filesystem::path& destination);

}  // namespace sotto::simulation
