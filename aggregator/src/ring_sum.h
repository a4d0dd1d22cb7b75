// From a sum in the ring, free of masks, to the cohort's sum.
#pragma once

#include <cstdint>

#include "sotto/aggregator/cohort_session.h"

namespace sotto::aggregator {

// Decodes the sum of `vectors` update vectors (PROTOCOL.md section 4). kAborted when the lanes cannot be such
// a sum: the count lane disagrees, a lane is larger than so many vectors can make it, or the weights exceed
// the plan's.
[[nodiscard]] Result<CohortSum> decode_ring_sum(const proto::Plan& plan, Bytes ring, std::uint32_t vectors);

}  // namespace sotto::aggregator
