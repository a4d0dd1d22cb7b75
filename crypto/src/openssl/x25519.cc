// X25519 (RFC 7748).
#include <openssl/err.h>

#include <memory>

#include "openssl/owners.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {

// What building costs is kept: a context that derives from the key, and one peer object that is overwritten
// by each peer's bytes. Making both anew takes a fifth of the time of an agreement.
struct X25519PrivateKey::Agreement {
  evp::Key key;
  evp::KeyContext context;
  evp::Key peer;

  bool derive(const X25519PublicKey& peer_key, MutableBytes shared) {
    if (context == nullptr) {
      context.reset(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
      SOTTO_CHECK(context != nullptr && EVP_PKEY_derive_init(context.get()) == 1);
      peer.reset(
          EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr, peer_key.data(), peer_key.size()));
      SOTTO_CHECK(peer != nullptr);
    } else {
      SOTTO_CHECK(EVP_PKEY_set1_encoded_public_key(peer.get(), peer_key.data(), peer_key.size()) == 1);
    }
    // Every 32 bytes are an X25519 public key; what matters, the all-zero secret, is checked by the
    // derivation itself.
    SOTTO_CHECK(EVP_PKEY_derive_set_peer_ex(context.get(), peer.get(), 0) == 1);
    std::size_t written = shared.size();
    if (EVP_PKEY_derive(context.get(), shared.data(), &written) != 1) return false;
    SOTTO_CHECK(written == kX25519Bytes);
    return true;
  }
};

X25519PrivateKey::X25519PrivateKey(const SecretBytes<kX25519Bytes>& scalar)
    : agreement_(std::make_unique<Agreement>()) {
  agreement_->key.reset(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, scalar.reveal().data(), kX25519Bytes));
  SOTTO_CHECK(agreement_->key != nullptr);
  std::size_t written = public_key_.size();
  SOTTO_CHECK(EVP_PKEY_get_raw_public_key(agreement_->key.get(), public_key_.data(), &written) == 1 &&
              written == public_key_.size());
}

X25519PrivateKey::~X25519PrivateKey() = default;
X25519PrivateKey::X25519PrivateKey(X25519PrivateKey&& other) noexcept = default;
X25519PrivateKey& X25519PrivateKey::operator=(X25519PrivateKey&& other) noexcept = default;

bool X25519PrivateKey::agree(const X25519PublicKey& peer, SecretBytes<kX25519Bytes>& shared) const {
  SOTTO_CHECK(agreement_ != nullptr);
  if (agreement_->derive(peer, shared.reveal_mutable())) return true;
  ERR_clear_error();
  wipe(shared.reveal_mutable());
  return false;
}

}  // namespace sotto::crypto
