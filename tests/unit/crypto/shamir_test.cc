#include "sotto/secagg/shamir.h"

#include <gtest/gtest.h>

#include <set>

#include "test_bytes.h"

namespace sotto::secagg {
namespace {

std::string hex_of(const Seed& seed) { return to_hex(seed.reveal()); }

// Shares at x = 1 .. holders.
std::vector<Share> share_among(const Seed& secret, std::size_t holders, std::size_t threshold,
                               Random& random) {
  SeedSharing sharing(secret, threshold, random);
  std::vector<Share> shares;
  for (std::uint32_t x = 1; x <= holders; ++x) shares.push_back(sharing.share_at(x));
  return shares;
}

bool combine(const std::vector<Share>& all, const std::vector<std::uint32_t>& xs, Seed& secret) {
  std::vector<std::uint64_t> weights(xs.size());
  EXPECT_TRUE(lagrange_at_zero(xs, weights));
  std::vector<Share> shares;
  for (const std::uint32_t x : xs) shares.push_back(all[x - 1]);
  return combine_shares(shares, weights, secret);
}

Seed random_seed(Random& random) {
  Seed seed;
  random.fill(seed.reveal_mutable());
  return seed;
}

TEST(Shamir, CombinesSharesComputedElsewhere) {
  // Three points of polynomials of degree 2, evaluated with Python's integers.
  const std::vector<std::uint32_t> xs = {2, 5, 9};
  const std::vector<Share> shares = {
      crypto::unhex_array<kShareBytes>("9bcdc0866fdf2806523a72cf7e14c90efd9c9a1ffbb5770b"),
      crypto::unhex_array<kShareBytes>("3ce69bfe81859b1a632ab77f6ea7971d9cdbe23148d9d908"),
      crypto::unhex_array<kShareBytes>("f52436c74369fe1db7844af88cb9f9093aae3387188b9113"),
  };
  std::vector<std::uint64_t> weights(xs.size());
  ASSERT_TRUE(lagrange_at_zero(xs, weights));
  Seed secret;
  ASSERT_TRUE(combine_shares(shares, weights, secret));
  EXPECT_EQ(hex_of(secret), "00112233445566778899aabbccddeeff");
}

TEST(Shamir, AnyThresholdOfTheHoldersRebuildTheSeed) {
  crypto::SeededRandom random(std::uint64_t{1});
  const Seed secret = random_seed(random);
  const auto shares = share_among(secret, 7, 4, random);
  int subsets = 0;
  for (unsigned subset = 0; subset < 1u << 7; ++subset) {
    std::vector<std::uint32_t> xs;
    for (std::uint32_t x = 1; x <= 7; ++x) {
      if ((subset >> (x - 1) & 1) != 0) xs.push_back(x);
    }
    if (xs.size() != 4) continue;
    ++subsets;
    Seed rebuilt;
    ASSERT_TRUE(combine(shares, xs, rebuilt)) << subset;
    EXPECT_TRUE(rebuilt == secret) << subset;
  }
  EXPECT_EQ(subsets, 35);
}

TEST(Shamir, ExtremeSeedsSurvive) {
  crypto::SeededRandom random(std::uint64_t{2});
  for (const char* text : {"00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff",
                           "ffffffffff0700000000000000000000", "0000000000f8ffffffff3f0000000000",
                           "00000000000000000000c0ffffffffff"}) {
    const Seed secret = crypto::unhex_secret<kSeedBytes>(text);
    Seed rebuilt;
    ASSERT_TRUE(combine(share_among(secret, 5, 3, random), {5, 1, 3}, rebuilt));
    EXPECT_EQ(hex_of(rebuilt), text);
  }
}

TEST(Shamir, LargestThresholdsWork) {
  crypto::SeededRandom random(std::uint64_t{3});
  const Seed secret = random_seed(random);
  const auto shares = share_among(secret, 1023, 682, random);
  std::vector<std::uint32_t> xs;
  for (std::uint32_t x = 1023; xs.size() < 682; --x) xs.push_back(x);
  Seed rebuilt;
  ASSERT_TRUE(combine(shares, xs, rebuilt));
  EXPECT_TRUE(rebuilt == secret);
}

TEST(Shamir, AThresholdOfOneHandsOutTheSeedItself) {
  crypto::SeededRandom random(std::uint64_t{4});
  const Seed secret = random_seed(random);
  const auto shares = share_among(secret, 3, 1, random);
  EXPECT_EQ(shares[0], shares[2]);
  Seed rebuilt;
  ASSERT_TRUE(combine(shares, {2}, rebuilt));
  EXPECT_TRUE(rebuilt == secret);
}

TEST(Shamir, OneShareTooFewDoesNotRebuildTheSeed) {
  crypto::SeededRandom random(std::uint64_t{5});
  const Seed secret = random_seed(random);
  const auto shares = share_among(secret, 5, 3, random);
  int rebuilt_by_too_few = 0;
  for (const auto& xs : std::vector<std::vector<std::uint32_t>>{{1, 2}, {2, 5}, {3, 4}, {1, 5}}) {
    Seed guess;
    if (combine(shares, xs, guess) && guess == secret) ++rebuilt_by_too_few;
  }
  EXPECT_EQ(rebuilt_by_too_few, 0);
  // The same two shares with a third of another polynomial open to something else or to nothing.
  const auto others = share_among(random_seed(random), 5, 3, random);
  std::vector<Share> mixed = shares;
  mixed[2] = others[2];
  Seed wrong;
  const bool opened = combine(mixed, {1, 2, 3}, wrong);
  EXPECT_FALSE(opened && wrong == secret);
}

TEST(Shamir, SharesOfASeedLookUniform) {
  // Bit 60 of a share of the all-zero seed is set half of the time. Binomial(1000, 1/2): 5 sigma is 79.
  crypto::SeededRandom random(std::uint64_t{6});
  int high_bits = 0;
  std::set<Share> distinct;
  for (int i = 0; i < 1000; ++i) {
    SeedSharing sharing(Seed(), 2, random);
    const Share share = sharing.share_at(1);
    high_bits += share[7] >> 4 & 1;
    distinct.insert(share);
  }
  EXPECT_NEAR(high_bits, 500, 79);
  EXPECT_EQ(distinct.size(), 1000u);
}

TEST(Shamir, EqualPointsGiveEqualSharesInAnyOrder) {
  crypto::SeededRandom random(std::uint64_t{7});
  SeedSharing sharing(random_seed(random), 5, random);
  const Share at_nine = sharing.share_at(9);
  const Share at_two = sharing.share_at(2);
  EXPECT_NE(at_nine, at_two);
  EXPECT_EQ(sharing.share_at(9), at_nine);
  EXPECT_EQ(sharing.share_at(2), at_two);
}

TEST(Shamir, RefusesAShareOfAnotherPolynomial) {
  crypto::SeededRandom random(std::uint64_t{8});
  for (int i = 0; i < 64; ++i) {
    const Seed secret = random_seed(random);
    auto shares = share_among(secret, 4, 3, random);
    shares[1] = share_among(secret, 4, 3, random)[1];  // of the same seed even
    Seed rebuilt = crypto::secret(crypto::counting<kSeedBytes>(1));
    EXPECT_FALSE(combine(shares, {1, 2, 3}, rebuilt));
    EXPECT_TRUE(rebuilt == Seed());  // wiped
  }
}

TEST(Shamir, AChangedShareNeverGivesTheSeed) {
  // A small change may lead to another seed instead of a refusal: the commitment and the public key are there
  // for that.
  crypto::SeededRandom random(std::uint64_t{12});
  const Seed secret = random_seed(random);
  const auto good = share_among(secret, 4, 3, random);
  for (std::size_t bit = 0; bit < 8 * kShareBytes; ++bit) {
    auto shares = good;
    shares[1][bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    Seed rebuilt;
    EXPECT_FALSE(combine(shares, {1, 2, 3}, rebuilt) && rebuilt == secret) << bit;
  }
}

TEST(Shamir, RefusesWhatIsNotAFieldElement) {
  // Each of these values is congruent to a limb of a seed, and opens when only the range is not looked at.
  constexpr std::uint64_t kPrime = (std::uint64_t{1} << 61) - 1;
  const std::vector<std::uint64_t> weights = {1, 1};
  for (std::size_t limb = 0; limb < 3; ++limb) {
    const auto opens = [&](std::uint64_t value) {
      std::vector<Share> shares(2);
      store_le(shares[1].data() + 8 * limb, value);
      Seed secret;
      return combine_shares(shares, weights, secret);
    };
    EXPECT_TRUE(opens(0));
    EXPECT_TRUE(opens(1));
    for (const std::uint64_t value : {kPrime, kPrime + 1, kPrime + 2, UINT64_MAX}) {
      EXPECT_FALSE(opens(value)) << value << " in limb " << limb;
    }
  }
}

TEST(Shamir, RefusesALimbWiderThanASeeds) {
  const std::vector<std::uint64_t> weights = {1};
  for (const auto& [limb, bits] : {std::pair<std::size_t, unsigned>{0, 43}, {1, 43}, {2, 42}}) {
    std::vector<Share> shares(1);
    store_le(shares[0].data() + 8 * limb, (std::uint64_t{1} << bits) - 1);
    Seed secret;
    EXPECT_TRUE(combine_shares(shares, weights, secret)) << limb;
    store_le(shares[0].data() + 8 * limb, std::uint64_t{1} << bits);
    EXPECT_FALSE(combine_shares(shares, weights, secret)) << limb;
  }
}

TEST(Shamir, RefusesPointsThatAreZeroOrRepeated) {
  std::array<std::uint64_t, 3> weights;
  EXPECT_FALSE(lagrange_at_zero(std::array<std::uint32_t, 3>{1, 0, 2}, weights));
  EXPECT_FALSE(lagrange_at_zero(std::array<std::uint32_t, 3>{4, 1, 4}, weights));
  EXPECT_TRUE(lagrange_at_zero(std::array<std::uint32_t, 3>{4, 1, UINT32_MAX}, weights));
}

TEST(Shamir, ImpossibleThresholdsAreABug) {
  crypto::SeededRandom random(std::uint64_t{10});
  EXPECT_DEATH(SeedSharing(Seed(), 0, random), "internal error");
  SeedSharing sharing(Seed(), 2, random);
  EXPECT_DEATH((void)sharing.share_at(0), "internal error");  // would be the seed
}

}  // namespace
}  // namespace sotto::secagg
