// Small files that must be whole or absent, some of them secret.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string_view>

#include "sotto/base/result.h"
#include "sotto/crypto/secret_buffer.h"
#include "sotto/host/file.h"

namespace sotto::identity {

using host::kPublicFile;
using host::kSecretFile;

// nullopt when there is no such file. kPermissionDenied when it may not be read, kDataLoss above 64 KiB, else
// kIo.
[[nodiscard]] Result<std::optional<crypto::SecretBuffer>> read_key_file(const std::filesystem::path& path);
// What else a file is, by its text: "a certificate", for whoever was given it in the place of another. Empty
// when it is none of those that have a name.
[[nodiscard]] std::string_view kind_of_key_file(std::string_view text);
// host::write_file() of text.
[[nodiscard]] Status write_key_file(const std::filesystem::path& path, std::string_view contents,
                                    mode_t mode);

}  // namespace sotto::identity
