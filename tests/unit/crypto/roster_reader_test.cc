// A roster that comes in passes and chunks: what a device holds of it, and what it makes of one that
// changes on the way. The refusals of PROTOCOL.md section 6.3 are in roster_refusal_test.cc, each in chunks
// too.
#include "sotto/secagg/roster_reader.h"

#include <gtest/gtest.h>

#include "session_relay.h"
#include "sotto/secagg/participant.h"

namespace sotto::secagg {
namespace {

using State = Participant::State;

constexpr std::size_t kKeyAt = kRosterHeaderBytes + 3 * (kAdvertiseBytes + kIdentityBytes);

// Device 0 of five, who has advertised, and its roster.
class RosterInPasses : public testing::Test {
 protected:
  RosterInPasses() : relay_({.participants = 5}) {
    relay_.advertise_all();
    message_ = relay_.roster_message(0);
  }
  Participant& device() { return relay_.device(0).participant; }

  // One pass, of a roster with one bit changed at this place.
  Rejection pass(bool& again, std::optional<std::size_t> changed_at = {}) {
    std::vector<std::uint8_t> message = message_;
    if (changed_at) message[*changed_at] ^= 1;
    if (const Rejection rejection = device().take_roster(message); !accepted(rejection)) return rejection;
    return device().end_roster(again);
  }

  SessionRelay relay_;
  std::vector<std::uint8_t> message_;
  std::vector<std::uint8_t> out_ = std::vector<std::uint8_t>(shares_bytes(4));
  std::size_t written_ = 0;
};

TEST_F(RosterInPasses, IsAskedForThreeTimes) {
  for (const bool expected : {true, true, false}) {
    bool again = !expected;
    ASSERT_EQ(pass(again), Rejection::kNone);
    EXPECT_EQ(again, expected);
  }
  EXPECT_EQ(device().share(out_, written_), Rejection::kNone);
  EXPECT_EQ(written_, shares_bytes(4));
  EXPECT_EQ(device().state(), State::kDelivery);
}

TEST_F(RosterInPasses, GivesNoSharesBeforeTheLastPass) {
  bool again = false;
  ASSERT_EQ(pass(again), Rejection::kNone);
  ASSERT_EQ(pass(again), Rejection::kNone);
  EXPECT_EQ(device().share(out_, written_), Rejection::kWrongPhase);
  EXPECT_EQ(written_, 0u);
  EXPECT_EQ(device().state(), State::kFailed);
}

TEST_F(RosterInPasses, GivesNoSharesBeforeTheFirst) {
  EXPECT_EQ(device().share(out_, written_), Rejection::kWrongPhase);
}

TEST_F(RosterInPasses, IsNotTakenOnceItIsRead) {
  bool again = false;
  for (int i = 0; i < 3; ++i) ASSERT_EQ(pass(again), Rejection::kNone);
  EXPECT_EQ(device().take_roster(message_), Rejection::kWrongPhase);
  EXPECT_EQ(device().state(), State::kFailed);
}

TEST_F(RosterInPasses, MayNotChangeItsHeader) {
  bool again = false;
  ASSERT_EQ(pass(again), Rejection::kNone);
  EXPECT_EQ(pass(again, kRosterHeaderBytes - 11), Rejection::kMalformed);  // of the session id
  EXPECT_EQ(device().state(), State::kFailed);
}

TEST_F(RosterInPasses, MayNotChangeItsKeysInTheSecondPass) {
  bool again = false;
  ASSERT_EQ(pass(again), Rejection::kNone);
  EXPECT_EQ(pass(again, kKeyAt), Rejection::kMalformed);
}

TEST_F(RosterInPasses, MayNotChangeItsKeysInTheThirdPass) {
  bool again = false;
  ASSERT_EQ(pass(again), Rejection::kNone);
  ASSERT_EQ(pass(again), Rejection::kNone);
  EXPECT_EQ(pass(again, kKeyAt), Rejection::kMalformed);
}

TEST_F(RosterInPasses, MayNotEndInsideAPiece) {
  ASSERT_EQ(device().take_roster(Bytes(message_).first(message_.size() - 1)), Rejection::kNone);
  bool again = true;
  EXPECT_EQ(device().end_roster(again), Rejection::kMalformed);
  EXPECT_FALSE(again);
}

TEST_F(RosterInPasses, MayNotBeEmpty) {
  bool again = true;
  EXPECT_EQ(device().end_roster(again), Rejection::kMalformed);
}

TEST_F(RosterInPasses, EqualsTheRosterAtOnceForEveryChunk) {
  std::vector<std::uint8_t> whole(shares_bytes(4));
  ASSERT_EQ(device().receive_roster(message_, whole, written_), Rejection::kNone);
  for (std::size_t chunk_bytes = 1; chunk_bytes < 260; ++chunk_bytes) {
    RelayDevice twin(relay_.context(), {.participants = 5}, 1000);
    twin.join.resize(join_bytes(Adversary::kSemiMalicious));
    ASSERT_EQ(twin.participant.advertise(twin.join, written_), Rejection::kNone);
    ASSERT_EQ(receive_in_chunks(twin.participant, message_, chunk_bytes, out_, written_), Rejection::kNone);
    ASSERT_EQ(out_, whole) << chunk_bytes;
  }
}

// ---- identities of a large cohort ----

constexpr std::uint16_t kMany = 1500;
constexpr std::uint16_t kFewNeighbours = 4;
constexpr std::uint16_t kSelf = 700;

// A roster of many entries with four neighbours, whose identities alone are those of enrolled devices: which
// they are is not known before the roster is.
class ManyIdentities : public testing::Test {
 protected:
  ManyIdentities() : self_(1) {
    crypto::SeededRandom random(std::uint64_t{77});
    entries_.resize(kMany * entry_bytes(Adversary::kSemiMalicious));
    random.fill(entries_);
    random.fill(own_keys_.channel);
    random.fill(own_keys_.mask);
    const crypto::Digest own = identity_of(self_.signer.public_key());
    std::copy(own_keys_.channel.begin(), own_keys_.channel.end(), entry(kSelf));
    std::copy(own_keys_.mask.begin(), own_keys_.mask.end(), entry(kSelf) + crypto::kX25519Bytes);
    std::copy(own.begin(), own.end(), entry(kSelf) + kAdvertiseBytes);
  }
  std::uint8_t* entry(std::size_t index) {
    return entries_.data() + index * entry_bytes(Adversary::kSemiMalicious);
  }
  void copy_identity(std::size_t from, std::size_t to) {
    std::copy_n(entry(from) + kAdvertiseBytes, kIdentityBytes, entry(to) + kAdvertiseBytes);
  }

  // What the entries are found to be. Credentials are not right, so that sound entries end with
  // kBadSignature. Whoever sits in seat 5 has other keys for every number, and so the roster another root.
  // The keys in seat 9, which is no neighbour, change before the pass of that number.
  enum class Memory : std::uint8_t { kTrusted, kNotTrusted };
  Rejection read(std::uint64_t number, Memory memory = Memory::kNotTrusted, std::size_t changed_pass = 99) {
    store_le(entry(5), number);
    Roster roster{.adversary = Adversary::kSemiMalicious,
                  .ring_bits = rules_.ring_bits(),
                  .graph = {.participants = kMany, .neighbours = kFewNeighbours, .threshold = 3},
                  .entries = entries_};
    const std::vector<std::uint8_t> credentials(kFewNeighbours * kCredentialBytes);
    roster.credentials = credentials;
    std::vector<std::uint8_t> message(roster_bytes(roster.adversary, roster.graph));
    encode_roster(roster, message);
    RosterReader reader({context_, rules_, own_keys_, &self_.identity, slots_, order_});
    if (memory == Memory::kTrusted) reader.trust_memory();
    std::size_t pass = 0;
    for (bool again = true; again; ++pass) {
      if (pass == changed_pass) message[kRosterHeaderBytes + 9 * entry_bytes(roster.adversary)] ^= 1;
      if (const Rejection rejection = reader.take(message); !accepted(rejection)) return rejection;
      if (const Rejection rejection = reader.end(again); !accepted(rejection)) return rejection;
    }
    return Rejection::kNone;
  }

  Enrolment self_;
  SessionContext context_;
  ParticipantRules rules_{.participants_max = kMany, .corrupt_fraction = 0};
  AdvertisedKeys own_keys_;
  std::vector<std::uint8_t> entries_;
  std::vector<NeighbourSlot> slots_ = std::vector<NeighbourSlot>(kFewNeighbours);
  std::vector<std::uint16_t> order_ = std::vector<std::uint16_t>(kMany);
};

// About seventeen pairs of them share their sixteen bits in any one roster.
TEST_F(ManyIdentities, AreToldApart) {
  for (std::uint64_t number = 0; number < 20; ++number) EXPECT_EQ(read(number), Rejection::kBadSignature);
}

TEST_F(ManyIdentities, MayNotOccurTwice) {
  const std::array<std::pair<std::size_t, std::size_t>, 3> pairs = {{{3, 1499}, {0, 1}, {kSelf, kMany - 1}}};
  for (const auto& [from, to] : pairs) {
    const std::vector<std::uint8_t> sound = entries_;
    copy_identity(from, to);
    for (std::uint64_t number = 0; number < 5; ++number) EXPECT_EQ(read(number), Rejection::kBadKey) << from;
    entries_ = sound;
  }
}

TEST_F(ManyIdentities, AreHashedInEveryPassUnlessTheMemoryIsTrusted) {
  EXPECT_EQ(read(1, Memory::kNotTrusted, 1), Rejection::kMalformed);
  EXPECT_EQ(read(1, Memory::kTrusted, 1), Rejection::kBadSignature) << "read once, as what is sound";
}

TEST_F(ManyIdentities, MayNotAllBeTheSame) {
  for (std::size_t i = 0; i < kMany; ++i) {
    if (i != kSelf) copy_identity(kSelf, i);
  }
  EXPECT_EQ(read(1), Rejection::kBadKey);
}

}  // namespace
}  // namespace sotto::secagg
