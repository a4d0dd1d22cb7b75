// The plan that played cohorts have in common: one round of a softmax model, everything else as by default.
#pragma once

#include <cstdint>

#include "sotto/proto/plan.h"

namespace sotto::bench {

// `parameters` is even and at least 4.
inline proto::Plan softmax_plan(std::uint32_t parameters) {
  proto::Plan plan;
  plan.task = TaskId{1};
  plan.round = RoundId{1};
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = parameters / 2 - 1, .classes = 2};
  plan.report_within_ms = 1000;
  return plan;
}

}  // namespace sotto::bench
