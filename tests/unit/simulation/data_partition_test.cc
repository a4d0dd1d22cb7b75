#include "data/partition.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "data/signal/sampler.h"
#include "data_test_support.h"

namespace sotto::simulation {
namespace {

std::vector<std::uint8_t> balanced_labels(std::size_t count, std::size_t classes) {
  std::vector<std::uint8_t> labels(count);
  for (std::size_t i = 0; i < count; ++i) labels[i] = static_cast<std::uint8_t>(i % classes);
  return labels;
}

// Mean over the devices of the share of their commonest label.
double skew(const std::vector<std::vector<std::uint32_t>>& devices, const std::vector<std::uint8_t>& labels) {
  double sum = 0;
  for (const auto& device : devices) {
    std::vector<double> counts(256);
    for (const std::uint32_t example : device) ++counts[labels[example]];
    sum += *std::ranges::max_element(counts) / static_cast<double>(device.size());
  }
  return sum / static_cast<double>(devices.size());
}

TEST(Partition, GivesEveryExampleToExactlyOneDevice) {
  const auto labels = balanced_labels(3000, 10);
  for (const double alpha : {0.001, 0.3, 100.0}) {
    const auto devices = partition_by_label(labels, {.devices = 40, .alpha = alpha, .seed = 3});
    ASSERT_TRUE(devices) << devices.error().message();
    ASSERT_EQ(devices->size(), 40u);
    std::multiset<std::uint32_t> seen;
    for (const auto& device : *devices) {
      EXPECT_GE(device.size(), kDeviceExamplesMin);
      seen.insert(device.begin(), device.end());
    }
    std::multiset<std::uint32_t> all;
    for (std::uint32_t i = 0; i < labels.size(); ++i) all.insert(i);
    EXPECT_EQ(seen, all);
  }
}

TEST(Partition, SkewsLabelsMoreTheSmallerAlphaIs) {
  const auto labels = balanced_labels(10'000, 10);
  const auto skewed = partition_by_label(labels, {.devices = 50, .alpha = 0.1, .seed = 0});
  const auto middling = partition_by_label(labels, {.devices = 50, .alpha = 1, .seed = 0});
  const auto even = partition_by_label(labels, {.devices = 50, .alpha = 1000, .seed = 0});
  ASSERT_TRUE(skewed && middling && even);
  EXPECT_GT(skew(*skewed, labels), 0.5);
  EXPECT_LT(skew(*even, labels), 0.15);
  EXPECT_GT(skew(*skewed, labels), skew(*middling, labels));
  EXPECT_GT(skew(*middling, labels), skew(*even, labels));
}

TEST(Partition, RepeatsForASeedAndChangesWithIt) {
  const auto labels = balanced_labels(500, 5);
  const auto first = partition_by_label(labels, {.devices = 10, .alpha = 0.3, .seed = 7});
  const auto again = partition_by_label(labels, {.devices = 10, .alpha = 0.3, .seed = 7});
  const auto other = partition_by_label(labels, {.devices = 10, .alpha = 0.3, .seed = 8});
  ASSERT_TRUE(first && again && other);
  EXPECT_EQ(*first, *again);
  EXPECT_NE(*first, *other);
}

TEST(Partition, FillsUpToTheMinimumWhenThereIsNotOneExampleMore) {
  const auto devices = partition_by_label(balanced_labels(80, 2), {.devices = 10, .alpha = 0.01, .seed = 1});
  ASSERT_TRUE(devices);
  for (const auto& device : *devices) EXPECT_EQ(device.size(), kDeviceExamplesMin);
}

TEST(Partition, RefusesTooManyDevicesNoDevicesAndOddAlphas) {
  const auto labels = balanced_labels(79, 2);
  expect_error(partition_by_label(labels, {.devices = 10}), StatusCode::kInvalidArgument,
               "at most 9 devices");
  expect_error(partition_by_label(labels, {.devices = 0}), StatusCode::kInvalidArgument,
               "at least one device");
  expect_error(partition_by_label({}, {.devices = 1}), StatusCode::kInvalidArgument, "too few");
  for (const double alpha : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    expect_error(partition_by_label(labels, {.devices = 2, .alpha = alpha}), StatusCode::kInvalidArgument,
                 "alpha");
  }
}

TEST(Partition, CarriesFeaturesWithTheirLabels) {
  client::Examples pool{2, {}, balanced_labels(100, 4)};
  for (std::size_t i = 0; i < 100; ++i) {
    pool.x.push_back(static_cast<float>(i));
    pool.x.push_back(static_cast<float>(pool.y[i]));
  }
  const auto devices = partition_examples(pool, {.devices = 5, .alpha = 1, .seed = 2});
  ASSERT_TRUE(devices);
  std::vector<float> seen;
  for (const client::Examples& device : *devices) {
    ASSERT_EQ(device.features, 2u);
    ASSERT_EQ(device.x.size(), device.count() * 2);
    for (std::size_t i = 0; i < device.count(); ++i) {
      EXPECT_EQ(device.x[2 * i + 1], static_cast<float>(device.y[i]));
      seen.push_back(device.x[2 * i]);
    }
  }
  std::ranges::sort(seen);
  std::vector<float> all(100);
  std::iota(all.begin(), all.end(), 0.0f);
  EXPECT_EQ(seen, all);
}

struct Moments {
  double mean = 0;
  double variance = 0;
};
template <typename Draw>
Moments moments(std::size_t count, Draw draw) {
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = draw();
    sum += value;
    squares += value * value;
  }
  const double mean = sum / static_cast<double>(count);
  return {mean, squares / static_cast<double>(count) - mean * mean};
}

TEST(Sampler, DrawsNormalsOfMeanZeroAndVarianceOne) {
  Sampler sampler({1, "normal"});
  const Moments drawn = moments(100'000, [&] { return sampler.normal(); });
  EXPECT_NEAR(drawn.mean, 0, 0.015);
  EXPECT_NEAR(drawn.variance, 1, 0.03);
}

TEST(Sampler, DrawsGammasWhoseMeanAndVarianceAreTheShape) {
  for (const double shape : {0.2, 0.7, 1.0, 4.5}) {
    Sampler sampler({2, "gamma"});
    const Moments drawn = moments(100'000, [&] { return std::exp(sampler.log_gamma(shape)); });
    EXPECT_NEAR(drawn.mean, shape, 0.05 * shape + 0.01);
    EXPECT_NEAR(drawn.variance, shape, 0.10 * shape + 0.01);
  }
}

TEST(Sampler, DrawsSharesThatAddUpToOneEvenForTinyAlpha) {
  for (const double alpha : {1e-6, 0.01, 1.0, 1e5}) {
    Sampler sampler({3, "dirichlet"});
    const auto shares = sampler.dirichlet(alpha, 20);
    EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), 1, 1e-9);
    for (const double share : shares) EXPECT_TRUE(share >= 0 && share <= 1);
  }
}

TEST(Sampler, GivesEveryPurposeAndIndexItsOwnSequence) {
  std::set<std::uint64_t> first_draws;
  for (const char* purpose : {"a", "b"}) {
    for (const std::uint64_t seed : {0, 1}) {
      for (const std::uint64_t index : {0, 1}) first_draws.insert(Sampler({seed, purpose, index}).u64());
    }
  }
  EXPECT_EQ(first_draws.size(), 8u);
  EXPECT_EQ(Sampler({0, "a", 1}).u64(), Sampler({0, "a", 1}).u64());
}

}  // namespace
}  // namespace sotto::simulation
