#include "sotto/secagg/wire.h"

#include <gtest/gtest.h>

#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using crypto::counting;

// Every expected digest and key below was computed by a Python script from PROTOCOL.md alone.
class Wire : public testing::Test {
 protected:
  Wire() {
    for (std::size_t i = 0; i < entries_.size(); ++i) entries_[i] = static_cast<std::uint8_t>(i * 7 + 3);
    roster_ = {.prg = crypto::Prg::kChaCha20,
               .ring_bits = 16,
               .session_id = counting<16>(0),
               .graph = {.participants = 5, .neighbours = 4, .threshold = 3},
               .entries = entries_};
    context_.round = 7;
    context_.plan_digest.fill(0x11);
    context_.model_digest.fill(0x22);
  }

  [[nodiscard]] crypto::Digest transcript() const {
    return transcript_digest(context_, roster_, roster_root(roster_));
  }
  [[nodiscard]] std::vector<std::uint8_t> message() const {
    std::vector<std::uint8_t> bytes(roster_bytes(roster_.adversary, roster_.graph));
    encode_roster(roster_, bytes);
    return bytes;
  }

  std::array<std::uint8_t, 5 * kAdvertiseBytes> entries_;
  Roster roster_;
  SessionContext context_;
};

TEST_F(Wire, DigestsOfARosterEqualAnIndependentComputation) {
  const crypto::Digest root = roster_root(roster_);
  EXPECT_EQ(to_hex(root), "22f260096f9e9d9d8761810fefd6e9d8c2e4ae6d05b7b2c31189a390258d010b");
  EXPECT_EQ(to_hex(graph_seed(roster_, root)),
            "59c5d89f6d4516d66100ac7b64480807c78abdbbfdf0d450e5c19feb28112f2d");
  EXPECT_EQ(to_hex(transcript()), "a4eadd4f6052c613e8b0cdb91c3f0d3c36940ef2762e9cbd60387d65f75bcc14");
}

TEST_F(Wire, DerivedKeysEqualAnIndependentComputation) {
  const Seed self_seed = crypto::secret(counting<kSeedBytes>(0xa0));
  MaskKey key;
  self_mask_key(self_seed, transcript(), {3}, key);
  EXPECT_EQ(to_hex(key.reveal()), "4568ae5bb0ebc61308e9799739763d8813e171c7f97b6c45af8fab34a0eeef05");
  EXPECT_EQ(to_hex(self_seed_commitment(self_seed, transcript(), {3})),
            "a01a94e292a7fc4c58f82607f134880c8ff95c5bcbcdbe0fb5a38ba0322a3aa3");

  const auto left = mask_private_key(crypto::secret(counting<kSeedBytes>(0xb0)));
  const auto right = mask_private_key(crypto::secret(counting<kSeedBytes>(0xc0)));
  EXPECT_EQ(to_hex(left.public_key()), "b3d94c8df0138de5671b00927df456a3092bfcd472674c99b179d1fc3cb98461");
  EXPECT_EQ(to_hex(right.public_key()), "54f454507c38de5b67653f0696fb2a8a79916ec706dc136b2ce1538b83229f6c");
  ASSERT_TRUE(pair_mask_key(left, right.public_key(), transcript(), {1}, {4}, key));
  EXPECT_EQ(to_hex(key.reveal()), "3c1826b68ede1ee30de1b486c1684b3b1697c43bf2f638cae600c90a955b5581");
  MaskKey other_side;
  ASSERT_TRUE(pair_mask_key(right, left.public_key(), transcript(), {4}, {1}, other_side));
  EXPECT_TRUE(key == other_side);
  EXPECT_EQ(to_hex(pair_tag(key, transcript(), {1}, {4})), "6624b40108ecba3c");
}

TEST_F(Wire, PairTagsAreEqualForBothEndsAndBindKeyTranscriptAndPair) {
  MaskKey key = crypto::secret(counting<crypto::kPrgKeyBytes>(0x10));
  const PairTag tag = pair_tag(key, transcript(), {1}, {4});
  EXPECT_EQ(pair_tag(key, transcript(), {4}, {1}), tag);
  crypto::Digest other = transcript();
  other[31] ^= 1;
  EXPECT_NE(pair_tag(key, other, {1}, {4}), tag);
  EXPECT_NE(pair_tag(key, transcript(), {1}, {5}), tag);
  EXPECT_NE(pair_tag(key, transcript(), {0}, {4}), tag);
  key.reveal_mutable()[31] ^= 1;  // of the half that AES leaves unused, too
  EXPECT_NE(pair_tag(key, transcript(), {1}, {4}), tag);
}

// X25519 takes no notice of a key's last bit, so somebody may have another's key in effect. Its pairs are its
// own all the same: what is released of them says nothing of the other's.
TEST_F(Wire, AKeyThatAgreesLikeAnothersGivesOtherPairKeys) {
  const auto own = mask_private_key(crypto::secret(counting<kSeedBytes>(0xb0)));
  const crypto::X25519PublicKey theirs =
      mask_private_key(crypto::secret(counting<kSeedBytes>(0xc0))).public_key();
  crypto::X25519PublicKey twin = theirs;
  twin[31] ^= 0x80;
  crypto::SecretBytes<crypto::kX25519Bytes> secret;
  crypto::SecretBytes<crypto::kX25519Bytes> twins_secret;
  ASSERT_TRUE(own.agree(theirs, secret));
  ASSERT_TRUE(own.agree(twin, twins_secret));
  ASSERT_TRUE(secret == twins_secret);
  MaskKey key;
  MaskKey twins_key;
  ASSERT_TRUE(pair_mask_key(own, theirs, transcript(), {1}, {4}, key));
  ASSERT_TRUE(pair_mask_key(own, twin, transcript(), {1}, {5}, twins_key));
  EXPECT_FALSE(key == twins_key);
}

TEST_F(Wire, PairKeysWithASmallOrderPeerAreRefused) {
  const auto own = mask_private_key(crypto::secret(counting<kSeedBytes>(0xb0)));
  MaskKey key;
  EXPECT_FALSE(pair_mask_key(own, crypto::X25519PublicKey{}, transcript(), {0}, {1}, key));
}

TEST_F(Wire, TheTranscriptBindsEverythingTheSidesAgreedOn) {
  const crypto::Digest original = transcript();
  const auto expect_changed = [&](const char* what, auto change) {
    const Roster roster = roster_;
    const SessionContext context = context_;
    const auto entries = entries_;
    change();
    EXPECT_NE(transcript(), original) << what;
    roster_ = roster;
    context_ = context;
    entries_ = entries;
  };
  expect_changed("round", [&] { ++context_.round; });
  expect_changed("plan", [&] { context_.plan_digest[31] ^= 1; });
  expect_changed("model", [&] { context_.model_digest[0] ^= 1; });
  expect_changed("session", [&] { roster_.session_id[15] ^= 1; });
  expect_changed("neighbours", [&] { roster_.graph.neighbours = 2; });
  expect_changed("threshold", [&] { roster_.graph.threshold = 4; });
  expect_changed("ring", [&] { roster_.ring_bits = 17; });
  expect_changed("prg", [&] { roster_.prg = crypto::Prg::kAes128Ctr; });
  expect_changed("a key", [&] { entries_[319] ^= 1; });
  EXPECT_EQ(transcript(), original);
}

TEST_F(Wire, RostersHaveTheDocumentedBytes) {
  const auto bytes = message();
  ASSERT_EQ(bytes.size(), 26u + 5 * 64);
  EXPECT_EQ(to_hex(Bytes(bytes).first(26)),
            "01"
            "01"
            "10"
            "01"
            "000102030405060708090a0b0c0d0e0f"
            "0500"
            "0400"
            "0300");
  EXPECT_TRUE(std::equal(entries_.begin(), entries_.end(), bytes.begin() + 26));
}

TEST_F(Wire, RostersRoundTrip) {
  const auto bytes = message();
  Roster decoded;
  ASSERT_EQ(decode_roster(bytes, decoded), Rejection::kNone);
  EXPECT_EQ(decoded.prg, roster_.prg);
  EXPECT_EQ(decoded.ring_bits, roster_.ring_bits);
  EXPECT_EQ(decoded.session_id, roster_.session_id);
  EXPECT_EQ(decoded.graph, roster_.graph);
  EXPECT_EQ(decoded.keys_of({4}), roster_.keys_of({4}));
  EXPECT_EQ(decoded.keys_of({4}).mask[31], entries_.back());
  EXPECT_DEATH((void)decoded.keys_of({5}), "internal error");
}

TEST_F(Wire, RostersOfEveryWrongLengthAreRefused) {
  auto bytes = message();
  Roster decoded;
  for (std::size_t count = 0; count < bytes.size(); ++count) {
    ASSERT_EQ(decode_roster(Bytes(bytes).first(count), decoded), Rejection::kMalformed) << count;
  }
  bytes.push_back(0);
  EXPECT_EQ(decode_roster(bytes, decoded), Rejection::kMalformed);
}

TEST_F(Wire, RostersWithWrongHeadersAreRefused) {
  const auto with_byte = [&](std::size_t at, std::uint8_t value) {
    auto bytes = message();
    bytes[at] = value;
    Roster decoded;
    return decode_roster(bytes, decoded);
  };
  EXPECT_EQ(with_byte(0, 2), Rejection::kWrongVersion);
  EXPECT_EQ(with_byte(0, 0), Rejection::kWrongVersion);
  EXPECT_EQ(with_byte(1, 0), Rejection::kMalformed);
  EXPECT_EQ(with_byte(1, 3), Rejection::kMalformed);
  EXPECT_EQ(with_byte(3, 0), Rejection::kMalformed);
  EXPECT_EQ(with_byte(3, 3), Rejection::kMalformed);
  EXPECT_EQ(with_byte(3, 2), Rejection::kMalformed);   // without the identities and credentials of this form
  EXPECT_EQ(with_byte(20, 6), Rejection::kMalformed);  // promises one entry more
  EXPECT_EQ(with_byte(21, 0xff), Rejection::kMalformed);
}

TEST_F(Wire, AdvertiseMessagesRoundTripAndHaveOneLength) {
  const AdvertisedKeys keys = roster_.keys_of({2});
  std::array<std::uint8_t, kAdvertiseBytes + 1> bytes{};
  encode_advertise(keys, std::span(bytes).first<kAdvertiseBytes>());
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end() - 1, entries_.begin() + 128));
  AdvertisedKeys decoded;
  ASSERT_EQ(decode_advertise(Bytes(bytes).first(64), decoded), Rejection::kNone);
  EXPECT_EQ(decoded, keys);
  EXPECT_EQ(decode_advertise(Bytes(bytes).first(63), decoded), Rejection::kMalformed);
  EXPECT_EQ(decode_advertise(bytes, decoded), Rejection::kMalformed);
  EXPECT_EQ(decode_advertise({}, decoded), Rejection::kMalformed);
}

TEST(JoinMessages, OfSignedSessionsHaveACredential) {
  std::array<std::uint8_t, 294> bytes = crypto::counting<294>(1);
  JoinMessage join;
  ASSERT_EQ(decode_join(Bytes(bytes).first(293), Adversary::kSemiMalicious, join), Rejection::kNone);
  EXPECT_EQ(join.keys.channel[0], 1);
  EXPECT_EQ(join.keys.mask[0], 33);
  EXPECT_EQ(join.credential.key[0], 65);
  EXPECT_EQ(join.credential.signature[63], static_cast<std::uint8_t>(293));
  for (const std::size_t size : {0u, 64u, 292u, 294u}) {
    EXPECT_EQ(decode_join(Bytes(bytes).first(size), Adversary::kSemiMalicious, join), Rejection::kMalformed);
  }
  ASSERT_EQ(decode_join(Bytes(bytes).first(64), Adversary::kCurious, join), Rejection::kNone);
  EXPECT_EQ(decode_join(Bytes(bytes).first(293), Adversary::kCurious, join), Rejection::kMalformed);
}

TEST(SignedRosters, RoundTripWithIdentitiesAndCredentials) {
  const auto entries = crypto::counting<3 * 96>(1);
  const auto credentials = crypto::counting<2 * kCredentialBytes>(7);
  const Roster roster{.adversary = Adversary::kSemiMalicious,
                      .ring_bits = 16,
                      .graph = {.participants = 3, .neighbours = 2, .threshold = 2},
                      .entries = entries,
                      .credentials = credentials};
  std::vector<std::uint8_t> bytes(roster_bytes(roster.adversary, roster.graph));
  encode_roster(roster, bytes);
  Roster decoded;
  ASSERT_EQ(decode_roster(bytes, decoded), Rejection::kNone);
  EXPECT_EQ(decoded.adversary, Adversary::kSemiMalicious);
  EXPECT_EQ(decoded.keys_of({1}).channel[0], 97);
  EXPECT_EQ(decoded.identity_of({1}).front(), 161);
  EXPECT_EQ(decoded.identity_of({2}).size(), kIdentityBytes);
  EXPECT_EQ(decoded.credential_of_rank(1).key[0], static_cast<std::uint8_t>(7 + kCredentialBytes));
  for (std::size_t count = 0; count < bytes.size(); ++count) {
    ASSERT_EQ(decode_roster(Bytes(bytes).first(count), decoded), Rejection::kMalformed) << count;
  }
  bytes[22] = 1;  // a neighbour less than credentials
  EXPECT_EQ(decode_roster(bytes, decoded), Rejection::kMalformed);
}

TEST(Bitmaps, AreCountedAndMustEndWithTheirBits) {
  const std::array<std::uint8_t, 2> bitmap = {0xff, 0x05};
  EXPECT_EQ(bitmap_count(bitmap, 11), 10u);
  EXPECT_EQ(bitmap_count(bitmap, 10), std::nullopt);
  EXPECT_EQ(bitmap_count({}, 0), 0u);
}

TEST(Bitmaps, CountFromTheLeastSignificantBit) {
  std::array<std::uint8_t, 2> bitmap{};
  bitmap_set(bitmap, 0);
  bitmap_set(bitmap, 9);
  bitmap_set(bitmap, 9);
  EXPECT_EQ(bitmap, (std::array<std::uint8_t, 2>{0x01, 0x02}));
  EXPECT_TRUE(bitmap_test(bitmap, 9));
  EXPECT_FALSE(bitmap_test(bitmap, 8));
  EXPECT_EQ(bitmap_bytes(8), 1u);
  EXPECT_EQ(bitmap_bytes(9), 2u);
}

TEST(MessageSizes, AreTheDocumentedOnes) {
  EXPECT_EQ(share_record_offset(0), 32u);
  EXPECT_EQ(share_record_offset(9), 32u + 9 * 64);
  EXPECT_EQ(shares_bytes(10), 32u + 640 + 80);
  EXPECT_EQ(delivery_bytes(10, 7), 2u + 448);
  EXPECT_EQ(confirm_request_bytes(100), 13u);
  EXPECT_EQ(unmask_request_bytes(10, 7), 2u + 7 * 64);
  EXPECT_EQ(join_bytes(Adversary::kCurious), 64u);
  EXPECT_EQ(join_bytes(Adversary::kSemiMalicious), 293u);
  const GraphParameters graph{.participants = 100, .neighbours = 32, .threshold = 22};
  EXPECT_EQ(roster_bytes(Adversary::kCurious, graph), 26u + 64 * 100);
  EXPECT_EQ(roster_bytes(Adversary::kSemiMalicious, graph), 26u + 96 * 100 + 229 * 32);
  EXPECT_EQ(unmask_answer_bytes(7, 0), 168u);
  EXPECT_EQ(unmask_answer_bytes(7, 2), 168u + 64);
  EXPECT_EQ(unmask_answer_bytes_max(graph), 32u * 24 + 10 * 32);
  EXPECT_EQ(kNoShare[0], 0xff);
  EXPECT_EQ(kNoShare[23], 0xff);
}

}  // namespace
}  // namespace sotto::secagg
