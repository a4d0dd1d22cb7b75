// Every cohort size that uses the complete graph.
#include <gtest/gtest.h>

#include <tuple>

#include "session_sweep.h"

namespace sotto::assurance {
namespace {

using secagg::Adversary;

class EveryCohortSize : public ::testing::TestWithParam<std::tuple<int, Adversary>> {};

TEST_P(EveryCohortSize, IsExactForEveryDropPoint) {
  const auto [participants, adversary] = GetParam();
  sweep_drop_points(static_cast<std::uint16_t>(participants), adversary);
}
TEST_P(EveryCohortSize, NeedsTheThresholdOfSharesAndNoMore) {
  const auto [participants, adversary] = GetParam();
  sweep_share_subsets(static_cast<std::uint16_t>(participants), adversary);
}

using ::testing::Combine;
using ::testing::Range;
using ::testing::Values;

INSTANTIATE_TEST_SUITE_P(Curious, EveryCohortSize, Combine(Range(3, 65), Values(Adversary::kCurious)));
// A session of sixty signed devices verifies ten thousand signatures: larger ones are sampled.
INSTANTIATE_TEST_SUITE_P(SemiMalicious, EveryCohortSize,
                         Combine(Range(3, 33), Values(Adversary::kSemiMalicious)));
INSTANTIATE_TEST_SUITE_P(SemiMaliciousLarge, EveryCohortSize,
                         Combine(Range(40, 65, 8), Values(Adversary::kSemiMalicious)));

}  // namespace
}  // namespace sotto::assurance
