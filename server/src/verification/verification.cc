#include "sotto/server/verification.h"

#include <utility>

#include "sotto/base/check.h"
#include "sotto/secagg/bulletin.h"
#include "sotto/secagg/one_shot.h"

namespace sotto::server {
namespace {

struct Verifier {
  const secagg::Trust& trust;
  std::uint64_t now;

  Verdict operator()(const SignedStatement& signed_by) const {
    const secagg::CredentialCheck check{
        .role = secagg::Role::kDevice, .trust = trust, .message = signed_by.statement, .now = now};
    return {secagg::check_credential(signed_by.credential, check),
            secagg::identity_of(signed_by.credential.key)};
  }
  Verdict operator()(const OneShotContribution& contribution) const {
    secagg::OneShotMessage message;
    const Rejection rejection = secagg::decode_one_shot(contribution.message, contribution.helpers, message);
    if (!accepted(rejection)) return {rejection, {}};
    return {secagg::check_sealed_mask(message.mask, contribution.plan_digest, trust, now),
            secagg::identity_of(message.mask.credential.key)};
  }
};

}  // namespace

TrustInForce::TrustInForce(const secagg::Trust& pinned, std::vector<std::uint8_t> bulletin)
    : bulletin_(std::move(bulletin)), trust_(pinned) {
  SOTTO_CHECK(secagg::take_bulletin(bulletin_, trust_) == secagg::BulletinVerdict::kTaken);
}

SignedStatement signed_statement(const secagg::Credential& credential, const secagg::Statement& statement) {
  return {credential, {statement.bytes().begin(), statement.bytes().end()}};
}

Verdict verify(const Verification& verification) {
  return std::visit(Verifier{verification.in_force->trust(), verification.now}, verification.what);
}

}  // namespace sotto::server
