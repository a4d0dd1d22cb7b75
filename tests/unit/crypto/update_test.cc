#include "sotto/secagg/update.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sotto/secagg/sum_units.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

constexpr std::uint64_t kLossMax = largest_of_bytes(6);
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Quantized {
  std::vector<std::uint8_t> lanes;
  UpdateMetrics metrics;
  [[nodiscard]] int value(std::size_t parameter) const { return lanes[kMetricLanes + parameter] - 128; }
};

// Of one segment.
struct Options {
  float clip = 0;
  std::uint32_t weight_max = 1;
};

UpdateLayout layout_of(std::size_t values, const Options& options) {
  return UpdateLayout::classification(static_cast<std::uint32_t>(values), options.clip, options.weight_max);
}

Quantized quantize(const std::vector<float>& values, const UpdateLayout& layout,
                   UpdateMetrics metrics = {.weight = 1}, std::uint64_t seed = 0) {
  crypto::SeededRandom random(seed);
  Quantized out{.lanes = std::vector<std::uint8_t>(layout.lane_count(), 0xee), .metrics = metrics};
  quantize_update(values, layout, out.metrics, random, out.lanes);
  return out;
}

Quantized quantize(const std::vector<float>& delta, const Options& options,
                   UpdateMetrics metrics = {.weight = 1}, std::uint64_t seed = 0) {
  return quantize(delta, layout_of(delta.size(), options), metrics, seed);
}

std::vector<std::uint32_t> widened(const std::vector<std::uint8_t>& lanes) {
  return {lanes.begin(), lanes.end()};
}

TEST(Quantizer, ErrorsStayBelowOneStep) {
  crypto::SeededRandom random(std::uint64_t{11});
  std::vector<float> delta(5000);
  for (float& x : delta) x = static_cast<float>((random.uniform() * 2 - 1) * 0.3);
  const double scale = quantizer_scale(0.3f);
  const Quantized quantized = quantize(delta, {.clip = 0.3f});
  EXPECT_FALSE(quantized.metrics.clipped);
  for (std::size_t i = 0; i < delta.size(); ++i) {
    ASSERT_LT(std::abs(quantized.value(i) * scale - delta[i]), scale) << i;
  }
}

TEST(Quantizer, RoundingIsUnbiased) {
  // One value many times: the sample mean of the rounded value is within 5 standard errors of the value.
  constexpr std::size_t kCount = 100'000;
  for (const double steps : {0.5, 0.1, -0.1, 12.9, -99.25, 126.999}) {
    const auto x = static_cast<float>(steps);
    const Quantized quantized = quantize(std::vector<float>(kCount, x), {.clip = 127.0f});
    double sum = 0;
    for (std::size_t i = 0; i < kCount; ++i) sum += quantized.value(i);
    const double fraction = x - std::floor(x);
    EXPECT_NEAR(sum / kCount, x, 5 * std::sqrt(fraction * (1 - fraction) / kCount)) << steps;
  }
}

TEST(Quantizer, WholeStepsAreExact) {
  std::vector<float> delta;
  for (int step = -127; step <= 127; ++step) delta.push_back(static_cast<float>(step));
  const Quantized quantized = quantize(delta, {.clip = 127.0f});
  for (int step = -127; step <= 127; ++step)
    EXPECT_EQ(quantized.value(static_cast<std::size_t>(step + 127)), step);
  EXPECT_FALSE(quantized.metrics.clipped);
}

TEST(Quantizer, ClipsAndSaysSo) {
  const Quantized quantized = quantize({2.0f, -3.0f, 1e30f, 0.0f}, {.clip = 1.0f});
  EXPECT_TRUE(quantized.metrics.clipped) << "though the last value is not";
  EXPECT_EQ(quantized.value(0), 127);
  EXPECT_EQ(quantized.value(1), -127);
  EXPECT_EQ(quantized.value(2), 127);
  EXPECT_EQ(quantized.value(3), 0);
  EXPECT_EQ(quantized.lanes[19], 1);
}

TEST(Quantizer, AValueAtTheClipIsNotClipped) {
  for (const float clip : {0.1f, 0.3f, 1.0f, 3.7e-12f, 1e6f, kSmallestClip}) {
    const Quantized quantized = quantize({clip, -clip}, {.clip = clip});
    EXPECT_FALSE(quantized.metrics.clipped) << clip;
    EXPECT_EQ(quantized.value(0), 127) << clip;
    EXPECT_EQ(quantized.value(1), -127) << clip;
    const float beyond = std::nextafter(clip, 2 * clip);
    EXPECT_TRUE(quantize({beyond}, {.clip = clip}).metrics.clipped) << clip;
    EXPECT_TRUE(quantize({-beyond}, {.clip = clip}).metrics.clipped) << clip;
  }
}

// Every byte the same, whatever is asked for.
class ConstantRandom final : public Random {
 public:
  explicit ConstantRandom(std::uint8_t byte) : byte_(byte) {}
  void fill(MutableBytes out) override { std::fill(out.begin(), out.end(), byte_); }

 private:
  std::uint8_t byte_;
};

std::vector<std::uint8_t> lanes_with_draws_of(std::uint8_t byte, const std::vector<float>& delta,
                                              const Options& options, std::uint32_t weight = 1) {
  ConstantRandom random(byte);
  std::vector<std::uint8_t> lanes(update_lanes(delta.size()));
  UpdateMetrics metrics{.weight = weight};
  quantize_update(delta, layout_of(delta.size(), options), metrics, random, lanes);
  lanes.erase(lanes.begin(), lanes.begin() + kMetricLanes);
  return lanes;
}

TEST(Quantizer, AValueAtTheClipStaysInItsLanesWhateverIsDrawn) {
  for (const float clip : {1.345844030380249f, 0.7f, 1.3f, 0.013f, 1e6f, kSmallestClip}) {
    EXPECT_EQ(lanes_with_draws_of(0xff, {clip, -clip}, {.clip = clip}), (std::vector<std::uint8_t>{255, 1}))
        << clip;
  }
  // 1.3f is a last bit less than 127 of its steps.
  EXPECT_EQ(lanes_with_draws_of(0, {1.3f, -1.3f}, {.clip = 1.3f}), (std::vector<std::uint8_t>{254, 2}));
  EXPECT_EQ(lanes_with_draws_of(0, {1.345844030380249f, -1.345844030380249f}, {.clip = 1.345844030380249f}),
            (std::vector<std::uint8_t>{255, 1}));
}

TEST(Quantizer, RoundsUpExactlyWhenFractionAndDrawReachOne) {
  // A draw of 0x7f7f7f is added to 24 bits of fraction: 0x808081 and more go up, on either side of zero.
  const float below = 0x808080 * 0x1p-24f;
  const float above = 0x808081 * 0x1p-24f;
  EXPECT_EQ(lanes_with_draws_of(0x7f, {below, above, -below, -above}, {.clip = 127.0f}),
            (std::vector<std::uint8_t>{128, 129, 128, 127}));
}

TEST(Quantizer, TheHighByteOfADrawDoesNotCount) {
  // 0xffffffff and 0x00ffffff, 0x7f7f7f7f and 0x007f7f7f are the same draws.
  class HighByteOff final : public Random {
   public:
    void fill(MutableBytes out) override {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = i % 4 == 3 ? 0x00 : 0x7f;
    }
  } random;
  std::vector<float> delta;
  for (int i = 0; i < 256; ++i) delta.push_back(static_cast<float>(i) / 256);
  std::vector<std::uint8_t> lanes(update_lanes(delta.size()));
  UpdateMetrics metrics{.weight = 1};
  quantize_update(delta, layout_of(delta.size(), {.clip = 127.0f}), metrics, random, lanes);
  lanes.erase(lanes.begin(), lanes.begin() + kMetricLanes);
  EXPECT_EQ(lanes, lanes_with_draws_of(0x7f, delta, {.clip = 127.0f}));
}

TEST(Quantizer, WhatIsNotFiniteCountsAsClippedAndIsZero) {
  for (const float x : {kNan, kInfinity, -kInfinity}) {
    const Quantized quantized = quantize({0.5f, x}, {.clip = 1.0f});
    EXPECT_TRUE(quantized.metrics.clipped);
    EXPECT_EQ(quantized.value(1), 0);
  }
}

TEST(Quantizer, AppliesTheWeightBeforeClipping) {
  // 2 * 25 / 100 = 0.5: half of the clip, exactly 63.5 steps.
  const Quantized quantized =
      quantize(std::vector<float>(1000, 2.0f), {.clip = 1.0f, .weight_max = 100}, {.weight = 25});
  EXPECT_FALSE(quantized.metrics.clipped);
  for (std::size_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(quantized.value(i) == 63 || quantized.value(i) == 64);
  }
}

TEST(Quantizer, AWeightOfZeroContributesNothing) {
  const Quantized quantized = quantize({5.0f, -5.0f}, {.clip = 1.0f, .weight_max = 100}, {.weight = 0});
  EXPECT_FALSE(quantized.metrics.clipped);
  EXPECT_EQ(quantized.value(0), 0);
  EXPECT_EQ(quantized.value(1), 0);
}

TEST(Quantizer, EqualRandomnessGivesEqualLanes) {
  std::vector<float> delta(3000);
  for (std::size_t i = 0; i < delta.size(); ++i) delta[i] = std::sin(static_cast<float>(i));
  EXPECT_EQ(quantize(delta, {.clip = 1.0f}, {.weight = 1}, 5).lanes,
            quantize(delta, {.clip = 1.0f}, {.weight = 1}, 5).lanes);
  EXPECT_NE(quantize(delta, {.clip = 1.0f}, {.weight = 1}, 5).lanes,
            quantize(delta, {.clip = 1.0f}, {.weight = 1}, 6).lanes);
}

// Counts calls and bytes; the bytes themselves are zero.
class CountingRandom final : public Random {
 public:
  void fill(MutableBytes out) override {
    ++calls;
    bytes += out.size();
    std::fill(out.begin(), out.end(), std::uint8_t{0});
  }
  std::size_t calls = 0;
  std::size_t bytes = 0;
};

TEST(Quantizer, DrawsFourBytesPerCoordinateInFewCalls) {
  CountingRandom random;
  std::vector<float> delta(100'000, kNan);  // draws do not depend on the values
  std::vector<std::uint8_t> lanes(update_lanes(delta.size()));
  UpdateMetrics metrics{.weight = 1};
  quantize_update(delta, layout_of(delta.size(), {.clip = 1.0f}), metrics, random, lanes);
  EXPECT_EQ(random.bytes, 400'000u);
  EXPECT_LE(random.calls, 100u);
}

TEST(Quantizer, MisuseStopsTheProgram) {
  EXPECT_DEATH(quantize({1.0f}, {.clip = 0.0f}), "internal error");
  EXPECT_DEATH(quantize({1.0f}, {.clip = kNan}), "internal error");
  EXPECT_DEATH(quantize({1.0f}, {.clip = kInfinity}), "internal error");
  EXPECT_DEATH(quantize({1.0f}, {.clip = std::nextafter(kSmallestClip, 0.0f)}), "internal error");
  EXPECT_DEATH(quantize({1.0f}, {.clip = 1.0f, .weight_max = 1}, {.weight = 2}), "internal error");
}

TEST(UpdateMetrics, RoundTripThroughTheLanes) {
  const UpdateMetrics metrics{.weight = 0x01020304, .examples = 0xfffefdfc, .sums = {77, 1234 * 1024 + 512}};
  const UpdateLayout layout = layout_of(1, {.clip = 1.0f, .weight_max = UINT32_MAX});
  const MetricSums sums = decode_metrics(layout, widened(quantize({0.0f}, layout, metrics).lanes));
  EXPECT_EQ(sums, (MetricSums{.count = 1,
                              .weight = 0x01020304,
                              .examples = 0xfffefdfc,
                              .sums = {77, 1234 * 1024 + 512},
                              .clipped = 0}));
}

TEST(UpdateMetrics, LieInTheDocumentedLanes) {
  const UpdateMetrics metrics{.weight = 0x01020304, .examples = 0xfffefdfc, .sums = {77, 2560}};
  EXPECT_EQ(quantize({kNan}, {.clip = 1.0f, .weight_max = UINT32_MAX}, metrics).lanes,
            (std::vector<std::uint8_t>{1, 0x04, 0x03, 0x02, 0x01, 0xfc, 0xfd, 0xfe, 0xff, 77, 0,
                                       0, 0,    0x00, 0x0a, 0,    0,    0,    0,    1,    128}));
}

TEST(UpdateMetrics, ASumIsClampedToItsBytes) {
  const auto decoded = [](std::uint64_t correct, std::uint64_t loss) {
    const UpdateLayout layout = layout_of(1, {.clip = 1.0f});
    return decode_metrics(layout,
                          widened(quantize({0.0f}, layout, {.weight = 1, .sums = {correct, loss}}).lanes))
        .sums;
  };
  using Sums = std::array<std::uint64_t, kSumsMax>;
  EXPECT_EQ(decoded(0, 0), Sums{});
  EXPECT_EQ(decoded(UINT32_MAX - 1, kLossMax - 1), (Sums{UINT32_MAX - 1, kLossMax - 1}));
  EXPECT_EQ(decoded(UINT32_MAX, kLossMax), (Sums{UINT32_MAX, kLossMax}));
  EXPECT_EQ(decoded(std::uint64_t{UINT32_MAX} + 1, kLossMax + 1), (Sums{UINT32_MAX, kLossMax}));
  EXPECT_EQ(decoded(UINT64_MAX, UINT64_MAX), (Sums{UINT32_MAX, kLossMax}));
}

TEST(SumUnits, AreRoundedDownAndClampedToTheirBytes) {
  const auto loss = [](double nats) { return sum_units(nats, 1024, 6); };
  EXPECT_EQ(loss(0), 0u);
  EXPECT_EQ(loss(-5), 0u);
  EXPECT_EQ(loss(std::nan("")), 0u);
  EXPECT_EQ(loss(1.0 / 2048), 0u);
  EXPECT_EQ(loss(1.0 / 1024), 1u);
  EXPECT_EQ(loss(2.5), 2560u);
  EXPECT_EQ(loss(0x1p38), kLossMax);
  EXPECT_EQ(loss(HUGE_VAL), kLossMax);
  EXPECT_EQ(loss(std::nextafter(0x1p38, 0)), kLossMax);
  EXPECT_EQ(sum_units(254.9, 1, 1), 254u);
  EXPECT_EQ(sum_units(255, 1, 1), 255u);
  EXPECT_EQ(sum_units(256, 1, 1), 255u);
}

TEST(FixedSumUnits, AreThoseOfTheSameSumAsADouble) {
  constexpr std::uint64_t kOne = std::uint64_t{1} << 20;
  for (const std::uint64_t sum :
       {std::uint64_t{0}, kOne / 2048, kOne / 1024, kOne - 1, kOne, 5 * kOne / 2, 254 * kOne + kOne * 9 / 10,
        255 * kOne - 1, 255 * kOne, 256 * kOne, std::uint64_t{1} << 32}) {
    for (const std::uint32_t scale : {1u, 3u, 1024u, 1u << 20}) {
      for (const std::size_t bytes : {1u, 4u, 6u, 8u}) {
        EXPECT_EQ(fixed_sum_units(sum, scale, bytes),
                  sum_units(static_cast<double>(sum) / static_cast<double>(kOne), scale, bytes))
            << sum << " * " << scale << " in " << bytes;
      }
    }
  }
  EXPECT_EQ(fixed_sum_units(UINT64_MAX, 1 << 20, 6), kLossMax);
  EXPECT_EQ(fixed_sum_units(UINT64_MAX, 1 << 20, kSumBytesMax), largest_of_bytes(kSumBytesMax));
}

TEST(UpdateMetrics, SumsOfTheLargestLimbsAreExact) {
  const UpdateLayout layout = layout_of(1, {.clip = 1.0f, .weight_max = UINT32_MAX});
  std::vector<std::uint32_t> lane_sums(layout.lane_count(), 0);
  const UpdateMetrics largest{.weight = UINT32_MAX, .examples = UINT32_MAX, .sums = {UINT64_MAX, UINT64_MAX}};
  const Quantized quantized = quantize({kNan}, layout, largest);
  for (int device = 0; device < 1024; ++device) {
    for (std::size_t lane = 0; lane < lane_sums.size(); ++lane) lane_sums[lane] += quantized.lanes[lane];
  }
  EXPECT_EQ(decode_metrics(layout, lane_sums),
            (MetricSums{.count = 1024,
                        .weight = 1024ull * UINT32_MAX,
                        .examples = 1024ull * UINT32_MAX,
                        .sums = {1024ull * UINT32_MAX, 1024 * ((1ull << 48) - 1)},
                        .clipped = 1024}));
}

TEST(MetricSums, AddFieldByField) {
  MetricSums sums{.count = 1, .weight = 2, .examples = 3, .sums = {4, 5, 6, 7, 8, 9, 10, 11}, .clipped = 12};
  sums +=
      {.count = 10, .weight = 20, .examples = 30, .sums = {40, 50, 60, 70, 80, 90, 100, 110}, .clipped = 120};
  EXPECT_EQ(sums, (MetricSums{.count = 11,
                              .weight = 22,
                              .examples = 33,
                              .sums = {44, 55, 66, 77, 88, 99, 110, 121},
                              .clipped = 132}));
}

// ---- segments ----

UpdateLayout three_segments() {
  UpdateLayout layout;
  layout.weight_max = 4;
  EXPECT_TRUE(layout.sum_bytes.push_back(2));
  EXPECT_TRUE(layout.segments.push_back({.length = 2, .clip = 127.0f}));
  EXPECT_TRUE(layout.segments.push_back(
      {.length = 2, .clip = 12.7f, .weighting = Weighting::kOne, .clipped_lane = true}));
  EXPECT_TRUE(layout.segments.push_back({.length = 2,
                                         .encoding = Encoding::kCount,
                                         .count_bytes = 2,
                                         .weighting = Weighting::kOne,
                                         .clipped_lane = true}));
  return layout;
}

TEST(Segments, LieInTheDocumentedLanes) {
  // count, weight, examples, a sum of two bytes, clipped, two clipped lanes, then two values of each segment.
  const Quantized quantized =
      quantize({100, -40, 1, -2, 770, 3}, three_segments(), {.weight = 2, .examples = 9, .sums = {0x1234}});
  EXPECT_EQ(quantized.lanes,
            (std::vector<std::uint8_t>{1,        2,        0,         0,         0, 9, 0,        0,
                                       0,        0x34,     0x12,      0,         0, 0, 128 + 50, 128 - 20,
                                       128 + 10, 128 - 20, 770 % 256, 770 / 256, 3, 0}));
  EXPECT_FALSE(quantized.metrics.clipped);
}

TEST(Segments, EachClipsForItself) {
  const auto clipped_lanes = [](const std::vector<float>& values) {
    const Quantized quantized = quantize(values, three_segments(), {.weight = 4});
    return std::vector<int>{quantized.lanes[11], quantized.lanes[12], quantized.lanes[13]};
  };
  EXPECT_EQ(clipped_lanes({127, -127, 12.7f, -12.7f, 65535, 0}), (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(clipped_lanes({127.5f, 0, 0, 0, 0, 0}), (std::vector<int>{1, 0, 0}));
  EXPECT_EQ(clipped_lanes({0, 0, 0, -12.8f, 0, 0}), (std::vector<int>{0, 1, 0}));
  EXPECT_EQ(clipped_lanes({0, 0, 0, 0, 0, 65536}), (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(clipped_lanes({kNan, 0, kNan, 0, kNan, 0}), (std::vector<int>{1, 1, 1}));
}

TEST(Segments, CountsAreWholePartsWithinTheirBytes) {
  UpdateLayout layout;
  ASSERT_TRUE(layout.segments.push_back(
      {.length = 9, .encoding = Encoding::kCount, .count_bytes = 4, .weighting = Weighting::kOne}));
  const std::vector<float> values = {0,  0.99f, 1,        16777216, 4294967040.0f, 4294967296.0f,
                                     -1, kNan,  kInfinity};
  const Quantized quantized = quantize(values, layout);
  std::vector<std::int64_t> decoded(9);
  decode_values(layout, widened(quantized.lanes), 1, decoded);
  EXPECT_EQ(decoded,
            (std::vector<std::int64_t>{0, 0, 1, 16777216, 4294967040, UINT32_MAX, 0, 0, UINT32_MAX}));
  EXPECT_TRUE(quantized.metrics.clipped);
  EXPECT_FALSE(quantize({0, 0.99f, 1, 16777216, 4294967040.0f, 0, 0, 0, 0}, layout).metrics.clipped);
}

TEST(Segments, SumsAreDecodedSegmentBySegment) {
  const UpdateLayout layout = three_segments();
  std::vector<std::uint32_t> lane_sums(layout.lane_count());
  const std::vector<std::vector<float>> devices = {{100, -40, 1, -2, 770, 3},
                                                   {-127, 8, 99, 0.1f, 65535, 65535}};
  for (const std::vector<float>& values : devices) {
    const Quantized quantized = quantize(values, layout, {.weight = 4, .sums = {7}});
    for (std::size_t i = 0; i < lane_sums.size(); ++i) lane_sums[i] += quantized.lanes[i];
  }
  std::vector<std::int64_t> sums(6);
  decode_values(layout, lane_sums, 2, sums);
  EXPECT_EQ(sums, (std::vector<std::int64_t>{-27, -32, 10 + 127, -20 + 1, 770 + 65535, 3 + 65535}));
  const auto clipped = decode_clipped(layout, lane_sums);
  EXPECT_EQ(clipped[0], 0u);
  EXPECT_EQ(clipped[1], 1u);
  EXPECT_EQ(clipped[2], 0u);
  const MetricSums metrics = decode_metrics(layout, lane_sums);
  EXPECT_EQ(metrics, (MetricSums{.count = 2, .weight = 8, .sums = {14}}));
}

TEST(Segments, AsManyAsThereMayBeAreToldApart) {
  UpdateLayout layout;
  std::vector<float> values;
  for (std::size_t i = 0; i < kSegmentsMax; ++i) {
    ASSERT_TRUE(layout.segments.push_back({.length = 1, .clip = 127.0f, .clipped_lane = true}));
    values.push_back(i % 3 == 0 ? 200.0f : static_cast<float>(i));
  }
  EXPECT_FALSE(layout.segments.push_back({.length = 1, .clip = 1.0f}));
  const std::vector<std::uint32_t> lanes = widened(quantize(values, layout).lanes);
  EXPECT_EQ(layout.metric_lanes(), 10 + kSegmentsMax);
  const auto clipped = decode_clipped(layout, lanes);
  std::vector<std::int64_t> decoded(kSegmentsMax);
  decode_values(layout, lanes, 1, decoded);
  for (std::size_t i = 0; i < kSegmentsMax; ++i) {
    EXPECT_EQ(clipped[i], i % 3 == 0 ? 1u : 0u) << i;
    EXPECT_EQ(decoded[i], i % 3 == 0 ? 127 : static_cast<std::int64_t>(i)) << i;
  }
}

TEST(Segments, SplittingARunChangesNoLane) {
  std::vector<float> values(700);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i));
  UpdateLayout split;
  for (const std::uint32_t length : {1u, 127u, 128u, 130u, 314u}) {
    ASSERT_TRUE(split.segments.push_back({.length = length, .clip = 0.9f}));
  }
  UpdateLayout whole;
  ASSERT_TRUE(whole.segments.push_back({.length = 700, .clip = 0.9f}));
  EXPECT_EQ(quantize(values, split).lanes, quantize(values, whole).lanes);
}

TEST(Segment, OutsideItsRangesIsNotValid) {
  const Segment signed_run{.length = 1, .clip = 1};
  const Segment counts{
      .length = 1, .encoding = Encoding::kCount, .count_bytes = 1, .weighting = Weighting::kOne};
  EXPECT_TRUE(signed_run.valid());
  EXPECT_TRUE(counts.valid());
  const auto with = [](Segment segment, auto change) {
    change(segment);
    return segment.valid();
  };
  EXPECT_FALSE(with(signed_run, [](Segment& s) { s.length = 0; }));
  EXPECT_FALSE(with(signed_run, [](Segment& s) { s.clip = 0; }));
  EXPECT_FALSE(with(signed_run, [](Segment& s) { s.clip = kNan; }));
  EXPECT_FALSE(with(signed_run, [](Segment& s) { s.clip = std::nextafter(kSmallestClip, 0.0f); }));
  EXPECT_TRUE(with(signed_run, [](Segment& s) { s.clip = kSmallestClip; }));
  EXPECT_TRUE(with(signed_run, [](Segment& s) { s.clip = kLargestClip; }));
  EXPECT_FALSE(with(signed_run, [](Segment& s) { s.clip = std::nextafter(kLargestClip, kInfinity); }));
  EXPECT_FALSE(with(signed_run, [](Segment& s) { s.count_bytes = 1; }));
  EXPECT_FALSE(with(signed_run, [](Segment& s) { s.encoding = Encoding{0}; }));
  EXPECT_FALSE(with(signed_run, [](Segment& s) { s.weighting = Weighting{0}; }));
  EXPECT_FALSE(with(signed_run, [](Segment& s) { s.weighting = Weighting{3}; }));
  EXPECT_TRUE(with(signed_run, [](Segment& s) { s.weighting = Weighting::kOne; }));
  EXPECT_FALSE(with(counts, [](Segment& s) { s.length = 0; }));
  EXPECT_FALSE(with(counts, [](Segment& s) { s.clip = 1; }));
  EXPECT_FALSE(with(counts, [](Segment& s) { s.count_bytes = 0; }));
  EXPECT_TRUE(with(counts, [](Segment& s) { s.count_bytes = 4; }));
  EXPECT_FALSE(with(counts, [](Segment& s) { s.count_bytes = 5; }));
  EXPECT_FALSE(with(counts, [](Segment& s) { s.weighting = Weighting::kExamples; }));
}

TEST(UpdateLayout, OutsideItsRangesIsNotValid) {
  EXPECT_FALSE(UpdateLayout().valid()) << "no segment";
  UpdateLayout layout = three_segments();
  EXPECT_TRUE(layout.valid());
  layout.weight_max = 0;
  EXPECT_FALSE(layout.valid());
  for (const std::uint8_t bytes : {std::uint8_t{0}, std::uint8_t{7}}) {
    layout = three_segments();
    layout.sum_bytes[0] = bytes;
    EXPECT_FALSE(layout.valid());
  }
  layout = three_segments();
  layout.segments[2].length = 0;
  EXPECT_FALSE(layout.valid());
}

TEST(UpdateLayout, CountsItsLanes) {
  const UpdateLayout layout = three_segments();
  EXPECT_EQ(layout.value_count(), 6u);
  EXPECT_EQ(layout.clipped_lane(), 11u);
  EXPECT_EQ(layout.metric_lanes(), 14u);
  EXPECT_EQ(layout.lane_count(), 14u + 2 + 2 + 4);
  EXPECT_EQ(UpdateLayout::classification(5, 1, 1).metric_lanes(), kMetricLanes);
  EXPECT_EQ(UpdateLayout::classification(5, 1, 1).lane_count(), update_lanes(5));
}

}  // namespace
}  // namespace sotto::secagg
