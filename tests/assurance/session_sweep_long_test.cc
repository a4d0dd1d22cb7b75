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

INSTANTIATE_TEST_SUITE_P(CompleteGraph, EveryCohortSize,
                         ::testing::Combine(::testing::Range(3, 65),
                                            ::testing::Values(Adversary::kCurious,
                                                              Adversary::kSemiMalicious)));

}  // namespace
}  // namespace sotto::assurance
