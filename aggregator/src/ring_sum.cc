#include "ring_sum.h"

#include <algorithm>
#include <string>

namespace sotto::aggregator {
namespace {

constexpr std::uint32_t kLaneMax = 255;
constexpr std::int64_t kZeroLane = 128;  // the lane value of a zero coordinate

Status nonsense(const std::string& what) {
  return aborted(what + ": a participant sent something else than an update; nothing was applied");
}

Status check_sums(const proto::Plan& plan, const CohortSum& sum, std::span<const std::uint32_t> lanes) {
  const std::uint32_t vectors = sum.devices;
  if (sum.metrics.count != vectors) {
    return nonsense("the count lane says " + std::to_string(sum.metrics.count) + " but " +
                    std::to_string(vectors) + " vectors were summed");
  }
  const auto lane_above = [&](std::uint32_t lane) { return lane > kLaneMax * vectors; };
  if (std::any_of(lanes.begin(), lanes.end(), lane_above)) {
    return nonsense("a lane is larger than " + std::to_string(vectors) + " vectors can make it");
  }
  const std::uint64_t weight_most = std::uint64_t{vectors} * plan.aggregation.weight_max;
  if (sum.metrics.weight > weight_most) {
    return nonsense("the weights sum to " + std::to_string(sum.metrics.weight) + ", at most " +
                    std::to_string(weight_most) + " is possible");
  }
  if (sum.metrics.clipped > vectors) return nonsense("more devices clipped than took part");
  return {};
}

}  // namespace

secagg::RingLayout ring_layout(const proto::Plan& plan) {
  return {plan.aggregation.participants_max, secagg::update_lanes(plan.model.parameter_count()),
          plan.aggregation.packing};
}

Result<CohortSum> decode_ring_sum(const proto::Plan& plan, Bytes ring, std::uint32_t vectors) {
  const secagg::RingLayout layout = ring_layout(plan);
  std::vector<std::uint32_t> lanes(layout.lane_count());
  secagg::ring_decode(layout, ring, lanes);
  CohortSum sum;
  sum.unit = secagg::quantizer_scale(plan.aggregation.clip);
  sum.weight_max = plan.aggregation.weight_max;
  sum.metrics = secagg::decode_metrics(lanes);
  sum.devices = vectors;
  SOTTO_RETURN_IF_ERROR(check_sums(plan, sum, lanes));
  const std::int64_t zero = kZeroLane * vectors;
  sum.sum.resize(lanes.size() - secagg::kMetricLanes);
  std::transform(lanes.begin() + secagg::kMetricLanes, lanes.end(), sum.sum.begin(),
                 [zero](std::uint32_t lane) { return lane - zero; });
  return sum;
}

}  // namespace sotto::aggregator
