#include "sotto/identity/x25519_key_file.h"

#include <algorithm>
#include <string>

#include "sotto/base/hex.h"
#include "sotto/identity/key_file.h"

namespace sotto::identity {
namespace {

void wipe_text(std::string& text) {
  crypto::wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

Result<crypto::SecretBytes<crypto::kX25519Bytes>> load_x25519_private_key(const std::filesystem::path& path) {
  Result<std::optional<std::string>> text = read_key_file(path);
  if (!text) return text.error();
  if (!text->has_value()) return not_found("there is no key file " + path.string());
  std::string& digits = **text;
  digits.erase(std::find_if(digits.begin(), digits.end(), [](char c) { return c == '\n' || c == '\r'; }),
               digits.end());
  auto bytes = from_hex(digits);
  wipe_text(digits);
  if (!bytes || bytes->size() != crypto::kX25519Bytes) {
    return invalid_argument(path.string() + " is not an X25519 key: must be a line of 64 hexadecimal digits");
  }
  crypto::SecretBytes<crypto::kX25519Bytes> key;
  std::copy(bytes->begin(), bytes->end(), key.reveal_mutable().begin());
  crypto::wipe(*bytes);
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
  std::string text = to_hex(key.reveal()) + "\n";
  const Status written = write_key_file(path, text, kSecretFile);
  wipe_text(text);
  return written;
}

Status save_x25519_public_key(const std::filesystem::path& path, const crypto::X25519PublicKey& key) {
  return write_key_file(path, to_hex(key) + "\n", kPublicFile);
}

}  // namespace sotto::identity
