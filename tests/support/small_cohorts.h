// The tests' fleets are smaller than a task's defaults allow: a tenth of three devices counts as a whole
// corrupt one, and no threshold withstands a third.
#pragma once

#include "sotto/proto/plan.h"

namespace sotto {

inline void allow_small_cohorts(proto::AggregationSpec& aggregation) {
  aggregation.cohort_min = 3;
  aggregation.honest_min = 2;
  aggregation.corrupt_fraction = 0;
}

}  // namespace sotto
