// Cryptographic primitives. The interface is chosen at link time: src/openssl/ implements it with OpenSSL's
// EVP, src/bearssl/ with BearSSL for boards, and a board's maker may bring a third. Nothing here is our own
// cryptography.
// Freestanding: objects hold what their backend needs inside themselves (backend_object.h).
//
// Functions are thread-safe; objects belong to one thread at a time. A failure inside the backend that no
// input can cause (out of memory, provider missing) stops the program through SOTTO_CHECK.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "sotto/base/bytes.h"
#include "sotto/base/random.h"
#include "sotto/crypto/backend.h"
#include "sotto/crypto/backend_object.h"
#include "sotto/crypto/secret_bytes.h"

namespace sotto::crypto {

using Digest = std::array<std::uint8_t, 32>;

// SHA-256 (FIPS 180-4) of the concatenation of `parts`.
[[nodiscard]] Digest sha256(std::initializer_list<Bytes> parts);

// Incremental SHA-256.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void update(Bytes bytes);
  // May be called once.
  [[nodiscard]] Digest finish();

 private:
  BackendObject<backend::kSha256Bytes> state_;
};

struct HkdfInput {
  Bytes input_key;
  Bytes salt;
  Bytes info;
};
// HKDF-SHA-256 (RFC 5869), extract then expand. Requires 1 <= out.size() <= 255 * 32, a non-empty input key
// and at most 1024 bytes of info.
void hkdf_sha256(const HkdfInput& input, MutableBytes out);

// The two halves, for schemes that expand one key more than once. Extracts from the concatenation of `parts`;
// an empty salt is allowed.
using HkdfKey = SecretBytes<32>;
void hkdf_extract(Bytes salt, std::initializer_list<Bytes> parts, HkdfKey& key);
void hkdf_expand(const HkdfKey& key, Bytes info, MutableBytes out);

// The same for many input keys under one salt.
class Hkdf {
 public:
  // From the salt. Converts, so that whoever derives one key only may give the salt itself.
  Hkdf(const Digest& salt) : Hkdf(Bytes(salt)) {}  // NOLINT(google-explicit-constructor)
  explicit Hkdf(Bytes salt);
  ~Hkdf();
  Hkdf(const Hkdf&) = delete;
  Hkdf& operator=(const Hkdf&) = delete;
  void derive(Bytes input_key, Bytes info, MutableBytes out) const;

 private:
  BackendObject<backend::kHkdfBytes> state_;  // HMAC keyed with the salt, and one keyed for every input
};

inline constexpr std::size_t kX25519Bytes = 32;
using X25519PublicKey = std::array<std::uint8_t, kX25519Bytes>;

// An X25519 private key (RFC 7748). Keeps the backend's key object so that many agreements reuse it.
class X25519PrivateKey {
 public:
  // From 32 bytes, clamped as in RFC 7748 section 5.
  explicit X25519PrivateKey(const SecretBytes<kX25519Bytes>& scalar);
  ~X25519PrivateKey();
  X25519PrivateKey(X25519PrivateKey&& other) noexcept;
  X25519PrivateKey& operator=(X25519PrivateKey&& other) noexcept;
  X25519PrivateKey(const X25519PrivateKey&) = delete;
  X25519PrivateKey& operator=(const X25519PrivateKey&) = delete;

  [[nodiscard]] const X25519PublicKey& public_key() const { return public_key_; }
  // False when the peer's key has small order (all-zero secret, RFC 7748 section 6.1); `shared` is then all
  // zero.
  [[nodiscard]] bool agree(const X25519PublicKey& peer, SecretBytes<kX25519Bytes>& shared) const;

 private:
  BackendObject<backend::kX25519Bytes> key_;
  X25519PublicKey public_key_{};
};

inline constexpr std::size_t kAeadKeyBytes = 32;
inline constexpr std::size_t kAeadNonceBytes = 12;
inline constexpr std::size_t kAeadTagBytes = 16;

struct AeadInput {
  const SecretBytes<kAeadKeyBytes>& key;
  const std::array<std::uint8_t, kAeadNonceBytes>& nonce;
  Bytes associated_data;
};
// ChaCha20-Poly1305 (RFC 8439). Requires out.size() == plaintext.size() + kAeadTagBytes.
void aead_seal(const AeadInput& input, Bytes plaintext, MutableBytes out);
// False, with `out` wiped, when the tag does not match. Requires sealed.size() == out.size() + kAeadTagBytes.
[[nodiscard]] bool aead_open(const AeadInput& input, Bytes sealed, MutableBytes out);

// The stream ciphers whose raw keystream masks vectors.
enum class Prg : std::uint8_t {
  kChaCha20 = 1,   // RFC 8439 block function, 32-byte key, zero nonce, counter from 0
  kAes128Ctr = 2,  // SP 800-38A CTR, 16-byte key, zero initial counter block
};
inline constexpr std::size_t kPrgKeyBytes = 32;  // AES-128 uses the first 16

// A keystream that can be read in order and repositioned. One object serves many keys: rekey() is cheap.
class Keystream {
 public:
  explicit Keystream(Prg prg);
  ~Keystream();
  Keystream(const Keystream&) = delete;
  Keystream& operator=(const Keystream&) = delete;

  // Starts the stream of another key, at a multiple of 64 bytes below 2^38. Required before the first read or
  // seek.
  void rekey(const SecretBytes<kPrgKeyBytes>& key, std::uint64_t byte_offset = 0);
  // The next out.size() bytes of the stream.
  void read(MutableBytes out);
  // Continues at `byte_offset`, a multiple of 64 below 2^38, of the present key's stream.
  void seek(std::uint64_t byte_offset);

 private:
  Prg prg_;
  bool keyed_ = false;
  BackendObject<backend::kKeystreamBytes> state_;
};

inline constexpr std::size_t kEs256ScalarBytes = 32;
inline constexpr std::size_t kEs256PublicKeyBytes = 65;  // uncompressed point, SEC 1 section 2.3.3
inline constexpr std::size_t kEs256SignatureBytes = 64;  // r || s, big-endian (RFC 7518 section 3.4)
using Es256PublicKey = std::array<std::uint8_t, kEs256PublicKeyBytes>;
using Es256Signature = std::array<std::uint8_t, kEs256SignatureBytes>;

// ECDSA over P-256 with SHA-256 (FIPS 186-4): the device identity that secure elements can hold.
class Es256PrivateKey {
 public:
  // Draws 32 bytes, and again in the one case of 2^32 in which they are no scalar (FIPS 186-5 A.2.2).
  [[nodiscard]] static Es256PrivateKey generate(Random& random);
  // From the private scalar, big-endian. Nothing when it is zero or not below the order of the curve.
  [[nodiscard]] static std::optional<Es256PrivateKey> from_scalar(
      const SecretBytes<kEs256ScalarBytes>& scalar);
  ~Es256PrivateKey();
  Es256PrivateKey(Es256PrivateKey&& other) noexcept;
  Es256PrivateKey& operator=(Es256PrivateKey&& other) noexcept;
  Es256PrivateKey(const Es256PrivateKey&) = delete;
  Es256PrivateKey& operator=(const Es256PrivateKey&) = delete;

  [[nodiscard]] const Es256PublicKey& public_key() const { return public_key_; }
  // For storing the key: from_scalar() gives it back.
  void scalar(SecretBytes<kEs256ScalarBytes>& out) const;
  // The nonce is the backend's: OpenSSL's holds the system's randomness, so that each signature is another;
  // BearSSL's follows from key and message (RFC 6979), for boards whose randomness is slow or poor.
  [[nodiscard]] Es256Signature sign(Bytes message) const;

 private:
  Es256PrivateKey();
  BackendObject<backend::kEs256KeyBytes> key_;
  Es256PublicKey public_key_{};
};
// Verifies many signatures: keeps what the backend takes long to build, a quarter of the time of one.
class Es256Verifier {
 public:
  Es256Verifier();
  ~Es256Verifier();
  Es256Verifier(const Es256Verifier&) = delete;
  Es256Verifier& operator=(const Es256Verifier&) = delete;

  // False for a wrong signature and for bytes that are not a point of the curve.
  [[nodiscard]] bool verify(const Es256PublicKey& key, Bytes message, const Es256Signature& signature);

 private:
  BackendObject<backend::kEs256VerifierBytes> state_;
};
// The same for one signature.
[[nodiscard]] bool es256_verify(const Es256PublicKey& key, Bytes message, const Es256Signature& signature);

// Compares in time that depends on the lengths only.
[[nodiscard]] bool constant_time_equal(Bytes a, Bytes b);
// Overwrites with zeros in a way the compiler keeps.
void wipe(MutableBytes bytes);

// The operating system's cryptographic generator. Thread-safe.
class SystemRandom final : public Random {
 public:
  void fill(MutableBytes out) override;
};

// ChaCha20 keystream of a seed: replayable, for simulations, tests and what is no secret. tests/tidy sees to
// it that nothing else names it. Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(Bytes seed);  // any length; hashed
  explicit SeededRandom(std::uint64_t seed);
  void fill(MutableBytes out) override;

 private:
  Keystream stream_{Prg::kChaCha20};
};

}  // namespace sotto::crypto
