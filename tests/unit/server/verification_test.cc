#include "sotto/server/verification.h"

#include <gtest/gtest.h>

#include "sotto/secagg/one_shot.h"
#include "support/bulletins.h"
#include "support/enrolment.h"

namespace sotto::server {
namespace {

const secagg::Identity& device() { return secagg::enrolled_device("d0"); }
crypto::Digest identity() { return secagg::identity_of(device().signer.public_key()); }

Verification of_statement(const secagg::Identity& signer) {
  const secagg::PlanStatement statement = secagg::plan_statement(text_bytes("anything"));
  return {.what = SignedStatement{secagg::make_credential(signer.signer, signer.endorsement, statement),
                                  {statement.bytes().begin(), statement.bytes().end()}},
          .in_force = std::make_shared<const TrustInForce>(secagg::fleet_authority().public_key())};
}

TEST(Verify, KnowsAnEnrolledDevicesSignature) {
  const Verdict verdict = verify(of_statement(device()));
  EXPECT_EQ(verdict.rejection, Rejection::kNone);
  EXPECT_EQ(verdict.identity, identity());
}

TEST(Verify, RefusesAnotherStatementAndACoordinatorsKey) {
  Verification changed = of_statement(device());
  std::get<SignedStatement>(changed.what).statement.back() ^= 1;
  EXPECT_EQ(verify(changed).rejection, Rejection::kBadSignature);
  EXPECT_EQ(verify(of_statement(secagg::enrolled_coordinator())).rejection, Rejection::kBadSignature);
}

TEST(Verify, GoesByTheBulletinInForce) {
  Verification verification = of_statement(device());
  verification.in_force = std::make_shared<const TrustInForce>(
      secagg::fleet_authority().public_key(),
      secagg::signed_bulletin(secagg::fleet_authority(),
                              {.edition = 7, .endorsements_from = 0, .revoked = {identity()}}));
  EXPECT_EQ(verification.in_force->trust().edition, 7u);
  EXPECT_EQ(verify(verification).rejection, Rejection::kRevoked);
}

TEST(Verify, GoesByTheTime) {
  const secagg::PlanStatement statement = secagg::plan_statement(text_bytes("anything"));
  const secagg::Endorsement ends = secagg::endorse(secagg::fleet_authority(), secagg::Role::kDevice,
                                                   device().signer.public_key(), {.expires_at = 100});
  Verification verification = of_statement(device());
  std::get<SignedStatement>(verification.what).credential =
      secagg::make_credential(device().signer, ends, statement);
  verification.now = 99;
  EXPECT_EQ(verify(verification).rejection, Rejection::kNone);
  verification.now = 100;
  EXPECT_EQ(verify(verification).rejection, Rejection::kExpired);
}

TEST(Verify, KnowsAOneShotContributionByAllOfItsBytes) {
  crypto::SeededRandom random(std::uint64_t{3});
  const crypto::Digest plan = crypto::sha256({text_bytes("plan")});
  const std::vector<std::uint8_t> vector(40, 7);
  std::vector<std::uint8_t> message(secagg::one_shot_header_bytes(1));
  secagg::OneShotSeals seals;
  ASSERT_TRUE(seals.seeds.resize(1));
  secagg::one_shot_sign(plan, device(), seals, vector, random, message);
  message.insert(message.end(), vector.begin(), vector.end());
  Verification verification{
      .what = OneShotContribution{message, plan},
      .in_force = std::make_shared<const TrustInForce>(secagg::fleet_authority().public_key())};
  EXPECT_EQ(verify(verification).rejection, Rejection::kNone);
  EXPECT_EQ(verify(verification).identity, identity());
  auto& contribution = std::get<OneShotContribution>(verification.what);
  contribution.message.back() ^= 1;
  EXPECT_EQ(verify(verification).rejection, Rejection::kBadSignature);
  contribution.message.back() ^= 1;
  contribution.plan_digest[0] ^= 1;
  EXPECT_EQ(verify(verification).rejection, Rejection::kBadSignature);
  contribution.message.resize(10);
  EXPECT_EQ(verify(verification).rejection, Rejection::kMalformed);
}

}  // namespace
}  // namespace sotto::server
