#include "sotto/aggregator/server_optimizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "sotto/base/bytes.h"
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

// The form of an OptimizerState: version, kind, then float32 values, little-endian, one for each parameter.
constexpr std::uint8_t kStateVersion = 1;
constexpr std::uint8_t kMomentum = 1;
constexpr std::size_t kStateHeaderBytes = 2;

Status check_state(const OptimizerState& state, std::size_t parameters) {
  if (state.empty()) return {};
  if (state[0] > kStateVersion) {
    return failed_precondition(
        fmt::format("the optimiser's state has version {}, this program knows versions up to {}: run the "
                    "newer sotto that wrote it",
                    state[0], kStateVersion));
  }
  const std::size_t bytes = kStateHeaderBytes + parameters * sizeof(float);
  if (state[0] == kStateVersion && state.size() == bytes && state[1] == kMomentum) return {};
  return data_loss("the optimiser's state does not belong to this model");
}

float velocity_of(const OptimizerState& state, std::size_t parameter) {
  const std::uint8_t* at = state.data() + kStateHeaderBytes + parameter * sizeof(float);
  return std::bit_cast<float>(load_le<std::uint32_t>(at));
}

void set_velocity(OptimizerState& state, std::size_t parameter, float velocity) {
  std::uint8_t* at = state.data() + kStateHeaderBytes + parameter * sizeof(float);
  store_le(at, std::bit_cast<std::uint32_t>(velocity));
}

float next_clip(float clip, std::uint64_t clipped, std::uint64_t devices, float clip_max) {
  SOTTO_CHECK(clip_max >= kClipMin && clip_max <= kClipMax);
  if (devices == 0) return clip;
  const double share = std::min(1.0, static_cast<double>(clipped) / static_cast<double>(devices));
  const double factor = std::min(std::exp(kClipRate * (share - kClippedTarget)), kClipGrowthMax);
  return std::clamp(static_cast<float>(clip * factor), kClipMin, clip_max);
}

}  // namespace

Status apply_update(const CohortSum& sum, const ServerOptimizerOptions& options, std::span<float> parameters,
                    OptimizerState& state) {
  const std::vector<double> mean = sum.weighted_mean();
  SOTTO_CHECK(mean.size() == parameters.size());
  SOTTO_RETURN_IF_ERROR(check_state(state, parameters.size()));
  if (state.empty()) {
    state.resize(kStateHeaderBytes + parameters.size() * sizeof(float));
    state[0] = kStateVersion;
    state[1] = kMomentum;
  }
  const double momentum = options.momentum;
  const double learning_rate = options.learning_rate;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double step = momentum * velocity_of(state, i) + mean[i];
    set_velocity(state, i, static_cast<float>(step));
    parameters[i] = static_cast<float>(parameters[i] + learning_rate * step);
  }
  if (momentum == 0) state.clear();  // nothing to carry
  return {};
}

float adapt_clip(float clip, const secagg::MetricSums& metrics, float clip_max) {
  return next_clip(clip, metrics.clipped, metrics.count, clip_max);
}

float adapt_clip(float clip, const SumSegment& segment, std::uint32_t devices, float clip_max) {
  return next_clip(clip, segment.clipped, devices, clip_max);
}

}  // namespace sotto::aggregator
