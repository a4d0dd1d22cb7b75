// The signatures of devices, checked wherever there is time: two ES256 verifications each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "sotto/base/ids.h"
#include "sotto/base/rejection.h"
#include "sotto/secagg/identity.h"

namespace sotto::server {

// Whom the coordinator believes: its authority, as the bulletin in force has it. Stays where it is made, for
// the trust borrows from the bulletin.
class TrustInForce {
 public:
  explicit TrustInForce(const secagg::Trust& pinned) : trust_(pinned) {}
  // Requires a bulletin that `pinned`, which knows of none yet, takes.
  TrustInForce(const secagg::Trust& pinned, std::vector<std::uint8_t> bulletin);
  TrustInForce(const TrustInForce&) = delete;
  TrustInForce& operator=(const TrustInForce&) = delete;

  [[nodiscard]] const secagg::Trust& trust() const { return trust_; }
  [[nodiscard]] const std::vector<std::uint8_t>& bulletin() const { return bulletin_; }

 private:
  std::vector<std::uint8_t> bulletin_;  // empty: there was none yet
  secagg::Trust trust_;
};

using VerificationId = StrongId<struct VerificationIdTag, std::uint64_t>;

struct SignedStatement {
  secagg::Credential credential;
  std::vector<std::uint8_t> statement;
};
[[nodiscard]] SignedStatement signed_statement(const secagg::Credential& credential,
                                               const secagg::Statement& statement);
// The message of a one-shot device, whose signature covers all of it.
struct OneShotContribution {
  std::vector<std::uint8_t> message;
  crypto::Digest plan_digest{};
  std::size_t helpers = 1;  // that the plan names
};
// Whether an enrolled device signed this.
struct Verification {
  std::variant<SignedStatement, OneShotContribution> what;
  std::shared_ptr<const TrustInForce> in_force;
  std::uint64_t now = secagg::kNoClock;  // seconds since the Unix epoch
};
struct Verdict {
  Rejection rejection = Rejection::kNone;
  crypto::Digest identity{};  // of the key that is said to have signed
};
// On any thread.
[[nodiscard]] Verdict verify(const Verification& verification);

}  // namespace sotto::server
