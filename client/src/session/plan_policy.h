// Whether a device agrees to a plan.
#pragma once

#include "sotto/base/result.h"
#include "sotto/client/session.h"

namespace sotto::client {

// kPermissionDenied: the owner forbids it; kFailedPrecondition: the device cannot. Says which field and why.
[[nodiscard]] Status check_plan_policy(const proto::Plan& plan, const SessionOptions& options, Time now);

// kPermissionDenied unless the offered plan is signed by a coordinator of the device's own authority, and
// unless the device's own endorsement still holds. A device without an identity has no authority to ask.
[[nodiscard]] Status check_plan_credential(const proto::PlanOffer& offer, const SessionOptions& options,
                                           Time now);

}  // namespace sotto::client
