// PROTOCOL.md section 4.
#include "sotto/secagg/update.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sotto/base/bytes.h"
#include "sotto/base/check.h"

namespace sotto::secagg {
namespace {

constexpr std::size_t kWeightLane = 1;
constexpr std::size_t kExamplesLane = 5;
constexpr std::size_t kCorrectLane = 9;
constexpr std::size_t kLossLane = 13;
constexpr std::size_t kClippedLane = 19;
constexpr std::size_t kCountLimbs = 4;
constexpr std::size_t kLossLimbs = 6;

constexpr double kStepsMax = 127;
constexpr std::uint8_t kOffset = 128;
constexpr std::size_t kDrawsPerFill = 1024;

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

// floor(1024 nats), clamped to six limbs; what is not a number counts as none.
std::uint64_t loss_units(double nats) {
  constexpr std::uint64_t kMax = (std::uint64_t{1} << 48) - 1;
  if (!(nats > 0)) return 0;
  if (nats >= 0x1p38) return kMax;
  return static_cast<std::uint64_t>(nats * 1024);
}

// Rounds to floor(x) or floor(x) + 1, up with probability x - floor(x) to within 2^-32.
std::uint8_t round_stochastically(double steps, std::uint32_t draw) {
  const double below = std::floor(steps);
  const bool up = draw < (steps - below) * 0x1p32;
  const double rounded = std::clamp(below + (up ? 1 : 0), -kStepsMax, kStepsMax);
  return static_cast<std::uint8_t>(kOffset + static_cast<int>(rounded));
}

}  // namespace

void quantize_update(std::span<const float> delta, const QuantizerOptions& options, UpdateMetrics& metrics,
                     Random& random, std::span<std::uint8_t> lanes) {
  SOTTO_CHECK(std::isfinite(options.clip) && options.clip > 0);
  SOTTO_CHECK(options.weight_max >= 1 && metrics.weight <= options.weight_max);
  SOTTO_CHECK(lanes.size() == update_lanes(delta.size()));
  const double weight = static_cast<double>(metrics.weight) / options.weight_max;
  const double clip = options.clip;
  const double scale = clip / kStepsMax;
  const std::span<std::uint8_t> values = lanes.subspan(kMetricLanes);

  metrics.clipped = false;
  std::array<std::uint8_t, kDrawsPerFill * sizeof(std::uint32_t)> draws;
  for (std::size_t first = 0; first < delta.size(); first += kDrawsPerFill) {
    const std::size_t count = std::min(kDrawsPerFill, delta.size() - first);
    random.fill(MutableBytes(draws).first(count * sizeof(std::uint32_t)));
    for (std::size_t i = 0; i < count; ++i) {
      const double value = weight * delta[first + i];
      if (!std::isfinite(value)) {
        metrics.clipped = true;
        values[first + i] = kOffset;
        continue;
      }
      const double inside = std::clamp(value, -clip, clip);
      metrics.clipped = metrics.clipped || inside != value;
      const auto draw = load_le<std::uint32_t>(draws.data() + i * sizeof(std::uint32_t));
      values[first + i] = round_stochastically(inside / scale, draw);
    }
  }

  lanes[0] = 1;
  write_limbs(metrics.weight, lanes.subspan(kWeightLane, kCountLimbs));
  write_limbs(metrics.examples, lanes.subspan(kExamplesLane, kCountLimbs));
  write_limbs(metrics.correct, lanes.subspan(kCorrectLane, kCountLimbs));
  write_limbs(loss_units(metrics.loss_sum), lanes.subspan(kLossLane, kLossLimbs));
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
