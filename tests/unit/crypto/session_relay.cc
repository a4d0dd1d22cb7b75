#include "session_relay.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sotto/secagg/parameters.h"

namespace sotto::secagg {
namespace {

SessionContext make_context(const RelayOptions& options) {
  SessionContext context;
  context.round = 9;
  context.plan_digest.fill(0x31);
  context.model_digest.fill(0x32);
  context.prg = options.prg;
  return context;
}

GraphParameters graph_of(const RelayOptions& options) {
  if (options.graph) return *options.graph;
  const auto chosen = choose_graph({.participants = options.participants,
                                    .adversary = options.adversary,
                                    .corrupt_fraction = options.corrupt_fraction,
                                    .dropout_fraction = options.dropout_fraction});
  EXPECT_TRUE(chosen.has_value());
  return chosen.value_or(GraphParameters{});
}

std::size_t rank_of(const std::vector<std::uint16_t>& neighbours, std::uint16_t index) {
  return static_cast<std::size_t>(std::find(neighbours.begin(), neighbours.end(), index) -
                                  neighbours.begin());
}

}  // namespace

ParticipantRules RelayOptions::rules() const {
  return {.cohort_min = cohort_min,
          .participants_max = participants_max,
          .adversary = adversary,
          .corrupt_fraction = corrupt_fraction,
          .dropout_fraction = dropout_fraction};
}

RelayDevice::RelayDevice(const SessionContext& context, const RelayOptions& options, std::uint64_t seed)
    : enrolment(seed),
      random(seed),
      slots(options.participants),
      order(options.participants),
      participant(context, options.rules(), &enrolment.identity, slots, order, random),
      values(options.lanes) {
  crypto::SeededRandom(seed + 1'000'000).fill(values);
}

Rejection receive_in_chunks(Participant& participant, Bytes roster, std::size_t chunk_bytes, MutableBytes out,
                            std::size_t& written) {
  written = 0;
  for (bool again = true; again;) {
    for (Bytes left = roster; !left.empty();) {
      const Bytes chunk = left.first(std::min(left.size(), chunk_bytes));
      left = left.subspan(chunk.size());
      if (const Rejection rejection = participant.take_roster(chunk); !accepted(rejection)) return rejection;
    }
    if (const Rejection rejection = participant.end_roster(again); !accepted(rejection)) return rejection;
  }
  return participant.share(out, written);
}

SessionRelay::SessionRelay(const RelayOptions& options)
    : options_(options),
      graph_(graph_of(options)),
      layout_(options.participants_max, options.lanes),
      context_(make_context(options)) {
  for (std::uint16_t i = 0; i < options.participants; ++i) {
    devices_.push_back(std::make_unique<RelayDevice>(context_, options, options.seed * 1000 + i));
  }
}

IndexSet SessionRelay::everybody() const {
  IndexSet all;
  for (std::uint16_t i = 0; i < devices_.size(); ++i) all.insert(i);
  return all;
}

void SessionRelay::advertise_all() {
  for (const auto& device : devices_) {
    device->join.resize(join_bytes(options_.adversary));
    std::size_t written = 0;
    ASSERT_EQ(device->participant.advertise(device->join, written), Rejection::kNone);
    ASSERT_EQ(written, device->join.size());
    entries_.insert(entries_.end(), device->join.begin(), device->join.begin() + kAdvertiseBytes);
    if (!is_signed()) continue;
    const crypto::Digest identity = identity_of(device->enrolment.signer.public_key());
    entries_.insert(entries_.end(), identity.begin(), identity.end());
  }
  const crypto::Digest root = roster_root(roster());
  transcript_ = transcript_digest(context_, roster(), root);
  order_.resize(devices_.size());
  permute(graph_seed(roster(), root), order_);
}

Roster SessionRelay::roster() const {
  Roster roster{.prg = options_.prg,
                .adversary = options_.adversary,
                .ring_bits = layout_.bits(),
                .graph = graph_,
                .entries = entries_};
  roster.session_id.fill(0x5a);
  return roster;
}

std::vector<std::uint8_t> SessionRelay::roster_message(std::uint16_t to) const {
  std::vector<std::uint8_t> credentials;
  if (is_signed()) {
    for (const std::uint16_t neighbour : neighbours(to)) {
      const auto& join = devices_[neighbour]->join;
      credentials.insert(credentials.end(), join.begin() + kAdvertiseBytes, join.end());
    }
  }
  Roster message = roster();
  message.credentials = credentials;
  std::vector<std::uint8_t> bytes(roster_bytes(options_.adversary, graph_));
  encode_roster(message, bytes);
  return bytes;
}

std::vector<std::uint16_t> SessionRelay::neighbours(std::uint16_t index) const {
  std::vector<std::uint16_t> list(graph_.neighbours);
  neighbours_of({index}, order_, list);
  return list;
}

Rejection SessionRelay::share(std::uint16_t index) {
  RelayDevice& from = device(index);
  from.shares.resize(shares_bytes(graph_.neighbours));
  std::size_t written = 0;
  const Rejection rejection = from.participant.receive_roster(roster_message(index), from.shares, written);
  if (!accepted(rejection)) return rejection;
  EXPECT_EQ(written, from.shares.size());
  shared_.insert(index);
  return rejection;
}

std::vector<std::uint8_t> SessionRelay::delivery_for(std::uint16_t index) const {
  const auto list = neighbours(index);
  std::vector<std::uint8_t> message(bitmap_bytes(list.size()));
  for (std::size_t rank = 0; rank < list.size(); ++rank) {
    if (!shared_.contains(list[rank])) continue;
    bitmap_set(message, rank);
    const std::size_t offset = share_record_offset(rank_of(neighbours(list[rank]), index));
    const auto record = devices_[list[rank]]->shares.begin() + static_cast<std::ptrdiff_t>(offset);
    message.insert(message.end(), record, record + kShareRecordBytes);
  }
  return message;
}

Rejection SessionRelay::deliver(std::uint16_t index) {
  return device(index).participant.receive_delivery(delivery_for(index));
}

Rejection SessionRelay::mask(std::uint16_t index) {
  RelayDevice& from = device(index);
  from.ring.resize(layout_.byte_count());
  ring_encode(layout_, from.values, from.ring);
  const Rejection rejection = from.participant.mask(layout_, from.ring);
  if (accepted(rejection)) delivered_.insert(index);
  return rejection;
}

std::vector<std::uint8_t> SessionRelay::survivors() const {
  std::vector<std::uint8_t> bitmap(confirm_request_bytes(devices_.size()));
  for (const std::uint16_t index : delivered_) bitmap_set(bitmap, index);
  return bitmap;
}

Rejection SessionRelay::confirm(std::uint16_t index) {
  if (!is_signed()) return Rejection::kNone;
  RelayDevice& from = device(index);
  from.signature.resize(crypto::kEs256SignatureBytes);
  std::size_t written = 0;
  const Rejection rejection = from.participant.receive_confirm(survivors(), from.signature, written);
  if (accepted(rejection)) confirmed_.insert(index);
  return rejection;
}

// The signatures of the first threshold neighbours that gave one.
std::vector<std::uint8_t> SessionRelay::unmask_request_for(std::uint16_t index) const {
  if (!is_signed()) return survivors();
  const auto list = neighbours(index);
  std::vector<std::uint8_t> request(bitmap_bytes(list.size()));
  std::size_t enclosed = 0;
  for (std::size_t rank = 0; rank < list.size() && enclosed < graph_.threshold; ++rank) {
    if (!confirmed_.contains(list[rank])) continue;
    bitmap_set(request, rank);
    const auto& signature = devices_[list[rank]]->signature;
    request.insert(request.end(), signature.begin(), signature.end());
    ++enclosed;
  }
  return request;
}

Rejection SessionRelay::unmask(std::uint16_t index) {
  RelayDevice& from = device(index);
  from.answer.resize(unmask_answer_bytes_max(graph_));
  std::size_t written = 0;
  const Rejection rejection =
      from.participant.receive_unmask(unmask_request_for(index), from.answer, written);
  if (!accepted(rejection)) return rejection;
  from.answer.resize(written);
  answered_.insert(index);
  return rejection;
}

void SessionRelay::share_all(const IndexSet& devices) {
  for (const std::uint16_t index : devices) ASSERT_EQ(share(index), Rejection::kNone) << "device " << index;
}
void SessionRelay::deliver_all(const IndexSet& devices) {
  for (const std::uint16_t index : devices) ASSERT_EQ(deliver(index), Rejection::kNone) << "device " << index;
}
void SessionRelay::mask_all(const IndexSet& devices) {
  for (const std::uint16_t index : devices) ASSERT_EQ(mask(index), Rejection::kNone) << "device " << index;
}
void SessionRelay::confirm_all(const IndexSet& devices) {
  for (const std::uint16_t index : devices) ASSERT_EQ(confirm(index), Rejection::kNone) << "device " << index;
}
void SessionRelay::unmask_all(const IndexSet& devices) {
  for (const std::uint16_t index : devices) ASSERT_EQ(unmask(index), Rejection::kNone) << "device " << index;
}

// From the first threshold answers of its neighbours; which of its two seeds they hold, the requests decided.
bool SessionRelay::rebuild_seed(std::uint16_t owner, Seed& seed) const {
  std::vector<std::uint32_t> xs;
  std::vector<Share> shares;
  for (const std::uint16_t holder : neighbours(owner)) {
    if (!answered_.contains(holder) || xs.size() == graph_.threshold) continue;
    Share share;
    std::copy_n(devices_[holder]->answer.begin() + place_in_answer(holder, owner), kShareBytes,
                share.begin());
    if (share == kNoShare) continue;
    xs.push_back(holder + 1u);
    shares.push_back(share);
  }
  std::vector<std::uint64_t> weights(xs.size());
  return xs.size() == graph_.threshold && lagrange_at_zero(xs, weights) &&
         combine_shares(shares, weights, seed);
}

// Where in the answer of `holder` the part about `owner` begins, one of its neighbours that shared.
std::ptrdiff_t SessionRelay::place_in_answer(std::uint16_t holder, std::uint16_t owner) const {
  std::size_t survive = 0;
  std::size_t missing = 0;
  for (const std::uint16_t named : neighbours(holder)) {
    if (named == owner) break;
    if (shared_.contains(named)) ++(delivered_.contains(named) ? survive : missing);
  }
  return static_cast<std::ptrdiff_t>(unmask_answer_bytes(survive + missing, missing));
}

std::vector<std::uint8_t> SessionRelay::released_key(std::uint16_t holder, std::uint16_t missing) const {
  const auto key = devices_[holder]->answer.begin() + place_in_answer(holder, missing) + kShareBytes;
  return {key, key + crypto::kPrgKeyBytes};
}

std::vector<std::uint8_t> SessionRelay::pair_tag_of(std::uint16_t sender, std::uint16_t other) const {
  const std::size_t rank = rank_of(neighbours(sender), other);
  const auto tag = devices_[sender]->shares.begin() +
                   static_cast<std::ptrdiff_t>(share_record_offset(graph_.neighbours) + rank * kPairTagBytes);
  return {tag, tag + kPairTagBytes};
}

bool SessionRelay::remove_self_mask(std::uint16_t owner, MutableBytes sum) const {
  Seed seed;
  if (!rebuild_seed(owner, seed)) return false;
  const crypto::Digest commitment = self_seed_commitment(seed, transcript_, {owner});
  if (!std::equal(commitment.begin(), commitment.end(), devices_[owner]->shares.begin())) return false;
  MaskKey key;
  self_mask_key(seed, transcript_, {owner}, key);
  crypto::Keystream stream(options_.prg);
  stream.rekey(key);
  ring_apply_mask(layout_, sum, stream, MaskSign::kSubtract);
  return true;
}

bool SessionRelay::remove_pair_masks(std::uint16_t missing, MutableBytes sum) const {
  Seed seed;
  if (!rebuild_seed(missing, seed)) return false;
  const crypto::X25519PrivateKey private_key = mask_private_key(seed);
  if (private_key.public_key() != roster().keys_of({missing}).mask) return false;
  crypto::Keystream stream(options_.prg);
  for (const std::uint16_t survivor : neighbours(missing)) {
    if (!delivered_.contains(survivor)) continue;
    MaskKey key;
    if (!pair_mask_key(private_key, roster().keys_of({survivor}).mask, transcript_, {survivor}, {missing},
                       key)) {
      return false;
    }
    if (answered_.contains(survivor)) {
      const std::vector<std::uint8_t> own(key.reveal().begin(), key.reveal().end());
      EXPECT_EQ(released_key(survivor, missing), own);
    }
    stream.rekey(key);
    // What the missing one would have applied cancels what the survivor did.
    ring_apply_mask(layout_, sum, stream, pair_mask_sign({missing}, {survivor}));
  }
  return true;
}

std::optional<std::vector<std::uint32_t>> SessionRelay::recover() const {
  std::vector<std::uint8_t> sum(layout_.byte_count(), 0);
  for (const std::uint16_t index : delivered_) ring_add(layout_, sum, devices_[index]->ring);
  for (const std::uint16_t index : shared_) {
    const bool removed =
        delivered_.contains(index) ? remove_self_mask(index, sum) : remove_pair_masks(index, sum);
    if (!removed) return std::nullopt;
  }
  std::vector<std::uint32_t> sums(layout_.lane_count());
  ring_decode(layout_, sum, sums);
  return sums;
}

std::vector<std::uint32_t> SessionRelay::plain_sum() const {
  std::vector<std::uint32_t> sums(layout_.lane_count(), 0);
  for (const std::uint16_t index : delivered_) {
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += devices_[index]->values[lane];
  }
  return sums;
}

}  // namespace sotto::secagg
