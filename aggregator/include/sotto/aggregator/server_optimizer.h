// From a round's sum to the next global model.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sotto/aggregator/cohort_session.h"

namespace sotto::aggregator {

struct ServerOptimizerOptions {
  float learning_rate = 1.0f;
  float momentum =
      0.0f;  // FedAvgM (Hsu et al. 2019, "Measuring the Effects of Non-Identical Data Distribution")
};

// FedAvg with server learning rate and momentum: v = momentum * v + mean delta; w += learning_rate * v.
// Computed in double and rounded once to float32, in parameter order: equal inputs give equal bits.
// `velocity` is resized on first use and must be stored with the model to continue after a restart. Requires
// sum.sum.size() == parameters.size() and weight > 0.
void apply_update(const CohortSum& sum, const ServerOptimizerOptions& options, std::span<float> parameters,
                  std::vector<float>& velocity);

inline constexpr float kClipMin = 1e-6f;
inline constexpr float kClipMax = 1e6f;  // the plan's bound

// The next round's clip from this round's share of devices that clipped (Andrew et al. 2021, "Differentially
// Private Learning with Adaptive Clipping": geometric update). Stays within [kClipMin, kClipMax]; without
// devices it stays as it is.
[[nodiscard]] float adapt_clip(float clip, const secagg::MetricSums& metrics);

}  // namespace sotto::aggregator
