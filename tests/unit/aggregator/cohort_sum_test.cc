#include <gtest/gtest.h>

#include <limits>

#include "cohort.h"

namespace sotto::aggregator {
namespace {

CohortSum sum_of(std::vector<std::int64_t> values, std::uint64_t weight) {
  CohortSum sum;
  sum.sum = std::move(values);
  sum.segments = {{.length = static_cast<std::uint32_t>(sum.sum.size()), .unit = 0.5}};
  sum.weight_max = 10;
  sum.metrics = {.count = 2, .weight = weight, .examples = 30, .sums = {12, 999}, .clipped = 1};
  sum.devices = 2;
  return sum;
}

TEST(CohortSum, MergesInAnyOrderAndGrouping) {
  const CohortSum a = sum_of({1, -2, 3}, 11);
  const CohortSum b = sum_of({10, 20, -30}, 7);
  const CohortSum c = sum_of({-100, 5, 0}, 2);
  CohortSum left = a;
  left.merge(b);
  left.merge(c);
  CohortSum right = c;
  CohortSum tail = b;
  tail.merge(a);
  right.merge(tail);
  expect_equal(left, right);
  EXPECT_EQ(left.sum, (std::vector<std::int64_t>{-89, 23, -27}));
  EXPECT_EQ(left.metrics.weight, 20u);
  EXPECT_EQ(left.metrics.clipped, 3u);
  EXPECT_EQ(left.devices, 6u);
}

TEST(CohortSum, TakesOverTheFirstSumAndIgnoresAnEmptyOne) {
  const CohortSum a = sum_of({1, 2}, 3);
  CohortSum sum;
  sum.merge(a);
  expect_equal(sum, a);
  sum.merge(CohortSum());
  expect_equal(sum, a);
}

TEST(CohortSum, StaysAtTheEndOfItsRangeInsteadOfWrapping) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  CohortSum sum = sum_of({kLargest - 1, -kLargest}, 1);
  sum.merge(sum_of({5, -5}, 1));
  EXPECT_EQ(sum.sum, (std::vector<std::int64_t>{kLargest, std::numeric_limits<std::int64_t>::min()}));
}

TEST(CohortSumDeathTest, StopsAtSumsOfDifferentPlans) {
  CohortSum sum = sum_of({1, 2}, 1);
  CohortSum other = sum_of({1, 2}, 1);
  other.segments[0].unit = 0.25;
  EXPECT_DEATH(sum.merge(other), "mergeable_with");
  EXPECT_DEATH(sum.merge(sum_of({1, 2, 3}, 1)), "mergeable_with");
}

TEST(CohortSum, DividesByTheWeightForTheMean) {
  // 0.5 * 10 / 4 = 1.25 per unit.
  EXPECT_EQ(sum_of({4, -8, 0}, 4).weighted_mean(), (std::vector<double>{5, -10, 0}));
}

TEST(CohortSum, EverySegmentHasItsOwnUnitAndWeighting) {
  CohortSum sum = sum_of({4, -8, 6, 7}, 4);  // of 2 devices
  sum.segments = {{.length = 1, .unit = 0.5},
                  {.length = 2, .unit = 0.25, .weighting = secagg::Weighting::kOne},
                  {.length = 1, .unit = 2}};
  // 0.5 * 10 / 4 = 1.25, 0.25 / 2 = 0.125 and 2 * 10 / 4 = 5 per unit.
  EXPECT_EQ(sum.weighted_mean(), (std::vector<double>{5, -1, 0.75, 35}));
}

TEST(CohortSum, MergesWhatEachSegmentClipped) {
  CohortSum sum = sum_of({1, 2}, 3);
  sum.segments = {{.length = 1, .unit = 1, .clipped = 2}, {.length = 1, .unit = 1, .clipped = 0}};
  CohortSum other = sum;
  other.segments[0].clipped = 40;
  other.segments[1].clipped = 500;
  sum.merge(other);
  EXPECT_EQ(sum.segments[0].clipped, 42u);
  EXPECT_EQ(sum.segments[1].clipped, 500u);
}

TEST(CohortSum, SegmentsOfAnotherFormDoNotMerge) {
  const CohortSum sum = sum_of({1, 2}, 3);
  CohortSum other = sum;
  EXPECT_TRUE(sum.mergeable_with(other));
  other.segments = {{.length = 1, .unit = 0.5}, {.length = 1, .unit = 0.5}};
  EXPECT_FALSE(sum.mergeable_with(other));
  other = sum;
  other.segments[0].weighting = secagg::Weighting::kOne;
  EXPECT_FALSE(sum.mergeable_with(other));
  other = sum;
  other.weight_max = 11;
  EXPECT_FALSE(sum.mergeable_with(other));
}

TEST(CohortSum, HasNoMeanWithoutWeight) { EXPECT_TRUE(sum_of({4, -8}, 0).weighted_mean().empty()); }

}  // namespace
}  // namespace sotto::aggregator
