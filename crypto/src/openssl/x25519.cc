// X25519 (RFC 7748).
#include <openssl/err.h>

#include <utility>

#include "openssl/owners.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {

X25519PrivateKey::X25519PrivateKey(const SecretBytes<kX25519Bytes>& scalar) {
  EVP_PKEY* const key =
      EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, scalar.reveal().data(), kX25519Bytes);
  SOTTO_CHECK(key != nullptr);
  key_ = key;
  std::size_t written = public_key_.size();
  SOTTO_CHECK(EVP_PKEY_get_raw_public_key(key, public_key_.data(), &written) == 1 &&
              written == public_key_.size());
}

X25519PrivateKey::~X25519PrivateKey() { EVP_PKEY_free(static_cast<EVP_PKEY*>(key_)); }

X25519PrivateKey::X25519PrivateKey(X25519PrivateKey&& other) noexcept
    : key_(std::exchange(other.key_, nullptr)), public_key_(other.public_key_) {}

X25519PrivateKey& X25519PrivateKey::operator=(X25519PrivateKey&& other) noexcept {
  std::swap(key_, other.key_);
  std::swap(public_key_, other.public_key_);
  return *this;
}

bool X25519PrivateKey::agree(const X25519PublicKey& peer, SecretBytes<kX25519Bytes>& shared) const {
  SOTTO_CHECK(key_ != nullptr);
  const evp::Key peer_key(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr, peer.data(), peer.size()));
  const evp::KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, static_cast<EVP_PKEY*>(key_), nullptr));
  SOTTO_CHECK(peer_key != nullptr && context != nullptr);
  SOTTO_CHECK(EVP_PKEY_derive_init(context.get()) == 1);
  // Every 32 bytes are an X25519 public key; what matters, the all-zero secret, is checked by the derivation
  // itself.
  SOTTO_CHECK(EVP_PKEY_derive_set_peer_ex(context.get(), peer_key.get(), 0) == 1);
  std::size_t written = kX25519Bytes;
  if (EVP_PKEY_derive(context.get(), shared.reveal_mutable().data(), &written) == 1) {
    SOTTO_CHECK(written == kX25519Bytes);
    return true;
  }
  ERR_clear_error();
  wipe(shared.reveal_mutable());
  return false;
}

}  // namespace sotto::crypto
