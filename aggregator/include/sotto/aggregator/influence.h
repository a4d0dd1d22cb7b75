// What a sum may do to a model. Masks hide what a device sends, so nobody can see that a vector is no update;
// but a sum of updates has properties of its own, and so has what a task expects of its fleet. A sum without
// them is not applied. What one device can still do within these rules: SECURITY.md, "Poisoned updates".
#pragma once

#include <cstdint>

#include "sotto/aggregator/cohort_sum.h"
#include "sotto/base/inline_list.h"
#include "sotto/base/result.h"
#include "sotto/proto/plan.h"

namespace sotto::aggregator {

// What a task allows, beside what holds for every sum of updates.
struct InfluenceLimits {
  float update_norm_max = 0;  // of update_norm(); 0: any
  // Of each metric's mean over examples, in the plan's order; 0, and what is not there: any.
  InlineList<std::uint32_t, secagg::kSumsMax> metrics_max{};
};

// The Euclidean norm of the mean over devices that the model moves along: of all segments but counts. 0 for a
// sum without weight. Requires a sum of the plan's form.
[[nodiscard]] double update_norm(const proto::Plan& plan, const CohortSum& sum);

// kAborted, with the rule that is broken and both numbers, when sum.devices devices of this plan cannot have
// made the sum together: each has a weight of 1 .. weight_max, at least one example, not more of them correct
// than there are, metrics and counts that their bytes hold, and signed values within their clips. (Float
// sessions clip nothing, and refuse what is too large device by device.) Requires a sum of the plan's form.
[[nodiscard]] Status check_possible(const proto::Plan& plan, const CohortSum& sum);

// check_possible(), and kAborted with both numbers when the sum passes a limit of the task. Otherwise its
// update_norm().
[[nodiscard]] Result<double> check_influence(const proto::Plan& plan, const InfluenceLimits& limits,
                                             const CohortSum& sum);

}  // namespace sotto::aggregator
