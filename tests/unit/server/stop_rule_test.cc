#include "coordinator/stop_rule.h"

#include <gtest/gtest.h>

namespace sotto::server {
namespace {

proto::TaskSpec spec_of(float stop_at, float stop_on_fall) {
  proto::TaskSpec spec;
  spec.stop_metric = "correct";
  spec.stop_at = stop_at;
  spec.stop_on_fall = stop_on_fall;
  return spec;
}

TEST(StopRule, ReadsTheMetricItNames) {
  const secagg::MetricSums sums{.examples = 10, .sums = {9, 2048}};
  EXPECT_EQ(watched_mean(spec_of(0, 0), sums), 0.9);
  proto::TaskSpec loss = spec_of(0, 0);
  loss.stop_metric = "loss";
  EXPECT_EQ(watched_mean(loss, sums), 0.2) << "in its own unit: 2048 / 1024 over 10 examples";
  loss.stop_metric = "";
  EXPECT_EQ(watched_mean(loss, sums), std::nullopt);
  EXPECT_EQ(watched_mean(spec_of(0, 0), {}), std::nullopt) << "nobody trained";
}

TEST(StopRule, EndsAtItsTargetAndNotBefore) {
  const proto::TaskSpec spec = spec_of(0.9f, 0);
  EXPECT_EQ(why_stop(spec, std::nullopt, 0.8999), "");
  EXPECT_EQ(why_stop(spec, std::nullopt, 0.9), "correct is 0.9, as good as stop.at = 0.9");
  EXPECT_NE(why_stop(spec, std::nullopt, 1.0), "");
  EXPECT_EQ(why_stop(spec, std::nullopt, std::nullopt), "");
  EXPECT_EQ(why_stop(spec_of(0, 0), 0.1, 1.0), "") << "0: never";
}

TEST(StopRule, EndsOnAFallFromTheBest) {
  const proto::TaskSpec spec = spec_of(0, 0.125f);
  EXPECT_EQ(why_stop(spec, std::nullopt, 0.1), "") << "the first";
  EXPECT_EQ(why_stop(spec, 0.5, 0.376), "");
  EXPECT_NE(why_stop(spec, 0.5, 0.375), "");
  EXPECT_EQ(why_stop(spec, 0.5, 0.9), "");
}

TEST(StopRule, FollowsALossDownwards) {
  proto::TaskSpec spec = spec_of(0.5f, 0.25f);
  spec.stop_metric = "loss";
  spec.stop_larger_is_better = false;
  EXPECT_EQ(why_stop(spec, 1.0, 1.2), "");
  EXPECT_NE(why_stop(spec, 1.0, 1.25), "") << "a rise is the fall of a loss";
  EXPECT_NE(why_stop(spec, 1.0, 0.5), "");
  EXPECT_EQ(better(spec, 1.0, 0.75), 0.75);
  EXPECT_EQ(better(spec, 1.0, std::nullopt), 1.0);
  EXPECT_EQ(better(spec, std::nullopt, 2.0), 2.0);
  EXPECT_EQ(better(spec_of(0, 0), 1.0, 0.75), 1.0);
}

}  // namespace
}  // namespace sotto::server
