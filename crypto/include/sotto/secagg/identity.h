// Identities of devices and coordinators, and what they sign (PROTOCOL.md section 9). A fleet's authority
// endorses long-lived ES256 keys; everything else here is a statement signed by such a key. Freestanding, no
// heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "sotto/base/bytes.h"
#include "sotto/base/ids.h"
#include "sotto/base/rejection.h"
#include "sotto/crypto/primitives.h"

namespace sotto::secagg {

// What a session withstands. Semi-malicious: the coordinator may deviate while keys are advertised and may
// tell devices different stories; such sessions are signed.
enum class Adversary : std::uint8_t { kCurious = 1, kSemiMalicious = 2 };

enum class Role : std::uint8_t { kDevice, kCoordinator };

// Whoever holds a private key. A secure element may implement it: the key need not leave it.
class Signer {
 public:
  [[nodiscard]] virtual const crypto::Es256PublicKey& public_key() const = 0;
  [[nodiscard]] virtual crypto::Es256Signature sign(Bytes message) = 0;

 protected:
  ~Signer() = default;  // as Random's
};

// A key in memory.
class KeySigner final : public Signer {
 public:
  explicit KeySigner(crypto::Es256PrivateKey key) : key_(std::move(key)) {}
  [[nodiscard]] const crypto::Es256PublicKey& public_key() const override { return key_.public_key(); }
  [[nodiscard]] crypto::Es256Signature sign(Bytes message) override { return key_.sign(message); }

 private:
  crypto::Es256PrivateKey key_;
};

// An enrolled key with its holder's signature of one message.
struct Credential {
  crypto::Es256PublicKey key{};
  crypto::Es256Signature endorsement{};  // by the authority, of the key and its role
  crypto::Es256Signature signature{};    // by the key
  friend bool operator==(const Credential&, const Credential&) = default;
};
inline constexpr std::size_t kCredentialBytes =
    crypto::kEs256PublicKeyBytes + 2 * crypto::kEs256SignatureBytes;
static_assert(kCredentialBytes == 193);
void encode_credential(const Credential& credential, std::span<std::uint8_t, kCredentialBytes> out);
// kMalformed for any other length. Whether it holds is verify_credential's to say.
[[nodiscard]] Rejection decode_credential(Bytes message, Credential& credential);

// A message to be signed. Label first, so that no two kinds are ever equal.
class Statement {
 public:
  static constexpr std::size_t kBytesMax = 256;
  Statement(std::initializer_list<Bytes> parts);
  // Empty when the parts were longer than kBytesMax: no signature of an empty statement is accepted.
  [[nodiscard]] Bytes bytes() const { return Bytes(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, kBytesMax> bytes_;
  std::size_t size_ = 0;
};
[[nodiscard]] Statement endorsement_statement(Role role, const crypto::Es256PublicKey& key);
// What a device signs to join: `keys` is the advertise message, 64 bytes.
[[nodiscard]] Statement join_statement(const crypto::Digest& plan_digest, Bytes keys);
// What a device signs to confirm who survived: `survivors` is the SHA-256 of the confirm request.
[[nodiscard]] Statement survivors_statement(const crypto::Digest& transcript, ParticipantIndex signer,
                                            const crypto::Digest& survivors);
// What a coordinator signs when it offers a plan.
[[nodiscard]] Statement plan_statement(Bytes plan);

// The authority's endorsement of a key.
[[nodiscard]] crypto::Es256Signature endorse(Signer& authority, Role role, const crypto::Es256PublicKey& key);
[[nodiscard]] Credential make_credential(Signer& signer, const crypto::Es256Signature& endorsement,
                                         const Statement& statement);
// Whether the authority endorsed the credential's key for this role and that key signed `message`. False,
// too, for bytes that are no point of the curve and for an empty message.
[[nodiscard]] bool verify_credential(const Credential& credential, Role role,
                                     const crypto::Es256PublicKey& authority, Bytes message);
// The same for many credentials.
[[nodiscard]] bool verify_credential(const Credential& credential, Role role,
                                     const crypto::Es256PublicKey& authority, Bytes message,
                                     crypto::Es256Verifier& verifier);

// SHA-256 of the public key: what a roster shows of a device.
[[nodiscard]] crypto::Digest identity_of(const crypto::Es256PublicKey& key);

// Who a device or coordinator is, and whom it trusts. Borrows the signer, which must outlive it.
struct Identity {
  Signer& signer;
  crypto::Es256Signature endorsement{};
  crypto::Es256PublicKey authority{};
};

}  // namespace sotto::secagg
