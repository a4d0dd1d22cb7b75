// A round of many cohorts, played with real participants: every device joins, shares, masks and confirms as
// it would, one cohort after the other, and of a device's vector nothing stays but its addition to the sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sotto/aggregator/cohort_sum.h"
#include "sotto/base/executor.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/identity.h"

namespace sotto::bench {

struct TreeOptions {
  std::uint32_t devices = 0;
  std::uint32_t parameters = 0;      // even
  std::uint32_t cohort_devices = 0;  // of one cohort, at most; cohorts differ by one at most
  double dropout_fraction = 0;       // of each cohort, after it has shared: the costliest time to go
  secagg::Adversary adversary = secagg::Adversary::kSemiMalicious;
};

struct TreeSeconds {
  double devices = 0;     // on the clock, all threads
  double aggregator = 0;  // its steps and the unmasking
};

class CohortTree {
 public:
  explicit CohortTree(const TreeOptions& options);

  [[nodiscard]] std::uint32_t cohort_count() const { return cohort_count_; }
  [[nodiscard]] const crypto::Digest& plan_digest() const { return plan_digest_; }
  // Plays one cohort and checks its sum against that of the plain vectors.
  [[nodiscard]] aggregator::CohortSum play(std::uint32_t cohort, Executor& executor,
                                           TreeSeconds& seconds) const;

 private:
  TreeOptions options_;
  std::uint32_t cohort_count_;
  proto::Plan plan_;
  std::vector<std::uint8_t> plan_bytes_;
  crypto::Digest plan_digest_{};
  std::unique_ptr<secagg::KeySigner> authority_;
};

}  // namespace sotto::bench
