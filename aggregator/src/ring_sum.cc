#include "ring_sum.h"

#include <algorithm>
#include <string>

#include "sotto/proto/plan_facts.h"

namespace sotto::aggregator {
namespace {

Status nonsense(const std::string& what) {
  return aborted(what + ": a participant sent something else than an update; nothing was applied");
}

Status check_sums(const proto::Plan& plan, const CohortSum& sum, std::span<const std::uint32_t> lanes) {
  const std::uint32_t vectors = sum.devices;
  if (sum.metrics.count != vectors) {
    return nonsense("the count lane says " + std::to_string(sum.metrics.count) + " but " +
                    std::to_string(vectors) + " vectors were summed");
  }
  const auto lane_above = [&](std::uint32_t lane) { return lane > secagg::kLaneMax * vectors; };
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

Result<CohortSum> decode_ring_sum(const proto::Plan& plan, Bytes ring, std::uint32_t vectors) {
  const secagg::RingLayout layout = proto::ring_layout(plan);
  std::vector<std::uint32_t> lanes(layout.lane_count());
  secagg::ring_decode(layout, ring, lanes);
  CohortSum sum;
  sum.unit = secagg::quantizer_scale(plan.aggregation.clip);
  sum.weight_max = plan.aggregation.weight_max;
  sum.metrics = secagg::decode_metrics(lanes);
  sum.devices = vectors;
  SOTTO_RETURN_IF_ERROR(check_sums(plan, sum, lanes));
  const std::int64_t zero = std::int64_t{secagg::kZeroLane} * vectors;
  sum.sum.resize(lanes.size() - secagg::kMetricLanes);
  std::transform(lanes.begin() + secagg::kMetricLanes, lanes.end(), sum.sum.begin(),
                 [zero](std::uint32_t lane) { return lane - zero; });
  return sum;
}

}  // namespace sotto::aggregator
