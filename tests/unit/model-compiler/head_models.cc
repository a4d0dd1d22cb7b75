#include "head_models.h"

#include <random>

#include "tflite/schema.h"
#include "tflite_builder.h"

namespace sotto::model_compiler {
namespace {

using Follower = HeadModelSpec::Follower;

constexpr std::int32_t kInt8 = 9, kInt32 = 2;
constexpr float kFeatureScale = 1.0f / 16;

std::int32_t layer(const HeadModelSpec& spec, TfliteBuilder& builder, std::int32_t input) {
  std::mt19937 random(11);
  std::vector<std::int8_t> values(static_cast<std::size_t>(spec.features * spec.outputs));
  for (std::int8_t& value : values) value = static_cast<std::int8_t>(static_cast<int>(random() % 255) - 127);
  if (!spec.weights.empty()) values = spec.weights;
  TensorSpec weights{"weights", {spec.outputs, spec.features}, kInt8, {}};
  for (std::int32_t i = 0; i < (spec.per_channel ? spec.outputs : 1); ++i)
    weights.scales.push_back(0.002f + 0.0001f * static_cast<float>(i));
  if (!spec.weight_scales.empty()) weights.scales = spec.weight_scales;
  std::vector<std::int32_t> inputs{input, builder.constant(weights, values)};
  if (spec.has_bias) {
    std::vector<std::int32_t> biases(static_cast<std::size_t>(spec.outputs));
    for (std::int32_t& bias : biases) bias = static_cast<std::int32_t>(random() % 4000) - 2000;
    if (!spec.biases.empty()) biases = spec.biases;
    TensorSpec bias{"bias", {spec.outputs}, kInt32, {}};
    for (const float scale : weights.scales) bias.scales.push_back(kFeatureScale * scale);
    inputs.push_back(builder.constant(bias, biases));
  }
  const auto scores = builder.tensor({"scores", {1, spec.outputs}, kInt8, {spec.output_scale}, 9});
  builder.add_operator(
      builtin::kFullyConnected, 4, inputs, {scores},
      FlatFields().scalar(slot::kFullyConnectedActivation, static_cast<std::int64_t>(spec.has_relu), 1));
  return scores;
}

}  // namespace

std::vector<std::uint8_t> head_model(const HeadModelSpec& spec) {
  TfliteBuilder builder;
  const auto input = builder.tensor({"features", {1, spec.features}, kInt8, {kFeatureScale}, -20});
  std::int32_t output = layer(spec, builder, input);
  std::vector<std::int32_t> shape{1, spec.outputs};
  if (spec.follower == Follower::kReshapedSoftmax) {
    const auto flat = output;
    shape = {1, 1, spec.outputs};
    output = builder.tensor({"reshaped", shape, kInt8, {spec.output_scale}, 9});
    builder.add_operator(builtin::kReshape, 1, {flat}, {output});
  }
  const auto scores = output;
  const auto probabilities = TensorSpec{"probabilities", shape, kInt8, {1.0f / 256}, -128};
  switch (spec.follower) {
    case Follower::kNothing:
      break;
    case Follower::kReshapedSoftmax:
    case Follower::kSoftmax:
      output = builder.tensor(probabilities);
      builder.add_operator(builtin::kSoftmax, 2, {scores}, {output},
                           FlatFields().real(slot::kSoftmaxBeta, 1));
      break;
    case Follower::kLogistic:
      output = builder.tensor(probabilities);
      builder.add_operator(builtin::kLogistic, 2, {scores}, {output});
      break;
  }
  return builder.file({input}, {output});
}

}  // namespace sotto::model_compiler
