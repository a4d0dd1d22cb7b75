// PROTOCOL.md section 9.2.
#include "sotto/secagg/bulletin.h"

#include <algorithm>
#include <cstring>

#include "secagg/labels.h"
#include "sotto/base/check.h"

namespace sotto::secagg {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 12;

Statement rotation_statement(const Rotation& rotation) {
  std::array<std::uint8_t, 4> epoch;
  store_le(epoch.data(), rotation.epoch);
  return {labels::kRotation, rotation.before, rotation.after, epoch};
}

// Of the digest of all of a bulletin but its signature.
Statement bulletin_statement(const crypto::Digest& content) { return {labels::kBulletin, content}; }

Bytes without_signature(Bytes message) {
  return message.first(message.size() - crypto::kEs256SignatureBytes);
}

Rotation read_rotation(Bytes bytes) {
  ByteReader reader(bytes);
  Rotation rotation;
  reader.copy(rotation.before);
  reader.copy(rotation.after);
  rotation.epoch = reader.u32();
  reader.copy(rotation.by_before);
  reader.copy(rotation.by_after);
  return rotation;
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
  return read_rotation(rotations.subspan(index * kRotationBytes, kRotationBytes));
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
  writer.bytes(authority.sign(bulletin_statement(crypto::sha256({without_signature(out)})).bytes()));
  Bulletin decoded;
  SOTTO_CHECK(accepted(decode_bulletin(out, decoded)));
}

Rejection decode_bulletin(Bytes message, Bulletin& bulletin) {
  class Form final : public BulletinFields {
   public:
    using BulletinFields::BulletinFields;
  };
  Form form(message.size());
  form.take(message);
  if (!form.has_our_version()) return Rejection::kWrongVersion;
  if (!form.is_sound()) return Rejection::kMalformed;
  bulletin.edition = form.edition();
  bulletin.endorsements_from = form.endorsements_from();
  ByteReader reader(message);
  static_cast<void>(reader.bytes(kHeaderBytes));
  bulletin.rotations = reader.bytes(form.rotation_count() * kRotationBytes);
  bulletin.revoked = reader.bytes(form.revoked_count() * sizeof(crypto::Digest));
  reader.copy(bulletin.signature);
  return Rejection::kNone;
}

// ---- in pieces ----

std::size_t BulletinFields::field_bytes() const {
  if (taken_ < kHeaderBytes) return kHeaderBytes;
  if (rotations_read_ < rotations_) return kRotationBytes;
  return identities_read_ < revoked_ ? sizeof(crypto::Digest) : crypto::kEs256SignatureBytes;
}

void BulletinFields::take(Bytes piece) {
  if (taken_ == 0 && !piece.empty()) has_our_version_ = piece[0] == kVersion;
  is_sound_ = is_sound_ && piece.size() <= message_bytes_ - taken_ - filled_;
  while (is_sound_ && !piece.empty()) {
    const std::size_t bytes = std::min(field_bytes() - filled_, piece.size());
    std::memcpy(field_.data() + filled_, piece.data(), bytes);
    filled_ += bytes;
    piece = piece.subspan(bytes);
    if (filled_ == field_bytes()) {
      on_field(Bytes(field_).first(filled_));
      taken_ += filled_;
      filled_ = 0;
    }
  }
}

void BulletinFields::on_field(Bytes field) {
  if (taken_ < kHeaderBytes) {
    is_sound_ = take_header(field);
  } else if (rotations_read_ < rotations_) {
    is_sound_ = take_rotation(field);
  } else if (identities_read_ < revoked_) {
    is_sound_ = take_identity(field);
  } else {
    crypto::Es256Signature signature;
    std::copy(field.begin(), field.end(), signature.begin());
    on_signature(signature);
  }
}

bool BulletinFields::take_header(Bytes field) {
  ByteReader reader(field);
  const bool is_ours = reader.u8() == kVersion;
  rotations_ = reader.u8();
  edition_ = reader.u32();
  endorsements_from_ = reader.u32();
  revoked_ = reader.u16();
  return is_ours && edition_ > 0 && rotations_ <= limits::kRotationsMax &&
         revoked_ <= limits::kRevokedIdentitiesMax && message_bytes_ == bulletin_bytes(rotations_, revoked_);
}

// Each begins with the key with which the one before ends, and epochs grow from 1.
bool BulletinFields::take_rotation(Bytes field) {
  const Rotation rotation = read_rotation(field);
  if (rotation.epoch <= last_epoch_ || (rotations_read_ > 0 && rotation.before != last_after_)) return false;
  last_epoch_ = rotation.epoch;
  last_after_ = rotation.after;
  ++rotations_read_;
  on_rotation(rotation, rotations_read_ == rotations_);
  return true;
}

bool BulletinFields::take_identity(Bytes field) {
  if (identities_read_ > 0 && std::memcmp(last_identity_.data(), field.data(), field.size()) >= 0)
    return false;
  std::copy(field.begin(), field.end(), last_identity_.begin());
  ++identities_read_;
  return true;
}

BulletinReader::BulletinReader(const Trust& trust, std::size_t message_bytes)
    : BulletinFields(message_bytes),
      trust_(trust),
      changed_(trust),
      content_left_(message_bytes - std::min(message_bytes, crypto::kEs256SignatureBytes)) {
  changed_.authority_since = 0;
  changed_.authority_before = {};
}

void BulletinReader::take(Bytes piece) {
  const std::size_t of_content = std::min(piece.size(), content_left_);
  content_.update(piece.first(of_content));
  content_left_ -= of_content;
  BulletinFields::take(piece);
}

// How trust in one key becomes trust in the newest.
void BulletinReader::on_rotation(const Rotation& rotation, bool is_last) {
  crypto::Es256Verifier verifier;
  const Statement says = rotation_statement(rotation);
  follows_ = follows_ || rotation.before == trust_.authority;
  if (follows_) {
    is_untrusted_ = is_untrusted_ || !verifier.verify(rotation.before, says.bytes(), rotation.by_before);
    changed_.authority = rotation.after;
  }
  if (!is_last) return;
  const bool leads_here = rotation.after == changed_.authority;
  is_untrusted_ =
      is_untrusted_ || !leads_here || !verifier.verify(rotation.after, says.bytes(), rotation.by_after);
  changed_.authority_since = rotation.epoch;
  changed_.authority_before = rotation.before;
}

BulletinVerdict BulletinReader::end(Trust& changed) {
  if (!is_sound()) return BulletinVerdict::kMalformed;
  const crypto::Digest digest = content_.finish();  // each signing gives another signature
  if (trust_.edition > 0 && digest == trust_.bulletin) return BulletinVerdict::kKnown;
  if (is_untrusted_) return BulletinVerdict::kUntrusted;
  crypto::Es256Verifier verifier;
  if (!verifier.verify(changed_.authority, bulletin_statement(digest).bytes(), signature_))
    return BulletinVerdict::kUntrusted;
  if (edition() < trust_.edition) return BulletinVerdict::kOlder;
  if (edition() == trust_.edition) return BulletinVerdict::kContradicts;
  changed_.edition = edition();
  changed_.bulletin = digest;
  changed_.endorsements_from = endorsements_from();
  changed_.revoked = {};
  changed_.kept = nullptr;
  changed = changed_;
  return BulletinVerdict::kTaken;
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
  if (trust.edition > 0 && crypto::sha256({without_signature(message)}) == trust.bulletin) {
    return BulletinVerdict::kKnown;  // before any signature is verified
  }
  BulletinReader reader(trust, message.size());
  reader.take(message);
  Trust changed;
  const BulletinVerdict verdict = reader.end(changed);
  if (verdict != BulletinVerdict::kTaken) return verdict;
  changed.revoked = bulletin.revoked;
  trust = changed;
  return verdict;
}

}  // namespace sotto::secagg
