// An update as ring lanes: one count lane, the metric limbs, then one lane per parameter (PROTOCOL.md "Update
// vector"). Freestanding apart from float arithmetic; no heap. Shared by devices (encode) and the aggregator
// (decode).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sotto/base/random.h"

namespace sotto::secagg {

// What a device reports beside its delta. It leaves the device only inside the masked vector.
struct UpdateMetrics {
  std::uint32_t weight = 0;    // min(examples, plan's weight_max)
  std::uint32_t examples = 0;  // trained on
  std::uint32_t correct = 0;   // of those, classified correctly by the received model, before training
  double loss_sum = 0;         // sum over examples of the received model's loss, nats; clamped to [0, 2^38)
  bool clipped = false;        // at least one coordinate was clipped
};

// Lanes 0 .. kMetricLanes - 1: count (1), weight (4 limbs of 8 bits), examples (4), correct (4), loss (6, in
// 1/1024 nat), clipped (1). Limbs are little-endian base 256; a sum of limbs is recomposed after summation
// and stays exact.
inline constexpr std::size_t kMetricLanes = 20;
[[nodiscard]] constexpr std::size_t update_lanes(std::size_t parameters) { return kMetricLanes + parameters; }

struct QuantizerOptions {
  float clip = 0;                // > 0: largest magnitude of a weighted coordinate
  std::uint32_t weight_max = 1;  // >= 1: coordinates are multiplied by weight / weight_max before clipping
};

// lanes has update_lanes(delta.size()) entries. x = delta * weight / weight_max is clipped to [-clip, clip],
// divided by scale = clip / 127, rounded stochastically to an integer in [-127, 127] and offset by 128. Per
// coordinate that is not clipped the error of the decoded value is below scale and zero in expectation. Sets
// metrics.clipped. A coordinate that is not finite counts as clipped and encodes as zero.
void quantize_update(std::span<const float> delta, const QuantizerOptions& options, UpdateMetrics& metrics,
                     Random& random, std::span<std::uint8_t> lanes);

// Sums of metrics over a cohort, recomposed from lane sums. Exact.
struct MetricSums {
  std::uint64_t count = 0;  // the count lane: must equal the number of summed vectors
  std::uint64_t weight = 0;
  std::uint64_t examples = 0;
  std::uint64_t correct = 0;
  std::uint64_t loss_1024 = 0;  // 1/1024 nat
  std::uint64_t clipped = 0;    // devices

  MetricSums& operator+=(const MetricSums& other);
  friend bool operator==(const MetricSums&, const MetricSums&) = default;
};
// lane_sums has at least kMetricLanes entries.
[[nodiscard]] MetricSums decode_metrics(std::span<const std::uint32_t> lane_sums);

}  // namespace sotto::secagg
