// X25519 keys as files: one line of 64 hexadecimal digits. A mask helper's key is kept and handed out so.
#pragma once

#include <filesystem>

#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"

namespace sotto::identity {

// kNotFound, kInvalidArgument when it holds something else; naming the file. Further errors as
// read_key_file().
[[nodiscard]] Result<crypto::SecretBytes<crypto::kX25519Bytes>> load_x25519_private_key(
    const std::filesystem::path& path);
[[nodiscard]] Result<crypto::X25519PublicKey> load_x25519_public_key(const std::filesystem::path& path);

// With mode 0600, and for everybody to read. kPermissionDenied, kIo.
[[nodiscard]] Status save_x25519_private_key(const std::filesystem::path& path,
                                             const crypto::SecretBytes<crypto::kX25519Bytes>& key);
[[nodiscard]] Status save_x25519_public_key(const std::filesystem::path& path,
                                            const crypto::X25519PublicKey& key);

}  // namespace sotto::identity
