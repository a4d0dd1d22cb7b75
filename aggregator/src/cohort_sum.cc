#include "sotto/aggregator/cohort_sum.h"

#include <limits>

#include "sotto/base/check.h"

namespace sotto::aggregator {
namespace {

// Sums of quantised updates are far from the ends of the range (200,000 devices * 127 < 2^25). Float sums of
// several cohorts could leave it when every device sends the largest value allowed; they then stay at the
// end.
std::int64_t add_saturating(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

void CohortSum::merge(const CohortSum& other) {
  if (sum.empty()) {
    *this = other;
    return;
  }
  if (other.sum.empty()) return;
  SOTTO_CHECK(mergeable_with(other));
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = add_saturating(sum[i], other.sum[i]);
  metrics += other.metrics;
  devices += other.devices;
}

bool CohortSum::mergeable_with(const CohortSum& other) const {
  return sum.size() == other.sum.size() && unit == other.unit && weight_max == other.weight_max;
}

std::vector<double> CohortSum::weighted_mean() const {
  if (metrics.weight == 0) return {};
  const double scale = unit * weight_max / static_cast<double>(metrics.weight);
  std::vector<double> mean;
  mean.reserve(sum.size());
  for (const std::int64_t value : sum) mean.push_back(static_cast<double>(value) * scale);
  return mean;
}

}  // namespace sotto::aggregator
