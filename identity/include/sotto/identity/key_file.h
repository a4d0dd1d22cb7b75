// Small files that must be whole or absent, some of them secret.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string_view>

#include "sotto/base/result.h"
#include "sotto/crypto/secret_buffer.h"

namespace sotto::identity {

inline constexpr mode_t kPublicFile = 0644;
inline constexpr mode_t kSecretFile = 0600;

// nullopt when there is no such file. kPermissionDenied when it may not be read, kDataLoss above 64 KiB, else
// kIo.
[[nodiscard]] Result<std::optional<crypto::SecretBuffer>> read_key_file(const std::filesystem::path& path);
// Writes beside and renames: after a power cut the old or the new contents are there. kPermissionDenied, kIo.
[[nodiscard]] Status write_key_file(const std::filesystem::path& path, std::string_view contents,
                                    mode_t mode);

}  // namespace sotto::identity
