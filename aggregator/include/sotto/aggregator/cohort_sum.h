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

// The exact sum of a cohort or of several. Merging is associative and commutative as long as entries fit 64
// bits. Those of quantised updates always do; one of float updates that would not stays at the bound.
struct CohortSum {
  // Per parameter, in units of `unit`: sum over devices of weight / weight_max * delta.
  std::vector<std::int64_t> sum;
  double unit = 0;
  std::uint32_t weight_max = 1;
  secagg::MetricSums metrics;
  std::uint32_t devices = 0;

  // Requires mergeable_with(other) (an empty *this takes over `other`).
  void merge(const CohortSum& other);
  // Whether both are sums of one plan's updates as far as their form tells: equal sum.size(), unit and
  // weight_max.
  [[nodiscard]] bool mergeable_with(const CohortSum& other) const;
  // Weighted mean of the devices' deltas: sum * unit * weight_max / metrics.weight. Empty when metrics.weight
  // == 0.
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
