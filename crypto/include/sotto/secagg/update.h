// An update as ring lanes (PROTOCOL.md "Update vector"). No heap, no double, no libm: binary32 products and
// quotients, each rounded once, and integers, so that a board computes the same lanes as a host. Shared by
// devices (encode) and the aggregator (decode).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sotto/base/random.h"
#include "sotto/secagg/update_layout.h"

namespace sotto::secagg {

// What a device reports beside its values. It leaves the device only inside the masked vector.
struct UpdateMetrics {
  std::uint32_t weight = 0;    // min(examples, layout's weight_max)
  std::uint32_t examples = 0;  // trained on
  // The declared sums in the layout's order; what its bytes do not hold counts as the most they hold.
  std::array<std::uint64_t, kSumsMax> sums{};
  // Set by the quantiser: a value was clipped of a segment that has no clipped lane of its own.
  bool clipped = false;
};

// The lane of a signed value that is zero.
inline constexpr std::uint8_t kZeroLane = 128;

// What one step of a kSigned lane stands for: clip / 127, rounded to binary32.
[[nodiscard]] float quantizer_scale(float clip);

// values has layout.value_count() entries and lanes layout.lane_count(); layout.valid().
//
// kSigned: x = value * weight / weight_max (kOne: x = value) is clipped to [-clip, clip], divided by
// quantizer_scale(clip), rounded stochastically to an integer in [-127, 127] and offset by 128. The
// expectation of the decoded value is within 2^-22 |x| + 2^-24 scale of an x that is not clipped, and each
// decoded value less than that and a scale away from it. A value that is not finite counts as clipped and
// encodes as zero. Draws four bytes a value.
// kCount: the whole part of the value, which counts as clipped when it is negative, not a number, or more
// than its bytes hold. Draws nothing.
void quantize_update(std::span<const float> values, const UpdateLayout& layout, UpdateMetrics& metrics,
                     Random& random, std::span<std::uint8_t> lanes);

// Sums of metrics over a cohort, recomposed from lane sums. Exact.
struct MetricSums {
  std::uint64_t count = 0;  // the count lane: must equal the number of summed vectors
  std::uint64_t weight = 0;
  std::uint64_t examples = 0;
  std::array<std::uint64_t, kSumsMax> sums{};  // the declared ones, in order; then zeros
  std::uint64_t clipped = 0;                   // devices

  MetricSums& operator+=(const MetricSums& other);
  friend bool operator==(const MetricSums&, const MetricSums&) = default;
};

// lane_sums are those of at least layout.metric_lanes() lanes.
[[nodiscard]] MetricSums decode_metrics(const UpdateLayout& layout, std::span<const std::uint32_t> lane_sums);
// How many devices clipped a value of each segment; 0 for one without a lane of its own.
[[nodiscard]] std::array<std::uint32_t, kSegmentsMax> decode_clipped(
    const UpdateLayout& layout, std::span<const std::uint32_t> lane_sums);
// The sums of values: of a kSigned segment in steps of quantizer_scale(clip). `vectors` were summed; sums has
// layout.value_count() entries and lane_sums layout.lane_count().
void decode_values(const UpdateLayout& layout, std::span<const std::uint32_t> lane_sums,
                   std::uint32_t vectors, std::span<std::int64_t> sums);

}  // namespace sotto::secagg
