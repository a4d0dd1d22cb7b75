#include "sotto/aggregator/cohort_sum.h"

#include <algorithm>
#include <limits>
#include <span>

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
  for (std::size_t i = 0; i < segments.size(); ++i) segments[i].clipped += other.segments[i].clipped;
  metrics += other.metrics;
  devices += other.devices;
}

bool CohortSum::mergeable_with(const CohortSum& other) const {
  const auto same_form = [](const SumSegment& a, const SumSegment& b) {
    return a.length == b.length && a.unit == b.unit && a.weighting == b.weighting;
  };
  return sum.size() == other.sum.size() && weight_max == other.weight_max &&
         std::ranges::equal(segments, other.segments, same_form);
}

double CohortSum::step_of_mean(const SumSegment& segment) const {
  return segment.weighting == secagg::Weighting::kExamples
             ? segment.unit * weight_max / static_cast<double>(metrics.weight)
             : segment.unit / devices;
}

std::vector<double> CohortSum::weighted_mean() const {
  if (metrics.weight == 0) return {};
  std::vector<double> mean;
  mean.reserve(sum.size());
  for (const SumSegment& segment : segments) {
    const double scale = step_of_mean(segment);
    const std::span<const std::int64_t> values = std::span(sum).subspan(mean.size(), segment.length);
    for (const std::int64_t value : values) mean.push_back(static_cast<double>(value) * scale);
  }
  return mean;
}

}  // namespace sotto::aggregator
