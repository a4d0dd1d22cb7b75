#include "hostile_coordinator.h"

#include <gtest/gtest.h>

#include "sotto/secagg/parameters.h"

namespace sotto::assurance {
namespace {

using namespace sotto::secagg;

GraphParameters graph_of(std::size_t seats, const RelayOptions& options) {
  const auto graph = choose_graph({.participants = static_cast<std::uint32_t>(seats),
                                   .adversary = options.adversary,
                                   .corrupt_fraction = options.corrupt_fraction,
                                   .dropout_fraction = options.dropout_fraction});
  return graph.value_or(GraphParameters{});
}

Bytes credential_of(const Message& seat) { return Bytes(seat).subspan(kAdvertiseBytes); }

Message entries_of(const std::vector<Message>& seats) {
  Message entries;
  for (const Message& seat : seats) {
    entries.insert(entries.end(), seat.begin(), seat.begin() + kAdvertiseBytes);
    Credential credential;
    EXPECT_EQ(decode_credential(credential_of(seat), credential), Rejection::kNone);
    const crypto::Digest identity = identity_of(credential.key);
    entries.insert(entries.end(), identity.begin(), identity.end());
  }
  return entries;
}

}  // namespace

Message roster_for(const std::vector<Message>& seats, std::uint16_t to, const RelayOptions& options,
                   const SessionId& session, const std::optional<GraphParameters>& graph) {
  const Message entries = entries_of(seats);
  Roster roster{.prg = options.prg,
                .adversary = Adversary::kSemiMalicious,
                .ring_bits = RingLayout(options.participants_max, 1).bits(),
                .session_id = session,
                .graph = graph.value_or(graph_of(seats.size(), options)),
                .entries = entries};
  std::vector<std::uint16_t> order(seats.size());
  permute(graph_seed(roster, roster_root(roster)), order);
  std::vector<std::uint16_t> neighbours(roster.graph.neighbours);
  neighbours_of({to}, order, neighbours);
  Message credentials;
  for (const std::uint16_t neighbour : neighbours) {
    const Bytes credential = credential_of(seats[neighbour]);
    credentials.insert(credentials.end(), credential.begin(), credential.end());
  }
  roster.credentials = credentials;
  Message message(roster_bytes(roster.adversary, roster.graph));
  encode_roster(roster, message);
  return message;
}

Message join_of(Signer& signer, const Endorsement& endorsement, const crypto::Digest& plan_digest,
                std::uint64_t keys_seed) {
  crypto::SeededRandom random(keys_seed + 3'000'000);  // no device's
  const auto fresh_key = [&random] {
    crypto::SecretBytes<crypto::kX25519Bytes> scalar;
    random.fill(scalar.reveal_mutable());
    return crypto::X25519PrivateKey(scalar).public_key();
  };
  Message join(join_bytes(Adversary::kSemiMalicious));
  const AdvertisedKeys keys{.channel = fresh_key(), .mask = fresh_key()};
  encode_advertise(keys, std::span(join).first<kAdvertiseBytes>());
  const Statement joins = join_statement(plan_digest, Bytes(join).first(kAdvertiseBytes));
  encode_credential(make_credential(signer, endorsement, joins),
                    std::span(join).subspan(kAdvertiseBytes).first<kCredentialBytes>());
  return join;
}

void Loot::add(std::uint16_t holder, Bytes survivors, Bytes answer) {
  ByteReader reader(answer);
  for (const std::uint16_t owner : relay_.neighbours(holder)) {
    Share share{};
    reader.copy(share);
    const bool survived = bitmap_test(survivors, owner);
    Held& held = held_[{owner, survived ? Kind::kSelf : Kind::kMask}];
    held.xs.push_back(holder + 1u);
    held.shares.push_back(share);
    if (!survived) reader.copy(released_[{holder, owner}].reveal_mutable());
  }
  EXPECT_TRUE(reader.finished());
}

std::optional<Seed> Loot::open(std::uint16_t owner, Kind kind) const {
  const auto found = held_.find({owner, kind});
  const std::size_t threshold = relay_.graph().threshold;
  if (found == held_.end() || found->second.xs.size() < threshold) return std::nullopt;
  const Held& held = found->second;
  std::vector<std::uint64_t> weights(threshold);
  Seed seed;
  const bool opened = lagrange_at_zero(std::span(held.xs).first(threshold), weights) &&
                      combine_shares(std::span(held.shares).first(threshold), weights, seed);
  return opened ? std::optional(std::move(seed)) : std::nullopt;
}

bool Loot::pair_key(std::uint16_t victim, std::uint16_t neighbour, MaskKey& key) const {
  for (const auto& ends : {std::pair{victim, neighbour}, std::pair{neighbour, victim}}) {
    const auto released = released_.find(ends);
    if (released == released_.end()) continue;
    std::ranges::copy(released->second.reveal(), key.reveal_mutable().begin());
    return true;
  }
  AdvertisedKeys keys;
  EXPECT_EQ(decode_advertise(Bytes(relay_.device(victim).join).first(kAdvertiseBytes), keys),
            Rejection::kNone);
  const auto mask_seed = open(neighbour, Kind::kMask);
  return mask_seed && pair_mask_key(mask_private_key(*mask_seed), keys.mask, relay_.transcript(), {victim},
                                    {neighbour}, key);
}

std::optional<std::vector<std::uint32_t>> Loot::unmask(std::uint16_t victim,
                                                       const std::vector<std::uint16_t>& alive) const {
  const RingLayout& layout = relay_.layout();
  Message ring = relay_.device(victim).ring;
  crypto::Keystream stream(relay_.context().prg);
  MaskKey key;
  const auto self_seed = open(victim, Kind::kSelf);
  if (!self_seed) return std::nullopt;
  self_mask_key(*self_seed, relay_.transcript(), {victim}, key);
  stream.rekey(key);
  ring_apply_mask(layout, ring, stream, MaskSign::kSubtract);
  for (const std::uint16_t neighbour : alive) {
    if (!pair_key(victim, neighbour, key)) return std::nullopt;
    stream.rekey(key);
    const bool added = pair_mask_sign({victim}, {neighbour}) == MaskSign::kAdd;
    ring_apply_mask(layout, ring, stream, added ? MaskSign::kSubtract : MaskSign::kAdd);
  }
  std::vector<std::uint32_t> lanes(layout.lane_count());
  ring_decode(layout, ring, lanes);
  return lanes;
}

}  // namespace sotto::assurance
