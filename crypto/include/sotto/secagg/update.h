// An update as ring lanes: one count lane, the metric limbs, then one lane per parameter (PROTOCOL.md "Update
// vector"). No heap, no double, no libm: binary32 products and quotients, each rounded once, and integers, so
// that a board computes the same lanes as a host. Shared by devices (encode) and the aggregator (decode).
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
  // Sum over examples of the received model's loss in 1/1024 nat; more than kLossMax counts as kLossMax.
  std::uint64_t loss_1024 = 0;
  bool clipped = false;  // at least one coordinate was clipped
};
inline constexpr std::uint64_t kLossMax = (std::uint64_t{1} << 48) - 1;

// Lanes 0 .. kMetricLanes - 1: count (1), weight (4 limbs of 8 bits), examples (4), correct (4), loss (6, in
// 1/1024 nat), clipped (1). Limbs are little-endian base 256; a sum of limbs is recomposed after summation
// and stays exact.
inline constexpr std::size_t kMetricLanes = 20;
[[nodiscard]] constexpr std::size_t update_lanes(std::size_t parameters) { return kMetricLanes + parameters; }

// The lane of a coordinate that is zero.
inline constexpr std::uint8_t kZeroLane = 128;

// Clips from here on have a scale, and weights a product, that no device's arithmetic flushes to zero.
inline constexpr float kSmallestClip = 0x1p-64f;

struct QuantizerOptions {
  float clip = 0;                // finite, >= kSmallestClip: largest magnitude of a weighted coordinate
  std::uint32_t weight_max = 1;  // >= 1: coordinates are multiplied by weight / weight_max before clipping
};

// What one step of a lane stands for: clip / 127, rounded to binary32.
[[nodiscard]] float quantizer_scale(float clip);

// lanes has update_lanes(delta.size()) entries. x = delta * weight / weight_max is clipped to [-clip, clip],
// divided by quantizer_scale(clip), rounded stochastically to an integer in [-127, 127] and offset by 128.
// The expectation of the decoded value is within 2^-22 |x| + 2^-24 scale of an x that is not clipped, and
// each decoded value less than that and a scale away from it. Sets metrics.clipped. A coordinate that is not
// finite counts as clipped and encodes as zero. Draws four bytes per coordinate.
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
