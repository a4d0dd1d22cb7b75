// What holds for every cohort size, here for all small ones and some larger; session_sweep_long_test.cc has
// every one.
#include "session_sweep.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "secure_cohort.h"
#include "sotto/secagg/shamir.h"

namespace sotto::assurance {
namespace {

constexpr secagg::Adversary kAdversaries[] = {secagg::Adversary::kCurious, secagg::Adversary::kSemiMalicious};

TEST(SecureSession, IsExactForEveryDropPointOfSmallCohorts) {
  for (const secagg::Adversary adversary : kAdversaries) {
    for (std::uint16_t participants = 3; participants <= 10; ++participants)
      sweep_drop_points(participants, adversary);
  }
}

TEST(SecureSession, IsExactForEveryDropPointOfALargeCompleteGraph) {
  for (const secagg::Adversary adversary : kAdversaries) sweep_drop_points(26, adversary);
}

TEST(SecureSession, NeedsTheThresholdOfSharesAndNoMore) {
  for (const secagg::Adversary adversary : kAdversaries) {
    for (std::uint16_t participants = 3; participants <= 10; ++participants)
      sweep_share_subsets(participants, adversary);
  }
  sweep_share_subsets(26, secagg::Adversary::kSemiMalicious);
}

TEST(SecureSession, RefusesFewerThanThreeDevices) {
  for (std::uint16_t participants = 1; participants < 3; ++participants) {
    SecureCohort cohort({.participants = participants});
    const auto sum = cohort.run({});
    ASSERT_FALSE(sum.has_value());
    EXPECT_EQ(sum.error().code(), StatusCode::kAborted);
    for (const auto& device : cohort.devices()) EXPECT_TRUE(device->shares.empty());
  }
}

// The device does not rely on the aggregator for it.
TEST(SecureSession, ADeviceRefusesARosterOfTwo) {
  SecureCohort cohort({.participants = 3, .adversary = secagg::Adversary::kCurious});
  std::vector<std::uint8_t> entries;
  for (const std::size_t i : {0, 1}) {
    std::vector<std::uint8_t> keys(secagg::kAdvertiseBytes);
    std::size_t written = 0;
    ASSERT_EQ(cohort.devices()[i]->participant.advertise(keys, written), Rejection::kNone);
    entries.insert(entries.end(), keys.begin(), keys.end());
  }
  const secagg::Roster roster{
      .ring_bits = 16, .graph = {.participants = 2, .neighbours = 1, .threshold = 1}, .entries = entries};
  std::vector<std::uint8_t> message(secagg::roster_bytes(roster.adversary, roster.graph));
  secagg::encode_roster(roster, message);
  std::vector<std::uint8_t> out(secagg::shares_bytes(3));
  std::size_t written = 0;
  EXPECT_EQ(cohort.devices()[0]->participant.receive_roster(message, out, written),
            Rejection::kCohortTooSmall);
  EXPECT_EQ(written, 0u);
}

// Every n, every t, subsets of t - 1, t and t + 1 of the shares. combine_shares() takes exactly t: with t + 1
// any choice of t among them must give the seed, with t - 1 nothing does.
TEST(Shamir, OpensWithAnyThresholdSharesAndNoFewer) {
  crypto::SeededRandom random(std::uint64_t{12});
  const auto combine = [](secagg::SeedSharing& sharing, std::span<const std::uint32_t> xs,
                          secagg::Seed& seed) {
    std::vector<secagg::Share> shares;
    for (const std::uint32_t x : xs) shares.push_back(sharing.share_at(x));
    std::vector<std::uint64_t> weights(xs.size());
    return secagg::lagrange_at_zero(xs, weights) && secagg::combine_shares(shares, weights, seed);
  };
  for (std::uint32_t n = 3; n <= 64; ++n) {
    for (const std::uint32_t threshold : {2u, n / 2 + 1, n - 1}) {
      SCOPED_TRACE("n " + std::to_string(n) + ", t " + std::to_string(threshold));
      secagg::Seed seed;
      random.fill(seed.reveal_mutable());
      secagg::SeedSharing sharing(seed, threshold, random);
      std::vector<std::uint32_t> xs(n);
      for (std::uint32_t i = 0; i < n; ++i) xs[i] = i + 1;
      for (std::uint32_t i = n - 1; i > 0; --i) std::swap(xs[i], xs[random.below(i + 1)]);
      const std::span<const std::uint32_t> all(xs);
      secagg::Seed rebuilt;
      ASSERT_TRUE(combine(sharing, all.first(threshold), rebuilt));
      EXPECT_EQ(rebuilt, seed);
      ASSERT_TRUE(combine(sharing, all.subspan(1, threshold), rebuilt));  // the rest of t + 1
      EXPECT_EQ(rebuilt, seed);
      EXPECT_FALSE(combine(sharing, all.first(threshold - 1), rebuilt) && rebuilt == seed);
    }
  }
}

}  // namespace
}  // namespace sotto::assurance
