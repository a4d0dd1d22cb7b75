#include "fleet/party_randomness.h"

#include <gtest/gtest.h>

#include <set>

#include "fleet/enrolled_fleet.h"

namespace sotto::simulation {
namespace {

const StreamName kDeviceThree{.purpose = "keys", .attempt = 1, .device = 3};

std::uint64_t first_draw(const PartyRandomness& randomness, const StreamName& name) {
  return randomness.stream(name)->u64();
}

TEST(ReplayedRandomness, AStreamFollowsFromSeedAndName) {
  const ReplayedRandomness seven(7);
  EXPECT_EQ(first_draw(seven, kDeviceThree), first_draw(ReplayedRandomness(7), kDeviceThree));
  const std::set<std::uint64_t> draws = {
      first_draw(seven, kDeviceThree),
      first_draw(ReplayedRandomness(8), kDeviceThree),
      first_draw(seven, {.purpose = "keys", .attempt = 2, .device = 3}),
      first_draw(seven, {.purpose = "keys", .attempt = 1, .device = 4}),
      first_draw(seven, {.purpose = "coordinator", .attempt = 1, .device = 3}),
  };
  EXPECT_EQ(draws.size(), 5u);
}

TEST(ReplayedRandomness, AFleetSignsTheSameAgain) {
  const ReplayedRandomness seven(7);
  const ReplayedRandomness eight(8);
  EnrolledFleet fleet(seven);
  EnrolledFleet again(seven);
  EnrolledFleet other(eight);
  // Whichever device is enrolled first.
  const secagg::Identity& nine = again.device(9);
  const secagg::Identity& three = again.device(3);
  EXPECT_EQ(fleet.device(3).signer.public_key(), three.signer.public_key());
  EXPECT_EQ(fleet.device(3).endorsement, three.endorsement);
  EXPECT_EQ(fleet.device(3).trust.authority, nine.trust.authority);
  EXPECT_EQ(fleet.coordinator().endorsement, again.coordinator().endorsement);
  const crypto::Digest message = crypto::sha256({});
  EXPECT_EQ(fleet.device(3).signer.sign(message), three.signer.sign(message));
  EXPECT_NE(nine.signer.public_key(), three.signer.public_key());
  EXPECT_NE(other.device(3).signer.public_key(), three.signer.public_key());
  EXPECT_NE(other.coordinator().trust.authority, three.trust.authority);
}

TEST(UnrepeatableRandomness, GivesNothingTwice) {
  const UnrepeatableRandomness randomness;
  EXPECT_NE(first_draw(randomness, kDeviceThree), first_draw(randomness, kDeviceThree));
  EnrolledFleet fleet(randomness);
  const crypto::Digest message = crypto::sha256({});
  secagg::Signer& signer = fleet.device(3).signer;
  const crypto::Es256Signature signature = signer.sign(message);
  EXPECT_TRUE(crypto::es256_verify(signer.public_key(), message, signature));
  EXPECT_NE(signer.sign(message), signature);
}

}  // namespace
}  // namespace sotto::simulation
