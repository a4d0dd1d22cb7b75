#include "sotto/aggregator/influence.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "cohort.h"

namespace sotto::aggregator {
namespace {

using ::testing::HasSubstr;

// Two signed parameters by examples, one that every device counts once, one count of two bytes.
proto::Plan plan_of_segments() {
  proto::Plan plan;
  plan.model.architecture = proto::Architecture::kCustom;
  plan.model.parameters = 4;
  plan.model.segments = {
      {.length = 2},
      {.length = 1, .clip = 0.5f, .weighting = secagg::Weighting::kOne, .clipped_lane = true},
      {.length = 1,
       .encoding = secagg::Encoding::kCount,
       .count_bytes = 2,
       .weighting = secagg::Weighting::kOne}};
  plan.aggregation.clip = 2;
  plan.aggregation.weight_max = 100;
  return plan;
}

// Of four devices with weights of 5.
CohortSum sound_sum() {
  CohortSum sum;
  sum.sum = {3, -4, 10, 7};
  sum.segments = {{.length = 2, .unit = 2.0 / 127},
                  {.length = 1, .unit = 0.5 / 127, .weighting = secagg::Weighting::kOne},
                  {.length = 1, .unit = 1, .weighting = secagg::Weighting::kOne}};
  sum.weight_max = 100;
  sum.metrics = {.count = 4, .weight = 20, .examples = 40, .sums = {30, 2 * 1024}};
  sum.devices = 4;
  return sum;
}

TEST(UpdateNorm, IsThatOfTheMeanWithoutCounts) {
  CohortSum sum = sound_sum();
  const double weighted = 5 * 2.0 / 127 * 100 / 20;  // 3, 4 -> 5
  const double once = 10 * 0.5 / 127 / 4;
  EXPECT_DOUBLE_EQ(update_norm(plan_of_segments(), sum), std::hypot(weighted, once));
  sum.metrics.weight = 0;
  EXPECT_EQ(update_norm(plan_of_segments(), sum), 0);
}

TEST(CheckPossible, AcceptsTheEndsOfEveryRange) {
  const proto::Plan plan = plan_of_segments();
  CohortSum sum = sound_sum();
  EXPECT_EQ(check_possible(plan, sum), Status());
  sum.metrics = {.count = 4, .weight = 4, .examples = 4, .sums = {4, 0}, .clipped = 4};
  sum.segments[1].clipped = 4;
  sum.sum = {4 * 127, -4 * 127, -4 * 127, 4 * 65'535};
  EXPECT_EQ(check_possible(plan, sum), Status());
  sum.metrics.weight = 400;
  sum.metrics.sums[1] = 4 * secagg::largest_of_bytes(6);
  sum.sum[3] = 0;
  EXPECT_EQ(check_possible(plan, sum), Status());
}

struct Wrong {
  const char* message;
  std::function<void(CohortSum&)> spoil;
};

TEST(CheckPossible, NamesTheRuleAndBothNumbers) {
  const Wrong cases[] = {
      {"the weights sum to 3, at least 4 is possible", [](CohortSum& s) { s.metrics.weight = 3; }},
      {"the weights sum to 401, at most 400 is possible", [](CohortSum& s) { s.metrics.weight = 401; }},
      {"there are 3 examples of 4 devices", [](CohortSum& s) { s.metrics.examples = 3; }},
      {"41 examples are correct of 40", [](CohortSum& s) { s.metrics.sums[0] = 41; }},
      {"the sum of loss is 1125899906842621 units, at most 1125899906842620 are possible",
       [](CohortSum& s) { s.metrics.sums[1] = 4 * secagg::largest_of_bytes(6) + 1; }},
      {"5 devices clipped, more than the 4 that took part", [](CohortSum& s) { s.metrics.clipped = 5; }},
      {"6 devices clipped, more than the 4", [](CohortSum& s) { s.segments[1].clipped = 6; }},
      {"sum to 509 steps, -508 to 508 are possible", [](CohortSum& s) { s.sum[0] = 4 * 127 + 1; }},
      {"sum to -512 steps, -508 to 508 are possible", [](CohortSum& s) { s.sum[2] = 4 * -128; }},
      {"sum to -1 steps, 0 to 262140 are possible", [](CohortSum& s) { s.sum[3] = -1; }},
      {"sum to 262141 steps, 0 to 262140 are possible", [](CohortSum& s) { s.sum[3] = 4 * 65'535 + 1; }},
  };
  for (const Wrong& wrong : cases) {
    CohortSum sum = sound_sum();
    wrong.spoil(sum);
    const Status status = check_possible(plan_of_segments(), sum);
    EXPECT_EQ(status.code(), StatusCode::kAborted) << wrong.message;
    EXPECT_THAT(status.message(), HasSubstr(wrong.message));
    EXPECT_FALSE(check_influence(plan_of_segments(), {}, sum).has_value()) << wrong.message;
  }
}

TEST(CheckPossible, LooksAtAsManyMetricsAsThereCanBe) {
  proto::Plan plan = plan_of_segments();
  plan.model.metrics = {};
  ASSERT_TRUE(plan.model.metrics.resize(secagg::kSumsMax));
  CohortSum sum = sound_sum();
  std::ranges::fill(sum.metrics.sums, 4 * secagg::largest_of_bytes(4));
  EXPECT_EQ(check_possible(plan, sum), Status());
  ++sum.metrics.sums.back();
  EXPECT_THAT(check_possible(plan, sum).message(), HasSubstr("at most 17179869180 are possible"));
}

TEST(CheckPossible, LetsFloatSessionsSayWhatTheyLike) {
  proto::Plan plan = plan_of_segments();
  plan.aggregation.kind = proto::Aggregation::kFloat;
  CohortSum sum = sound_sum();
  sum.sum[0] = std::int64_t{1} << 52;
  EXPECT_EQ(check_possible(plan, sum), Status());
  sum.metrics.weight = 3;
  EXPECT_FALSE(check_possible(plan, sum).ok()) << "but not about weights";
}

TEST(CheckPossibleDeathTest, StopsAtASumOfAnotherForm) {
  CohortSum sum = sound_sum();
  sum.segments.pop_back();
  EXPECT_DEATH(static_cast<void>(check_possible(plan_of_segments(), sum)), "segments");
}

TEST(CheckInfluence, GivesTheNormOfWhatItAccepts) {
  const CohortSum sum = sound_sum();
  const double norm = update_norm(plan_of_segments(), sum);
  const auto accepted = check_influence(plan_of_segments(), {}, sum);
  ASSERT_TRUE(accepted.has_value());
  EXPECT_EQ(*accepted, norm);
  const auto above = static_cast<float>(norm * 1.001);
  EXPECT_TRUE(check_influence(plan_of_segments(), {.update_norm_max = above}, sum).has_value());
}

TEST(CheckInfluence, RefusesAnUpdateLongerThanTheTaskAllows) {
  CohortSum sum = sound_sum();
  sum.sum = {0, 127, 0, 0};  // 2 * 100 / 20
  const auto refused = check_influence(plan_of_segments(), {.update_norm_max = 9.5f}, sum);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), StatusCode::kAborted);
  EXPECT_THAT(refused.error().message(),
              HasSubstr("the mean update has the norm 10, the task's update_norm_max allows 9.5"));
}

TEST(CheckInfluence, RefusesAMeanBeyondWhatItsMetricIsDeclaredFor) {
  CohortSum sum = sound_sum();  // 40 examples
  EXPECT_TRUE(check_influence(plan_of_segments(), {.metrics_max = {0, 20}}, sum).has_value());
  sum.metrics.sums[1] = std::uint64_t{20} * 40 * 1024;
  EXPECT_TRUE(check_influence(plan_of_segments(), {.metrics_max = {0, 20}}, sum).has_value());
  sum.metrics.sums[1] = std::uint64_t{21} * 40 * 1024;
  EXPECT_TRUE(check_influence(plan_of_segments(), {}, sum).has_value());
  EXPECT_TRUE(check_influence(plan_of_segments(), {.metrics_max = {1}}, sum).has_value());
  const auto refused = check_influence(plan_of_segments(), {.metrics_max = {0, 20}}, sum);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(),
              HasSubstr("the mean of loss is 21, the task's metrics_max allows 20"));
}

}  // namespace
}  // namespace sotto::aggregator
