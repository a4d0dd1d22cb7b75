// One small file that is either its old or its new content, whatever happens in between.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto::client {

// kNotFound when there is no such file; kIo when it cannot be read or is larger than any saved session.
[[nodiscard]] Result<std::vector<std::uint8_t>> read_state_file(const std::filesystem::path& path);
// Writes <path>.new, syncs it to disk and renames it. Readable by the owner only. On kIo the old content
// stays.
[[nodiscard]] Status write_state_file(const std::filesystem::path& path, Bytes content);
// kOk when there is none.
[[nodiscard]] Status remove_state_file(const std::filesystem::path& path);

}  // namespace sotto::client
