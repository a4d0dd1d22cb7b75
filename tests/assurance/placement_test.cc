// What a lying coordinator gains from where its corrupt devices stand (PROTOCOL.md section 6.13). It draws
// the graph's seed again until the places suit it, and it says who is missing. Both attacks are mounted on
// real participants, with the (k, t) that one random graph would have made safe: they open a vector and the
// sum of a few. Nothing about the messages is wrong, so only (k, t) can stop them, and the participants of a
// plan that counts these corrupt devices refuse that graph.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "hostile_coordinator.h"
#include "secagg/labels.h"
#include "sotto/secagg/parameters.h"

namespace sotto::assurance {
namespace {

using namespace sotto::secagg;

// With a tenth corrupt and 2^-41 for one graph: 70 neighbours, threshold 49. Two windows of 14 corrupt
// devices are what either attack takes; a tenth of 300 is 30.
constexpr std::uint16_t kDevices = 300;
constexpr GraphParameters kDrawnOnce{.participants = kDevices, .neighbours = 70, .threshold = 49};
constexpr std::uint16_t kHalf = kDrawnOnce.neighbours / 2;
constexpr std::uint16_t kWindow = kDrawnOnce.threshold - kHalf;

// A plan that counts fewer corrupt devices than there are, so that its participants take the graph.
RelayOptions too_trusting() {
  return {.participants = kDevices,
          .corrupt_fraction = 0.085f,
          .graph = kDrawnOnce,
          .participants_max = kDevices,
          .lanes = 24};
}

// What a corrupt device knows: the relay's device of this number draws from this seed.
class CorruptDevice {
 public:
  CorruptDevice(SessionRelay& relay, std::uint16_t index, std::uint64_t seed)
      : relay_(relay), index_(index), delivery_(relay.delivery_for(index)) {
    crypto::SeededRandom random(seed);
    crypto::SecretBytes<crypto::kX25519Bytes> scalar;
    random.fill(scalar.reveal_mutable());
    channel_key_.emplace(scalar);
    random.fill(mask_seed_.reveal_mutable());
  }

  [[nodiscard]] const Seed& mask_seed() const { return mask_seed_; }

  // Both shares that `owner` gave it, the self seed's first.
  [[nodiscard]] std::pair<Share, Share> shares_of(std::uint16_t owner) const {
    const auto neighbours = relay_.neighbours(index_);
    const auto rank = static_cast<std::size_t>(std::ranges::find(neighbours, owner) - neighbours.begin());
    AdvertisedKeys keys;
    EXPECT_EQ(decode_advertise(Bytes(relay_.device(owner).join).first(kAdvertiseBytes), keys),
              Rejection::kNone);
    crypto::SecretBytes<crypto::kX25519Bytes> secret;
    EXPECT_TRUE(channel_key_->agree(keys.channel, secret));
    crypto::SecretBytes<crypto::kAeadKeyBytes> key;
    crypto::Hkdf(relay_.transcript())
        .derive(secret.reveal(),
                labels::with_indices(labels::kShare, ParticipantIndex{owner}, ParticipantIndex{index_}),
                key.reveal_mutable());
    std::array<std::uint8_t, sizeof(crypto::Digest) + 4> associated;
    ByteWriter writer(associated);
    writer.bytes(relay_.transcript());
    writer.u16(owner);
    writer.u16(index_);
    std::array<std::uint8_t, 2 * kShareBytes> opened{};
    EXPECT_TRUE(crypto::aead_open(
        {.key = key, .nonce = kNonce, .associated_data = associated},
        Bytes(delivery_).subspan(delivery_bytes(neighbours.size(), rank), kShareRecordBytes), opened));
    std::pair<Share, Share> shares;
    std::copy_n(opened.begin(), kShareBytes, shares.first.begin());
    std::copy_n(opened.begin() + kShareBytes, kShareBytes, shares.second.begin());
    return shares;
  }

  [[nodiscard]] Message sign(Bytes survivors) const {
    const auto statement = survivors_statement(relay_.transcript(), {index_}, crypto::sha256({survivors}));
    const crypto::Es256Signature signature = relay_.device(index_).enrolment.signer.sign(statement.bytes());
    return {signature.begin(), signature.end()};
  }

 private:
  static constexpr std::array<std::uint8_t, crypto::kAeadNonceBytes> kNonce{};

  SessionRelay& relay_;
  std::uint16_t index_;
  Message delivery_;
  std::optional<crypto::X25519PrivateKey> channel_key_;
  Seed mask_seed_;
};

// A cohort whose vectors are in, and a coordinator that has drawn until its devices stand where it wants
// them.
class Placement : public testing::Test {
 protected:
  Placement() : relay_(options_) {}

  void SetUp() override {
    relay_.advertise_all();
    relay_.share_all(relay_.everybody());
    relay_.deliver_all(relay_.everybody());
    relay_.mask_all(relay_.everybody());
    find_ring();
  }

  // The order of the ring from the neighbourhoods alone, beginning with device 0.
  void find_ring() {
    std::vector<std::set<std::uint16_t>> sets;
    for (std::uint16_t device = 0; device < kDevices; ++device) {
      const auto list = relay_.neighbours(device);
      sets.emplace_back(list.begin(), list.end());
    }
    // Of two neighbours the nearer shares more neighbours.
    const auto shared = [&](std::uint16_t a, std::uint16_t b) {
      return std::ranges::count_if(sets[a], [&](std::uint16_t one) { return sets[b].contains(one); });
    };
    std::vector<bool> placed(kDevices);
    ring_ = {0};
    placed[0] = true;
    while (ring_.size() < kDevices) {
      std::uint16_t nearest = kDevices;
      for (const std::uint16_t one : sets[ring_.back()]) {
        if (placed[one]) continue;
        if (nearest == kDevices || shared(ring_.back(), one) > shared(ring_.back(), nearest)) nearest = one;
      }
      ASSERT_NE(nearest, kDevices);
      ring_.push_back(nearest);
      placed[nearest] = true;
    }
  }

  [[nodiscard]] std::uint16_t at(int place) const {
    return ring_[static_cast<std::size_t>((place % kDevices + kDevices) % kDevices)];
  }
  void corrupt(int place) {
    const std::uint16_t device = at(place);
    corrupt_.emplace(device, CorruptDevice(relay_, device, options_.seed * 1000 + device));
  }
  [[nodiscard]] bool is_corrupt(std::uint16_t device) const { return corrupt_.contains(device); }

  static Message everybody_but(const IndexSet& missing) {
    Message bitmap(confirm_request_bytes(kDevices));
    for (std::uint16_t device = 0; device < kDevices; ++device) {
      if (!missing.contains(device)) bitmap_set(bitmap, device);
    }
    return bitmap;
  }

  // Honest devices sign what they are told, once.
  void tell(std::uint16_t device, const Message& survivors) {
    Message signature(crypto::kEs256SignatureBytes);
    std::size_t written = 0;
    ASSERT_EQ(relay_.device(device).participant.receive_confirm(survivors, signature, written),
              Rejection::kNone);
    told_[device] = survivors;
    signed_[device] = signature;
  }
  // Asks it to unmask with every signature over what it was told that the coordinator can get.
  Rejection ask(std::uint16_t device) {
    const Message& survivors = told_[device];
    const auto neighbours = relay_.neighbours(device);
    Message request(bitmap_bytes(neighbours.size()));
    for (std::size_t rank = 0; rank < neighbours.size(); ++rank) {
      const std::uint16_t neighbour = neighbours[rank];
      if (!bitmap_test(survivors, neighbour)) continue;
      const auto honest = told_.find(neighbour);
      if (!is_corrupt(neighbour) && (honest == told_.end() || honest->second != survivors)) continue;
      const Message signature =
          is_corrupt(neighbour) ? corrupt_.at(neighbour).sign(survivors) : signed_[neighbour];
      bitmap_set(request, rank);
      request.insert(request.end(), signature.begin(), signature.end());
    }
    Message answer(unmask_answer_bytes_max(kDrawnOnce));
    std::size_t written = 0;
    const Rejection rejection = relay_.device(device).participant.receive_unmask(request, answer, written);
    if (!accepted(rejection)) return rejection;
    ByteReader reader(Bytes(answer).first(written));
    for (const std::uint16_t owner : neighbours) {
      Share share{};
      reader.copy(share);
      const bool survived = bitmap_test(survivors, owner);
      hold(owner, survived, device, share);
      if (!survived) reader.copy(released_[{device, owner}].reveal_mutable());
    }
    EXPECT_TRUE(reader.finished());
    return rejection;
  }
  void hold(std::uint16_t owner, bool self, std::uint16_t holder, const Share& share) {
    Held& held = held_[{owner, self}];
    held.xs.push_back(holder + 1u);
    held.shares.push_back(share);
  }
  // Adds what the corrupt neighbours of these devices hold of both seeds.
  void add_corrupt_shares_of(const IndexSet& owners) {
    for (const std::uint16_t owner : owners) {
      for (const std::uint16_t neighbour : relay_.neighbours(owner)) {
        if (!is_corrupt(neighbour)) continue;
        const auto [self, mask] = corrupt_.at(neighbour).shares_of(owner);
        hold(owner, true, neighbour, self);
        hold(owner, false, neighbour, mask);
      }
    }
  }
  [[nodiscard]] std::optional<Seed> open(std::uint16_t owner, bool self) const {
    const auto found = held_.find({owner, self});
    const std::size_t threshold = kDrawnOnce.threshold;
    if (found == held_.end() || found->second.xs.size() < threshold) return std::nullopt;
    std::vector<std::uint64_t> weights(threshold);
    Seed seed;
    const bool opened = lagrange_at_zero(std::span(found->second.xs).first(threshold), weights) &&
                        combine_shares(std::span(found->second.shares).first(threshold), weights, seed);
    return opened ? std::optional(std::move(seed)) : std::nullopt;
  }

  // Takes off `ring` the self mask of `owner`, and its pair masks with all neighbours outside `together`,
  // whose mask seeds must be open or a corrupt device's own. False when one is not.
  [[nodiscard]] bool unmask(std::uint16_t owner, const IndexSet& together, Message& ring) {
    const crypto::Hkdf transcript(relay_.transcript());
    crypto::Keystream stream(relay_.context().prg);
    MaskKey key;
    const auto self_seed = open(owner, true);
    if (!self_seed) return false;
    self_mask_key(*self_seed, transcript, {owner}, key);
    stream.rekey(key);
    ring_apply_mask(relay_.layout(), ring, stream, MaskSign::kSubtract);
    for (const std::uint16_t neighbour : relay_.neighbours(owner)) {
      if (together.contains(neighbour)) continue;
      if (!pair_key(owner, neighbour, transcript, key)) return false;
      stream.rekey(key);
      const bool added = pair_mask_sign({owner}, {neighbour}) == MaskSign::kAdd;
      ring_apply_mask(relay_.layout(), ring, stream, added ? MaskSign::kSubtract : MaskSign::kAdd);
    }
    return true;
  }
  // As one end released it, or from whichever end's mask seed is known.
  [[nodiscard]] bool pair_key(std::uint16_t owner, std::uint16_t neighbour, const crypto::Hkdf& transcript,
                              MaskKey& key) {
    for (const auto& ends : {std::pair{neighbour, owner}, std::pair{owner, neighbour}}) {
      const auto released = released_.find(ends);
      if (released == released_.end()) continue;
      std::ranges::copy(released->second.reveal(), key.reveal_mutable().begin());
      return true;
    }
    for (const auto& [end, other] : {std::pair{neighbour, owner}, std::pair{owner, neighbour}}) {
      std::optional<Seed> opened = open(end, false);
      if (is_corrupt(end)) {
        opened.emplace();
        std::ranges::copy(corrupt_.at(end).mask_seed().reveal(), opened->reveal_mutable().begin());
      }
      if (!opened) continue;
      AdvertisedKeys keys;
      EXPECT_EQ(decode_advertise(Bytes(relay_.device(other).join).first(kAdvertiseBytes), keys),
                Rejection::kNone);
      return pair_mask_key(mask_private_key(*opened), keys.mask, transcript, {owner}, {neighbour}, key);
    }
    return false;
  }

  struct Held {
    std::vector<std::uint32_t> xs;
    std::vector<Share> shares;
  };
  RelayOptions options_ = too_trusting();
  SessionRelay relay_;
  std::vector<std::uint16_t> ring_;  // device by place
  std::map<std::uint16_t, CorruptDevice> corrupt_;
  std::map<std::uint16_t, Message> told_;
  std::map<std::uint16_t, Message> signed_;
  std::map<std::pair<std::uint16_t, bool>, Held> held_;  // by owner and whether of its self seed
  // By who released it, and the missing.
  std::map<std::pair<std::uint16_t, std::uint16_t>, MaskKey> released_;
};

// Half of the ring hears that the victim survived, the other half that it is missing.
TEST_F(Placement, OnBothSidesOfAVictimOpensItsVectorWhenSeedsMayBeDrawnAgain) {
  const std::uint16_t victim = at(0);
  for (int place = 1; place <= kWindow; ++place) {
    corrupt(place);
    corrupt(-place);
  }
  const Message survived = everybody_but({});
  const Message missing = everybody_but({victim});
  tell(victim, survived);
  for (int place = 1; place <= kDevices / 2; ++place) {
    if (!is_corrupt(at(place))) tell(at(place), missing);
    if (place < kDevices / 2 && !is_corrupt(at(-place))) tell(at(-place), survived);
  }
  for (int place = kWindow + 1; place <= kHalf; ++place) {
    ASSERT_EQ(ask(at(place)), Rejection::kNone) << place;
    ASSERT_EQ(ask(at(-place)), Rejection::kNone) << -place;
  }
  add_corrupt_shares_of({victim});
  Message ring = relay_.device(victim).ring;
  ASSERT_TRUE(unmask(victim, {}, ring));
  std::vector<std::uint32_t> lanes(relay_.layout().lane_count());
  ring_decode(relay_.layout(), ring, lanes);
  const auto& values = relay_.device(victim).values;
  EXPECT_TRUE(std::equal(lanes.begin(), lanes.end(), values.begin(), values.end()));
}

// One set of survivors for everybody: the honest devices of two stretches of the ring are said to be missing.
TEST_F(Placement, InTwoGapsOfChosenMissingDevicesOpensTheSumOfAFew) {
  constexpr int kPart = 22;
  const int near = 1;  // the part's places: near .. near + kPart - 1
  IndexSet gone;
  for (int step = 0; step < kHalf; ++step) {
    for (const int place : {near - 1 - step, near + kPart + step}) {
      if (step < kWindow) {
        corrupt(place);
      } else {
        gone.insert(at(place));
      }
    }
  }
  const Message survivors = everybody_but(gone);
  IndexSet part;
  for (int place = near; place < near + kPart; ++place) part.insert(at(place));
  for (const std::uint16_t device : relay_.everybody()) {
    if (!is_corrupt(device) && !gone.contains(device)) tell(device, survivors);
  }
  for (const auto& [device, told] : told_) ASSERT_EQ(ask(device), Rejection::kNone) << "nobody refuses";
  IndexSet owners = part;
  owners.insert(gone.begin(), gone.end());
  add_corrupt_shares_of(owners);
  std::vector<std::uint32_t> sum(relay_.layout().lane_count());
  std::vector<std::uint32_t> expected(sum.size());
  // Each vector keeps its masks with the part's others; they cancel in the sum.
  Message total(relay_.layout().byte_count());
  for (const std::uint16_t device : part) {
    Message ring = relay_.device(device).ring;
    ASSERT_TRUE(unmask(device, part, ring)) << device;
    ring_add(relay_.layout(), total, ring);
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i] += relay_.device(device).values[i];
  }
  ring_decode(relay_.layout(), total, sum);
  EXPECT_EQ(sum, expected);
}

// The same devices under a plan that counts all the corrupt ones.
TEST(PlacementRule, HasParticipantsRefuseTheGraphThatEitherAttackTakes) {
  RelayOptions options = too_trusting();
  options.corrupt_fraction = 0.1f;
  SessionRelay relay(options);
  relay.advertise_all();
  for (const int device : {0, 77, 299}) {
    EXPECT_EQ(relay.share(static_cast<std::uint16_t>(device)), Rejection::kBadParameters) << device;
  }
  const auto chosen = choose_graph({.participants = kDevices});
  ASSERT_TRUE(chosen.has_value());
  EXPECT_GT(2 * (chosen->threshold - chosen->neighbours / 2), 30) << "more than a tenth of 300";
}

}  // namespace
}  // namespace sotto::assurance
