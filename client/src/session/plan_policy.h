// Whether a device agrees to a plan.
#pragma once

#include <vector>

#include "sotto/base/result.h"
#include "sotto/client/session.h"

namespace sotto::client {

// kPermissionDenied: the owner forbids it; kFailedPrecondition: the device cannot. Says which field and why.
[[nodiscard]] Status check_plan_policy(const proto::Plan& plan, const SessionOptions& options, Time now);

// The owner's mask helpers in the order in which a one-shot plan names them; none unless it names just these.
[[nodiscard]] std::vector<crypto::X25519PublicKey> helpers_of(const proto::Plan& plan,
                                                              const SessionOptions& options);

// kPermissionDenied unless the offered plan is signed by a coordinator of the device's own authority, and
// unless the device's own endorsement still holds. A device without an identity has no authority to ask.
[[nodiscard]] Status check_plan_credential(const proto::PlanOffer& offer, const SessionOptions& options,
                                           Time now);

}  // namespace sotto::client
