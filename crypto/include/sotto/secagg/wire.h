// The messages of a secure session and everything that is hashed or derived from them, for both sides.
// PROTOCOL.md gives every byte. Freestanding, no heap: decoders borrow from their input.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "sotto/base/bytes.h"
#include "sotto/base/ids.h"
#include "sotto/base/rejection.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/graph.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/shamir.h"

namespace sotto::secagg {

inline constexpr std::uint8_t kWireVersion = 1;
inline constexpr std::size_t kAdvertiseBytes = 64;
inline constexpr std::size_t kShareRecordBytes = 2 * kShareBytes + crypto::kAeadTagBytes;
inline constexpr std::size_t kRosterHeaderBytes = 26;
static_assert(kShareRecordBytes == 64);

using SessionId = std::array<std::uint8_t, 16>;

// What both sides know before the session begins: every mask key and share record is bound to it.
struct SessionContext {
  std::uint64_t round = 0;
  crypto::Digest plan_digest{};   // SHA-256 of the plan's bytes
  crypto::Digest model_digest{};  // SHA-256 of the model's bytes
  crypto::Prg prg = crypto::Prg::kChaCha20;
};

struct AdvertisedKeys {
  crypto::X25519PublicKey channel{};
  crypto::X25519PublicKey mask{};
  friend bool operator==(const AdvertisedKeys&, const AdvertisedKeys&) = default;
};
void encode_advertise(const AdvertisedKeys& keys, std::span<std::uint8_t, kAdvertiseBytes> out);
[[nodiscard]] Rejection decode_advertise(Bytes message, AdvertisedKeys& keys);

// Whether devices and their messages are signed.
[[nodiscard]] constexpr bool is_signed(Adversary adversary) { return adversary == Adversary::kSemiMalicious; }

// Join message: the keys, in signed sessions with the credential of join_statement(plan digest, keys).
struct JoinMessage {
  AdvertisedKeys keys;
  Credential credential;  // signed sessions only
};
[[nodiscard]] constexpr std::size_t join_bytes(Adversary adversary) {
  return kAdvertiseBytes + (is_signed(adversary) ? kCredentialBytes : 0);
}
// kMalformed for any other length. The credential is not verified.
[[nodiscard]] Rejection decode_join(Bytes message, Adversary adversary, JoinMessage& join);

inline constexpr std::size_t kIdentityBytes = sizeof(crypto::Digest);
// An entry of a roster: both keys, in signed sessions with the identity.
[[nodiscard]] constexpr std::size_t entry_bytes(Adversary adversary) {
  return kAdvertiseBytes + (is_signed(adversary) ? kIdentityBytes : 0);
}

// A decoded roster borrows its entries and credentials from the message.
struct Roster {
  crypto::Prg prg = crypto::Prg::kChaCha20;
  Adversary adversary = Adversary::kCurious;
  std::uint8_t ring_bits = 0;
  SessionId session_id{};
  GraphParameters graph;
  Bytes entries;        // participants * entry_bytes(adversary), in roster order
  Bytes credentials{};  // signed sessions: those of the receiver's neighbours, by rank

  [[nodiscard]] Bytes entry_of(ParticipantIndex index) const;
  [[nodiscard]] AdvertisedKeys keys_of(ParticipantIndex index) const;
  // Signed sessions only: kIdentityBytes.
  [[nodiscard]] Bytes identity_of(ParticipantIndex index) const;
  [[nodiscard]] Credential credential_of_rank(std::size_t rank) const;
};
// Of the part that is equal for everybody, and of the whole message.
[[nodiscard]] constexpr std::size_t roster_head_bytes(Adversary adversary, std::size_t participants) {
  return kRosterHeaderBytes + participants * entry_bytes(adversary);
}
[[nodiscard]] constexpr std::size_t roster_bytes(Adversary adversary, const GraphParameters& graph) {
  return roster_head_bytes(adversary, graph.participants) +
         (is_signed(adversary) ? graph.neighbours * kCredentialBytes : 0);
}
// Writes the head and `roster.credentials`. Requires that `out` has just room for them.
void encode_roster(const Roster& roster, MutableBytes out);
[[nodiscard]] Rejection decode_roster(Bytes message, Roster& roster);
// The first kRosterHeaderBytes of a roster alone; entries and credentials stay as they are.
[[nodiscard]] Rejection decode_roster_header(Bytes header, Roster& roster);

[[nodiscard]] crypto::Digest roster_root(const Roster& roster);
[[nodiscard]] crypto::Digest graph_seed(const Roster& roster, const crypto::Digest& root);
// The transcript every key of the session is bound to.
[[nodiscard]] crypto::Digest transcript_digest(const SessionContext& context, const Roster& roster,
                                               const crypto::Digest& root);

// Key derivations, see PROTOCOL.md "Keys". The functions that agree on a key return false for a small-order
// peer key. `transcript` salts the derivation; a digest is taken as well.
using MaskKey = crypto::SecretBytes<crypto::kPrgKeyBytes>;
[[nodiscard]] crypto::X25519PrivateKey mask_private_key(const Seed& mask_seed);
[[nodiscard]] bool pair_mask_key(const crypto::X25519PrivateKey& own, const crypto::X25519PublicKey& peer,
                                 const crypto::Hkdf& transcript, ParticipantIndex a, ParticipantIndex b,
                                 MaskKey& key);
// By which the ends of a pair show that they have one key, and a key that is released later can be told.
inline constexpr std::size_t kPairTagBytes = 8;
using PairTag = std::array<std::uint8_t, kPairTagBytes>;
[[nodiscard]] PairTag pair_tag(const MaskKey& key, const crypto::Digest& transcript, ParticipantIndex a,
                               ParticipantIndex b);
void self_mask_key(const Seed& self_seed, const crypto::Hkdf& transcript, ParticipantIndex owner,
                   MaskKey& key);
[[nodiscard]] crypto::Digest self_seed_commitment(const Seed& self_seed, const crypto::Digest& transcript,
                                                  ParticipantIndex owner);
// The sign with which `owner` applies the mask it shares with `peer`.
[[nodiscard]] constexpr MaskSign pair_mask_sign(ParticipantIndex owner, ParticipantIndex peer) {
  return owner < peer ? MaskSign::kAdd : MaskSign::kSubtract;
}

// Bitmaps over all participants or over one's k neighbours in ascending order, least significant bit first;
// unused bits are zero.
[[nodiscard]] constexpr std::size_t bitmap_bytes(std::size_t bits) { return (bits + 7) / 8; }
[[nodiscard]] constexpr bool bitmap_test(Bytes bitmap, std::size_t bit) {
  return (bitmap[bit / 8] >> (bit % 8) & 1) != 0;
}
constexpr void bitmap_set(MutableBytes bitmap, std::size_t bit) {
  bitmap[bit / 8] = static_cast<std::uint8_t>(bitmap[bit / 8] | 1u << (bit % 8));
}
// The number of set bits; nothing when one at or above `bits` is set.
[[nodiscard]] std::optional<std::size_t> bitmap_count(Bytes bitmap, std::size_t bits);

// Shares message: commitment || one record per neighbour || one tag per neighbour.
[[nodiscard]] constexpr std::size_t share_record_offset(std::size_t rank) {
  return sizeof(crypto::Digest) + rank * kShareRecordBytes;
}
[[nodiscard]] constexpr std::size_t shares_bytes(std::size_t neighbours) {
  return share_record_offset(neighbours) + neighbours * kPairTagBytes;
}
// Share delivery: bitmap of the neighbours alive || their records for this participant.
[[nodiscard]] constexpr std::size_t delivery_bytes(std::size_t neighbours, std::size_t alive) {
  return bitmap_bytes(neighbours) + alive * kShareRecordBytes;
}
// Confirm request: bitmap of survivors over all participants. Its answer is a signature.
[[nodiscard]] constexpr std::size_t confirm_request_bytes(std::size_t participants) {
  return bitmap_bytes(participants);
}
// Unmask request of signed sessions: bitmap of neighbours that confirmed || their signatures. Of other
// sessions: the confirm request.
[[nodiscard]] constexpr std::size_t unmask_request_bytes(std::size_t neighbours, std::size_t confirmed) {
  return bitmap_bytes(neighbours) + confirmed * crypto::kEs256SignatureBytes;
}
// Unmask answer: for every neighbour alive at delivery a share, kNoShare where its record did not open, and
// after the share of a missing one the pair key.
[[nodiscard]] constexpr std::size_t unmask_answer_bytes(std::size_t alive, std::size_t missing) {
  return alive * kShareBytes + missing * crypto::kPrgKeyBytes;
}
// Whoever answers has a threshold of surviving neighbours.
[[nodiscard]] constexpr std::size_t unmask_answer_bytes_max(const GraphParameters& graph) {
  return unmask_answer_bytes(graph.neighbours, graph.neighbours - graph.threshold);
}
inline constexpr Share kNoShare = [] {
  Share share{};
  share.fill(0xff);
  return share;
}();

}  // namespace sotto::secagg
