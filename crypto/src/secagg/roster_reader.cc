// PROTOCOL.md section 6.3.
#include "sotto/secagg/roster_reader.h"

#include <algorithm>
#include <cstring>

#include "secagg/ascending.h"
#include "secagg/labels.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"
#include "sotto/secagg/parameters.h"

namespace sotto::secagg {
namespace {

constexpr std::size_t kTagsOfSuspect = sizeof(std::uint64_t) / sizeof(std::uint16_t);

Bytes channel_key_of(Bytes entry) { return entry.first(crypto::kX25519Bytes); }
Bytes mask_key_of(Bytes entry) { return entry.subspan(crypto::kX25519Bytes, crypto::kX25519Bytes); }
Bytes identity_in(Bytes entry) { return entry.last(kIdentityBytes); }

bool equal(Bytes a, Bytes b) { return std::memcmp(a.data(), b.data(), crypto::kX25519Bytes) == 0; }

// Eight bytes decide nearly every comparison.
std::uint64_t beginning(Bytes key) { return load_le<std::uint64_t>(key.data()); }

bool holds_key(Bytes entry, Bytes key) {
  return equal(channel_key_of(entry), key) || equal(mask_key_of(entry), key);
}

static_assert(sizeof(NeighbourSlot::record) == kAdvertiseBytes);

MutableBytes listed_identity(NeighbourSlot& slot) {
  return MutableBytes(slot.identity).first(kIdentityBytes);
}

}  // namespace

AdvertisedKeys NeighbourSlot::listed_keys() const {
  AdvertisedKeys keys;
  SOTTO_CHECK(accepted(decode_advertise(record, keys)));
  return keys;
}

std::size_t ParticipantRules::minimum() const {
  return std::max<std::size_t>(cohort_min, limits::kParticipantsMin);
}

std::uint8_t ParticipantRules::ring_bits() const { return RingLayout(participants_max, 1).bits(); }

RosterReader::RosterReader(const RosterReaderInput& input) : input_(input) {
  if (is_signed()) own_identity_ = identity_of(input.identity->signer.public_key());
}

// The tags' memory: as long as `order`, or longer in a small cohort.
std::span<std::uint16_t> RosterReader::tags() {
  const std::size_t participants = head_.graph.participants;
  return participants < kSmallCohort ? std::span<std::uint16_t>(small_tags_)
                                     : input_.order.first(participants);
}

std::size_t RosterReader::piece_bytes() const {
  switch (part_) {
    case Part::kHeader:
      return kRosterHeaderBytes;
    case Part::kEntries:
      return entry_bytes(input_.rules.adversary);
    case Part::kCredentials:
      return kCredentialBytes;
    case Part::kNothing:
      break;
  }
  return 0;
}

Rejection RosterReader::take(Bytes chunk) {
  if (finished()) return Rejection::kWrongPhase;
  while (!chunk.empty()) {
    const std::size_t size = piece_bytes();
    if (size == 0) return Rejection::kMalformed;  // longer than its header says
    Bytes pieces;
    if (filled_ == 0 && chunk.size() >= size) {
      const std::size_t left = part_ == Part::kEntries ? head_.graph.participants - number_ : 1;
      pieces = chunk.first(std::min(left, chunk.size() / size) * size);
      chunk = chunk.subspan(pieces.size());
    } else {
      const std::size_t count = std::min(size - filled_, chunk.size());
      std::memcpy(piece_.data() + filled_, chunk.data(), count);
      filled_ += count;
      chunk = chunk.subspan(count);
      if (filled_ < size) return Rejection::kNone;
      filled_ = 0;
      pieces = Bytes(piece_).first(size);
    }
    if (const Rejection rejection = take_pieces(pieces); !accepted(rejection)) return rejection;
  }
  return Rejection::kNone;
}

// One header, one credential, or some entries.
Rejection RosterReader::take_pieces(Bytes pieces) {
  if (part_ == Part::kHeader) return read_header(pieces);
  if (part_ == Part::kCredentials) return check_credential(pieces);
  if (hashes()) hash_->update(pieces);
  const std::size_t size = piece_bytes();
  for (; !pieces.empty(); pieces = pieces.subspan(size), ++number_) {
    if (const Rejection rejection = read_entry(pieces.first(size)); !accepted(rejection)) return rejection;
  }
  return number_ == head_.graph.participants ? end_entries() : Rejection::kNone;
}

Rejection RosterReader::read_header(Bytes header) {
  if (pass_ == Pass::kCommit) {
    Rejection rejection = decode_roster_header(header, head_);
    if (accepted(rejection)) rejection = check_header();
    if (!accepted(rejection)) return rejection;
    std::copy(header.begin(), header.end(), header_.begin());
  } else if (!std::equal(header.begin(), header.end(), header_.begin())) {
    return Rejection::kMalformed;  // another roster than that of the first pass
  }
  part_ = Part::kEntries;
  number_ = 0;
  if (!hashes()) return Rejection::kNone;
  std::array<std::uint8_t, 2> participants;
  store_le(participants.data(), head_.graph.participants);
  hash_.emplace();
  hash_->update(labels::kRoster);
  hash_->update(participants);
  return Rejection::kNone;
}

Rejection RosterReader::check_header() const {
  const ParticipantRules& rules = input_.rules;
  const GraphParameters& graph = head_.graph;
  if (head_.prg != input_.context.prg || head_.ring_bits != rules.ring_bits() ||
      head_.adversary != rules.adversary)
    return Rejection::kBadParameters;
  if (graph.participants < rules.minimum()) return Rejection::kCohortTooSmall;
  if (graph.participants > rules.participants_max) return Rejection::kBadParameters;
  const bool fits = graph.participants <= input_.order.size() && graph.neighbours <= input_.slots.size();
  if (!fits) return Rejection::kBadParameters;
  const bool withstands = graph_withstands(graph, {.participants = graph.participants,
                                                   .adversary = rules.adversary,
                                                   .corrupt_fraction = rules.corrupt_fraction,
                                                   .dropout_fraction = rules.dropout_fraction,
                                                   .honest_min = rules.honest_min});
  return withstands ? Rejection::kNone : Rejection::kBadParameters;
}

Rejection RosterReader::read_entry(Bytes entry) {
  switch (pass_) {
    case Pass::kCommit:
      find_self(entry);
      return Rejection::kNone;
    case Pass::kKeep:
      keep(entry);
      return Rejection::kNone;
    case Pass::kCompare:
      return compare(entry);
    case Pass::kFinished:
      break;
  }
  return Rejection::kWrongPhase;
}

// ---- first pass ----

void RosterReader::find_self(Bytes entry) {
  const Bytes channel = input_.own_keys.channel;
  const Bytes mask = input_.own_keys.mask;
  if (!holds_key(entry, channel) && !holds_key(entry, mask)) return;
  ++own_entries_;
  index_ = {static_cast<std::uint16_t>(number_)};
  own_entry_is_complete_ = equal(channel_key_of(entry), channel) && equal(mask_key_of(entry), mask) &&
                           (!is_signed() || equal(identity_in(entry), own_identity_));
}

Rejection RosterReader::end_entries() {
  part_ = is_signed() ? Part::kCredentials : Part::kNothing;
  number_ = 0;
  if (hashes()) {
    const crypto::Digest root = hash_->finish();
    if (pass_ == Pass::kCommit) root_ = root;
    if (root != root_) return Rejection::kMalformed;  // other entries than those of the first pass
  }
  if (pass_ == Pass::kCommit) {
    const bool found = own_entries_ == 1 && own_entry_is_complete_;
    return found ? choose_neighbours(root_) : Rejection::kBadKey;
  }
  if (!is_signed()) return Rejection::kNone;
  if (pass_ == Pass::kKeep) {
    list_suspects();
  } else {
    verifier_.emplace();
  }
  return Rejection::kNone;
}

Rejection RosterReader::choose_neighbours(const crypto::Digest& root) {
  transcript_ = transcript_digest(input_.context, head_, root);
  const MutableBytes hash_key(reinterpret_cast<std::uint8_t*>(hash_key_.data()), sizeof hash_key_);
  crypto::hkdf_sha256({.input_key = root, .salt = {}, .info = labels::kIdentityTags}, hash_key);
  const std::span<std::uint16_t> order = input_.order.first(head_.graph.participants);
  permute(graph_seed(head_, root), order);
  const std::span<const std::uint16_t> chosen = neighbours_in_place(index_, head_.graph.neighbours, order);
  for (std::size_t rank = 0; rank < chosen.size(); ++rank) {
    input_.slots[rank] = {};
    input_.slots[rank].index = chosen[rank];
  }
  return Rejection::kNone;
}

// ---- second pass ----

void RosterReader::keep(Bytes entry) {
  if (is_signed()) tags()[number_] = tag_of(identity_in(entry));
  if (rank_ == head_.graph.neighbours || input_.slots[rank_].index != number_) return;
  NeighbourSlot& slot = input_.slots[rank_++];
  const Bytes keys = entry.first(kAdvertiseBytes);
  std::copy(keys.begin(), keys.end(), slot.record.begin());
  if (!is_signed()) return;
  const Bytes identity = identity_in(entry);
  std::copy(identity.begin(), identity.end(), listed_identity(slot).begin());
}

// Leaves in front of tags() those that occur more than once.
void RosterReader::list_suspects() {
  const std::span<std::uint16_t> all = tags().first(head_.graph.participants);
  sort_ascending(all);
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i] != all[i - 1]) continue;
    const bool listed = suspect_tags_ > 0 && all[suspect_tags_ - 1] == all[i];
    if (!listed) all[suspect_tags_++] = all[i];
  }
}

// A multilinear hash modulo 2^64 (Lemire and Kaser 2014): two identities have the same 16 bits with a
// probability of 2^-16. It decides how much is looked at again, nothing else.
std::uint16_t RosterReader::tag_of(Bytes identity) const {
  std::uint64_t sum = hash_key_[0];
  for (std::size_t i = 1; i < hash_key_.size(); ++i)
    sum += hash_key_[i] * load_le<std::uint32_t>(identity.data() + 4 * (i - 1));
  return static_cast<std::uint16_t>(sum >> 48);
}

// ---- third pass ----

Rejection RosterReader::compare(Bytes entry) {
  if (repeats_neighbour(entry)) return Rejection::kBadKey;
  const bool repeats = is_signed() && suspect_tags_ > 0 && repeats_identity(identity_in(entry));
  return repeats ? Rejection::kBadKey : Rejection::kNone;
}

// Whether this entry holds a key of a neighbour's, across both columns, and is not that neighbour's own.
bool RosterReader::repeats_neighbour(Bytes entry) {
  const std::uint64_t channel = beginning(channel_key_of(entry));
  const std::uint64_t mask = beginning(mask_key_of(entry));
  for (const NeighbourSlot& slot : neighbours()) {
    const std::uint64_t their_channel = beginning(channel_key_of(slot.record));
    const std::uint64_t their_mask = beginning(mask_key_of(slot.record));
    const bool differs =
        channel != their_channel && channel != their_mask && mask != their_channel && mask != their_mask;
    if (differs || slot.index == number_) continue;
    if (holds_key(entry, channel_key_of(slot.record)) || holds_key(entry, mask_key_of(slot.record)))
      return true;
  }
  return false;
}

// Whether an entry before had this identity. Two different ones are taken for equal with a probability below
// 2^-43 in the largest cohort. More suspects than there is room for do not come about by chance either.
bool RosterReader::repeats_identity(Bytes identity) {
  const std::span<std::uint16_t> listed = tags().first(suspect_tags_);
  if (!std::binary_search(listed.begin(), listed.end(), tag_of(identity))) return false;
  const std::span<std::uint16_t> room = tags().subspan(suspect_tags_);
  const std::uint64_t own = long_tag_of(identity);
  for (std::size_t i = 0; i < suspects_; ++i) {
    if (std::memcmp(&room[i * kTagsOfSuspect], &own, sizeof own) == 0) return true;
  }
  if ((suspects_ + 1) * kTagsOfSuspect > room.size()) return true;
  std::memcpy(&room[suspects_ * kTagsOfSuspect], &own, sizeof own);
  ++suspects_;
  return false;
}

std::uint64_t RosterReader::long_tag_of(Bytes identity) const {
  const Bytes key(reinterpret_cast<const std::uint8_t*>(hash_key_.data()), sizeof hash_key_);
  return load_le<std::uint64_t>(crypto::sha256({key, identity}).data());
}

Rejection RosterReader::check_credential(Bytes message) {
  const std::size_t rank = number_++;
  if (number_ == head_.graph.neighbours) part_ = Part::kNothing;
  if (pass_ != Pass::kCompare) return Rejection::kNone;
  NeighbourSlot& slot = input_.slots[rank];
  Credential credential;
  if (const Rejection rejection = decode_credential(message, credential); !accepted(rejection))
    return rejection;
  if (!equal(identity_of(credential.key), listed_identity(slot))) return Rejection::kBadSignature;
  const Statement joined = join_statement(input_.context.plan_digest, slot.record);
  const CredentialCheck check{.role = Role::kDevice,
                              .trust = input_.identity->trust,
                              .message = joined.bytes(),
                              .now = input_.rules.now,
                              .verified = input_.identity->verified};
  if (const Rejection rejection = secagg::check_credential(credential, check, *verifier_);
      !accepted(rejection))
    return rejection;
  slot.identity = credential.key;
  return Rejection::kNone;
}

// ---- the end of a pass ----

Rejection RosterReader::end(bool& again) {
  again = false;
  if (part_ != Part::kNothing || filled_ != 0) return Rejection::kMalformed;  // shorter than its header says
  part_ = Part::kHeader;
  switch (pass_) {
    case Pass::kCommit:
      pass_ = Pass::kKeep;
      break;
    case Pass::kKeep:
      pass_ = Pass::kCompare;
      break;
    case Pass::kCompare:
      pass_ = Pass::kFinished;
      return Rejection::kNone;
    case Pass::kFinished:
      return Rejection::kWrongPhase;
  }
  again = true;
  return Rejection::kNone;
}

}  // namespace sotto::secagg
