// What an authority makes known besides endorsements (PROTOCOL.md section 9.2): how its key changed and what
// it has revoked. Signed, so that anybody may bring it; numbered, so that nobody can bring an older one.
// Freestanding, no heap: decoders borrow from their input, and whoever has not the memory for a whole
// bulletin, which may be 133 KB, reads it in pieces (BulletinReader).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sotto/base/bytes.h"
#include "sotto/base/limits.h"
#include "sotto/base/rejection.h"
#include "sotto/secagg/identity.h"

namespace sotto::secagg {

// One key of the authority follows another, and both say so: whoever pins the older one comes to believe the
// newer, and whoever pins the newer one goes on believing what the older one has endorsed.
struct Rotation {
  crypto::Es256PublicKey before{};
  crypto::Es256PublicKey after{};
  std::uint32_t epoch = 0;  // the first whose endorsements are by the newer key
  crypto::Es256Signature by_before{};
  crypto::Es256Signature by_after{};
  friend bool operator==(const Rotation&, const Rotation&) = default;
};
inline constexpr std::size_t kRotationBytes =
    2 * crypto::kEs256PublicKeyBytes + 4 + 2 * crypto::kEs256SignatureBytes;
static_assert(kRotationBytes == 262);
[[nodiscard]] Rotation rotate(Signer& before, Signer& after, std::uint32_t epoch);

// Everything that is in force; nothing of an older edition counts any more.
struct Bulletin {
  Bytes rotations{};                    // kRotationBytes each: every change of the key so far, oldest first
  std::uint32_t edition = 0;            // counts from 1
  std::uint32_t endorsements_from = 0;  // endorsements of an earlier epoch are revoked
  Bytes revoked{};                      // identities, strictly ascending
  crypto::Es256Signature signature{};   // by the newest key, of all before it

  [[nodiscard]] std::size_t rotation_count() const { return rotations.size() / kRotationBytes; }
  [[nodiscard]] Rotation rotation(std::size_t index) const;  // requires index < rotation_count()
};
[[nodiscard]] constexpr std::size_t bulletin_bytes(std::size_t rotations, std::size_t revoked) {
  return 12 + rotations * kRotationBytes + revoked * sizeof(crypto::Digest) + crypto::kEs256SignatureBytes;
}
inline constexpr std::size_t kBulletinBytesMin = bulletin_bytes(0, 0);
inline constexpr std::size_t kBulletinBytesMax =
    bulletin_bytes(limits::kRotationsMax, limits::kRevokedIdentitiesMax);

void encode_rotation(const Rotation& rotation, std::span<std::uint8_t, kRotationBytes> out);
// Signs what `bulletin` says; its own signature is not looked at. Requires that `out` has just room and that
// the bulletin decodes.
void sign_bulletin(const Bulletin& bulletin, Signer& authority, MutableBytes out);
// kWrongVersion; kMalformed for another length, identities or epochs that do not ascend, changes of which one
// does not follow from the other, and edition 0. Signatures are take_bulletin()'s to check.
[[nodiscard]] Rejection decode_bulletin(Bytes message, Bulletin& bulletin);

enum class BulletinVerdict : std::uint8_t {
  kTaken,  // `trust` is by it now
  kKnown,  // it already was
  kMalformed,
  kUntrusted,    // not by the authority that is believed in, or by a key that does not follow from it
  kOlder,        // than what is known: somebody has set it back
  kContradicts,  // another one with the edition of the known one
};
// A sentence. Static storage.
[[nodiscard]] const char* describe(BulletinVerdict verdict);

// The fields of a bulletin that comes in pieces, and whether it is one. What decode_bulletin() refuses is not
// sound here; signatures are for who derives from this.
class BulletinFields {
 public:
  // Of a message of so many bytes.
  explicit BulletinFields(std::size_t message_bytes) : message_bytes_(message_bytes) {}
  BulletinFields(const BulletinFields&) = delete;
  BulletinFields& operator=(const BulletinFields&) = delete;

  // The next bytes, in pieces of any size.
  void take(Bytes piece);
  // Once all bytes are there.
  [[nodiscard]] bool is_sound() const { return is_sound_ && edition_ > 0 && taken_ == message_bytes_; }
  [[nodiscard]] bool has_our_version() const { return has_our_version_; }
  [[nodiscard]] std::uint32_t edition() const { return edition_; }
  [[nodiscard]] std::uint32_t endorsements_from() const { return endorsements_from_; }
  [[nodiscard]] std::size_t rotation_count() const { return rotations_; }
  [[nodiscard]] std::size_t revoked_count() const { return revoked_; }

 protected:
  ~BulletinFields() = default;
  // Of each change of the key that follows from the one before, and is one.
  virtual void on_rotation(const Rotation&, bool /*is_last*/) {}
  virtual void on_signature(const crypto::Es256Signature&) {}

 private:
  [[nodiscard]] std::size_t field_bytes() const;
  void on_field(Bytes field);
  [[nodiscard]] bool take_header(Bytes field);
  [[nodiscard]] bool take_rotation(Bytes field);
  [[nodiscard]] bool take_identity(Bytes field);

  const std::size_t message_bytes_;
  std::size_t taken_ = 0;
  bool is_sound_ = true;
  bool has_our_version_ = true;
  std::uint32_t edition_ = 0;
  std::uint32_t endorsements_from_ = 0;
  std::size_t rotations_ = 0, revoked_ = 0;  // as the header says
  std::size_t rotations_read_ = 0, identities_read_ = 0;
  crypto::Es256PublicKey last_after_{};
  std::uint32_t last_epoch_ = 0;
  crypto::Digest last_identity_{};
  std::array<std::uint8_t, kRotationBytes> field_;  // the largest
  std::size_t filled_ = 0;
};

// What take_bulletin() does, of a bulletin that comes in pieces.
class BulletinReader final : public BulletinFields {
 public:
  // `trust` is what is believed so far. Borrowed.
  BulletinReader(const Trust& trust, std::size_t message_bytes);

  // In place of BulletinFields::take().
  void take(Bytes piece);
  // Once all bytes are there; called once. After kTaken `changed` is what to believe, but for the revoked
  // identities: those are revoked_count() of 32 bytes each, from revoked_offset() of the message on.
  [[nodiscard]] BulletinVerdict end(Trust& changed);
  [[nodiscard]] std::size_t revoked_offset() const {
    return bulletin_bytes(rotation_count(), 0) - crypto::kEs256SignatureBytes;
  }

 private:
  void on_rotation(const Rotation& rotation, bool is_last) override;
  void on_signature(const crypto::Es256Signature& signature) override { signature_ = signature; }

  const Trust& trust_;
  Trust changed_;
  crypto::Sha256 content_;  // all but the signature
  std::size_t content_left_;
  bool follows_ = false;  // a rotation has begun with the key that is believed in
  bool is_untrusted_ = false;
  crypto::Es256Signature signature_{};
};

// Brings `trust` to what the bulletin says, or leaves it as it is. After kTaken it borrows from `message`.
[[nodiscard]] BulletinVerdict take_bulletin(Bytes message, Trust& trust);

}  // namespace sotto::secagg
