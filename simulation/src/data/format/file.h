// Whole files in and out, with errors that name the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto::simulation {

// The largest file the readers accept; the largest published one has 47 million bytes.
inline constexpr std::uint64_t kDataFileBytesMax = std::uint64_t{1} << 31;

// kNotFound, kIo, or kDataLoss when the file is larger than kDataFileBytesMax.
[[nodiscard]] Result<std::vector<std::uint8_t>> read_file(const std::filesystem::path& path);
// kNotFound or kInvalidArgument unless `path` is a folder that exists.
[[nodiscard]] Status check_directory(const std::filesystem::path& path);
// Makes the folder and its parents where absent.
[[nodiscard]] Status make_directory(const std::filesystem::path& path);

}  // namespace sotto::simulation
