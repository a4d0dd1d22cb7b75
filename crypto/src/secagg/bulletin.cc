// PROTOCOL.md section 9.2.
#include "sotto/secagg/bulletin.h"

#include <algorithm>
#include <cstring>

#include "secagg/labels.h"
#include "sotto/base/check.h"

namespace sotto::secagg {
namespace {

constexpr std::uint8_t kVersion = 1;

Statement rotation_statement(const Rotation& rotation) {
  std::array<std::uint8_t, 4> epoch;
  store_le(epoch.data(), rotation.epoch);
  return {labels::kRotation, rotation.before, rotation.after, epoch};
}

// All of a bulletin but its signature.
Statement bulletin_statement(Bytes content) { return {labels::kBulletin, crypto::sha256({content})}; }

Bytes without_signature(Bytes message) {
  return message.first(message.size() - crypto::kEs256SignatureBytes);
}

bool ascending(Bytes identities) {
  constexpr std::size_t kStep = sizeof(crypto::Digest);
  for (std::size_t at = kStep; at < identities.size(); at += kStep) {
    if (std::memcmp(identities.data() + at - kStep, identities.data() + at, kStep) >= 0) return false;
  }
  return true;
}

bool one_follows_from_the_other(const Bulletin& bulletin) {
  Rotation last;
  for (std::size_t i = 0; i < bulletin.rotation_count(); ++i) {
    const Rotation rotation = bulletin.rotation(i);
    if (rotation.epoch <= last.epoch || (i > 0 && rotation.before != last.after)) return false;
    last = rotation;
  }
  return true;
}

// How trust in one key becomes trust in the newest. False when nothing leads from the one to the other.
bool follow_rotations(const Bulletin& bulletin, Trust& trust, crypto::Es256Verifier& verifier) {
  const std::size_t count = bulletin.rotation_count();
  trust.authority_since = 0;
  trust.authority_before = {};
  if (count == 0) return true;
  std::size_t next = 0;
  while (next < count && bulletin.rotation(next).before != trust.authority) ++next;
  const Rotation last = bulletin.rotation(count - 1);
  if (next == count && last.after != trust.authority) return false;
  for (; next < count; ++next) {
    const Rotation rotation = bulletin.rotation(next);
    if (!verifier.verify(trust.authority, rotation_statement(rotation).bytes(), rotation.by_before))
      return false;
    trust.authority = rotation.after;
  }
  if (!verifier.verify(last.after, rotation_statement(last).bytes(), last.by_after)) return false;
  trust.authority_since = last.epoch;
  trust.authority_before = last.before;
  return true;
}

}  // namespace

Rotation rotate(Signer& before, Signer& after, std::uint32_t epoch) {
  Rotation rotation{.before = before.public_key(),
                    .after = after.public_key(),
                    .epoch = epoch,
                    .by_before = {},
                    .by_after = {}};
  rotation.by_before = before.sign(rotation_statement(rotation).bytes());
  rotation.by_after = after.sign(rotation_statement(rotation).bytes());
  return rotation;
}

void encode_rotation(const Rotation& rotation, std::span<std::uint8_t, kRotationBytes> out) {
  ByteWriter writer(out);
  writer.bytes(rotation.before);
  writer.bytes(rotation.after);
  writer.u32(rotation.epoch);
  writer.bytes(rotation.by_before);
  writer.bytes(rotation.by_after);
  SOTTO_CHECK(writer.ok() && writer.written() == out.size());
}

Rotation Bulletin::rotation(std::size_t index) const {
  SOTTO_CHECK(index < rotation_count());
  ByteReader reader(rotations.subspan(index * kRotationBytes, kRotationBytes));
  Rotation rotation;
  reader.copy(rotation.before);
  reader.copy(rotation.after);
  rotation.epoch = reader.u32();
  reader.copy(rotation.by_before);
  reader.copy(rotation.by_after);
  return rotation;
}

void sign_bulletin(const Bulletin& bulletin, Signer& authority, MutableBytes out) {
  ByteWriter writer(out);
  writer.u8(kVersion);
  writer.u8(static_cast<std::uint8_t>(bulletin.rotation_count()));
  writer.u32(bulletin.edition);
  writer.u32(bulletin.endorsements_from);
  writer.u16(static_cast<std::uint16_t>(bulletin.revoked.size() / sizeof(crypto::Digest)));
  writer.bytes(bulletin.rotations);
  writer.bytes(bulletin.revoked);
  SOTTO_CHECK(writer.ok() && writer.written() + crypto::kEs256SignatureBytes == out.size());
  writer.bytes(authority.sign(bulletin_statement(without_signature(out)).bytes()));
  Bulletin decoded;
  SOTTO_CHECK(accepted(decode_bulletin(out, decoded)));
}

Rejection decode_bulletin(Bytes message, Bulletin& bulletin) {
  ByteReader reader(message);
  const std::uint8_t version = reader.u8();
  const std::size_t rotations = reader.u8();
  bulletin.edition = reader.u32();
  bulletin.endorsements_from = reader.u32();
  const std::size_t revoked = reader.u16();
  bulletin.rotations = reader.bytes(rotations * kRotationBytes);
  bulletin.revoked = reader.bytes(revoked * sizeof(crypto::Digest));
  reader.copy(bulletin.signature);
  if (!message.empty() && version != kVersion) return Rejection::kWrongVersion;
  if (!reader.finished() || rotations > limits::kRotationsMax || revoked > limits::kRevokedIdentitiesMax)
    return Rejection::kMalformed;
  const bool sound =
      bulletin.edition > 0 && ascending(bulletin.revoked) && one_follows_from_the_other(bulletin);
  return sound ? Rejection::kNone : Rejection::kMalformed;
}

const char* describe(BulletinVerdict verdict) {
  switch (verdict) {
    case BulletinVerdict::kTaken:
      return "the authority's bulletin is in force";
    case BulletinVerdict::kKnown:
      return "the authority's bulletin is known already";
    case BulletinVerdict::kMalformed:
      return "the bulletin does not decode; bring the file that `sotto authority` wrote";
    case BulletinVerdict::kUntrusted:
      return "the bulletin is not by the authority that is believed in here, nor by one that follows from it";
    case BulletinVerdict::kOlder:
      return "the bulletin is older than the one in force: somebody has set it back; bring the newest";
    case BulletinVerdict::kContradicts:
      return "the bulletin says otherwise than the one in force with the same edition: the authority has "
             "signed twice, or its folder was set back";
  }
  return "unknown";
}

BulletinVerdict take_bulletin(Bytes message, Trust& trust) {
  Bulletin bulletin;
  if (!accepted(decode_bulletin(message, bulletin))) return BulletinVerdict::kMalformed;
  const crypto::Digest digest = crypto::sha256({without_signature(message)});  // each signing gives another
  if (trust.edition > 0 && digest == trust.bulletin) return BulletinVerdict::kKnown;
  Trust changed = trust;
  crypto::Es256Verifier verifier;
  if (!follow_rotations(bulletin, changed, verifier)) return BulletinVerdict::kUntrusted;
  const Statement says = bulletin_statement(without_signature(message));
  if (!verifier.verify(changed.authority, says.bytes(), bulletin.signature))
    return BulletinVerdict::kUntrusted;
  if (bulletin.edition < trust.edition) return BulletinVerdict::kOlder;
  if (bulletin.edition == trust.edition) return BulletinVerdict::kContradicts;
  changed.edition = bulletin.edition;
  changed.bulletin = digest;
  changed.endorsements_from = bulletin.endorsements_from;
  changed.revoked = bulletin.revoked;
  trust = changed;
  return BulletinVerdict::kTaken;
}

}  // namespace sotto::secagg
