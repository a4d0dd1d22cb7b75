// Masked vectors tell nothing: they are uniform whatever is in them, and no two are masked with the same
// keystream.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "secure_cohort.h"
#include "statistics.h"

namespace sotto::assurance {
namespace {

constexpr std::uint32_t kFeatures = 60'000;  // 120,022 lanes, 240,044 bytes a vector

// Every second byte, from `first` on.
std::vector<std::uint8_t> alternate(Bytes bytes, std::size_t first) {
  std::vector<std::uint8_t> out;
  for (std::size_t i = first; i < bytes.size(); i += 2) out.push_back(bytes[i]);
  return out;
}

std::vector<std::uint8_t> lane_difference(Bytes a, Bytes b) {
  std::vector<std::uint8_t> out(a.size());
  for (std::size_t i = 0; i < a.size(); i += 2) {
    const int difference = load_le<std::uint16_t>(a.data() + i) - load_le<std::uint16_t>(b.data() + i);
    store_le(out.data() + i, static_cast<std::uint16_t>(difference));
  }
  return out;
}

// Of a join message the session keys; the credential is signed anew each time.
Bytes keys_of(const SecureDevice& device) { return Bytes(device.joined).first(secagg::kAdvertiseBytes); }

std::unique_ptr<SecureCohort> played(const CohortOptions& options) {
  auto cohort = std::make_unique<SecureCohort>(options);
  // The most telling vectors there are: one value in every lane.
  for (const auto& device : cohort->devices()) {
    std::fill(device->lanes.begin() + secagg::kMetricLanes, device->lanes.end(), std::uint8_t{128});
  }
  const auto sum = cohort->run({});
  EXPECT_TRUE(sum.has_value());
  return cohort;
}

TEST(Statistics, TellsUniformBytesFromOthers) {
  std::vector<std::uint8_t> bytes(240'000);
  crypto::SeededRandom(std::uint64_t{1}).fill(bytes);
  EXPECT_TRUE(looks_uniform(bytes));
  std::vector<std::uint8_t> biased = bytes;
  for (std::size_t i = 0; i < biased.size(); i += 50)
    biased[i] &= 0x7f;  // two per cent, half of them already so
  EXPECT_FALSE(looks_uniform(biased));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i);
  EXPECT_FALSE(looks_uniform(bytes)) << "a counter is too even";
}

TEST(MaskedVector, IsUniformInEveryByteOfItsLanes) {
  for (const crypto::Prg prg : {crypto::Prg::kChaCha20, crypto::Prg::kAes128Ctr}) {
    const auto cohort = played({.participants = 4, .features = kFeatures, .prg = prg});
    for (const auto& device : cohort->devices()) {
      EXPECT_TRUE(looks_uniform(alternate(device->vector, 0)));
      EXPECT_TRUE(looks_uniform(alternate(device->vector, 1)));
    }
  }
}

TEST(MaskedVector, IsUniformWhenLanesArePackedIntoWords) {
  const auto cohort = played({.participants = 4, .features = kFeatures, .participants_max = 1024});
  for (const auto& device : cohort->devices()) EXPECT_TRUE(looks_uniform(device->vector));
}

TEST(MaskedVector, IsUniformWhenItTravelsAsBits) {
  for (const std::uint16_t participants_max : {std::uint16_t{100}, std::uint16_t{1024}}) {
    const auto cohort = played({.participants = 4,
                                .features = kFeatures,
                                .participants_max = participants_max,
                                .packing = proto::Packing::kBits});
    for (const auto& device : cohort->devices()) {
      EXPECT_TRUE(looks_uniform(Bytes(device->vector).first(device->vector.size() - 1)));  // without padding
    }
  }
}

// The same lane over many sessions; lane 0 always holds 1.
TEST(MaskedVector, IsUniformInOneLaneOverManySessions) {
  std::vector<std::uint8_t> low;
  std::vector<std::uint8_t> high;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SecureCohort cohort(
        {.participants = 3, .keys_seed = seed, .features = 1, .adversary = secagg::Adversary::kCurious});
    static_cast<void>(cohort.run({}));
    for (const auto& device : cohort.devices()) {
      low.push_back(device->vector[0]);
      high.push_back(device->vector[1]);
    }
  }
  EXPECT_TRUE(looks_uniform(low));
  EXPECT_TRUE(looks_uniform(high));
}

// Two masks of one keystream would cancel in the difference of two vectors with equal contents.
TEST(MaskedVector, SharesNoKeystreamWithAnother) {
  const CohortOptions options{.participants = 3, .features = kFeatures};
  CohortOptions other_keys = options;
  other_keys.keys_seed = 2;
  // From here on every device draws the same keys, seeds and shares: what is different must reach every mask
  // by itself.
  CohortOptions other_session = options;
  other_session.session_seed = 2;
  CohortOptions other_round = options;
  other_round.round = 4;
  std::vector<std::unique_ptr<SecureCohort>> cohorts;
  for (const auto& variant : {options, other_keys, other_session, other_round})
    cohorts.push_back(played(variant));
  ASSERT_TRUE(std::ranges::equal(keys_of(*cohorts[0]->devices()[0]), keys_of(*cohorts[2]->devices()[0])))
      << "the seeds are not in force";

  std::vector<std::span<const std::uint8_t>> vectors;
  for (const auto& cohort : cohorts) {
    for (const auto& device : cohort->devices()) vectors.emplace_back(device->vector);
  }
  for (std::size_t a = 0; a < vectors.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      const std::vector<std::uint8_t> difference = lane_difference(vectors[a], vectors[b]);
      EXPECT_TRUE(looks_uniform(alternate(difference, 0))) << a << " - " << b;
      EXPECT_TRUE(looks_uniform(alternate(difference, 1))) << a << " - " << b;
    }
  }
}

TEST(MaskedVector, OfTheSameSessionIsTheSame) {
  const CohortOptions options{.participants = 3, .features = 10};
  EXPECT_EQ(played(options)->devices()[1]->vector, played(options)->devices()[1]->vector)
      << "the tests above would find difference where there is only noise";
}

TEST(SessionKeys, AreNeverUsedTwice) {
  std::set<std::vector<std::uint8_t>> keys;
  std::set<std::vector<std::uint8_t>> commitments;
  std::size_t devices = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SecureCohort cohort({.participants = 6, .keys_seed = seed});
    static_cast<void>(cohort.run({}));
    for (const auto& device : cohort.devices()) {
      const Bytes both = keys_of(*device);
      for (const Bytes key : {both.first(crypto::kX25519Bytes), both.last(crypto::kX25519Bytes)})
        keys.emplace(key.begin(), key.end());
      commitments.emplace(device->shares.begin(), device->shares.begin() + sizeof(crypto::Digest));
      ++devices;
    }
  }
  EXPECT_EQ(keys.size(), 2 * devices);
  EXPECT_EQ(commitments.size(), devices);
}

}  // namespace
}  // namespace sotto::assurance
