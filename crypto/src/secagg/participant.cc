// PROTOCOL.md section 6, the device's side.
#include "sotto/secagg/participant.h"

#include <algorithm>

#include "secagg/labels.h"
#include "sotto/base/check.h"
#include "sotto/base/limits.h"

namespace sotto::secagg {
namespace {

constexpr std::array<std::uint8_t, crypto::kAeadNonceBytes> kZeroNonce{};  // every share key seals one record
constexpr std::size_t kShareAssociatedBytes = sizeof(crypto::Digest) + 2 * sizeof(std::uint16_t);
using ShareKey = crypto::SecretBytes<crypto::kAeadKeyBytes>;
using SharePair = crypto::SecretBytes<2 * kShareBytes>;  // of the self seed, then of the mask seed

std::array<std::uint8_t, kShareAssociatedBytes> share_associated_data(const crypto::Digest& transcript,
                                                                      ParticipantIndex from,
                                                                      ParticipantIndex to) {
  std::array<std::uint8_t, kShareAssociatedBytes> bytes;
  ByteWriter writer(bytes);
  writer.bytes(transcript);
  writer.u16(from.value);
  writer.u16(to.value);
  return bytes;
}

// PROTOCOL.md section 6.5.
void derive_share_key(const crypto::SecretBytes<crypto::kX25519Bytes>& channel_secret,
                      const crypto::Hkdf& transcript, ParticipantIndex from, ParticipantIndex to,
                      ShareKey& key) {
  const auto info = labels::with_indices(labels::kShare, from, to);
  transcript.derive(channel_secret.reveal(), info, key.reveal_mutable());
}

bool holds_key(const AdvertisedKeys& keys, const crypto::X25519PublicKey& key) {
  return keys.channel == key || keys.mask == key;
}

// Finds the one entry that holds both own keys. False when there is none, or when either key occurs anywhere
// else.
bool find_self(const Roster& roster, const AdvertisedKeys& own, ParticipantIndex& index) {
  std::size_t entries_with_own_keys = 0;
  bool complete = false;
  for (std::uint16_t i = 0; i < roster.graph.participants; ++i) {
    const AdvertisedKeys keys = roster.keys_of({i});
    if (!holds_key(keys, own.channel) && !holds_key(keys, own.mask)) continue;
    ++entries_with_own_keys;
    complete = keys == own;
    index = {i};
  }
  return entries_with_own_keys == 1 && complete;
}

// True when a key of entry `index` is in another entry too. A device asks this of every neighbour, so that
// eight bytes decide first.
bool repeats_key(const Roster& roster, ParticipantIndex index) {
  const AdvertisedKeys own = roster.keys_of(index);
  const auto beginning = [](const std::uint8_t* key) { return load_le<std::uint64_t>(key); };
  const std::uint64_t channel = beginning(own.channel.data());
  const std::uint64_t mask = beginning(own.mask.data());
  const std::uint8_t* entry = roster.entries.data();
  for (std::uint16_t i = 0; i < roster.graph.participants; ++i, entry += kAdvertiseBytes) {
    const std::uint64_t other_channel = beginning(entry);
    const std::uint64_t other_mask = beginning(entry + crypto::kX25519Bytes);
    const bool differs =
        other_channel != channel && other_channel != mask && other_mask != channel && other_mask != mask;
    if (differs || i == index.value) continue;
    const AdvertisedKeys other = roster.keys_of({i});
    if (holds_key(other, own.channel) || holds_key(other, own.mask)) return true;
  }
  return false;
}

// PROTOCOL.md section 6.3: what a device demands of n, k and t.
Rejection check_graph(const GraphParameters& graph, const ParticipantRules& rules) {
  const std::size_t n = graph.participants;
  const std::size_t k = graph.neighbours;
  const std::size_t t = graph.threshold;
  if (n < std::max<std::size_t>(rules.cohort_min, limits::kParticipantsMin))
    return Rejection::kCohortTooSmall;
  if (n > rules.participants_max) return Rejection::kBadParameters;
  const bool complete = k == n - 1;
  const bool regular = k >= 2 && k % 2 == 0 && k < n - 1;
  if (!complete && !regular) return Rejection::kBadParameters;
  if (t < 1 || t > k) return Rejection::kBadParameters;
  if (!rules.allow_minority_threshold && 2 * t <= k) return Rejection::kBadParameters;
  return Rejection::kNone;
}

// The number of set bits, or -1 when a bit at or above `neighbours` is set.
int count_bits(Bytes bitmap, std::size_t neighbours) {
  int count = 0;
  for (std::size_t rank = 0; rank < 8 * bitmap.size(); ++rank) {
    if (!bitmap_test(bitmap, rank)) continue;
    if (rank >= neighbours) return -1;
    ++count;
  }
  return count;
}

}  // namespace

Participant::Participant(const SessionContext& context, const ParticipantRules& rules,
                         std::span<NeighbourSlot> slots, std::span<std::uint16_t> order, Random& random)
    : context_(context), rules_(rules), slots_(slots), order_(order), random_(random) {
  ring_bits_ = RingLayout(rules.participants_max, 1).bits();
}

Participant::~Participant() { wipe_secrets(); }

Rejection Participant::advertise(std::span<std::uint8_t, kAdvertiseBytes> out) {
  if (state_ != State::kAdvertise) return fail(Rejection::kWrongPhase);
  crypto::SecretBytes<crypto::kX25519Bytes> scalar;
  random_.fill(scalar.reveal_mutable());
  channel_key_.emplace(scalar);
  random_.fill(mask_seed_.reveal_mutable());
  mask_key_.emplace(mask_private_key(mask_seed_));
  own_keys_ = {.channel = channel_key_->public_key(), .mask = mask_key_->public_key()};
  encode_advertise(own_keys_, out);
  state_ = State::kRoster;
  return Rejection::kNone;
}

Rejection Participant::receive_roster(Bytes roster_message, MutableBytes out, std::size_t& written) {
  written = 0;
  if (state_ != State::kRoster) return fail(Rejection::kWrongPhase);
  Roster roster;
  Rejection rejection = decode_roster(roster_message, roster);
  if (accepted(rejection)) rejection = check_roster(roster);
  if (accepted(rejection)) rejection = choose_neighbours(roster);
  if (accepted(rejection)) rejection = write_shares(out);
  if (!accepted(rejection)) return fail(rejection);
  written = shares_bytes(graph_.neighbours);
  state_ = State::kDelivery;
  return Rejection::kNone;
}

Rejection Participant::check_roster(const Roster& roster) {
  if (roster.prg != context_.prg || roster.ring_bits != ring_bits_) return Rejection::kBadParameters;
  const Rejection rejection = check_graph(roster.graph, rules_);
  if (!accepted(rejection)) return rejection;
  const bool fits = roster.graph.participants <= order_.size() && roster.graph.neighbours <= slots_.size();
  if (!fits) return Rejection::kBadParameters;
  return find_self(roster, own_keys_, index_) ? Rejection::kNone : Rejection::kBadKey;
}

Rejection Participant::choose_neighbours(const Roster& roster) {
  graph_ = roster.graph;
  const crypto::Digest root = roster_root(roster);
  transcript_ = transcript_digest(context_, roster, root);
  const std::span<std::uint16_t> order = order_.first(graph_.participants);
  permute(graph_seed(roster, root), order);
  const std::span<const std::uint16_t> neighbours = neighbours_in_place(index_, graph_.neighbours, order);
  for (std::size_t rank = 0; rank < graph_.neighbours; ++rank) {
    const ParticipantIndex neighbour{neighbours[rank]};
    if (repeats_key(roster, neighbour)) return Rejection::kBadKey;
    const AdvertisedKeys keys = roster.keys_of(neighbour);
    NeighbourSlot& slot = slots_[rank];
    slot = {};
    slot.index = neighbour.value;
    slot.mask_key = keys.mask;
    if (!channel_key_->agree(keys.channel, slot.channel_secret)) return Rejection::kBadKey;
  }
  channel_key_.reset();
  return Rejection::kNone;
}

Rejection Participant::write_shares(MutableBytes out) {
  if (out.size() < shares_bytes(graph_.neighbours)) return Rejection::kWrongLength;
  random_.fill(self_seed_.reveal_mutable());
  SeedSharing self_sharing(self_seed_, graph_.threshold, random_);
  SeedSharing mask_sharing(mask_seed_, graph_.threshold, random_);
  const crypto::Hkdf transcript(transcript_);
  ByteWriter writer(out);
  writer.bytes(self_seed_commitment(self_seed_, transcript_, index_));
  for (const NeighbourSlot& slot : slots_.first(graph_.neighbours)) {
    const ParticipantIndex neighbour{slot.index};
    ShareKey key;
    derive_share_key(slot.channel_secret, transcript, index_, neighbour, key);
    SharePair shares;
    for (const bool is_self : {true, false}) {
      const Share share = (is_self ? self_sharing : mask_sharing).share_at(slot.index + 1u);
      std::copy(share.begin(), share.end(), shares.reveal_mutable().begin() + (is_self ? 0 : kShareBytes));
    }
    const auto associated_data = share_associated_data(transcript_, index_, neighbour);
    crypto::aead_seal({.key = key, .nonce = kZeroNonce, .associated_data = associated_data}, shares.reveal(),
                      writer.reserve(kShareRecordBytes));
  }
  return Rejection::kNone;
}

Rejection Participant::receive_delivery(Bytes delivery) {
  if (state_ != State::kDelivery) return fail(Rejection::kWrongPhase);
  ByteReader reader(delivery);
  const Bytes bitmap = reader.bytes(bitmap_bytes(graph_.neighbours));
  const int alive = count_bits(bitmap, graph_.neighbours);
  if (!reader.ok() || alive < 0) return fail(Rejection::kMalformed);
  if (reader.remaining() != static_cast<std::size_t>(alive) * kShareRecordBytes)
    return fail(Rejection::kMalformed);
  if (alive < graph_.threshold) return fail(Rejection::kTooFewSurvivors);
  for (std::size_t rank = 0; rank < graph_.neighbours; ++rank) {
    NeighbourSlot& slot = slots_[rank];
    slot.alive = bitmap_test(bitmap, rank);
    if (slot.alive) reader.copy(slot.record);
  }
  state_ = State::kMask;
  return Rejection::kNone;
}

Rejection Participant::mask(const RingLayout& layout, MutableBytes ring) {
  const Rejection rejection = apply_masks(layout, ring);
  if (!accepted(rejection)) {
    crypto::wipe(ring);
    return fail(rejection);
  }
  // Nothing needs these any more; what remains opens the neighbours' records.
  mask_key_.reset();
  crypto::wipe(mask_seed_.reveal_mutable());
  crypto::wipe(self_seed_.reveal_mutable());
  state_ = State::kUnmask;
  return Rejection::kNone;
}

Rejection Participant::apply_masks(const RingLayout& layout, MutableBytes ring) {
  if (state_ != State::kMask) return Rejection::kWrongPhase;
  if (layout.bits() != ring_bits_) return Rejection::kBadParameters;
  if (ring.size() != layout.byte_count()) return Rejection::kWrongLength;
  crypto::Keystream stream(context_.prg);
  const crypto::Hkdf transcript(transcript_);
  MaskKey key;
  self_mask_key(self_seed_, transcript, index_, key);
  stream.rekey(key);
  ring_apply_mask(layout, ring, stream, MaskSign::kAdd);
  for (const NeighbourSlot& slot : slots_.first(graph_.neighbours)) {
    if (!slot.alive) continue;
    const ParticipantIndex neighbour{slot.index};
    if (!pair_mask_key(*mask_key_, slot.mask_key, transcript, index_, neighbour, key))
      return Rejection::kBadKey;
    stream.rekey(key);
    ring_apply_mask(layout, ring, stream, pair_mask_sign(index_, neighbour));
  }
  return Rejection::kNone;
}

Rejection Participant::receive_unmask(Bytes request, MutableBytes out, std::size_t& written) {
  written = 0;
  if (state_ != State::kUnmask) return fail(Rejection::kWrongPhase);
  const std::size_t neighbours = graph_.neighbours;
  if (request.size() != unmask_request_bytes(neighbours)) return fail(Rejection::kMalformed);
  const Bytes survivors = request.first(bitmap_bytes(neighbours));
  const Bytes missing = request.last(bitmap_bytes(neighbours));
  const Rejection rejection = check_unmask(survivors, missing);
  if (!accepted(rejection)) return fail(rejection);

  const auto named = static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(neighbours),
                    [](const NeighbourSlot& slot) { return slot.alive; }));
  if (out.size() < unmask_answer_bytes(named)) return fail(Rejection::kWrongLength);
  const crypto::Hkdf transcript(transcript_);
  ByteWriter writer(out);
  for (std::size_t rank = 0; rank < neighbours; ++rank) {
    if (slots_[rank].alive) writer.bytes(open_share(slots_[rank], transcript, bitmap_test(survivors, rank)));
  }
  written = writer.written();
  state_ = State::kDone;
  wipe_secrets();
  return Rejection::kNone;
}

// PROTOCOL.md section 6.10.
Rejection Participant::check_unmask(Bytes survivors, Bytes missing) const {
  const int surviving = count_bits(survivors, graph_.neighbours);
  if (surviving < 0 || count_bits(missing, graph_.neighbours) < 0) return Rejection::kMalformed;
  for (std::size_t rank = 0; rank < graph_.neighbours; ++rank) {
    const bool survives = bitmap_test(survivors, rank);
    const bool misses = bitmap_test(missing, rank);
    if (survives && misses) return Rejection::kSetsOverlap;
    if ((survives || misses) != slots_[rank].alive) return Rejection::kUnknownParticipant;
  }
  return surviving < graph_.threshold ? Rejection::kTooFewSurvivors : Rejection::kNone;
}

Share Participant::open_share(const NeighbourSlot& slot, const crypto::Hkdf& transcript,
                              bool survives) const {
  const ParticipantIndex neighbour{slot.index};
  ShareKey key;
  SharePair shares;
  const auto associated_data = share_associated_data(transcript_, neighbour, index_);
  derive_share_key(slot.channel_secret, transcript, neighbour, index_, key);
  const bool opened = crypto::aead_open({.key = key, .nonce = kZeroNonce, .associated_data = associated_data},
                                        slot.record, shares.reveal_mutable());
  if (!opened) return kNoShare;
  Share share;
  std::copy_n(shares.reveal().begin() + (survives ? 0 : kShareBytes), kShareBytes, share.begin());
  return share;
}

Rejection Participant::fail(Rejection reason) {
  state_ = State::kFailed;
  wipe_secrets();
  return reason;
}

void Participant::wipe_secrets() {
  channel_key_.reset();
  mask_key_.reset();
  crypto::wipe(mask_seed_.reveal_mutable());
  crypto::wipe(self_seed_.reveal_mutable());
  for (NeighbourSlot& slot : slots_) {
    crypto::wipe(slot.record);
    slot = {};
  }
}

}  // namespace sotto::secagg
