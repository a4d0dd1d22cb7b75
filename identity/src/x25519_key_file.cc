#include "sotto/identity/x25519_key_file.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "sotto/base/hex.h"
#include "sotto/identity/key_file.h"

namespace sotto::identity {
namespace {

constexpr std::size_t kTextBytes = 2 * crypto::kX25519Bytes + 1;

}  // namespace

Result<crypto::SecretBytes<crypto::kX25519Bytes>> load_x25519_private_key(const std::filesystem::path& path) {
  const Result<std::optional<crypto::SecretBuffer>> text = read_key_file(path);
  if (!text) return text.error();
  if (!text->has_value()) return not_found("there is no key file " + path.string());
  const std::string_view line = (*text)->reveal_text();
  crypto::SecretBytes<crypto::kX25519Bytes> key;
  if (!read_hex(line.substr(0, line.find_first_of("\r\n")), key.reveal_mutable())) {
    return invalid_argument(path.string() + " is not an X25519 key: must be a line of 64 hexadecimal digits");
  }
  return key;
}

Result<crypto::X25519PublicKey> load_x25519_public_key(const std::filesystem::path& path) {
  const auto bytes = load_x25519_private_key(path);  // the same form
  if (!bytes) return bytes.error();
  crypto::X25519PublicKey key;
  std::copy(bytes->reveal().begin(), bytes->reveal().end(), key.begin());
  return key;
}

Status save_x25519_private_key(const std::filesystem::path& path,
                               const crypto::SecretBytes<crypto::kX25519Bytes>& key) {
  crypto::SecretBuffer text(kTextBytes);
  const auto line = text.reveal_mutable();
  write_hex(key.reveal(), std::span(reinterpret_cast<char*>(line.data()), line.size() - 1));
  line.back() = '\n';
  return write_key_file(path, text.reveal_text(), kSecretFile);
}

Status save_x25519_public_key(const std::filesystem::path& path, const crypto::X25519PublicKey& key) {
  return write_key_file(path, to_hex(key) + "\n", kPublicFile);
}

}  // namespace sotto::identity
