// A trained head as an ordinary int8 layer: the reference kernels' arithmetic over its quantised weights.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "head_rig.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device {
namespace {

using Follower = HeadModelSpec::Follower;
using model_compiler::Target;

constexpr double kInputScale = 1.0 / 16;
constexpr std::int32_t kInputZeroPoint = -20, kScoreZeroPoint = 9;

sotto_head_options layer_of(std::uint32_t form) {
  sotto_head_options options{};
  options.form = form;
  options.replay_samples = 48;
  options.layer = 1;
  return options;
}

HeadModelSpec scores_only(std::int32_t features = 64, std::int32_t outputs = 12) {
  HeadModelSpec spec;
  spec.follower = Follower::kNothing;
  spec.features = features;
  spec.outputs = outputs;
  return spec;
}

std::vector<std::uint8_t> run(const HeadRig& rig, const std::vector<std::int8_t>& features) {
  std::vector<std::uint8_t> outputs(rig.host().output_bytes());
  rig.host().run({reinterpret_cast<const std::uint8_t*>(features.data()), features.size()}, outputs);
  return outputs;
}

void train(HeadRig& rig, std::uint32_t steps) {
  rig.set_rates({0.01f, 0, 0, 0});
  Examples examples(rig.spec.features);
  for (std::uint32_t i = 0; i < 48; ++i) {
    const auto label = static_cast<std::uint8_t>(i % 12);
    ASSERT_EQ(sotto_head_remember(rig.head, examples.of(label).data(), &label), SOTTO_HEAD_OK);
  }
  ASSERT_EQ(sotto_head_train(rig.head, steps, nullptr), SOTTO_HEAD_OK);
}

// The scale that TensorFlow Lite would give the row, and the kernel's outputs for it, from float parameters.
std::int8_t reference_output(const std::vector<float>& values, std::size_t features, std::size_t row,
                             double score_scale, const std::vector<std::int8_t>& input) {
  const float* weights = values.data() + row * features;
  float largest = 0;
  for (std::size_t i = 0; i < features; ++i) largest = std::max(largest, std::abs(weights[i]));
  const float scale = largest / 127.0f;
  std::int32_t sum = static_cast<std::int32_t>(
      std::lround(values[values.size() / (features + 1) * features + row] / (kInputScale * scale)));
  for (std::size_t i = 0; i < features; ++i)
    sum += static_cast<std::int32_t>(std::lround(weights[i] / scale)) * (input[i] - kInputZeroPoint);
  int exponent = 0;
  const bool is_only = values.size() == features + 1;  // then the product is one of single precision
  const double product =
      is_only ? static_cast<float>(kInputScale) * scale : kInputScale * static_cast<double>(scale);
  const double fraction = std::frexp(product / score_scale, &exponent);
  const auto multiplier = static_cast<std::int32_t>(std::lround(fraction * 0x1p31));
  return clamp_to_int8(multiply_by_quantized_multiplier(sum, multiplier, exponent) + kScoreZeroPoint, -128,
                       127);
}

class HeadLayer : public testing::TestWithParam<Target> {};

TEST_P(HeadLayer, GivesWhatTheReferenceKernelsGive) {
  for (const auto& [features, outputs] : {std::pair{64, 12}, {33, 5}, {17, 13}, {4, 1}}) {
    HeadModelSpec spec = scores_only(features, outputs);
    sotto_head_options options = layer_of(SOTTO_HEAD_FLOAT32);
    HeadRig rig(spec, options, GetParam());
    ASSERT_EQ(rig.error, SOTTO_HEAD_OK);
    rig.set_rates({0.001f, 0, 0, 0});
    Examples examples(features);
    const std::vector<std::int8_t> targets(static_cast<std::size_t>(outputs), 60);
    for (int i = 0; i < 30; ++i)
      ASSERT_EQ(sotto_head_step(rig.head, examples.any().data(), targets.data(), nullptr), SOTTO_HEAD_OK);
    ASSERT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_OK);
    const auto values = rig.parameters();
    for (int i = 0; i < 50; ++i) {
      const auto input = examples.any();
      const auto found = run(rig, input);
      for (std::size_t row = 0; row < found.size(); ++row) {
        ASSERT_EQ(
            static_cast<std::int8_t>(found[row]),
            reference_output(values, static_cast<std::size_t>(features), row, rig.spec.output_scale, input))
            << features << " " << row;
      }
    }
  }
}

TEST_P(HeadLayer, UntrainedInt8WeightsGiveTheBytesOfTheImage) {
  for (const std::uint32_t form : {SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES}) {
    HeadRig rig(scores_only(), layer_of(form), GetParam());
    Examples examples(64);
    std::vector<std::vector<std::int8_t>> inputs;
    std::vector<std::vector<std::uint8_t>> expected;
    for (int i = 0; i < 100; ++i) {
      inputs.push_back(examples.any());
      expected.push_back(run(rig, inputs.back()));
    }
    ASSERT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_OK);
    for (std::size_t i = 0; i < inputs.size(); ++i) ASSERT_EQ(run(rig, inputs[i]), expected[i]) << form;
  }
}

TEST_P(HeadLayer, ATrainedHeadClassifiesAsItDoesInFloats) {
  for (const std::uint32_t form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8}) {
    HeadRig rig({}, layer_of(form), GetParam());
    train(rig, 600);
    ASSERT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_OK);
    Examples examples(64, 99);
    for (std::uint32_t i = 0; i < 60; ++i) {
      const auto features = examples.of(i % 12);
      const auto scores = run(rig, features);
      std::uint32_t label = 0;
      ASSERT_EQ(sotto_head_classify(rig.head, features.data(), &label), SOTTO_HEAD_OK);
      std::size_t best = 0;
      for (std::size_t row = 1; row < scores.size(); ++row) {
        if (static_cast<std::int8_t>(scores[row]) > static_cast<std::int8_t>(scores[best])) best = row;
      }
      EXPECT_EQ(best, label);
      EXPECT_EQ(label, i % 12);
    }
  }
}

TEST_P(HeadLayer, AbsentClassesHaveTheLeastOutput) {
  HeadModelSpec spec = scores_only();
  sotto_head_options options = layer_of(SOTTO_HEAD_FLOAT32);
  options.loss = SOTTO_LOSS_SOFTMAX;
  HeadRig rig(spec, options, GetParam());
  ASSERT_EQ(sotto_head_remove_class(rig.head, 7), SOTTO_HEAD_OK);
  ASSERT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_OK);
  Examples examples(64);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(static_cast<std::int8_t>(run(rig, examples.any())[7]), -128);
}

INSTANTIATE_TEST_SUITE_P(Targets, HeadLayer,
                         testing::Values(Target::kPortable, Target::kCortexMDsp, Target::kHost));

TEST_P(HeadLayer, WrittenAsATfliteItGivesTheSameBytes) {
  for (const std::uint32_t form : {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES}) {
    HeadRig rig({}, layer_of(form), GetParam());
    train(rig, 300);
    ASSERT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_OK);
    HeadModelSpec written;
    written.weights.resize(std::size_t{12} * 64);
    written.weight_scales.resize(12);
    written.biases.resize(12);
    for (std::uint32_t row = 0; row < 12; ++row) {
      ASSERT_EQ(sotto_head_quantized_row(rig.head, row, written.weights.data() + std::size_t{row} * 64,
                                         &written.weight_scales[row], &written.biases[row]),
                SOTTO_HEAD_OK);
    }
    const HeadRig other(written, {}, GetParam());
    Examples examples(64, 7);
    for (int i = 0; i < 200; ++i) {
      const auto features = examples.any();
      ASSERT_EQ(run(rig, features), run(other, features)) << form;
    }
  }
}

TEST(HeadLayerUse, IsASnapshotUntilItIsWithdrawn) {
  HeadRig rig({}, layer_of(SOTTO_HEAD_FLOAT32));
  Examples examples(64);
  const auto features = examples.of(3);
  const auto before = run(rig, features);
  train(rig, 300);
  EXPECT_EQ(run(rig, features), before);
  ASSERT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_OK);
  const auto trained = run(rig, features);
  EXPECT_NE(trained, before);
  ASSERT_EQ(sotto_head_train(rig.head, 300, nullptr), SOTTO_HEAD_OK);
  EXPECT_EQ(run(rig, features), trained);
  sotto_head_withdraw(rig.head);
  EXPECT_EQ(run(rig, features), before);
  sotto_head_withdraw(rig.head);  // twice is once
  EXPECT_EQ(run(rig, features), before);
}

TEST(HeadLayerUse, AnotherHeadsLayerIsNotWithdrawn) {
  HeadRig rig({}, layer_of(SOTTO_HEAD_FLOAT32));
  train(rig, 300);
  const AlignedMemory memory(rig.sizes.bytes);
  sotto_head* other = nullptr;
  ASSERT_EQ(sotto_head_open(rig.model(), &rig.options, 1, memory.data(), memory.size(), &other),
            SOTTO_HEAD_OK);
  Examples examples(64);
  const auto features = examples.of(3);
  ASSERT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_OK);
  const auto trained = run(rig, features);
  sotto_head_withdraw(other);
  EXPECT_EQ(run(rig, features), trained);
}

TEST(HeadLayerUse, WeightsBeyondTheMultiplierAreRefusedAndLeaveTheLayer) {
  HeadRig rig({}, layer_of(SOTTO_HEAD_FLOAT32));
  Examples examples(64);
  const auto features = examples.of(3);
  ASSERT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_OK);
  const auto before = run(rig, features);
  auto values = rig.parameters();
  values[5] = 9e14f;
  ASSERT_EQ(sotto_head_write(rig.head, values.data(), values.size()), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_SCALE);
  EXPECT_EQ(run(rig, features), before);
}

TEST(HeadLayerUse, RowsThatAreNotThereAreNotQuantised) {
  HeadRig rig;
  std::vector<std::int8_t> weights(64);
  float scale = 0;
  std::int32_t bias = 0;
  EXPECT_EQ(sotto_head_quantized_row(rig.head, 12, weights.data(), &scale, &bias), SOTTO_HEAD_LABEL);
  ASSERT_EQ(sotto_head_remove_class(rig.head, 2), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_quantized_row(rig.head, 2, weights.data(), &scale, &bias), SOTTO_HEAD_LABEL);
  EXPECT_EQ(sotto_head_quantized_row(rig.head, 3, weights.data(), &scale, &bias), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_quantized_row(rig.head, 3, nullptr, &scale, &bias), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_quantized_row(rig.head, 3, weights.data(), nullptr, &bias), SOTTO_HEAD_NULL_ARGUMENT);
  EXPECT_EQ(sotto_head_quantized_row(rig.head, 3, weights.data(), &scale, nullptr), SOTTO_HEAD_NULL_ARGUMENT);
}

TEST(HeadLayerUse, RowsOfZerosGiveTheirBias) {
  HeadRig rig(scores_only(), layer_of(SOTTO_HEAD_FLOAT32));
  std::vector<float> values(rig.sizes.parameters);
  for (std::size_t row = 0; row < 12; ++row) values[12 * 64 + row] = 0.15f * (static_cast<float>(row) - 6);
  ASSERT_EQ(sotto_head_write(rig.head, values.data(), values.size()), SOTTO_HEAD_OK);
  ASSERT_EQ(sotto_head_apply(rig.head), SOTTO_HEAD_OK);
  Examples examples(64);
  const auto outputs = run(rig, examples.any());
  for (int row = 0; row < 12; ++row)
    EXPECT_EQ(static_cast<std::int8_t>(outputs[static_cast<std::size_t>(row)]), kScoreZeroPoint + row - 6);
}

}  // namespace
}  // namespace sotto::device
