// What comes out of cohorts: exact sums that merge in any order, and their form outside a process, so that
// the cohorts of one round can be aggregated by many.
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/base/bytes.h"
#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/update.h"

namespace sotto::aggregator {

// What the values of a segment are sums of.
struct SumSegment {
  std::uint32_t length = 0;
  double unit = 0;  // of its values
  secagg::Weighting weighting = secagg::Weighting::kExamples;
  // Devices that clipped one of its values; stays 0 when the segment has no clipped lane of its own.
  std::uint64_t clipped = 0;
  friend bool operator==(const SumSegment&, const SumSegment&) = default;
};

// The exact sum of a cohort or of several. Merging in any order and grouping gives the same sum; only sums of
// floats that leave the range of 63 bits stay at its end instead.
struct CohortSum {
  // Per value, in units of its segment: sum over devices of weight / weight_max * value, or of the values
  // alone.
  std::vector<std::int64_t> sum;
  std::vector<SumSegment> segments;  // in order; their lengths add up to sum.size()
  std::uint32_t weight_max = 1;
  secagg::MetricSums metrics;
  std::uint32_t devices = 0;

  // Requires mergeable_with(other) (an empty *this takes over `other`).
  void merge(const CohortSum& other);
  // Whether both are sums of one plan's updates as far as their form tells: equal weight_max, and segments
  // equal in length, unit and weighting.
  [[nodiscard]] bool mergeable_with(const CohortSum& other) const;
  // What one unit of a value of this segment is in the mean; requires metrics.weight > 0 and devices > 0.
  [[nodiscard]] double step_of_mean(const SumSegment& segment) const;
  // Mean of the devices' values: sum * unit * weight_max / metrics.weight, or sum * unit / devices where
  // every device counts once. Empty when metrics.weight == 0.
  [[nodiscard]] std::vector<double> weighted_mean() const;
};

// A partial sum as bytes, bound to the plan whose SHA-256 is given: values of 4 bytes where all fit, else of
// 8, and a SHA-256 over everything against damage. (Against malice protect the channel: these bytes are not
// signed.) Requires a sum of at least one device.
[[nodiscard]] std::vector<std::uint8_t> encode_cohort_sum(const CohortSum& sum,
                                                          const crypto::Digest& plan_digest);
// kDataLoss when the bytes are cut, damaged or no partial sum; kFailedPrecondition when they are of another
// version or of another plan.
[[nodiscard]] Result<CohortSum> decode_cohort_sum(Bytes bytes, const crypto::Digest& plan_digest);

}  // namespace sotto::aggregator
