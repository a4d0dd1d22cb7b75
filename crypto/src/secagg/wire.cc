// PROTOCOL.md sections 6.2, 6.3 and 6.5: messages, digests and derivations.
#include "sotto/secagg/wire.h"

#include <algorithm>
#include <bit>

#include "secagg/labels.h"
#include "sotto/base/check.h"

namespace sotto::secagg {
namespace {

std::array<std::uint8_t, 2> le16(std::uint16_t value) {
  std::array<std::uint8_t, 2> bytes;
  store_le(bytes.data(), value);
  return bytes;
}

std::array<std::uint8_t, 8> le64(std::uint64_t value) {
  std::array<std::uint8_t, 8> bytes;
  store_le(bytes.data(), value);
  return bytes;
}

}  // namespace

void encode_advertise(const AdvertisedKeys& keys, std::span<std::uint8_t, kAdvertiseBytes> out) {
  std::copy(keys.channel.begin(), keys.channel.end(), out.begin());
  std::copy(keys.mask.begin(), keys.mask.end(), out.begin() + crypto::kX25519Bytes);
}

Rejection decode_advertise(Bytes message, AdvertisedKeys& keys) {
  if (message.size() != kAdvertiseBytes) return Rejection::kMalformed;
  std::copy_n(message.begin(), crypto::kX25519Bytes, keys.channel.begin());
  std::copy_n(message.begin() + crypto::kX25519Bytes, crypto::kX25519Bytes, keys.mask.begin());
  return Rejection::kNone;
}

Rejection decode_join(Bytes message, Adversary adversary, JoinMessage& join) {
  if (message.size() != join_bytes(adversary)) return Rejection::kMalformed;
  const Rejection rejection = decode_advertise(message.first(kAdvertiseBytes), join.keys);
  if (!accepted(rejection) || !is_signed(adversary)) return rejection;
  return decode_credential(message.subspan(kAdvertiseBytes), join.credential);
}

Bytes Roster::entry_of(ParticipantIndex index) const {
  const std::size_t bytes = entry_bytes(adversary);
  SOTTO_CHECK(index.value < graph.participants && entries.size() == graph.participants * bytes);
  return entries.subspan(index.value * bytes, bytes);
}

AdvertisedKeys Roster::keys_of(ParticipantIndex index) const {
  AdvertisedKeys keys;
  SOTTO_CHECK(accepted(decode_advertise(entry_of(index).first(kAdvertiseBytes), keys)));
  return keys;
}

Bytes Roster::identity_of(ParticipantIndex index) const {
  SOTTO_CHECK(is_signed(adversary));
  return entry_of(index).last(kIdentityBytes);
}

Credential Roster::credential_of_rank(std::size_t rank) const {
  Credential credential;
  const Bytes bytes = credentials.subspan(rank * kCredentialBytes, kCredentialBytes);
  SOTTO_CHECK(accepted(decode_credential(bytes, credential)));
  return credential;
}

void encode_roster(const Roster& roster, MutableBytes out) {
  SOTTO_CHECK(roster.entries.size() == roster.graph.participants * entry_bytes(roster.adversary));
  ByteWriter writer(out);
  writer.u8(kWireVersion);
  writer.u8(static_cast<std::uint8_t>(roster.prg));
  writer.u8(roster.ring_bits);
  writer.u8(static_cast<std::uint8_t>(roster.adversary));
  writer.bytes(roster.session_id);
  writer.u16(roster.graph.participants);
  writer.u16(roster.graph.neighbours);
  writer.u16(roster.graph.threshold);
  writer.bytes(roster.entries);
  writer.bytes(roster.credentials);
  SOTTO_CHECK(writer.ok() && writer.written() == out.size());
}

Rejection decode_roster_header(Bytes header, Roster& roster) {
  ByteReader reader(header);
  const std::uint8_t version = reader.u8();
  const std::uint8_t prg = reader.u8();
  roster.ring_bits = reader.u8();
  const std::uint8_t adversary = reader.u8();
  reader.copy(roster.session_id);
  roster.graph.participants = reader.u16();
  roster.graph.neighbours = reader.u16();
  roster.graph.threshold = reader.u16();
  if (!header.empty() && version != kWireVersion) return Rejection::kWrongVersion;
  if (prg != static_cast<std::uint8_t>(crypto::Prg::kChaCha20) &&
      prg != static_cast<std::uint8_t>(crypto::Prg::kAes128Ctr)) {
    return Rejection::kMalformed;
  }
  if (adversary != static_cast<std::uint8_t>(Adversary::kCurious) &&
      adversary != static_cast<std::uint8_t>(Adversary::kSemiMalicious)) {
    return Rejection::kMalformed;
  }
  roster.prg = static_cast<crypto::Prg>(prg);
  roster.adversary = static_cast<Adversary>(adversary);
  return reader.finished() ? Rejection::kNone : Rejection::kMalformed;
}

Rejection decode_roster(Bytes message, Roster& roster) {
  const std::size_t header_bytes = std::min(message.size(), kRosterHeaderBytes);
  const Rejection rejection = decode_roster_header(message.first(header_bytes), roster);
  if (!accepted(rejection)) return rejection;
  ByteReader reader(message.subspan(header_bytes));
  roster.entries = reader.bytes(roster.graph.participants * entry_bytes(roster.adversary));
  roster.credentials =
      reader.bytes(is_signed(roster.adversary) ? roster.graph.neighbours * kCredentialBytes : 0);
  return reader.finished() ? Rejection::kNone : Rejection::kMalformed;
}

crypto::Digest roster_root(const Roster& roster) {
  return crypto::sha256({labels::kRoster, le16(roster.graph.participants), roster.entries});
}

crypto::Digest graph_seed(const Roster& roster, const crypto::Digest& root) {
  return crypto::sha256({labels::kGraph, roster.session_id, root});
}

crypto::Digest transcript_digest(const SessionContext& context, const Roster& roster,
                                 const crypto::Digest& root) {
  const std::array<std::uint8_t, 2> choices = {roster.ring_bits, static_cast<std::uint8_t>(roster.prg)};
  return crypto::sha256({labels::kTranscript, roster.session_id, le64(context.round), context.plan_digest,
                         context.model_digest, le16(roster.graph.participants), le16(roster.graph.neighbours),
                         le16(roster.graph.threshold), choices, root});
}

crypto::X25519PrivateKey mask_private_key(const Seed& mask_seed) {
  crypto::SecretBytes<crypto::kX25519Bytes> scalar;
  crypto::hkdf_sha256({.input_key = mask_seed.reveal(), .salt = {}, .info = labels::kMaskKey},
                      scalar.reveal_mutable());
  return crypto::X25519PrivateKey(scalar);
}

bool pair_mask_key(const crypto::X25519PrivateKey& own, const crypto::X25519PublicKey& peer,
                   const crypto::Hkdf& transcript, ParticipantIndex a, ParticipantIndex b, MaskKey& key) {
  crypto::SecretBytes<crypto::kX25519Bytes> shared;
  if (!own.agree(peer, shared)) return false;
  const auto info = labels::with_indices(labels::kPair, std::min(a, b), std::max(a, b));
  transcript.derive(shared.reveal(), info, key.reveal_mutable());
  return true;
}

// Both numbers are hashed, as they are in the key: somebody may advertise a key that differs from another's
// and agrees on the same secrets.
PairTag pair_tag(const MaskKey& key, const crypto::Digest& transcript, ParticipantIndex a,
                 ParticipantIndex b) {
  const crypto::Digest digest = crypto::sha256(
      {labels::kPairTag, transcript, le16(std::min(a, b).value), le16(std::max(a, b).value), key.reveal()});
  PairTag tag;
  std::copy_n(digest.begin(), tag.size(), tag.begin());
  return tag;
}

void self_mask_key(const Seed& self_seed, const crypto::Hkdf& transcript, ParticipantIndex owner,
                   MaskKey& key) {
  const auto info = labels::with_indices(labels::kSelf, owner);
  transcript.derive(self_seed.reveal(), info, key.reveal_mutable());
}

crypto::Digest self_seed_commitment(const Seed& self_seed, const crypto::Digest& transcript,
                                    ParticipantIndex owner) {
  return crypto::sha256({labels::kCommit, transcript, le16(owner.value), self_seed.reveal()});
}

std::optional<std::size_t> bitmap_count(Bytes bitmap, std::size_t bits) {
  std::size_t count = 0;
  for (const std::uint8_t byte : bitmap) count += static_cast<std::size_t>(std::popcount(byte));
  for (std::size_t bit = bits; bit < 8 * bitmap.size(); ++bit) {
    if (bitmap_test(bitmap, bit)) return std::nullopt;
  }
  return count;
}

}  // namespace sotto::secagg
