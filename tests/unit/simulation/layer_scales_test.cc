// A network whose layers' weights, and so their updates, differ by a factor of 100: every run of parameters
// with a clip of its own learns like float32, one clip for all does not.
#include <gtest/gtest.h>

#include <cmath>

#include "sotto/aggregator/server_optimizer.h"
#include "sotto/client/trainer.h"
#include "sotto/crypto/primitives.h"
#include "sotto/secagg/update.h"
#include "sotto/simulation/data_set.h"

namespace sotto::simulation {
namespace {

constexpr std::uint32_t kHidden = 12;
constexpr std::uint32_t kRounds = 40;
// The first layer's weights are so many times what the built-in trainer calls them.
constexpr float kScale = 100;

// The built-in trainer, seen through the scale of the first layer.
class ScaledNetwork {
 public:
  ScaledNetwork(const FederatedData& data, bool segments) : data_(data) {
    model_.architecture = proto::Architecture::kDense;
    model_.features = data.features;
    model_.classes = data.classes;
    model_.hidden = {kHidden};
    first_layer_ = (data.features + 1) * kHidden;
    const auto values = static_cast<std::uint32_t>(model_.parameter_count());
    layout_ = secagg::UpdateLayout::classification(values, 1.0f, kWeightMax);
    if (segments) {
      layout_.segments = {{.length = first_layer_, .clip = 1.0f, .clipped_lane = true},
                          {.length = values - first_layer_, .clip = 1.0f, .clipped_lane = true}};
    }
    crypto::SeededRandom random(std::uint64_t{3});
    parameters_.resize(values);
    for (float& value : parameters_) value = static_cast<float>(0.4 * random.uniform() - 0.2);
    for (std::uint32_t i = 0; i < first_layer_; ++i) parameters_[i] *= kScale;
  }

  // Accuracy after `kRounds` of FedAvg with sums of lanes, or with sums of floats.
  double learn(bool quantised) {
    aggregator::OptimizerState state;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      const aggregator::CohortSum sum = quantised ? lane_sum(round) : float_sum(round);
      EXPECT_TRUE(aggregator::apply_update(sum, {}, parameters_, state).ok());
      if (quantised) adapt(sum);
    }
    return client::evaluate(model_, unscaled(), data_.test)->accuracy;
  }

 private:
  static constexpr std::uint32_t kWeightMax = 64;

  std::vector<float> unscaled() const {
    std::vector<float> values = parameters_;
    for (std::uint32_t i = 0; i < first_layer_; ++i) values[i] /= kScale;
    return values;
  }
  client::LocalUpdate update_of(std::size_t device, std::uint32_t round) {
    crypto::SeededRandom random(std::uint64_t{1000} * round + device);
    const std::vector<float> received = unscaled();
    const client::TrainingJob job{.model = model_,
                                  .training = {.local_epochs = 2, .batch_size = 16, .learning_rate = 0.05f},
                                  .weight_max = kWeightMax,
                                  .parameters = received};
    auto update = client::make_builtin_trainer(data_.devices[device])->train(job, random);
    if (!update) throw std::runtime_error(update.error().message());
    for (std::uint32_t i = 0; i < first_layer_; ++i) update->delta[i] *= kScale;
    return *update;
  }
  aggregator::CohortSum float_sum(std::uint32_t round) {
    aggregator::CohortSum sum;
    sum.weight_max = kWeightMax;
    sum.sum.resize(parameters_.size());
    sum.segments = {{.length = static_cast<std::uint32_t>(parameters_.size()), .unit = 0x1p-40}};
    for (std::size_t device = 0; device < data_.devices.size(); ++device) {
      const client::LocalUpdate update = update_of(device, round);
      const double weight = static_cast<double>(update.metrics.weight) / kWeightMax;
      for (std::size_t i = 0; i < sum.sum.size(); ++i) {
        sum.sum[i] += std::llround(weight * static_cast<double>(update.delta[i]) * 0x1p40);
      }
      sum.metrics.weight += update.metrics.weight;
    }
    return sum;
  }
  aggregator::CohortSum lane_sum(std::uint32_t round) {
    crypto::SeededRandom rounding(std::uint64_t{77} + round);
    std::vector<std::uint32_t> lane_sums(layout_.lane_count());
    std::vector<std::uint8_t> lanes(layout_.lane_count());
    for (std::size_t device = 0; device < data_.devices.size(); ++device) {
      const client::LocalUpdate update = update_of(device, round);
      secagg::UpdateMetrics metrics{.weight = update.metrics.weight, .examples = update.metrics.examples};
      secagg::quantize_update(update.delta, layout_, metrics, rounding, lanes);
      for (std::size_t i = 0; i < lanes.size(); ++i) lane_sums[i] += lanes[i];
    }
    aggregator::CohortSum sum;
    sum.weight_max = kWeightMax;
    sum.devices = static_cast<std::uint32_t>(data_.devices.size());
    sum.metrics = secagg::decode_metrics(layout_, lane_sums);
    const auto clipped = secagg::decode_clipped(layout_, lane_sums);
    for (std::size_t i = 0; i < layout_.segments.size(); ++i) {
      const secagg::Segment& segment = layout_.segments[i];
      sum.segments.push_back({.length = segment.length,
                              .unit = secagg::quantizer_scale(segment.clip),
                              .weighting = segment.weighting,
                              .clipped = clipped[i]});
    }
    sum.sum.resize(layout_.value_count());
    secagg::decode_values(layout_, lane_sums, sum.devices, sum.sum);
    return sum;
  }
  void adapt(const aggregator::CohortSum& sum) {
    for (std::size_t i = 0; i < layout_.segments.size(); ++i) {
      float& clip = layout_.segments[i].clip;
      clip = layout_.segments[i].clipped_lane ? aggregator::adapt_clip(clip, sum.segments[i], sum.devices)
                                              : aggregator::adapt_clip(clip, sum.metrics);
    }
  }

  const FederatedData& data_;
  proto::ModelSpec model_;
  std::uint32_t first_layer_ = 0;
  secagg::UpdateLayout layout_;
  std::vector<float> parameters_;
};

TEST(LayerScales, SegmentsLearnLikeFloatWhereOneClipDoesNot) {
  const auto data = load_data_set({.name = "motion", .devices = 12, .seed = 5});
  ASSERT_TRUE(data.has_value()) << data.error().message();
  const double exact = ScaledNetwork(*data, false).learn(false);
  const double segments = ScaledNetwork(*data, true).learn(true);
  const double one_clip = ScaledNetwork(*data, false).learn(true);
  std::printf("accuracy: float %.4f, segments %.4f, one clip %.4f\n", exact, segments, one_clip);
  EXPECT_GT(exact, 0.7) << "it must have learned something";
  EXPECT_NEAR(segments, exact, 0.005);
  EXPECT_LT(one_clip, exact - 0.005);
}

}  // namespace
}  // namespace sotto::simulation
