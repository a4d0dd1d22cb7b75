// Every cohort size that uses the complete graph.
#include <gtest/gtest.h>

#include "session_sweep.h"

namespace sotto::assurance {
namespace {

class EveryCohortSize : public ::testing::TestWithParam<int> {};

TEST_P(EveryCohortSize, IsExactForEveryDropPoint) {
  sweep_drop_points(static_cast<std::uint16_t>(GetParam()));
}
TEST_P(EveryCohortSize, NeedsTheThresholdOfSharesAndNoMore) {
  sweep_share_subsets(static_cast<std::uint16_t>(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(CompleteGraph, EveryCohortSize, ::testing::Range(3, 65));

}  // namespace
}  // namespace sotto::assurance
