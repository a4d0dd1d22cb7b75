// From a round's sum to the next global model.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sotto/aggregator/cohort_sum.h"
#include "sotto/base/result.h"

namespace sotto::aggregator {

struct ServerOptimizerOptions {
  float learning_rate = 1.0f;
  // FedAvgM (Hsu et al. 2019, "Measuring the Effects of Non-Identical Data Distribution")
  float momentum = 0.0f;
};

// What an optimiser carries from one round to the next, to be stored with the model. Empty before its first
// use and whenever there is nothing to carry. Its first byte is the form's version, its second the
// optimiser's kind; the rest concerns nobody else.
using OptimizerState = std::vector<std::uint8_t>;

// FedAvg with server learning rate and momentum: v = momentum * v + mean delta; w += learning_rate * v.
// Computed in double and rounded once to float32, in parameter order: equal inputs give equal bits.
// On an error nothing has changed: kFailedPrecondition when `state` has a newer version, kDataLoss when it is
// no state of this optimiser for a model of this size. Requires sum.sum.size() == parameters.size() and
// weight > 0.
[[nodiscard]] Status apply_update(const CohortSum& sum, const ServerOptimizerOptions& options,
                                  std::span<float> parameters, OptimizerState& state);

inline constexpr float kClipMin = 1e-6f;
inline constexpr float kClipMax = 1e6f;  // the plan's bound

// The next round's clip from this round's share of devices that clipped (Andrew et al. 2021, "Differentially
// Private Learning with Adaptive Clipping": geometric update). Stays within [kClipMin, clip_max]; without
// devices it stays as it is. Requires kClipMin <= clip_max <= kClipMax. The ceiling is there because a single
// device can say that all of them clipped, round after round.
[[nodiscard]] float adapt_clip(float clip, const secagg::MetricSums& metrics, float clip_max = kClipMax);
// The next clip of a segment, of whose values so many devices clipped one.
[[nodiscard]] float adapt_clip(float clip, const SumSegment& segment, std::uint32_t devices,
                               float clip_max = kClipMax);

}  // namespace sotto::aggregator
