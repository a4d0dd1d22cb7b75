// X25519 (RFC 7748).
#include <openssl/err.h>

#include <utility>

#include "openssl/owners.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

// What building costs is kept: a context that derives from the key, and one peer object that is overwritten
// by each peer's bytes. Making both anew takes a fifth of the time of an agreement.
struct Agreement {
  evp::Key key;
  mutable evp::KeyContext context;
  mutable evp::Key peer;

  bool derive(const X25519PublicKey& peer_key, MutableBytes shared) const {
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

}  // namespace

X25519PrivateKey::X25519PrivateKey(const SecretBytes<kX25519Bytes>& scalar) {
  EVP_PKEY* const key =
      EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, scalar.reveal().data(), kX25519Bytes);
  SOTTO_CHECK(key != nullptr);
  key_.create<Agreement>(evp::Key(key), evp::KeyContext(), evp::Key());
  std::size_t written = public_key_.size();
  SOTTO_CHECK(EVP_PKEY_get_raw_public_key(key, public_key_.data(), &written) == 1 &&
              written == public_key_.size());
}

X25519PrivateKey::~X25519PrivateKey() { key_.destroy<Agreement>(); }

X25519PrivateKey::X25519PrivateKey(X25519PrivateKey&& other) noexcept : public_key_(other.public_key_) {
  key_.create<Agreement>(std::move(other.key_.get<Agreement>()));
}

X25519PrivateKey& X25519PrivateKey::operator=(X25519PrivateKey&& other) noexcept {
  key_.get<Agreement>() = std::move(other.key_.get<Agreement>());
  public_key_ = other.public_key_;
  return *this;
}

bool X25519PrivateKey::agree(const X25519PublicKey& peer, SecretBytes<kX25519Bytes>& shared) const {
  const auto& agreement = key_.get<Agreement>();
  SOTTO_CHECK(agreement.key != nullptr);
  if (agreement.derive(peer, shared.reveal_mutable())) return true;
  ERR_clear_error();
  wipe(shared.reveal_mutable());
  return false;
}

}  // namespace sotto::crypto
