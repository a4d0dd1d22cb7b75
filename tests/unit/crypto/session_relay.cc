#include "session_relay.h"

#include <gtest/gtest.h>

#include <algorithm>

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

std::size_t rank_of(const std::vector<std::uint16_t>& neighbours, std::uint16_t index) {
  return static_cast<std::size_t>(std::find(neighbours.begin(), neighbours.end(), index) -
                                  neighbours.begin());
}

}  // namespace

RelayDevice::RelayDevice(const SessionContext& context, const RelayOptions& options, std::uint64_t seed)
    : random(seed),
      slots(options.graph.neighbours),
      order(options.graph.participants),
      participant(context,
                  {.cohort_min = 3,
                   .participants_max = options.participants_max,
                   .allow_minority_threshold = options.allow_minority_threshold},
                  slots, order, random),
      values(options.lanes) {
  crypto::SeededRandom(seed + 1'000'000).fill(values);
}

SessionRelay::SessionRelay(const RelayOptions& options)
    : options_(options), layout_(options.participants_max, options.lanes), context_(make_context(options)) {
  for (std::uint16_t i = 0; i < options.graph.participants; ++i) {
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
    ASSERT_EQ(device->participant.advertise(device->advertise), Rejection::kNone);
    entries_.insert(entries_.end(), device->advertise.begin(), device->advertise.end());
  }
  const crypto::Digest root = roster_root(roster());
  transcript_ = transcript_digest(context_, roster(), root);
  order_.resize(devices_.size());
  permute(graph_seed(roster(), root), order_);
}

Roster SessionRelay::roster() const {
  Roster roster{
      .prg = options_.prg, .ring_bits = layout_.bits(), .graph = options_.graph, .entries = entries_};
  roster.session_id.fill(0x5a);
  return roster;
}

std::vector<std::uint8_t> SessionRelay::roster_message() const {
  std::vector<std::uint8_t> message(roster_bytes(devices_.size()));
  encode_roster(roster(), message);
  return message;
}

std::vector<std::uint16_t> SessionRelay::neighbours(std::uint16_t index) const {
  std::vector<std::uint16_t> list(options_.graph.neighbours);
  neighbours_of({index}, order_, list);
  return list;
}

Rejection SessionRelay::share(std::uint16_t index) {
  RelayDevice& from = device(index);
  from.shares.resize(shares_bytes(options_.graph.neighbours));
  std::size_t written = 0;
  const Rejection rejection = from.participant.receive_roster(roster_message(), from.shares, written);
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
    const std::size_t offset = shares_bytes(rank_of(neighbours(list[rank]), index));
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

std::vector<std::uint8_t> SessionRelay::unmask_request_for(std::uint16_t index) const {
  const auto list = neighbours(index);
  std::vector<std::uint8_t> request(unmask_request_bytes(list.size()));
  const MutableBytes survivors = MutableBytes(request).first(bitmap_bytes(list.size()));
  const MutableBytes missing = MutableBytes(request).last(bitmap_bytes(list.size()));
  for (std::size_t rank = 0; rank < list.size(); ++rank) {
    if (delivered_.contains(list[rank])) {
      bitmap_set(survivors, rank);
    } else if (shared_.contains(list[rank])) {
      bitmap_set(missing, rank);
    }
  }
  return request;
}

Rejection SessionRelay::unmask(std::uint16_t index) {
  RelayDevice& from = device(index);
  from.answer.resize(unmask_answer_bytes(options_.graph.neighbours));
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
void SessionRelay::unmask_all(const IndexSet& devices) {
  for (const std::uint16_t index : devices) ASSERT_EQ(unmask(index), Rejection::kNone) << "device " << index;
}

// From the first threshold answers of its neighbours; which of its two seeds they hold, the requests decided.
bool SessionRelay::rebuild_seed(std::uint16_t owner, Seed& seed) const {
  std::vector<std::uint32_t> xs;
  std::vector<Share> shares;
  for (const std::uint16_t holder : neighbours(owner)) {
    if (!answered_.contains(holder) || xs.size() == options_.graph.threshold) continue;
    std::size_t place = 0;  // among the neighbours the request to this holder named
    for (const std::uint16_t named : neighbours(holder)) {
      if (named == owner) break;
      if (shared_.contains(named)) ++place;
    }
    Share share;
    std::copy_n(devices_[holder]->answer.begin() + static_cast<std::ptrdiff_t>(place * kShareBytes),
                kShareBytes, share.begin());
    if (share == kNoShare) continue;
    xs.push_back(holder + 1u);
    shares.push_back(share);
  }
  std::vector<std::uint64_t> weights(xs.size());
  return xs.size() == options_.graph.threshold && lagrange_at_zero(xs, weights) &&
         combine_shares(shares, weights, seed);
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
