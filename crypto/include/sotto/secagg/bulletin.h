// What an authority makes known besides endorsements (PROTOCOL.md section 9.2): how its key changed and what
// it has revoked. Signed, so that anybody may bring it; numbered, so that nobody can bring an older one.
// Freestanding, no heap: decoders borrow from their input.
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

// Brings `trust` to what the bulletin says, or leaves it as it is. After kTaken it borrows from `message`.
[[nodiscard]] BulletinVerdict take_bulletin(Bytes message, Trust& trust);

}  // namespace sotto::secagg
