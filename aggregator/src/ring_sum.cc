#include "ring_sum.h"

#include <fmt/core.h>

#include <algorithm>

#include "impossible.h"
#include "sotto/proto/plan_facts.h"

namespace sotto::aggregator {
namespace {

// What the decoded sum does not show any more.
Status check_lanes(const CohortSum& sum, std::span<const std::uint32_t> lanes) {
  const std::uint32_t vectors = sum.devices;
  if (sum.metrics.count != vectors) {
    return impossible(
        fmt::format("the count lane says {} but {} vectors were summed", sum.metrics.count, vectors));
  }
  const auto lane_above = [&](std::uint32_t lane) { return lane > secagg::kLaneMax * vectors; };
  if (std::any_of(lanes.begin(), lanes.end(), lane_above)) {
    return impossible(fmt::format("a lane is larger than {} vectors can make it", vectors));
  }
  return {};
}

}  // namespace

std::vector<SumSegment> sum_segments(const secagg::UpdateLayout& layout) {
  std::vector<SumSegment> segments;
  for (const secagg::Segment& segment : layout.segments) {
    const bool count = segment.encoding == secagg::Encoding::kCount;
    segments.push_back({.length = segment.length,
                        .unit = count ? 1.0 : double{secagg::quantizer_scale(segment.clip)},
                        .weighting = segment.weighting});
  }
  return segments;
}

Result<CohortSum> decode_ring_sum(const proto::Plan& plan, Bytes ring, std::uint32_t vectors) {
  const secagg::RingLayout words = proto::ring_layout(plan);
  std::vector<std::uint32_t> lanes(words.lane_count());
  secagg::ring_decode(words, ring, lanes);
  return decode_lane_sum(plan, lanes, vectors);
}

Result<CohortSum> decode_lane_sum(const proto::Plan& plan, std::span<const std::uint32_t> lanes,
                                  std::uint32_t vectors) {
  const secagg::UpdateLayout layout = plan.update_layout();
  CohortSum sum;
  sum.segments = sum_segments(layout);
  sum.weight_max = layout.weight_max;
  sum.metrics = secagg::decode_metrics(layout, lanes);
  sum.devices = vectors;
  const auto clipped = secagg::decode_clipped(layout, lanes);
  for (std::size_t i = 0; i < sum.segments.size(); ++i) sum.segments[i].clipped = clipped[i];
  SOTTO_RETURN_IF_ERROR(check_lanes(sum, lanes));
  sum.sum.resize(layout.value_count());
  secagg::decode_values(layout, lanes, vectors, sum.sum);
  return sum;
}

}  // namespace sotto::aggregator
