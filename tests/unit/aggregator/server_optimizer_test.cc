#include "sotto/aggregator/server_optimizer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sotto/base/bytes.h"

namespace sotto::aggregator {
namespace {

// Two devices: 300 and 100 examples of weight_max 400, deltas (1, -2) and (-1, 4) in units of 1/8.
// Weighted: 0.75 * (8, -16) + 0.25 * (-8, 32) = (4, -4) units = (0.5, -0.5); times 400 / 400.
CohortSum two_devices() {
  CohortSum sum;
  sum.sum = {4, -4};
  sum.segments = {{.length = 2, .unit = 0.125}};
  sum.weight_max = 400;
  sum.metrics.weight = 400;
  sum.metrics.count = 2;
  sum.devices = 2;
  return sum;
}

// Version 1, kind 1, little-endian float32.
OptimizerState state_of(const std::vector<float>& velocity) {
  OptimizerState state(2 + 4 * velocity.size());
  ByteWriter writer(state);
  writer.u8(1);
  writer.u8(1);
  for (const float value : velocity) writer.f32(value);
  return state;
}

TEST(ApplyUpdate, AddsTheWeightedMeanWithoutMomentumAndCarriesNothing) {
  std::vector<float> parameters = {1.0f, 2.0f};
  OptimizerState state;
  ASSERT_TRUE(apply_update(two_devices(), {.learning_rate = 1.0f, .momentum = 0}, parameters, state).ok());
  EXPECT_EQ(parameters, (std::vector<float>{1.5f, 1.5f}));
  EXPECT_TRUE(state.empty());
  ASSERT_TRUE(apply_update(two_devices(), {.learning_rate = 0.5f, .momentum = 0}, parameters, state).ok());
  EXPECT_EQ(parameters, (std::vector<float>{1.75f, 1.25f}));
}

TEST(ApplyUpdate, CarriesVelocityFromRoundToRound) {
  std::vector<float> parameters = {0.0f, 0.0f};
  OptimizerState state;
  const ServerOptimizerOptions options{.learning_rate = 2.0f, .momentum = 0.5f};
  ASSERT_TRUE(apply_update(two_devices(), options, parameters, state).ok());
  EXPECT_EQ(state, state_of({0.5f, -0.5f})) << "stores keep these bytes: their form changes with a version";
  EXPECT_EQ(parameters, (std::vector<float>{1.0f, -1.0f}));
  ASSERT_TRUE(apply_update(two_devices(), options, parameters, state).ok());  // v = 0.25 + 0.5
  EXPECT_EQ(state, state_of({0.75f, -0.75f}));
  EXPECT_EQ(parameters, (std::vector<float>{2.5f, -2.5f}));
}

TEST(ApplyUpdate, RoundsOnceToFloat) {
  CohortSum sum = two_devices();
  sum.sum = {1, 1};
  sum.segments[0].unit = 0x1p-30;
  std::vector<float> parameters = {1.0f, 0.0f};
  OptimizerState state;
  ASSERT_TRUE(apply_update(sum, {}, parameters, state).ok());
  EXPECT_EQ(parameters[0], 1.0f);
  EXPECT_EQ(parameters[1], 0x1p-30f);
}

TEST(ApplyUpdate, RefusesAStateThatIsNotItsOwnAndChangesNothing) {
  const auto refusal = [](OptimizerState state) {
    const OptimizerState before = state;
    std::vector<float> parameters = {1.0f, 2.0f};
    const Status status = apply_update(two_devices(), {.momentum = 0.5f}, parameters, state);
    EXPECT_EQ(parameters, (std::vector<float>{1.0f, 2.0f}));
    EXPECT_EQ(state, before);
    return status.code();
  };
  const OptimizerState sound = state_of({0.5f, 0.5f});
  OptimizerState state = sound;
  state[0] = 2;
  EXPECT_EQ(refusal(state), StatusCode::kFailedPrecondition) << "a newer version";
  state[0] = 0;
  EXPECT_EQ(refusal(state), StatusCode::kDataLoss);
  state = sound;
  state[1] = 2;
  EXPECT_EQ(refusal(state), StatusCode::kDataLoss) << "another optimiser's";
  state = sound;
  state.pop_back();
  EXPECT_EQ(refusal(state), StatusCode::kDataLoss);
  EXPECT_EQ(refusal({1}), StatusCode::kDataLoss);
  EXPECT_EQ(refusal(state_of({1.0f})), StatusCode::kDataLoss) << "of a smaller model";
  EXPECT_EQ(refusal(state_of({1.0f, 1.0f, 1.0f})), StatusCode::kDataLoss) << "of a larger model";
}

TEST(ApplyUpdateDeathTest, StopsAtASumOfAnotherModel) {
  std::vector<float> parameters = {0.0f};
  OptimizerState state;
  EXPECT_DEATH(static_cast<void>(apply_update(two_devices(), {}, parameters, state)), "parameters.size");
}

secagg::MetricSums clipped(std::uint64_t devices, std::uint64_t count) {
  secagg::MetricSums metrics;
  metrics.count = count;
  metrics.clipped = devices;
  return metrics;
}

TEST(AdaptClip, StaysWhereOneDeviceInTenClips) {
  EXPECT_FLOAT_EQ(adapt_clip(0.3f, clipped(10, 100)), 0.3f);
  EXPECT_LT(adapt_clip(0.3f, clipped(9, 100)), 0.3f);
  EXPECT_GT(adapt_clip(0.3f, clipped(11, 100)), 0.3f);
}

TEST(AdaptClip, FollowsTheGeometricUpdate) {
  EXPECT_FLOAT_EQ(adapt_clip(1.0f, clipped(0, 50)), static_cast<float>(std::exp(-0.2)));
  EXPECT_FLOAT_EQ(adapt_clip(1.0f, clipped(15, 50)), static_cast<float>(std::exp(0.4)));
}

TEST(AdaptClip, AtMostDoublesInOneRound) { EXPECT_FLOAT_EQ(adapt_clip(1.0f, clipped(50, 50)), 2.0f); }

// Devices whose largest coordinates lie evenly between 0.5 and 1.5: a device clips when the clip is below its
// own.
TEST(AdaptClip, FindsItsPlaceWithinThirtyRoundsFromAFactorOfAHundred) {
  for (const float start : {100.0f, 0.01f}) {
    float clip = start;
    for (int round = 0; round < 30; ++round) {
      std::uint64_t devices = 0;
      for (int i = 0; i < 100; ++i) devices += clip < 0.5 + i / 100.0;
      clip = adapt_clip(clip, clipped(devices, 100));
    }
    EXPECT_GT(clip, 1.0f) << "from " << start;
    EXPECT_LT(clip, 2.0f) << "from " << start;
  }
}

TEST(AdaptClip, KeepsItsBoundsAndIgnoresEmptyRounds) {
  EXPECT_EQ(adapt_clip(kClipMin, clipped(0, 10)), kClipMin);
  EXPECT_EQ(adapt_clip(kClipMax, clipped(10, 10)), kClipMax);
  EXPECT_EQ(adapt_clip(0.7f, clipped(0, 0)), 0.7f);
  EXPECT_EQ(adapt_clip(1.0f, clipped(10, 10), 1.5f), 1.5f);
  EXPECT_EQ(adapt_clip(1.0f, SumSegment{.clipped = 10}, 10, 1.5f), 1.5f);
}

TEST(AdaptClipDeathTest, StopsAtACeilingThatIsNone) {
  EXPECT_DEATH(static_cast<void>(adapt_clip(1.0f, clipped(0, 10), 2 * kClipMax)), "kClipMax");
}

}  // namespace
}  // namespace sotto::aggregator
