#include "sotto/secagg/update.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sotto/secagg/loss_units.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

struct Quantized {
  std::vector<std::uint8_t> lanes;
  UpdateMetrics metrics;
  [[nodiscard]] int value(std::size_t parameter) const { return lanes[kMetricLanes + parameter] - 128; }
};

Quantized quantize(const std::vector<float>& delta, const QuantizerOptions& options,
                   UpdateMetrics metrics = {.weight = 1}, std::uint64_t seed = 0) {
  crypto::SeededRandom random(seed);
  Quantized out{.lanes = std::vector<std::uint8_t>(update_lanes(delta.size()), 0xee), .metrics = metrics};
  quantize_update(delta, options, out.metrics, random, out.lanes);
  return out;
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
                                              const QuantizerOptions& options, std::uint32_t weight = 1) {
  ConstantRandom random(byte);
  std::vector<std::uint8_t> lanes(update_lanes(delta.size()));
  UpdateMetrics metrics{.weight = weight};
  quantize_update(delta, options, metrics, random, lanes);
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
  quantize_update(delta, {.clip = 127.0f}, metrics, random, lanes);
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
  quantize_update(delta, {.clip = 1.0f}, metrics, random, lanes);
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
  const UpdateMetrics metrics{
      .weight = 0x01020304, .examples = 0xfffefdfc, .correct = 77, .loss_1024 = 1234 * 1024 + 512};
  const Quantized quantized = quantize({}, {.clip = 1.0f, .weight_max = UINT32_MAX}, metrics);
  const MetricSums sums = decode_metrics(widened(quantized.lanes));
  EXPECT_EQ(sums, (MetricSums{.count = 1,
                              .weight = 0x01020304,
                              .examples = 0xfffefdfc,
                              .correct = 77,
                              .loss_1024 = 1234 * 1024 + 512,
                              .clipped = 0}));
}

TEST(UpdateMetrics, LieInTheDocumentedLanes) {
  const UpdateMetrics metrics{.weight = 0x01020304, .examples = 0xfffefdfc, .correct = 77, .loss_1024 = 2560};
  EXPECT_EQ(quantize({kNan}, {.clip = 1.0f, .weight_max = UINT32_MAX}, metrics).lanes,
            (std::vector<std::uint8_t>{1, 0x04, 0x03, 0x02, 0x01, 0xfc, 0xfd, 0xfe, 0xff, 77, 0,
                                       0, 0,    0x00, 0x0a, 0,    0,    0,    0,    1,    128}));
}

TEST(UpdateMetrics, LossIsClampedAndNeverUndefined) {
  const auto loss_of = [](std::uint64_t units) {
    return decode_metrics(widened(quantize({}, {.clip = 1.0f}, {.weight = 1, .loss_1024 = units}).lanes))
        .loss_1024;
  };
  EXPECT_EQ(loss_of(0), 0u);
  EXPECT_EQ(loss_of(kLossMax - 1), kLossMax - 1);
  EXPECT_EQ(loss_of(kLossMax), kLossMax);
  EXPECT_EQ(loss_of(kLossMax + 1), kLossMax);
  EXPECT_EQ(loss_of(UINT64_MAX), kLossMax);
}

TEST(LossUnits, AreNatsTimes1024RoundedDownAndClamped) {
  EXPECT_EQ(loss_units(0), 0u);
  EXPECT_EQ(loss_units(-5), 0u);
  EXPECT_EQ(loss_units(std::nan("")), 0u);
  EXPECT_EQ(loss_units(1.0 / 2048), 0u);
  EXPECT_EQ(loss_units(1.0 / 1024), 1u);
  EXPECT_EQ(loss_units(2.5), 2560u);
  EXPECT_EQ(loss_units(0x1p38), kLossMax);
  EXPECT_EQ(loss_units(HUGE_VAL), kLossMax);
  EXPECT_EQ(loss_units(std::nextafter(0x1p38, 0)), kLossMax);
}

TEST(UpdateMetrics, SumsOfTheLargestLimbsAreExact) {
  std::vector<std::uint32_t> lane_sums(kMetricLanes, 0);
  UpdateMetrics largest{
      .weight = UINT32_MAX, .examples = UINT32_MAX, .correct = UINT32_MAX, .loss_1024 = UINT64_MAX};
  const Quantized quantized = quantize({kNan}, {.clip = 1.0f, .weight_max = UINT32_MAX}, largest);
  for (int device = 0; device < 1024; ++device) {
    for (std::size_t lane = 0; lane < kMetricLanes; ++lane) lane_sums[lane] += quantized.lanes[lane];
  }
  EXPECT_EQ(decode_metrics(lane_sums), (MetricSums{.count = 1024,
                                                   .weight = 1024ull * UINT32_MAX,
                                                   .examples = 1024ull * UINT32_MAX,
                                                   .correct = 1024ull * UINT32_MAX,
                                                   .loss_1024 = 1024 * ((1ull << 48) - 1),
                                                   .clipped = 1024}));
}

TEST(MetricSums, AddFieldByField) {
  MetricSums sums{.count = 1, .weight = 2, .examples = 3, .correct = 4, .loss_1024 = 5, .clipped = 6};
  sums += {.count = 10, .weight = 20, .examples = 30, .correct = 40, .loss_1024 = 50, .clipped = 60};
  EXPECT_EQ(
      sums,
      (MetricSums{.count = 11, .weight = 22, .examples = 33, .correct = 44, .loss_1024 = 55, .clipped = 66}));
}

}  // namespace
}  // namespace sotto::secagg
