#include <gtest/gtest.h>

#include "sotto/proto/messages.h"

namespace sotto::proto {
namespace {

TEST(MetricMeans, AreSumsOverExamplesInTheMetricsOwnUnit) {
  MetricList metrics;
  ASSERT_TRUE(metrics.push_back({.name = "squared_error", .bytes = 6, .scale = 4096}));
  ASSERT_TRUE(metrics.push_back({.name = "rows", .bytes = 4, .scale = 1}));
  EXPECT_EQ(metric_means(metrics, {.examples = 50, .sums = {4096 * 25, 100}}),
            (std::vector<MetricMean>{{"squared_error", 0.5}, {"rows", 2}}));
}

TEST(MetricMeans, OfCorrectIsTheAccuracy) {
  EXPECT_EQ(metric_means(classification_metrics(), {.examples = 4, .sums = {3, 2048}}),
            (std::vector<MetricMean>{{"accuracy", 0.75}, {"loss", 0.5}}));
}

TEST(MetricMeans, AreNoneWithoutExamplesOrMetrics) {
  EXPECT_TRUE(metric_means(classification_metrics(), {.examples = 0, .sums = {3, 2048}}).empty());
  EXPECT_TRUE(metric_means({}, {.examples = 4, .sums = {3, 2048}}).empty());
}

}  // namespace
}  // namespace sotto::proto
