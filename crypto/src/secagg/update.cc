// PROTOCOL.md section 4.
#include "sotto/secagg/update.h"

#include <algorithm>
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

constexpr std::size_t kCountBytes = 4;  // of weight and examples
constexpr float kStepsMax = 127;
constexpr int kFractionBits = 24;
constexpr std::uint32_t kFractionMask = (std::uint32_t{1} << kFractionBits) - 1;
constexpr std::size_t kDrawsPerFill =
    std::min<std::size_t>(1024, crypto::backend::kBlockBytes / sizeof(std::uint32_t));

// Hands out consecutive lanes.
template <typename Lane>
class LaneCursor {
 public:
  explicit LaneCursor(std::span<Lane> lanes) : rest_(lanes) {}
  std::span<Lane> next(std::size_t count) {
    const std::span<Lane> taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

 private:
  std::span<Lane> rest_;
};

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
// 2^-24 and nothing else: the product with a power of two is exact. At most 127 steps, whatever rounding
// made of a value at the clip, so that no lane leaves [1, 255].
std::uint8_t encode_signed(float value, float scale, std::uint32_t draw) {
  const float steps = std::min(magnitude(value) / scale, kStepsMax);
  const auto fixed = static_cast<std::uint32_t>(static_cast<std::int32_t>(steps * 0x1p24f));
  const auto rounded = static_cast<std::uint8_t>((fixed + (draw & kFractionMask)) >> kFractionBits);
  return static_cast<std::uint8_t>(value < 0 ? kZeroLane - rounded : kZeroLane + rounded);
}

// Whether a value was clipped.
bool quantize_signed(std::span<const float> values, const Segment& segment, float weight, Random& random,
                     std::span<std::uint8_t> lanes) {
  const float scale = quantizer_scale(segment.clip);
  std::array<std::uint8_t, kDrawsPerFill * sizeof(std::uint32_t)> draws;
  bool clipped = false;
  for (std::size_t first = 0; first < values.size(); first += kDrawsPerFill) {
    const std::size_t count = std::min(kDrawsPerFill, values.size() - first);
    random.fill(MutableBytes(draws).first(count * sizeof(std::uint32_t)));
    for (std::size_t i = 0; i < count; ++i) {
      const float value = weight * values[first + i];
      clipped = clipped || !(magnitude(value) <= segment.clip);
      const auto draw = load_le<std::uint32_t>(draws.data() + i * sizeof(std::uint32_t));
      lanes[first + i] = is_finite(value) ? encode_signed(value, scale, draw) : kZeroLane;
    }
  }
  return clipped;
}

// Whether a value was clipped.
bool encode_counts(std::span<const float> values, const Segment& segment, std::span<std::uint8_t> lanes) {
  const std::uint64_t most = largest_of_bytes(segment.count_bytes);
  // A power of two, so exact; everything below it has a whole part that fits. Multiplied, because a board's
  // library makes a float of 64 bits by way of doubles.
  float beyond = 1;
  for (std::size_t byte = 0; byte < segment.count_bytes; ++byte) beyond *= 256;
  LaneCursor cursor(lanes);
  bool clipped = false;
  for (const float value : values) {
    const bool fits = value >= 0 && value < beyond;
    clipped = clipped || !fits;
    const std::uint64_t whole = fits ? static_cast<std::uint32_t>(value) : value > 0 ? most : 0;
    write_limbs(whole, cursor.next(segment.count_bytes));
  }
  return clipped;
}

void write_metrics(const UpdateLayout& layout, const UpdateMetrics& metrics,
                   LaneCursor<std::uint8_t>& cursor) {
  cursor.next(1)[0] = 1;
  write_limbs(metrics.weight, cursor.next(kCountBytes));
  write_limbs(metrics.examples, cursor.next(kCountBytes));
  for (std::size_t i = 0; i < layout.sum_bytes.size(); ++i) {
    const std::uint8_t bytes = layout.sum_bytes[i];
    write_limbs(std::min(metrics.sums[i], largest_of_bytes(bytes)), cursor.next(bytes));
  }
}

}  // namespace

float quantizer_scale(float clip) { return clip / kStepsMax; }

void quantize_update(std::span<const float> values, const UpdateLayout& layout, UpdateMetrics& metrics,
                     Random& random, std::span<std::uint8_t> lanes) {
  SOTTO_CHECK(layout.valid() && metrics.weight <= layout.weight_max);
  SOTTO_CHECK(values.size() == layout.value_count() && lanes.size() == layout.lane_count());
  const float weight = static_cast<float>(metrics.weight) / static_cast<float>(layout.weight_max);
  LaneCursor metric_lanes(lanes.first(layout.metric_lanes()));
  LaneCursor value_lanes(lanes.subspan(layout.metric_lanes()));
  LaneCursor rest(values);

  write_metrics(layout, metrics, metric_lanes);
  std::uint8_t& clipped_lane = metric_lanes.next(1)[0];
  metrics.clipped = false;
  for (const Segment& segment : layout.segments) {
    const std::span<const float> run = rest.next(segment.length);
    const std::span<std::uint8_t> run_lanes = value_lanes.next(run.size() * segment.lanes_per_value());
    const float factor = segment.weighting == Weighting::kExamples ? weight : 1.0f;
    const bool clipped = segment.encoding == Encoding::kCount
                             ? encode_counts(run, segment, run_lanes)
                             : quantize_signed(run, segment, factor, random, run_lanes);
    if (segment.clipped_lane) {
      metric_lanes.next(1)[0] = clipped ? 1 : 0;
    } else {
      metrics.clipped = metrics.clipped || clipped;
    }
  }
  clipped_lane = metrics.clipped ? 1 : 0;
}

MetricSums& MetricSums::operator+=(const MetricSums& other) {
  count += other.count;
  weight += other.weight;
  examples += other.examples;
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += other.sums[i];
  clipped += other.clipped;
  return *this;
}

MetricSums decode_metrics(const UpdateLayout& layout, std::span<const std::uint32_t> lane_sums) {
  SOTTO_CHECK(lane_sums.size() >= layout.metric_lanes());
  LaneCursor cursor(lane_sums);
  MetricSums metrics;
  metrics.count = cursor.next(1)[0];
  metrics.weight = sum_of_limbs(cursor.next(kCountBytes));
  metrics.examples = sum_of_limbs(cursor.next(kCountBytes));
  for (std::size_t i = 0; i < layout.sum_bytes.size(); ++i) {
    metrics.sums[i] = sum_of_limbs(cursor.next(layout.sum_bytes[i]));
  }
  metrics.clipped = cursor.next(1)[0];
  return metrics;
}

std::array<std::uint32_t, kSegmentsMax> decode_clipped(const UpdateLayout& layout,
                                                       std::span<const std::uint32_t> lane_sums) {
  SOTTO_CHECK(lane_sums.size() >= layout.metric_lanes());
  std::array<std::uint32_t, kSegmentsMax> clipped{};
  std::size_t lane = layout.clipped_lane() + 1;
  for (std::size_t i = 0; i < layout.segments.size(); ++i) {
    if (layout.segments[i].clipped_lane) clipped[i] = lane_sums[lane++];
  }
  return clipped;
}

void decode_values(const UpdateLayout& layout, std::span<const std::uint32_t> lane_sums,
                   std::uint32_t vectors, std::span<std::int64_t> sums) {
  SOTTO_CHECK(lane_sums.size() == layout.lane_count() && sums.size() == layout.value_count());
  LaneCursor lanes(lane_sums.subspan(layout.metric_lanes()));
  LaneCursor values(sums);
  const std::int64_t zero = std::int64_t{kZeroLane} * vectors;
  for (const Segment& segment : layout.segments) {
    for (std::int64_t& value : values.next(segment.length)) {
      const std::span<const std::uint32_t> limbs = lanes.next(segment.lanes_per_value());
      value = segment.encoding == Encoding::kCount ? static_cast<std::int64_t>(sum_of_limbs(limbs))
                                                   : std::int64_t{limbs[0]} - zero;
    }
  }
}

}  // namespace sotto::secagg
