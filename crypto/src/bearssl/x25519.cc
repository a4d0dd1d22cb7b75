// X25519 (RFC 7748). BearSSL clamps scalars itself and ignores the top bit of a peer's key, as the RFC asks.
#include <algorithm>
#include <utility>

#include "bearssl/choice.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

using Scalar = SecretBytes<kX25519Bytes>;

}  // namespace

X25519PrivateKey::X25519PrivateKey(const SecretBytes<kX25519Bytes>& scalar) {
  auto& own = key_.create<Scalar>();
  std::copy(scalar.reveal().begin(), scalar.reveal().end(), own.reveal_mutable().begin());
  const std::size_t written =
      bear::kCurve25519.mulgen(public_key_.data(), own.reveal().data(), kX25519Bytes, BR_EC_curve25519);
  SOTTO_CHECK(written == public_key_.size());
}

X25519PrivateKey::~X25519PrivateKey() { key_.destroy<Scalar>(); }

X25519PrivateKey::X25519PrivateKey(X25519PrivateKey&& other) noexcept : public_key_(other.public_key_) {
  key_.create<Scalar>(std::move(other.key_.get<Scalar>()));
}

X25519PrivateKey& X25519PrivateKey::operator=(X25519PrivateKey&& other) noexcept {
  key_.get<Scalar>() = std::move(other.key_.get<Scalar>());
  public_key_ = other.public_key_;
  return *this;
}

bool X25519PrivateKey::agree(const X25519PublicKey& peer, SecretBytes<kX25519Bytes>& shared) const {
  const MutableBytes point = shared.reveal_mutable();
  std::copy(peer.begin(), peer.end(), point.begin());
  SOTTO_CHECK(bear::kCurve25519.mul(point.data(), point.size(), key_.get<Scalar>().reveal().data(),
                                    kX25519Bytes, BR_EC_curve25519) == 1);
  return !constant_time_equal(point, SecretBytes<kX25519Bytes>().reveal());
}

}  // namespace sotto::crypto
