// ECDSA over P-256 with SHA-256 (FIPS 186-4); signatures as in RFC 7518 section 3.4. BearSSL's nonces follow
// from key and message (RFC 6979), so signing takes no randomness and cannot be hurt by poor one.
#include <algorithm>
#include <utility>

#include "bearssl/choice.h"
#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

using Scalar = SecretBytes<kEs256ScalarBytes>;

constexpr std::uint8_t kUncompressedPoint = 0x04;
constexpr std::array<std::uint8_t, kEs256ScalarBytes> kOrder = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

// In [1, order - 1]; in constant time.
bool is_scalar(std::span<const std::uint8_t, kEs256ScalarBytes> bytes) {
  std::uint32_t borrow = 0;
  std::uint32_t any = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    borrow = (std::uint32_t{bytes[i]} - kOrder[i] - borrow) >> 31;
    any |= bytes[i];
  }
  return (borrow & static_cast<std::uint32_t>(any != 0)) == 1;
}

}  // namespace

Es256PrivateKey::Es256PrivateKey() { key_.create<Scalar>(); }

Es256PrivateKey Es256PrivateKey::generate(Random& random) {
  for (;;) {
    Scalar scalar;
    random.fill(scalar.reveal_mutable());
    if (auto key = from_scalar(scalar)) return std::move(*key);
  }
}

std::optional<Es256PrivateKey> Es256PrivateKey::from_scalar(const SecretBytes<kEs256ScalarBytes>& scalar) {
  if (!is_scalar(scalar.reveal())) return std::nullopt;
  Es256PrivateKey key;
  auto& own = key.key_.get<Scalar>();
  std::copy(scalar.reveal().begin(), scalar.reveal().end(), own.reveal_mutable().begin());
  const std::size_t written =
      bear::kP256.mulgen(key.public_key_.data(), own.reveal().data(), kEs256ScalarBytes, BR_EC_secp256r1);
  SOTTO_CHECK(written == key.public_key_.size());
  return key;
}

void Es256PrivateKey::scalar(SecretBytes<kEs256ScalarBytes>& out) const {
  const auto own = key_.get<Scalar>().reveal();
  std::copy(own.begin(), own.end(), out.reveal_mutable().begin());
}

Es256PrivateKey::~Es256PrivateKey() { key_.destroy<Scalar>(); }

Es256PrivateKey::Es256PrivateKey(Es256PrivateKey&& other) noexcept : public_key_(other.public_key_) {
  key_.create<Scalar>(std::move(other.key_.get<Scalar>()));
}

Es256PrivateKey& Es256PrivateKey::operator=(Es256PrivateKey&& other) noexcept {
  key_.get<Scalar>() = std::move(other.key_.get<Scalar>());
  public_key_ = other.public_key_;
  return *this;
}

Es256Signature Es256PrivateKey::sign(Bytes message) const {
  const Digest digest = sha256({message});
  Scalar scalar;  // BearSSL's structure does not say that it only reads
  this->scalar(scalar);
  const br_ec_private_key key = {
      .curve = BR_EC_secp256r1, .x = scalar.reveal_mutable().data(), .xlen = kEs256ScalarBytes};
  Es256Signature signature;
  SOTTO_CHECK(bear::kSign(&bear::kP256, &br_sha256_vtable, digest.data(), &key, signature.data()) ==
              signature.size());
  return signature;
}

// Nothing of a key is worth keeping for the next one.
Es256Verifier::Es256Verifier() { state_.create<std::uint8_t>(); }
Es256Verifier::~Es256Verifier() { state_.destroy<std::uint8_t>(); }

bool Es256Verifier::verify(const Es256PublicKey& key, Bytes message, const Es256Signature& signature) {
  if (key[0] != kUncompressedPoint) return false;
  const Digest digest = sha256({message});
  Es256PublicKey point = key;
  const br_ec_public_key imported = {.curve = BR_EC_secp256r1, .q = point.data(), .qlen = point.size()};
  return bear::kVerify(&bear::kP256, digest.data(), digest.size(), &imported, signature.data(),
                       signature.size()) == 1;
}

bool es256_verify(const Es256PublicKey& key, Bytes message, const Es256Signature& signature) {
  return Es256Verifier().verify(key, message, signature);
}

}  // namespace sotto::crypto
