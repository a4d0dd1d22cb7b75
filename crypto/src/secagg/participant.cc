// PROTOCOL.md section 6, the device's side.
#include "sotto/secagg/participant.h"

#include <algorithm>

#include "secagg/labels.h"
#include "sotto/base/check.h"

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

}  // namespace

Participant::Participant(const SessionContext& context, const ParticipantRules& rules,
                         const Identity* identity, std::span<NeighbourSlot> slots,
                         std::span<std::uint16_t> order, Random& random)
    : context_(context), rules_(rules), identity_(identity), slots_(slots), order_(order), random_(random) {}

Participant::~Participant() { wipe_secrets(); }

Rejection Participant::advertise(MutableBytes out, std::size_t& written) {
  written = 0;
  if (state_ != State::kAdvertise) return fail(Rejection::kWrongPhase);
  if (is_signed() && identity_ == nullptr) return fail(Rejection::kNotEligible);
  if (out.size() < join_bytes(rules_.adversary)) return fail(Rejection::kWrongLength);
  crypto::SecretBytes<crypto::kX25519Bytes> scalar;
  random_.fill(scalar.reveal_mutable());
  channel_key_.emplace(scalar);
  random_.fill(mask_seed_.reveal_mutable());
  mask_key_ = mask_private_key(mask_seed_);
  own_keys_ = {.channel = channel_key_->public_key(), .mask = mask_key_->public_key()};
  encode_advertise(own_keys_, out.first<kAdvertiseBytes>());
  if (is_signed()) {
    const Statement joins = join_statement(context_.plan_digest, out.first(kAdvertiseBytes));
    encode_credential(make_credential(identity_->signer, identity_->endorsement, joins),
                      out.subspan(kAdvertiseBytes).first<kCredentialBytes>());
  }
  written = join_bytes(rules_.adversary);
  state_ = State::kRoster;
  return Rejection::kNone;
}

Rejection Participant::receive_roster(Bytes roster, MutableBytes out, std::size_t& written) {
  written = 0;
  if (state_ != State::kRoster) return fail(Rejection::kWrongPhase);
  // A message that is all there is looked at for its length first; one in chunks shows it last.
  Roster as_announced;
  if (const Rejection rejection = decode_roster(roster, as_announced); !accepted(rejection)) {
    return fail(rejection);
  }
  reader().trust_memory();
  for (bool again = true; again;) {
    if (const Rejection rejection = take_roster(roster); !accepted(rejection)) return rejection;
    if (const Rejection rejection = end_roster(again); !accepted(rejection)) return rejection;
  }
  return share(out, written);
}

RosterReader& Participant::reader() {
  const RosterReaderInput input{context_, rules_, own_keys_, identity_, slots_, order_};
  if (!reader_) reader_.emplace(input);
  return *reader_;
}

Rejection Participant::take_roster(Bytes chunk) {
  if (state_ != State::kRoster) return fail(Rejection::kWrongPhase);
  const Rejection rejection = reader().take(chunk);
  return accepted(rejection) ? rejection : fail(rejection);
}

Rejection Participant::end_roster(bool& again) {
  again = false;
  if (state_ != State::kRoster) return fail(Rejection::kWrongPhase);
  const Rejection rejection = reader().end(again);
  return accepted(rejection) ? rejection : fail(rejection);
}

Rejection Participant::share(MutableBytes out, std::size_t& written) {
  written = 0;
  if (state_ != State::kRoster || !reader_ || !reader_->finished()) return fail(Rejection::kWrongPhase);
  graph_ = reader_->graph();
  index_ = reader_->index();
  transcript_ = reader_->transcript();
  reader_.reset();
  if (out.size() < shares_bytes(graph_.neighbours)) return fail(Rejection::kWrongLength);
  if (const Rejection rejection = agree_with_neighbours(); !accepted(rejection)) return fail(rejection);
  ByteWriter writer(out);
  write_shares(writer);
  write_pair_tags(writer);
  written = shares_bytes(graph_.neighbours);
  state_ = State::kDelivery;
  return Rejection::kNone;
}

Rejection Participant::agree_with_neighbours() {
  const crypto::Hkdf transcript(transcript_);
  for (NeighbourSlot& slot : neighbours()) {
    const AdvertisedKeys theirs = slot.listed_keys();
    const bool agreed = channel_key_->agree(theirs.channel, slot.channel_secret) &&
                        pair_mask_key(*mask_key_, theirs.mask, transcript, index_,
                                      ParticipantIndex{slot.index}, slot.pair_key);
    if (!agreed) return Rejection::kBadKey;
  }
  channel_key_.reset();
  mask_key_.reset();
  return Rejection::kNone;
}

void Participant::write_shares(ByteWriter& writer) {
  random_.fill(self_seed_.reveal_mutable());
  SeedSharing self_sharing(self_seed_, graph_.threshold, random_);
  SeedSharing mask_sharing(mask_seed_, graph_.threshold, random_);
  crypto::wipe(mask_seed_.reveal_mutable());  // what remains of it is in the shares
  const crypto::Hkdf transcript(transcript_);
  writer.bytes(self_seed_commitment(self_seed_, transcript_, index_));
  for (const NeighbourSlot& slot : neighbours()) {
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
}

void Participant::write_pair_tags(ByteWriter& writer) {
  for (const NeighbourSlot& slot : neighbours())
    writer.bytes(pair_tag(slot.pair_key, transcript_, index_, ParticipantIndex{slot.index}));
}

Rejection Participant::receive_delivery(Bytes delivery) {
  if (state_ != State::kDelivery) return fail(Rejection::kWrongPhase);
  ByteReader reader(delivery);
  const Bytes bitmap = reader.bytes(bitmap_bytes(graph_.neighbours));
  const auto alive = bitmap_count(bitmap, graph_.neighbours);
  if (!reader.ok() || !alive || reader.remaining() != *alive * kShareRecordBytes)
    return fail(Rejection::kMalformed);
  if (*alive < graph_.threshold) return fail(Rejection::kTooFewSurvivors);
  for (std::size_t rank = 0; rank < graph_.neighbours; ++rank) {
    NeighbourSlot& slot = slots_[rank];
    slot.alive = bitmap_test(bitmap, rank);
    if (slot.alive) {
      reader.copy(slot.record);
    } else {
      crypto::wipe(slot.pair_key.reveal_mutable());
    }
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
  // Nothing needs it any more; what remains opens the neighbours' records and the masks of those who vanish.
  crypto::wipe(self_seed_.reveal_mutable());
  state_ = is_signed() ? State::kConfirm : State::kUnmask;
  return Rejection::kNone;
}

Rejection Participant::apply_masks(const RingLayout& layout, MutableBytes ring) {
  if (state_ != State::kMask) return Rejection::kWrongPhase;
  if (layout.bits() != rules_.ring_bits()) return Rejection::kBadParameters;
  if (ring.size() != layout.byte_count()) return Rejection::kWrongLength;
  crypto::Keystream stream(context_.prg);
  MaskKey self_key;
  self_mask_key(self_seed_, transcript_, index_, self_key);
  stream.rekey(self_key);
  ring_apply_mask(layout, ring, stream, MaskSign::kAdd);
  for (const NeighbourSlot& slot : neighbours()) {
    if (!slot.alive) continue;
    stream.rekey(slot.pair_key);
    ring_apply_mask(layout, ring, stream, pair_mask_sign(index_, ParticipantIndex{slot.index}));
  }
  return Rejection::kNone;
}

Rejection Participant::receive_confirm(Bytes request, MutableBytes out, std::size_t& written) {
  written = 0;
  if (state_ != State::kConfirm) return fail(Rejection::kWrongPhase);
  if (out.size() < crypto::kEs256SignatureBytes) return fail(Rejection::kWrongLength);
  const Rejection rejection = check_survivors(request);
  if (!accepted(rejection)) return fail(rejection);
  survivors_ = crypto::sha256({request});
  const crypto::Es256Signature signature =
      identity_->signer.sign(survivors_statement(transcript_, index_, survivors_).bytes());
  std::copy(signature.begin(), signature.end(), out.begin());
  written = signature.size();
  state_ = State::kUnmask;
  return Rejection::kNone;
}

// PROTOCOL.md section 6.10.
Rejection Participant::check_survivors(Bytes survivors) {
  if (survivors.size() != confirm_request_bytes(graph_.participants)) return Rejection::kMalformed;
  const auto count = bitmap_count(survivors, graph_.participants);
  if (!count) return Rejection::kMalformed;
  if (!bitmap_test(survivors, index_.value)) return Rejection::kUnknownParticipant;
  std::size_t surviving = 0;
  for (NeighbourSlot& slot : neighbours()) {
    slot.survives = bitmap_test(survivors, slot.index);
    if (slot.survives && !slot.alive) return Rejection::kUnknownParticipant;
    surviving += slot.survives ? 1 : 0;
    // Of a survivor a share of its self seed may leave this device, so this never may.
    if (slot.survives) crypto::wipe(slot.pair_key.reveal_mutable());
  }
  if (surviving < graph_.threshold) return Rejection::kTooFewSurvivors;
  return *count < rules_.minimum() ? Rejection::kCohortTooSmall : Rejection::kNone;
}

// PROTOCOL.md section 6.11.
Rejection Participant::check_confirmations(Bytes request) const {
  ByteReader reader(request);
  const Bytes bitmap = reader.bytes(bitmap_bytes(graph_.neighbours));
  const auto confirmed = bitmap_count(bitmap, graph_.neighbours);
  if (!reader.ok() || !confirmed || reader.remaining() != *confirmed * crypto::kEs256SignatureBytes)
    return Rejection::kMalformed;
  if (*confirmed < graph_.threshold) return Rejection::kTooFewSurvivors;
  crypto::Es256Verifier verifier;
  for (std::size_t rank = 0; rank < graph_.neighbours; ++rank) {
    if (!bitmap_test(bitmap, rank)) continue;
    const NeighbourSlot& slot = slots_[rank];
    if (!slot.survives) return Rejection::kUnknownParticipant;
    crypto::Es256Signature signature;
    reader.copy(signature);
    const Statement statement = survivors_statement(transcript_, ParticipantIndex{slot.index}, survivors_);
    if (!verifier.verify(slot.identity, statement.bytes(), signature)) return Rejection::kBadSignature;
  }
  return Rejection::kNone;
}

Rejection Participant::receive_unmask(Bytes request, MutableBytes out, std::size_t& written) {
  written = 0;
  if (state_ != State::kUnmask) return fail(Rejection::kWrongPhase);
  const Rejection rejection = is_signed() ? check_confirmations(request) : check_survivors(request);
  if (!accepted(rejection)) return fail(rejection);

  std::size_t alive = 0;
  std::size_t missing = 0;
  for (const NeighbourSlot& slot : neighbours()) {
    alive += slot.alive ? 1 : 0;
    missing += slot.missing() ? 1 : 0;
  }
  if (out.size() < unmask_answer_bytes(alive, missing)) return fail(Rejection::kWrongLength);
  const crypto::Hkdf transcript(transcript_);
  ByteWriter writer(out);
  for (const NeighbourSlot& slot : neighbours()) {
    if (slot.alive) writer.bytes(open_share(slot, transcript));
    if (slot.missing()) writer.bytes(slot.pair_key.reveal());
  }
  written = writer.written();
  state_ = State::kDone;
  wipe_secrets();
  return Rejection::kNone;
}

// Of the self seed when the neighbour survives, of its mask seed when it is missing: never both.
Share Participant::open_share(const NeighbourSlot& slot, const crypto::Hkdf& transcript) const {
  const ParticipantIndex neighbour{slot.index};
  ShareKey key;
  SharePair shares;
  const auto associated_data = share_associated_data(transcript_, neighbour, index_);
  derive_share_key(slot.channel_secret, transcript, neighbour, index_, key);
  const bool opened = crypto::aead_open({.key = key, .nonce = kZeroNonce, .associated_data = associated_data},
                                        slot.record, shares.reveal_mutable());
  if (!opened) return kNoShare;
  Share share;
  std::copy_n(shares.reveal().begin() + (slot.survives ? 0 : kShareBytes), kShareBytes, share.begin());
  return share;
}

Rejection Participant::fail(Rejection reason) {
  state_ = State::kFailed;
  wipe_secrets();
  return reason;
}

void Participant::wipe_secrets() {
  reader_.reset();
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
