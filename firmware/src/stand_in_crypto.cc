// NOT CRYPTOGRAPHY. A stand-in that computes something of the right shape with arithmetic anybody can undo:
// digests depend on every byte, agreements agree, tags and signatures verify and notice a changed bit. With
// it the device's half of a session is linked, run and measured on boards before a board's library is
// chosen. No product may link it.
#include <algorithm>
#include <cstring>

#include "sotto/base/check.h"
#include "sotto/crypto/primitives.h"

namespace sotto::crypto {
namespace {

constexpr std::uint8_t kDisguise = 0x5a;  // public key = private key ^ this

struct Mixer {
  std::array<std::uint32_t, 8> words{1, 2, 3, 4, 5, 6, 7, 8};
  std::uint32_t count = 0;

  void take(Bytes bytes) {
    for (const std::uint8_t byte : bytes) {
      std::uint32_t& word = words[count % words.size()];
      const std::uint32_t next = words[(count + 1) % words.size()];
      word = (word ^ byte ^ (next >> 7 | next << 25)) * 0x01000193u + count;
      ++count;
    }
  }
  [[nodiscard]] Digest digest() const {
    Mixer last = *this;
    for (int round = 0; round < 4; ++round) {
      for (std::size_t i = 0; i < words.size(); ++i) {
        std::uint32_t& word = last.words[i];
        word = (word ^ last.words[(i + 3) % words.size()] ^ word >> 15) * 0x85ebca6bu + count;
      }
    }
    Digest out;
    for (std::size_t i = 0; i < words.size(); ++i) store_le(out.data() + 4 * i, last.words[i]);
    return out;
  }
};

// Bytes that follow from what was mixed in, without end.
void expand(const Mixer& seed, MutableBytes out) {
  std::array<std::uint8_t, 4> number{};
  for (std::uint32_t i = 0; !out.empty(); ++i) {
    Mixer mixer = seed;
    store_le(number.data(), i);
    mixer.take(number);
    const Digest block = mixer.digest();
    const std::size_t count = std::min(out.size(), block.size());
    std::copy_n(block.begin(), count, out.begin());
    out = out.subspan(count);
  }
}

struct StreamState {
  SecretBytes<kPrgKeyBytes> key;
  std::uint64_t offset = 0;
};

}  // namespace

Digest sha256(std::initializer_list<Bytes> parts) {
  Mixer mixer;
  for (const Bytes part : parts) mixer.take(part);
  return mixer.digest();
}

Sha256::Sha256() { state_.create<Mixer>(); }
Sha256::~Sha256() { state_.destroy<Mixer>(); }
void Sha256::update(Bytes bytes) { state_.get<Mixer>().take(bytes); }
Digest Sha256::finish() { return state_.get<Mixer>().digest(); }

void hkdf_sha256(const HkdfInput& input, MutableBytes out) {
  Hkdf(input.salt).derive(input.input_key, input.info, out);
}

void hkdf_extract(Bytes salt, std::initializer_list<Bytes> parts, HkdfKey& key) {
  Mixer mixer;
  mixer.take(salt);
  for (const Bytes part : parts) mixer.take(part);
  const Digest digest = mixer.digest();
  std::copy(digest.begin(), digest.end(), key.reveal_mutable().begin());
}

void hkdf_expand(const HkdfKey& key, Bytes info, MutableBytes out) {
  Mixer mixer;
  mixer.take(key.reveal());
  mixer.take(info);
  expand(mixer, out);
}

Hkdf::Hkdf(Bytes salt) { state_.create<Digest>(sha256({salt})); }
Hkdf::~Hkdf() { state_.destroy<Digest>(); }
void Hkdf::derive(Bytes input_key, Bytes info, MutableBytes out) const {
  Mixer mixer;
  for (const Bytes part : {Bytes(state_.get<Digest>()), input_key, info}) mixer.take(part);
  expand(mixer, out);
}

using X25519Scalar = SecretBytes<kX25519Bytes>;

X25519PrivateKey::X25519PrivateKey(const SecretBytes<kX25519Bytes>& scalar) {
  auto& own = key_.create<X25519Scalar>();
  std::copy(scalar.reveal().begin(), scalar.reveal().end(), own.reveal_mutable().begin());
  for (std::size_t i = 0; i < public_key_.size(); ++i)
    public_key_[i] = static_cast<std::uint8_t>(scalar.reveal()[i] ^ kDisguise);
}
X25519PrivateKey::~X25519PrivateKey() { key_.destroy<X25519Scalar>(); }
X25519PrivateKey::X25519PrivateKey(X25519PrivateKey&& other) noexcept : public_key_(other.public_key_) {
  key_.create<X25519Scalar>(std::move(other.key_.get<X25519Scalar>()));
}
X25519PrivateKey& X25519PrivateKey::operator=(X25519PrivateKey&& other) noexcept {
  key_.get<X25519Scalar>() = std::move(other.key_.get<X25519Scalar>());
  public_key_ = other.public_key_;
  return *this;
}
bool X25519PrivateKey::agree(const X25519PublicKey& peer, SecretBytes<kX25519Bytes>& shared) const {
  std::uint8_t any = 0;
  for (std::size_t i = 0; i < peer.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(peer[i] ^ kDisguise ^ key_.get<X25519Scalar>().reveal()[i]);
    shared.reveal_mutable()[i] = byte;
    any = static_cast<std::uint8_t>(any | byte);
  }
  return any != 0;
}

void aead_seal(const AeadInput& input, Bytes plaintext, MutableBytes out) {
  SOTTO_CHECK(out.size() == plaintext.size() + kAeadTagBytes);
  Mixer mixer;
  mixer.take(input.key.reveal());
  mixer.take(input.nonce);
  const MutableBytes sealed = out.first(plaintext.size());
  expand(mixer, sealed);
  for (std::size_t i = 0; i < plaintext.size(); ++i) sealed[i] ^= plaintext[i];
  const Digest tag = sha256({input.key.reveal(), input.nonce, input.associated_data, sealed});
  std::copy_n(tag.begin(), kAeadTagBytes, out.end() - kAeadTagBytes);
}

bool aead_open(const AeadInput& input, Bytes sealed, MutableBytes out) {
  SOTTO_CHECK(sealed.size() == out.size() + kAeadTagBytes);
  const Bytes body = sealed.first(out.size());
  const Digest tag = sha256({input.key.reveal(), input.nonce, input.associated_data, body});
  if (!constant_time_equal(Bytes(tag).first(kAeadTagBytes), sealed.last(kAeadTagBytes))) {
    wipe(out);
    return false;
  }
  Mixer mixer;
  mixer.take(input.key.reveal());
  mixer.take(input.nonce);
  expand(mixer, out);
  for (std::size_t i = 0; i < body.size(); ++i) out[i] ^= body[i];
  return true;
}

Keystream::Keystream(Prg prg) : prg_(prg) { state_.create<StreamState>(); }
Keystream::~Keystream() { state_.destroy<StreamState>(); }
void Keystream::rekey(const SecretBytes<kPrgKeyBytes>& key, std::uint64_t byte_offset) {
  auto& state = state_.get<StreamState>();
  std::copy(key.reveal().begin(), key.reveal().end(), state.key.reveal_mutable().begin());
  state.offset = byte_offset;
  keyed_ = true;
}
void Keystream::seek(std::uint64_t byte_offset) { state_.get<StreamState>().offset = byte_offset; }
// Blocks of 32 bytes, each from the key and its place.
void Keystream::read(MutableBytes out) {
  SOTTO_CHECK(keyed_);
  auto& state = state_.get<StreamState>();
  std::array<std::uint8_t, 9> place{static_cast<std::uint8_t>(prg_)};
  while (!out.empty()) {
    store_le(place.data() + 1, state.offset / sizeof(Digest));
    const Digest block = sha256({state.key.reveal(), place});
    const auto skipped = static_cast<std::size_t>(state.offset % sizeof(Digest));
    const std::size_t count = std::min(out.size(), block.size() - skipped);
    std::copy_n(block.begin() + skipped, count, out.begin());
    out = out.subspan(count);
    state.offset += count;
  }
}

using Es256Scalar = SecretBytes<kEs256ScalarBytes>;

namespace {

void sign_with(const Es256PublicKey& key, Bytes message, Es256Signature& signature) {
  Mixer mixer;
  mixer.take(key);
  mixer.take(message);
  expand(mixer, signature);
}

}  // namespace

Es256PrivateKey::Es256PrivateKey() { key_.create<Es256Scalar>(); }
Es256PrivateKey::~Es256PrivateKey() { key_.destroy<Es256Scalar>(); }
Es256PrivateKey::Es256PrivateKey(Es256PrivateKey&& other) noexcept : public_key_(other.public_key_) {
  key_.create<Es256Scalar>(std::move(other.key_.get<Es256Scalar>()));
}
Es256PrivateKey& Es256PrivateKey::operator=(Es256PrivateKey&& other) noexcept {
  key_.get<Es256Scalar>() = std::move(other.key_.get<Es256Scalar>());
  public_key_ = other.public_key_;
  return *this;
}
std::optional<Es256PrivateKey> Es256PrivateKey::from_scalar(const SecretBytes<kEs256ScalarBytes>& scalar) {
  Es256PrivateKey key;
  std::copy(scalar.reveal().begin(), scalar.reveal().end(),
            key.key_.get<Es256Scalar>().reveal_mutable().begin());
  key.public_key_[0] = 4;
  for (std::size_t i = 0; i < kEs256ScalarBytes; ++i) {
    key.public_key_[1 + i] = static_cast<std::uint8_t>(scalar.reveal()[i] ^ kDisguise);
    key.public_key_[1 + kEs256ScalarBytes + i] = static_cast<std::uint8_t>(~scalar.reveal()[i]);
  }
  return key;
}
Es256Signature Es256PrivateKey::sign(Bytes message) const {
  Es256Signature signature;
  sign_with(public_key_, message, signature);
  return signature;
}

Es256Verifier::Es256Verifier() { state_.create<std::uint64_t>(); }
Es256Verifier::~Es256Verifier() { state_.destroy<std::uint64_t>(); }
bool Es256Verifier::verify(const Es256PublicKey& key, Bytes message, const Es256Signature& signature) {
  Es256Signature expected;
  sign_with(key, message, expected);
  return constant_time_equal(expected, signature);
}
bool es256_verify(const Es256PublicKey& key, Bytes message, const Es256Signature& signature) {
  return Es256Verifier().verify(key, message, signature);
}

bool constant_time_equal(Bytes a, Bytes b) {
  std::uint8_t differs = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; differs == 0 && i < a.size(); ++i) differs = static_cast<std::uint8_t>(a[i] ^ b[i]);
  return differs == 0;
}
void wipe(MutableBytes bytes) {
  for (volatile std::uint8_t& byte : bytes) byte = 0;
}

}  // namespace sotto::crypto
