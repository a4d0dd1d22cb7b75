// From a sum in the ring, free of masks, to the cohort's sum.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sotto/aggregator/cohort_session.h"
#include "sotto/secagg/ring.h"

namespace sotto::aggregator {

// What decode_ring_sum() says about the values of each segment, before any device clipped.
[[nodiscard]] std::vector<SumSegment> sum_segments(const secagg::UpdateLayout& layout);

// Decodes the sum of `vectors` update vectors (PROTOCOL.md section 4). kAborted when the lanes are no sum of
// so many vectors: the count lane disagrees, or a lane is larger than they can make it. Whether updates can
// have made the sum is for check_influence() to say, of sums of every kind of session.
[[nodiscard]] Result<CohortSum> decode_ring_sum(const proto::Plan& plan, Bytes ring, std::uint32_t vectors);
// The same of the sums of the plan's lanes.
[[nodiscard]] Result<CohortSum> decode_lane_sum(const proto::Plan& plan, std::span<const std::uint32_t> lanes,
                                                std::uint32_t vectors);

}  // namespace sotto::aggregator
