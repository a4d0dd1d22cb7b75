#include "coordinator/access_key.h"

#include <gtest/gtest.h>

#include "coordinator/core.h"

namespace sotto::server {
namespace {

constexpr Time kNow{1'700'000'000'000};

Time after(std::chrono::milliseconds time) { return kNow + time; }
Time just_before(std::chrono::milliseconds time) { return Time{(kNow + time).ms - 1}; }

class AccessKeys : public ::testing::Test {
 protected:
  crypto::SeededRandom random_{std::uint64_t{1}};
  AccessKey key_{random_};
  AccessKey other_{random_};
  crypto::Digest identity_ = crypto::sha256({text_bytes("d0")});
};

TEST_F(AccessKeys, AChallengeIsKnownAgainUntilItEnds) {
  const auto challenge = key_.make_challenge("d0", random_, kNow);
  const auto nonce = key_.check_challenge(challenge, "d0", kNow);
  ASSERT_TRUE(nonce.has_value());
  EXPECT_EQ(key_.check_challenge(challenge, "d0", just_before(AccessKey::kChallengeHolds)), nonce);
  EXPECT_FALSE(key_.check_challenge(challenge, "d0", after(AccessKey::kChallengeHolds)).has_value());
  EXPECT_FALSE(key_.check_challenge(challenge, "d0", Time{kNow.ms - 1}).has_value()) << "of the future";
}

TEST_F(AccessKeys, ChallengesDiffer) {
  EXPECT_NE(key_.make_challenge("d0", random_, kNow), key_.make_challenge("d0", random_, kNow));
}

TEST_F(AccessKeys, AChallengeIsOfOneKeyForOneDevice) {
  const auto challenge = key_.make_challenge("d0", random_, kNow);
  EXPECT_FALSE(key_.check_challenge(challenge, "d1", kNow).has_value());
  EXPECT_FALSE(key_.check_challenge(challenge, "d", kNow).has_value());
  EXPECT_FALSE(other_.check_challenge(challenge, "d0", kNow).has_value());
}

TEST_F(AccessKeys, EveryByteOfAChallengeCounts) {
  const auto challenge = key_.make_challenge("d0", random_, kNow);
  for (std::size_t i = 0; i < challenge.size(); ++i) {
    auto changed = challenge;
    changed[i] ^= 1;
    EXPECT_FALSE(key_.check_challenge(changed, "d0", kNow).has_value()) << i;
  }
  EXPECT_FALSE(key_.check_challenge({}, "d0", kNow).has_value());
  EXPECT_FALSE(key_.check_challenge(Bytes(challenge).first(challenge.size() - 1), "d0", kNow).has_value());
}

TEST_F(AccessKeys, APassNamesItsIdentityUntilItEnds) {
  const auto pass = key_.make_pass(identity_, kNow);
  EXPECT_EQ(key_.check_pass(pass, kNow), identity_);
  EXPECT_EQ(key_.check_pass(pass, just_before(AccessKey::kPassHolds)), identity_);
  EXPECT_FALSE(key_.check_pass(pass, after(AccessKey::kPassHolds)).has_value());
  EXPECT_FALSE(key_.check_pass(pass, Time{kNow.ms - 1}).has_value());
  EXPECT_FALSE(other_.check_pass(pass, kNow).has_value());
}

TEST_F(AccessKeys, EveryByteOfAPassCounts) {
  const auto pass = key_.make_pass(identity_, kNow);
  for (std::size_t i = 0; i < pass.size(); ++i) {
    auto changed = pass;
    changed[i] ^= 1;
    EXPECT_FALSE(key_.check_pass(changed, kNow).has_value()) << i;
  }
  EXPECT_FALSE(key_.check_pass({}, kNow).has_value());
}

TEST(UsedChallenge, IsUsedOnceWhileItWouldHold) {
  RecentSet<AccessKey::Nonce> used{AccessKey::kChallengeHolds};
  const AccessKey::Nonce one{1};
  EXPECT_FALSE(used.contains(one));
  EXPECT_TRUE(used.insert(one, kNow));
  EXPECT_TRUE(used.contains(one));
  EXPECT_FALSE(used.insert(one, just_before(AccessKey::kChallengeHolds)));
  EXPECT_TRUE(used.insert(AccessKey::Nonce{2}, after(AccessKey::kChallengeHolds)));
  EXPECT_FALSE(used.contains(one)) << "forgotten: the challenge has ended";
}

TEST(RecentSets, SaysAThingOnceAnHourAndNotTooMany) {
  RecentSet<std::string> said{kSaidFor, kSaidMax};
  EXPECT_TRUE(said.insert("a", kNow));
  EXPECT_FALSE(said.insert("a", just_before(kSaidFor)));
  EXPECT_TRUE(said.insert("b", kNow));
  EXPECT_TRUE(said.insert("a", after(kSaidFor)));
  for (std::size_t i = 1; i < kSaidMax; ++i) {
    EXPECT_TRUE(said.insert(std::to_string(i), after(kSaidFor)));
  }
  EXPECT_FALSE(said.insert("one more", after(kSaidFor)));
}

}  // namespace
}  // namespace sotto::server
