#include "plan_policy.h"

#include <algorithm>
#include <string>

namespace sotto::client {

Status check_plan_policy(const proto::Plan& plan, const SessionOptions& options) {
  if (plan.aggregation.kind != proto::Aggregation::kSecure && !options.allow_unmasked) {
    return {StatusCode::kPermissionDenied,
            std::string("the task's aggregation is ") + proto::to_string(plan.aggregation.kind) +
                ", which shows this device's own update to the coordinator; allow_unmasked is off"};
  }
  if (plan.aggregation.cohort_min < options.cohort_min) {
    return {StatusCode::kPermissionDenied,
            "the task allows cohorts of " + std::to_string(plan.aggregation.cohort_min) +
                ", this device takes part in no cohort below " + std::to_string(options.cohort_min)};
  }
  if (std::find(options.trainers.begin(), options.trainers.end(), plan.model.architecture) ==
      options.trainers.end()) {
    return failed_precondition(std::string("this device cannot train the architecture ") +
                               proto::to_string(plan.model.architecture));
  }
  if (plan.model.parameter_count() > options.parameters_max) {
    return failed_precondition("the model has " + std::to_string(plan.model.parameter_count()) +
                               " parameters, this device holds at most " +
                               std::to_string(options.parameters_max));
  }
  return {};
}

}  // namespace sotto::client
