#include "sotto/aggregator/cohort_session.h"

#include "secure_session.h"
#include "unmasked_session.h"

namespace sotto::aggregator {

Result<std::unique_ptr<CohortSession>> make_cohort_session(const proto::Plan& plan, Bytes plan_bytes,
                                                           Random& random,
                                                           const std::optional<secagg::Trust>& authority,
                                                           std::uint64_t now) {
  SOTTO_RETURN_IF_ERROR(proto::validate_plan(plan));
  SOTTO_RETURN_IF_ERROR(proto::check_encoding(plan, plan_bytes));
  std::unique_ptr<CohortSession> session;
  switch (plan.aggregation.kind) {
    case proto::Aggregation::kSecure: {
      SOTTO_RETURN_IF_ERROR(SecureSession::check_plan(plan));
      if (secagg::is_signed(plan.aggregation.adversary) && !authority) {
        return failed_precondition(
            "the plan is for sessions against a semi-malicious server, but there is no authority whose "
            "devices "
            "could join them: give the coordinator its fleet's authority, or make the task curious");
      }
      session =
          std::make_unique<SecureSession>(plan, plan_bytes, random, authority.value_or(secagg::Trust()), now);
      break;
    }
    case proto::Aggregation::kPlain:
      session = std::make_unique<PlainSession>(plan, random);
      break;
    case proto::Aggregation::kFloat:
      session = std::make_unique<FloatSession>(plan, random);
      break;
    case proto::Aggregation::kOneShot:
      return invalid_argument(
          "aggregation = one_shot: such a session needs a helper (make_one_shot_session)");
  }
  return session;
}

}  // namespace sotto::aggregator
