#include "sotto/secagg/endorsement_cache.h"

#include <gtest/gtest.h>

#include <vector>

#include "session_relay.h"
#include "sotto/secagg/identity.h"
#include "support/enrolment.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

// Counts what is asked and kept.
class CountingCache final : public EndorsementCache {
 public:
  bool holds(const crypto::Digest& name) override {
    ++asked;
    const bool found = memory.holds(name);
    hits += found ? 1 : 0;
    return found;
  }
  void keep(const crypto::Digest& name) override {
    ++kept;
    memory.keep(name);
  }

  std::array<crypto::Digest, 200> room{};
  EndorsementMemory memory{room};
  int asked = 0;
  int hits = 0;
  int kept = 0;
};

class KnownEndorsements : public testing::Test {
 protected:
  [[nodiscard]] Credential credential(const EndorsementTerms& terms = {}) {
    const Endorsement endorsement = endorse(authority_, Role::kDevice, device_.public_key(), terms);
    return make_credential(device_, endorsement, Statement{text_bytes("message")});
  }
  [[nodiscard]] Rejection check(const Credential& shown, const Trust& trust, std::uint64_t now = kNoClock,
                                Role role = Role::kDevice) {
    return check_credential(
        shown,
        {.role = role, .trust = trust, .message = text_bytes("message"), .now = now, .verified = &cache_});
  }
  // Verified, and in the cache.
  [[nodiscard]] Credential known(const EndorsementTerms& terms = {}) {
    const Credential shown = credential(terms);
    EXPECT_EQ(check(shown, trust_), Rejection::kNone);
    EXPECT_EQ(check(shown, trust_), Rejection::kNone);
    EXPECT_EQ(cache_.hits, 1);
    return shown;
  }

  KeySigner authority_{numbered_key(50)};
  KeySigner other_authority_{numbered_key(51)};
  KeySigner device_{numbered_key(52)};
  Trust trust_{authority_.public_key()};
  CountingCache cache_;
};

TEST_F(KnownEndorsements, AreVerifiedOnce) {
  const Credential shown = known();
  EXPECT_EQ(cache_.kept, 1);
  EXPECT_EQ(check(shown, trust_), Rejection::kNone);
  EXPECT_EQ(cache_.hits, 2);
  EXPECT_EQ(cache_.kept, 1);
}

TEST_F(KnownEndorsements, AreBelievedAsTheyAreKept) {
  // What stands in the cache is not verified again: a wrong signature that somebody wrote there holds. So
  // this tells that the tests below are about what is checked beside it.
  Credential shown = credential();
  shown.endorsement.signature[5] ^= 1;
  EXPECT_EQ(check(shown, trust_), Rejection::kBadSignature);
  const Statement statement = endorsement_statement(Role::kDevice, shown.key, shown.endorsement);
  cache_.keep(
      EndorsementCache::name_of(authority_.public_key(), statement.bytes(), shown.endorsement.signature));
  EXPECT_EQ(check(shown, trust_), Rejection::kNone);
}

TEST_F(KnownEndorsements, AreRefusedOnceTheirIdentityIsRevoked) {
  const Credential shown = known();
  const crypto::Digest identity = identity_of(shown.key);
  trust_.revoked = identity;
  EXPECT_EQ(check(shown, trust_), Rejection::kRevoked);
  EXPECT_EQ(cache_.asked, 2);  // nobody even asks
}

TEST_F(KnownEndorsements, AreRefusedOnceTheirEpochIsRevoked) {
  const Credential shown = known({.epoch = 3});
  trust_.endorsements_from = 4;
  EXPECT_EQ(check(shown, trust_), Rejection::kRevoked);
}

TEST_F(KnownEndorsements, AreRefusedFromTheSecondInWhichTheyEnd) {
  const Credential shown = known({.expires_at = 1000});
  EXPECT_EQ(check(shown, trust_, 999), Rejection::kNone);
  EXPECT_EQ(check(shown, trust_, 1000), Rejection::kExpired);
}

TEST_F(KnownEndorsements, OfOneAuthoritySayNothingToWhoBelievesInAnother) {
  const Credential shown = known();
  EXPECT_EQ(check(shown, other_authority_.public_key()), Rejection::kBadSignature);
}

TEST_F(KnownEndorsements, AreNotTheNewKeysWhenTheAuthorityChangesIt) {
  const Credential shown = known({.epoch = 5});
  // From epoch 5 on another key endorses: the old key's signature of that epoch counts no more.
  trust_.authority_before = authority_.public_key();
  trust_.authority = other_authority_.public_key();
  trust_.authority_since = 5;
  EXPECT_EQ(check(shown, trust_), Rejection::kBadSignature);
  // Those of earlier epochs stay what they were, and known.
  trust_.authority_since = 6;
  EXPECT_EQ(check(shown, trust_), Rejection::kNone);
  EXPECT_EQ(cache_.hits, 2);
}

TEST_F(KnownEndorsements, OfADeviceMakeNoCoordinator) {
  const Credential shown = known();
  EXPECT_EQ(check(shown, trust_, kNoClock, Role::kCoordinator), Rejection::kBadSignature);
}

TEST_F(KnownEndorsements, LendNothingToOtherTermsKeysAndSignatures) {
  const Credential shown = known({.expires_at = 1000});
  Credential longer = shown;
  longer.endorsement.expires_at = kEndless;
  EXPECT_EQ(check(longer, trust_), Rejection::kBadSignature);
  KeySigner stranger(numbered_key(53));
  const Credential borrowed = make_credential(stranger, shown.endorsement, text_bytes("message"));
  EXPECT_EQ(check(borrowed, trust_), Rejection::kBadSignature);
  Credential changed = shown;
  changed.endorsement.signature[63] ^= 1;
  EXPECT_EQ(check(changed, trust_), Rejection::kBadSignature);
  EXPECT_EQ(cache_.kept, 1);
}

TEST_F(KnownEndorsements, DoNotSpareTheHoldersOwnSignature) {
  Credential shown = known();
  shown.signature[0] ^= 1;
  EXPECT_EQ(check(shown, trust_), Rejection::kBadSignature);
}

TEST_F(KnownEndorsements, AreNeverThoseThatFailed) {
  Credential shown = credential();
  shown.endorsement.signature[10] ^= 1;
  for (int i = 0; i < 2; ++i) EXPECT_EQ(check(shown, trust_), Rejection::kBadSignature);
  EXPECT_EQ(cache_.kept, 0);
}

TEST(KnownEndorsementsOfARoster, AreAskedForByEveryNeighbour) {
  CountingCache cache;
  SessionRelay relay({.participants = 9, .seed = 3});
  relay.device(3).enrolment.identity.verified = &cache;
  relay.device(4).enrolment.identity.verified = &cache;
  relay.advertise_all();
  ASSERT_EQ(relay.share(3), Rejection::kNone);
  EXPECT_EQ(cache.asked, 8);
  EXPECT_EQ(cache.kept, 8);
  EXPECT_EQ(cache.hits, 0);
  // All but device 3 itself have been seen.
  ASSERT_EQ(relay.share(4), Rejection::kNone);
  EXPECT_EQ(cache.asked, 2 * 8);
  EXPECT_EQ(cache.kept, 9);
  EXPECT_EQ(cache.hits, 7);
}

crypto::Digest numbered(std::uint8_t number) {
  crypto::Digest name{};
  name[0] = number;
  return name;
}

TEST(EndorsementMemory, HoldsAsManyAsItHasRoomFor) {
  std::array<crypto::Digest, 3> room{};
  EndorsementMemory memory(room);
  for (std::uint8_t i = 1; i <= 3; ++i) memory.keep(numbered(i));
  for (std::uint8_t i = 1; i <= 3; ++i) EXPECT_TRUE(memory.holds(numbered(i)));
  memory.keep(numbered(4));
  EXPECT_FALSE(memory.holds(numbered(1)));
  for (std::uint8_t i = 2; i <= 4; ++i) EXPECT_TRUE(memory.holds(numbered(i)));
}

TEST(EndorsementMemory, KeepsOneOfEach) {
  std::array<crypto::Digest, 2> room{};
  EndorsementMemory memory(room);
  for (int i = 0; i < 5; ++i) memory.keep(numbered(1));
  memory.keep(numbered(2));
  EXPECT_TRUE(memory.holds(numbered(1)));
  EXPECT_TRUE(memory.holds(numbered(2)));
}

TEST(EndorsementMemory, IsTheSameAgainOverWhatItLeft) {
  std::array<crypto::Digest, 4> room{};
  EndorsementMemory(room).keep(numbered(1));
  EndorsementMemory after_a_sleep(room);
  EXPECT_TRUE(after_a_sleep.holds(numbered(1)));
  after_a_sleep.keep(numbered(2));
  EXPECT_TRUE(after_a_sleep.holds(numbered(1)));
}

TEST(EndorsementMemory, FreeRoomIsNobody) {
  std::array<crypto::Digest, 2> room{};
  EXPECT_FALSE(EndorsementMemory(room).holds(crypto::Digest{}));
}

TEST(EndorsementMemory, WithoutRoomRemembersNothing) {
  EndorsementMemory memory({});
  memory.keep(numbered(1));
  EXPECT_FALSE(memory.holds(numbered(1)));
}

}  // namespace
}  // namespace sotto::secagg
