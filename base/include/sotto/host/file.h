// Files of this machine, each either its old or its new content, whatever happens in between. For shells and
// programs: a core does no I/O.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"

namespace sotto::host {

inline constexpr mode_t kPublicFile = 0644;
inline constexpr mode_t kSecretFile = 0600;

// Whether there is anything at the path, whatever it is; false when that cannot be told.
[[nodiscard]] bool is_there(const std::filesystem::path& path);
// Nothing when there is no such file. kPermissionDenied when it may not be read, kDataLoss when it has more
// than `bytes_max` bytes, else kIo. The message names the file.
[[nodiscard]] Result<std::optional<std::vector<std::uint8_t>>> read_file(const std::filesystem::path& path,
                                                                         std::size_t bytes_max);
// As above, into the caller's memory: how many bytes of `content` were filled. Nothing of the file is copied
// anywhere else, so a secret stays where the caller wipes it. kDataLoss when the file does not fit.
[[nodiscard]] Result<std::optional<std::size_t>> read_file(const std::filesystem::path& path,
                                                           MutableBytes content);
// Writes <path>.new, syncs it to disk, renames it to `path` and syncs the folder. On failure the old content
// stays and nothing is left beside it. kPermissionDenied; kIo, also when a folder or device has that name.
[[nodiscard]] Status write_file(const std::filesystem::path& path, Bytes content, mode_t mode);
// Durable when this returns kOk, which it also does when there is no such file. kPermissionDenied, kIo.
[[nodiscard]] Status remove_file(const std::filesystem::path& path);
// Makes the folder and its parents where absent. Its mode is 0700 from then on, whatever it was before.
// kPermissionDenied, also when it belongs to another user or is one that all users share, as /tmp; kIo.
[[nodiscard]] Status make_private_folder(const std::filesystem::path& path);

}  // namespace sotto::host
