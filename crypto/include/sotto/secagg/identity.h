// Identities of devices and coordinators, and what they sign (PROTOCOL.md section 9). A fleet's authority
// endorses long-lived ES256 keys; everything else here is a statement signed by such a key. Freestanding, no
// heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "sotto/base/bytes.h"
#include "sotto/base/ids.h"
#include "sotto/base/limits.h"
#include "sotto/base/rejection.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/endorsement_cache.h"

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

// Times of endorsements are seconds since the Unix epoch.
inline constexpr std::uint64_t kNoClock = 0;  // whoever cannot tell the time looks at no expiry
inline constexpr std::uint64_t kEndless = UINT64_MAX;

// What an endorsement shows of its holder's name: enough to bind it, and nothing to read. Everybody's
// neighbours see credentials, which a name of 64 bytes would make longer by a fifth.
using NameTag = std::array<std::uint8_t, 16>;
inline constexpr std::size_t kEndorsedNameBytesMax = 64;
// 1 to 64 bytes of printable ASCII.
[[nodiscard]] bool valid_endorsed_name(std::string_view name);
[[nodiscard]] NameTag name_tag(const crypto::Es256PublicKey& key, std::string_view name);

// What the authority says of a key.
struct Endorsement {
  std::uint64_t issued_at = 0;
  std::uint64_t expires_at = kEndless;  // the first second in which it does not hold any more
  std::uint32_t epoch = 0;  // of the authority: all endorsements of an epoch can be revoked at once
  NameTag name{};
  crypto::Es256Signature signature{};  // by the authority, of the above with the key and its role
  friend bool operator==(const Endorsement&, const Endorsement&) = default;
};
inline constexpr std::size_t kEndorsementBytes = 20 + sizeof(NameTag) + crypto::kEs256SignatureBytes;
static_assert(kEndorsementBytes == 100);
void encode_endorsement(const Endorsement& endorsement, std::span<std::uint8_t, kEndorsementBytes> out);
// kMalformed for any other length.
[[nodiscard]] Rejection decode_endorsement(Bytes message, Endorsement& endorsement);

// An enrolled key with its holder's signature of one message.
struct Credential {
  crypto::Es256PublicKey key{};
  Endorsement endorsement{};
  crypto::Es256Signature signature{};  // by the key
  friend bool operator==(const Credential&, const Credential&) = default;
};
inline constexpr std::size_t kCredentialBytes =
    crypto::kEs256PublicKeyBytes + kEndorsementBytes + crypto::kEs256SignatureBytes;
static_assert(kCredentialBytes == 229);
void encode_credential(const Credential& credential, std::span<std::uint8_t, kCredentialBytes> out);
// kMalformed for any other length. Whether it holds is check_credential's to say.
[[nodiscard]] Rejection decode_credential(Bytes message, Credential& credential);

// A message to be signed. Label first, so that no two kinds are ever equal.
template <std::size_t BytesMax>
class BoundedStatement {
 public:
  static constexpr std::size_t kBytesMax = BytesMax;
  BoundedStatement(std::initializer_list<Bytes> parts);
  // Empty when the parts were longer than kBytesMax: no signature of an empty statement is accepted.
  [[nodiscard]] Bytes bytes() const { return Bytes(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, kBytesMax> bytes_;
  std::size_t size_ = 0;
};
using Statement = BoundedStatement<256>;
// A plan is in its statement as a whole: too much for a board's stack, whose host checks it.
using PlanStatement = BoundedStatement<limits::kPlanBytesMax + 16>;
[[nodiscard]] Statement endorsement_statement(Role role, const crypto::Es256PublicKey& key,
                                              const Endorsement& endorsement);
// What a device signs to join: `keys` is the advertise message, 64 bytes.
[[nodiscard]] Statement join_statement(const crypto::Digest& plan_digest, Bytes keys);
// What a device signs to confirm who survived: `survivors` is the SHA-256 of the confirm request.
[[nodiscard]] Statement survivors_statement(const crypto::Digest& transcript, ParticipantIndex signer,
                                            const crypto::Digest& survivors);
// What a coordinator signs when it offers a plan.
[[nodiscard]] PlanStatement plan_statement(Bytes plan);
// What a device signs to be given a plan of the task: `challenge` is the coordinator's, at most
// kChallengeBytesMax, `device_id` at most 64 bytes.
inline constexpr std::size_t kChallengeBytesMax = 64;
[[nodiscard]] Statement check_in_statement(const crypto::Digest& coordinator, TaskId task, Bytes challenge,
                                           std::string_view device_id);
// What a device signs to be offered an update of its model.
[[nodiscard]] Statement update_statement(const crypto::Digest& coordinator, Bytes challenge,
                                         std::string_view device_id);

// On what terms a key is endorsed. Without a name, for a simulated fleet, say, its tag is of the empty text.
struct EndorsementTerms {
  std::string_view name{};
  std::uint64_t issued_at = 0;
  std::uint64_t expires_at = kEndless;
  std::uint32_t epoch = 0;
};
// The authority's endorsement of a key. Requires that it expires after it is issued.
[[nodiscard]] Endorsement endorse(Signer& authority, Role role, const crypto::Es256PublicKey& key,
                                  const EndorsementTerms& terms);
[[nodiscard]] Credential make_credential(Signer& signer, const Endorsement& endorsement, Bytes message);
template <std::size_t BytesMax>
[[nodiscard]] Credential make_credential(Signer& signer, const Endorsement& endorsement,
                                         const BoundedStatement<BytesMax>& statement) {
  return make_credential(signer, endorsement, statement.bytes());
}

// SHA-256 of the public key: what a roster shows of a device.
[[nodiscard]] crypto::Digest identity_of(const crypto::Es256PublicKey& key);

// Identities that are revoked and not in memory: in a board's flash, say. Strictly ascending.
class RevokedIdentities {
 public:
  [[nodiscard]] virtual std::size_t count() const = 0;
  // Requires index < count(). False when it cannot be read: everybody then counts as revoked.
  [[nodiscard]] virtual bool read(std::size_t index, crypto::Digest& identity) const = 0;

 protected:
  ~RevokedIdentities() = default;  // as Random's
};

// Whose endorsements a party believes: the authority's whose key it pins, less what that has revoked, and
// while the authority changes its key those of the key before (secagg/bulletin.h).
struct Trust {
  Trust() = default;
  Trust(const crypto::Es256PublicKey& pinned) : authority(pinned) {}  // NOLINT: a key alone is trust enough

  crypto::Es256PublicKey authority{};
  std::uint32_t authority_since = 0;          // endorsements of an earlier epoch are by the key before;
  crypto::Es256PublicKey authority_before{};  // 0: there was none
  std::uint32_t edition = 0;                  // of the bulletin that says so; 0: there was none yet
  crypto::Digest bulletin{};                  // SHA-256 of what it says
  std::uint32_t endorsements_from = 0;        // those of an earlier epoch are revoked
  Bytes revoked{};                            // identities, ascending. Borrowed
  const RevokedIdentities* kept = nullptr;    // ... or where else they are. Borrowed

  [[nodiscard]] bool is_revoked(const crypto::Digest& identity) const;
};

struct CredentialCheck {
  Role role = Role::kDevice;
  const Trust& trust;
  Bytes message;                 // that the key must have signed
  std::uint64_t now = kNoClock;  // seconds since the Unix epoch
  // Spares the authority's signature where it was verified before, and remembers it. Nothing else of the
  // check is left out. Borrowed for the call; null: every signature is verified.
  EndorsementCache* verified = nullptr;
};
// Whether the authority endorsed the credential's key for this role, still does, and the key signed the
// message: kBadSignature, also for bytes that are no point of the curve and for an empty message; kExpired,
// kRevoked.
[[nodiscard]] Rejection check_credential(const Credential& credential, const CredentialCheck& check);
// The same for many credentials.
[[nodiscard]] Rejection check_credential(const Credential& credential, const CredentialCheck& check,
                                         crypto::Es256Verifier& verifier);

// Who a device or coordinator is, and whom it trusts. Borrows the signer, which must outlive it.
struct Identity {
  Signer& signer;
  Endorsement endorsement{};
  Trust trust{};
  EndorsementCache* verified = nullptr;  // borrowed; null: it remembers no endorsement that it has verified
};

}  // namespace sotto::secagg
