// PROTOCOL.md section 4.
#include "sotto/secagg/update.h"

#include <algorithm>
#include <array>
#include <cfloat>
#include <limits>

#include "sotto/base/bytes.h"
#include "sotto/base/check.h"
#include "sotto/crypto/backend.h"

// The lanes are a matter of the wire: every operation below is one rounding to binary32.
static_assert(std::numeric_limits<float>::is_iec559);
#if FLT_EVAL_METHOD != 0 || defined(__FAST_MATH__)
#error "secagg/update.cc needs binary32 arithmetic without excess precision (-msse2, no -ffast-math)"
#endif

namespace sotto::secagg {
namespace {

constexpr std::size_t kWeightLane = 1;
constexpr std::size_t kExamplesLane = 5;
constexpr std::size_t kCorrectLane = 9;
constexpr std::size_t kLossLane = 13;
constexpr std::size_t kClippedLane = 19;
constexpr std::size_t kCountLimbs = 4;
constexpr std::size_t kLossLimbs = 6;

constexpr float kStepsMax = 127;
constexpr int kFractionBits = 24;
constexpr std::uint32_t kFractionMask = (std::uint32_t{1} << kFractionBits) - 1;
constexpr std::size_t kDrawsPerFill =
    std::min<std::size_t>(1024, crypto::backend::kBlockBytes / sizeof(std::uint32_t));

void write_limbs(std::uint64_t value, std::span<std::uint8_t> limbs) {
  for (std::uint8_t& limb : limbs) {
    limb = static_cast<std::uint8_t>(value);
    value >>= 8;
  }
}

std::uint64_t sum_of_limbs(std::span<const std::uint32_t> limb_sums) {
  std::uint64_t value = 0;
  for (std::size_t i = limb_sums.size(); i > 0; --i) value = (value << 8) + limb_sums[i - 1];
  return value;
}

float magnitude(float value) { return value < 0 ? -value : value; }

// False for what is not a number, too.
bool is_finite(float value) { return magnitude(value) <= FLT_MAX; }

// Rounds the magnitude of value / scale down or up at random. Its fixed point form drops what lies below
// 2^-24 and nothing else: the product with a power of two is exact. At most 127 steps, whatever rounding made
// of a value at the clip, so that no lane leaves [1, 255].
std::uint8_t encode_coordinate(float value, float scale, std::uint32_t draw) {
  const float steps = std::min(magnitude(value) / scale, kStepsMax);
  const auto fixed = static_cast<std::uint32_t>(static_cast<std::int32_t>(steps * 0x1p24f));
  const auto rounded = static_cast<std::uint8_t>((fixed + (draw & kFractionMask)) >> kFractionBits);
  return static_cast<std::uint8_t>(value < 0 ? kZeroLane - rounded : kZeroLane + rounded);
}

}  // namespace

float quantizer_scale(float clip) { return clip / kStepsMax; }

void quantize_update(std::span<const float> delta, const QuantizerOptions& options, UpdateMetrics& metrics,
                     Random& random, std::span<std::uint8_t> lanes) {
  SOTTO_CHECK(is_finite(options.clip) && options.clip >= kSmallestClip);
  SOTTO_CHECK(options.weight_max >= 1 && metrics.weight <= options.weight_max);
  SOTTO_CHECK(lanes.size() == update_lanes(delta.size()));
  const float weight = static_cast<float>(metrics.weight) / static_cast<float>(options.weight_max);
  const float scale = quantizer_scale(options.clip);
  const std::span<std::uint8_t> values = lanes.subspan(kMetricLanes);

  metrics.clipped = false;
  std::array<std::uint8_t, kDrawsPerFill * sizeof(std::uint32_t)> draws;
  for (std::size_t first = 0; first < delta.size(); first += kDrawsPerFill) {
    const std::size_t count = std::min(kDrawsPerFill, delta.size() - first);
    random.fill(MutableBytes(draws).first(count * sizeof(std::uint32_t)));
    for (std::size_t i = 0; i < count; ++i) {
      const float value = weight * delta[first + i];
      metrics.clipped = metrics.clipped || !(magnitude(value) <= options.clip);
      const auto draw = load_le<std::uint32_t>(draws.data() + i * sizeof(std::uint32_t));
      values[first + i] = is_finite(value) ? encode_coordinate(value, scale, draw) : kZeroLane;
    }
  }

  lanes[0] = 1;
  write_limbs(metrics.weight, lanes.subspan(kWeightLane, kCountLimbs));
  write_limbs(metrics.examples, lanes.subspan(kExamplesLane, kCountLimbs));
  write_limbs(metrics.correct, lanes.subspan(kCorrectLane, kCountLimbs));
  write_limbs(std::min(metrics.loss_1024, kLossMax), lanes.subspan(kLossLane, kLossLimbs));
  lanes[kClippedLane] = metrics.clipped ? 1 : 0;
}

MetricSums& MetricSums::operator+=(const MetricSums& other) {
  count += other.count;
  weight += other.weight;
  examples += other.examples;
  correct += other.correct;
  loss_1024 += other.loss_1024;
  clipped += other.clipped;
  return *this;
}

MetricSums decode_metrics(std::span<const std::uint32_t> lane_sums) {
  SOTTO_CHECK(lane_sums.size() >= kMetricLanes);
  return {
      .count = lane_sums[0],
      .weight = sum_of_limbs(lane_sums.subspan(kWeightLane, kCountLimbs)),
      .examples = sum_of_limbs(lane_sums.subspan(kExamplesLane, kCountLimbs)),
      .correct = sum_of_limbs(lane_sums.subspan(kCorrectLane, kCountLimbs)),
      .loss_1024 = sum_of_limbs(lane_sums.subspan(kLossLane, kLossLimbs)),
      .clipped = lane_sums[kClippedLane],
  };
}

}  // namespace sotto::secagg
