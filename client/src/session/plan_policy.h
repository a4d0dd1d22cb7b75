// Whether a device agrees to a plan.
#pragma once

#include "sotto/base/result.h"
#include "sotto/client/session.h"

namespace sotto::client {

// kPermissionDenied: the owner forbids it; kFailedPrecondition: the device cannot. Says which field and why.
[[nodiscard]] Status check_plan_policy(const proto::Plan& plan, const SessionOptions& options);

}  // namespace sotto::client
