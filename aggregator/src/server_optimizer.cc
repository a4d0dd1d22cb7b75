#include "sotto/aggregator/server_optimizer.h"

#include <algorithm>
#include <cmath>

#include "sotto/base/check.h"

namespace sotto::aggregator {
namespace {

// A device counts as clipped when a single one of its coordinates is: one device in ten keeps the quantiser's
// few levels for the values that are common, and what clipping cuts off stays small.
constexpr double kClippedTarget = 0.1;
// A clip far too large shrinks by exp(-kClipRate * kClippedTarget) = 18 % a round: a factor of 100 takes 23
// rounds.
constexpr double kClipRate = 2.0;
// One round in which everybody clips must not cost more than one bit of resolution: at most a doubling, so
// that a clip 100 times too small takes 7 rounds.
constexpr double kClipGrowthMax = 2.0;

}  // namespace

void apply_update(const CohortSum& sum, const ServerOptimizerOptions& options, std::span<float> parameters,
                  std::vector<float>& velocity) {
  const std::vector<double> mean = sum.weighted_mean();
  SOTTO_CHECK(mean.size() == parameters.size());
  SOTTO_CHECK(velocity.empty() || velocity.size() == parameters.size());
  velocity.resize(parameters.size());
  const double momentum = options.momentum;
  const double learning_rate = options.learning_rate;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double step = momentum * velocity[i] + mean[i];
    velocity[i] = static_cast<float>(step);
    parameters[i] = static_cast<float>(parameters[i] + learning_rate * step);
  }
}

float adapt_clip(float clip, const secagg::MetricSums& metrics) {
  if (metrics.count == 0) return clip;
  const double clipped =
      std::min(1.0, static_cast<double>(metrics.clipped) / static_cast<double>(metrics.count));
  const double factor = std::min(std::exp(kClipRate * (clipped - kClippedTarget)), kClipGrowthMax);
  return std::clamp(static_cast<float>(clip * factor), kClipMin, kClipMax);
}

}  // namespace sotto::aggregator
