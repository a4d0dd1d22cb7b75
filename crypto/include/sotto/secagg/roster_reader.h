// A roster as a device reads it (PROTOCOL.md section 6.3): in chunks of any size, in three passes over the
// same bytes, so that its memory grows with its neighbours and not with its cohort. Freestanding, no heap.
//
//   1. commits to all entries and finds the device's own; then the neighbours are known
//   2. keeps the neighbours' entries
//   3. looks for their keys in other entries and for identities that occur twice, and checks credentials
//
// Every pass is hashed and must give the first pass's root: whoever brings the roster cannot change it on the
// way. Of several rules broken any may be named.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "sotto/base/ids.h"
#include "sotto/base/rejection.h"
#include "sotto/secagg/identity.h"
#include "sotto/secagg/wire.h"

namespace sotto::secagg {

// Per-neighbour working memory of a session, supplied by the caller so that a board chooses its largest
// cohort. Wiped by Participant.
struct NeighbourSlot {
  std::uint16_t index = 0;
  bool alive = false;     // has shared
  bool survives = false;  // is in the set of survivors
  // Signed sessions: whose signature confirms. While the roster is read it begins with the identity listed.
  crypto::Es256PublicKey identity{};
  // Agreed once, for the records of both directions.
  crypto::SecretBytes<crypto::kX25519Bytes> channel_secret;
  // Agreed once: it is applied, and released if the neighbour goes missing.
  MaskKey pair_key;
  // Of the share delivery. While the roster is read: the neighbour's keys.
  std::array<std::uint8_t, kShareRecordBytes> record{};

  [[nodiscard]] AdvertisedKeys listed_keys() const;
  [[nodiscard]] bool missing() const { return alive && !survives; }  // known once it is told who survives
};

// What the device itself demands of a session: its plan's fields and its own policy.
struct ParticipantRules {
  std::uint16_t cohort_min = 3;  // refuse smaller cohorts: the plan's minimum or the device's, the larger
  std::uint16_t participants_max = 257;  // the plan's ring is sized for this many
  Adversary adversary = Adversary::kSemiMalicious;
  // Neighbours and threshold that do not withstand these are refused (parameters.h).
  float corrupt_fraction = 0.1f;
  float dropout_fraction = 0.1f;
  std::uint16_t honest_min = 0;  // honest members that any sum must hold: the plan's or the device's
  // Seconds since the Unix epoch when the session began: neighbours whose endorsements have ended by then are
  // refused. A board without a clock leaves that to the coordinator, the helper and revocation.
  std::uint64_t now = kNoClock;

  [[nodiscard]] std::size_t minimum() const;     // participants, at least
  [[nodiscard]] std::uint8_t ring_bits() const;  // of the plan's ring
};

// What a roster is read against. Borrowed: all of it must outlive the reader.
struct RosterReaderInput {
  const SessionContext& context;
  const ParticipantRules& rules;
  const AdvertisedKeys& own_keys;
  const Identity* identity;        // signed sessions only
  std::span<NeighbourSlot> slots;  // one a neighbour
  std::span<std::uint16_t> order;  // one a participant: the permutation, then what tells identities apart
};

class RosterReader {
 public:
  explicit RosterReader(const RosterReaderInput& input);
  RosterReader(const RosterReader&) = delete;
  RosterReader& operator=(const RosterReader&) = delete;

  // The roster lies in memory that nobody changes: passes after the first need not be hashed.
  void trust_memory() { memory_is_trusted_ = true; }
  // The next bytes of the message.
  [[nodiscard]] Rejection take(Bytes chunk);
  // The message has ended. `again`: it is to be read once more, from its beginning.
  [[nodiscard]] Rejection end(bool& again);
  [[nodiscard]] bool finished() const { return pass_ == Pass::kFinished; }

  // Known once finished(); the neighbours are in the slots.
  [[nodiscard]] const GraphParameters& graph() const { return head_.graph; }
  [[nodiscard]] ParticipantIndex index() const { return index_; }
  [[nodiscard]] const crypto::Digest& transcript() const { return transcript_; }

 private:
  enum class Pass : std::uint8_t { kCommit, kKeep, kCompare, kFinished };
  enum class Part : std::uint8_t { kHeader, kEntries, kCredentials, kNothing };
  static constexpr std::size_t kHashKeyWords = sizeof(crypto::Digest) / 4 + 1;
  static constexpr std::size_t kSmallCohort = 64;

  [[nodiscard]] bool is_signed() const { return secagg::is_signed(input_.rules.adversary); }
  [[nodiscard]] std::size_t piece_bytes() const;
  [[nodiscard]] bool hashes() const { return pass_ == Pass::kCommit || !memory_is_trusted_; }
  [[nodiscard]] std::span<NeighbourSlot> neighbours() { return input_.slots.first(head_.graph.neighbours); }
  [[nodiscard]] std::span<std::uint16_t> tags();

  Rejection take_pieces(Bytes pieces);
  Rejection read_header(Bytes header);
  [[nodiscard]] Rejection check_header() const;
  Rejection read_entry(Bytes entry);
  void find_self(Bytes entry);
  void keep(Bytes entry);
  Rejection compare(Bytes entry);
  [[nodiscard]] bool repeats_neighbour(Bytes entry);
  [[nodiscard]] bool repeats_identity(Bytes identity);
  Rejection end_entries();
  Rejection choose_neighbours(const crypto::Digest& root);
  void list_suspects();
  Rejection check_credential(Bytes credential);
  [[nodiscard]] std::uint16_t tag_of(Bytes identity) const;
  [[nodiscard]] std::uint64_t long_tag_of(Bytes identity) const;

  RosterReaderInput input_;
  bool memory_is_trusted_ = false;
  Pass pass_ = Pass::kCommit;
  Part part_ = Part::kHeader;
  std::size_t number_ = 0;  // of the entry or credential that comes next
  // What has come of the next piece.
  std::array<std::uint8_t, kCredentialBytes> piece_{};
  std::size_t filled_ = 0;

  std::array<std::uint8_t, kRosterHeaderBytes> header_{};
  Roster head_;  // without entries and credentials
  std::optional<crypto::Sha256> hash_;
  std::optional<crypto::Es256Verifier> verifier_;
  crypto::Digest own_identity_{};
  crypto::Digest root_{};
  crypto::Digest transcript_{};
  ParticipantIndex index_;
  std::size_t own_entries_ = 0;  // that hold a key of the device's
  bool own_entry_is_complete_ = false;
  std::size_t rank_ = 0;  // of the neighbour whose entry comes next

  // Identities are told apart by 16 bits of a hash first, whose key follows from the root, so that nobody can
  // choose identities by it. Those that share their bits with another are suspects, about n^2 / 2^16 of them;
  // 64 bits of another hash tell these apart.
  std::array<std::uint64_t, kHashKeyWords> hash_key_{};
  // Cohorts up to this size have too little room in `order`.
  std::array<std::uint16_t, kSmallCohort> small_tags_{};
  // At the front of tags(): those that occur twice or more, ascending. After them 64 bits of each suspect so
  // far.
  std::size_t suspect_tags_ = 0;
  std::size_t suspects_ = 0;
};

}  // namespace sotto::secagg
