// plan.h for hosts: bytes in a vector, refusals as sentences.
#pragma once

#include <vector>

#include "sotto/base/clock.h"
#include "sotto/base/result.h"
#include "sotto/proto/plan.h"

namespace sotto::proto {

[[nodiscard]] std::vector<std::uint8_t> encode_plan(const Plan& plan);
// Checks every field's range; kInvalidArgument names the field.
[[nodiscard]] Result<Plan> decode_plan(Bytes bytes);
[[nodiscard]] Status validate_plan(const Plan& plan);
// kInvalidArgument unless `plan_bytes` are the plan's.
[[nodiscard]] Status check_encoding(const Plan& plan, Bytes plan_bytes);
// kFailedPrecondition names both times when the plan does not hold at `now` (plan_facts.h).
[[nodiscard]] Status check_plan_age(const Plan& plan, Time now);
// Ranges of a model alone: used when a task is created.
[[nodiscard]] Status validate_model(const ModelSpec& model);

}  // namespace sotto::proto
