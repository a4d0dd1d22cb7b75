// What is exported runs as the board runs it: heads byte for byte, in every form and shape of the last layer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "head_models.h"
#include "small_models.h"
#include "sotto/device_runtime/head.h"
#include "sotto/model_compiler/host_head.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "sotto/model_compiler/model_export.h"
#include "tflite/reader.h"
#include "tflite_builder.h"

namespace sotto::model_compiler {
namespace {

using Buffer = std::vector<std::uint8_t>;
using Follower = HeadModelSpec::Follower;
using testing::HasSubstr;

constexpr sotto_head_form kForms[] = {SOTTO_HEAD_FLOAT32, SOTTO_HEAD_INT8, SOTTO_HEAD_BIASES};

Buffer image_of(Bytes tflite) {
  auto compiled = compile(tflite, {});
  EXPECT_TRUE(compiled) << (compiled ? "" : compiled.error().message());
  return compiled ? std::move(compiled->image) : Buffer{};
}

// The head of the file, moved as training would: some rows far, some little.
std::vector<float> learned(const Buffer& tflite, std::uint32_t seed = 3) {
  const auto opened = device::HostHead::open(image_of(tflite), {});
  EXPECT_TRUE(opened);
  std::vector<float> values(opened->sizes().parameters);
  EXPECT_EQ(sotto_head_read(opened->head(), values.data(), values.size()), SOTTO_HEAD_OK);
  std::mt19937 random(seed);
  const auto features = opened->sizes().features;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float part = static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 1000;
    values[i] += part * 0.05f * static_cast<float>(1 + i / features % 3);
  }
  return values;
}

std::vector<Buffer> inputs_of(std::size_t bytes) {
  std::mt19937 random(9);
  std::vector<Buffer> inputs(64, Buffer(bytes));
  for (Buffer& input : inputs) {
    for (std::uint8_t& value : input) value = static_cast<std::uint8_t>(random());
  }
  return inputs;
}

// What a board gives that learned these parameters.
std::vector<Buffer> outputs_of_board(Bytes tflite, const std::vector<float>& parameters,
                                     sotto_head_form form) {
  sotto_head_options options{};
  options.form = form;
  options.layer = 1;
  auto board = device::HostHead::open(image_of(tflite), options);
  EXPECT_TRUE(board);
  EXPECT_EQ(sotto_head_write(board->head(), parameters.data(), parameters.size()), SOTTO_HEAD_OK);
  EXPECT_EQ(sotto_head_apply(board->head()), SOTTO_HEAD_OK);
  std::vector<Buffer> outputs;
  for (const Buffer& input : inputs_of(board->host().input_bytes())) {
    outputs.emplace_back(board->host().output_bytes());
    board->host().run(input, outputs.back());
  }
  return outputs;
}

std::vector<Buffer> outputs_of_file(Bytes tflite) {
  auto model = device::HostModel::open(image_of(tflite));
  EXPECT_TRUE(model);
  std::vector<Buffer> outputs;
  for (const Buffer& input : inputs_of(model->input_bytes())) {
    outputs.emplace_back(model->output_bytes());
    model->run(input, outputs.back());
  }
  return outputs;
}

void expect_the_bytes_of_a_board(const Buffer& tflite, sotto_head_form form) {
  const auto parameters = learned(tflite);
  const auto file = export_head(tflite, parameters, form);
  ASSERT_TRUE(file) << file.error().message();
  const auto outputs = outputs_of_file(*file);
  EXPECT_EQ(outputs, outputs_of_board(tflite, parameters, form));
  EXPECT_NE(outputs, outputs_of_file(tflite)) << "the head has not changed";
}

TEST(ExportHead, GivesTheBytesOfTheBoardThatLearnedIt) {
  std::vector<HeadModelSpec> specs(7);
  specs[1].per_channel = false;
  specs[2].follower = Follower::kNothing;
  specs[3].follower = Follower::kReshapedSoftmax;
  specs[4].has_bias = false;
  specs[5] = {.features = 33, .outputs = 1, .follower = Follower::kLogistic};
  specs[6] = {.features = 9, .outputs = 5, .per_channel = false, .has_bias = false};
  for (std::size_t i = 0; i < specs.size(); ++i) {
    for (const sotto_head_form form : kForms) {
      SCOPED_TRACE(testing::Message() << "spec " << i << " form " << form);
      expect_the_bytes_of_a_board(head_model(specs[i]), form);
    }
  }
}

TEST(ExportHead, LeavesTheLayersBeforeTheHead) {
  for (const Buffer& tflite : {small_residual_model(), small_dense_model()}) {
    for (const sotto_head_form form : kForms) expect_the_bytes_of_a_board(tflite, form);
  }
}

TEST(ExportHead, SingleScalesAreMultipliedAsTheReferenceDoes) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    HeadModelSpec spec{.features = 7, .outputs = 1, .follower = Follower::kNothing};
    spec.output_scale = 0.011f + 0.0001f * static_cast<float>(seed);
    const Buffer tflite = head_model(spec);
    const auto parameters = learned(tflite, seed);
    const auto file = export_head(tflite, parameters, SOTTO_HEAD_FLOAT32);
    ASSERT_TRUE(file);
    ASSERT_EQ(outputs_of_file(*file), outputs_of_board(tflite, parameters, SOTTO_HEAD_FLOAT32)) << seed;
  }
}

TEST(ExportHead, MayBeDoneAgain) {
  const Buffer tflite = small_residual_model();
  const auto once = export_head(tflite, learned(tflite), SOTTO_HEAD_FLOAT32);
  ASSERT_TRUE(once);
  const auto parameters = learned(*once, 77);
  const auto twice = export_head(*once, parameters, SOTTO_HEAD_FLOAT32);
  ASSERT_TRUE(twice) << twice.error().message();
  EXPECT_EQ(outputs_of_file(*twice), outputs_of_board(tflite, parameters, SOTTO_HEAD_FLOAT32));
  EXPECT_EQ(*export_head(*once, parameters, SOTTO_HEAD_FLOAT32), *twice) << "the same bytes every time";
}

// A tensor that two operators read, as converters write tied or equal constants.
TEST(ExportHead, LeavesWhatOtherLayersShareWithIt) {
  TfliteBuilder builder;
  std::vector<std::int8_t> values(64);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::int8_t>(i * 5 - 90);
  const auto input = builder.tensor({"input", {1, 8}, 9, {0.05f}, 3});
  const auto weights = builder.constant({"weights", {8, 8}, 9, {0.01f}}, values);
  const auto bias = builder.constant({"bias", {8}, 2, {0.0005f}}, std::vector<std::int32_t>(8, 21));
  const auto middle = builder.tensor({"middle", {1, 8}, 9, {0.05f}, -4});
  const auto output = builder.tensor({"output", {1, 8}, 9, {0.07f}, 1});
  builder.add_operator(builtin::kFullyConnected, 4, {input, weights, bias}, {middle});
  builder.add_operator(builtin::kFullyConnected, 4, {middle, weights, bias}, {output});
  const Buffer tflite = builder.file({input}, {output});
  for (const sotto_head_form form : kForms) expect_the_bytes_of_a_board(tflite, form);
}

// Converters write scales of rows under the version that they had before there were any, and interpreters
// take them; a higher one would be refused by those of today.
TEST(ExportHead, LeavesTheVersionsOfOperators) {
  const Buffer tflite = head_model({});
  const auto file = export_head(tflite, learned(tflite), SOTTO_HEAD_FLOAT32);
  ASSERT_TRUE(file);
  const auto graph = read_tflite(*file);
  ASSERT_TRUE(graph);
  EXPECT_EQ(graph->operators[0].version, 4);
  EXPECT_EQ(graph->operators[1].version, 2);
}

TEST(ExportHead, WhatIsNoHeadIsRefusedWithASentence) {
  const Buffer tflite = head_model({});
  const auto refusal = [&](const Buffer& file, std::vector<float> parameters) {
    const auto exported = export_head(file, parameters, SOTTO_HEAD_FLOAT32);
    EXPECT_FALSE(exported);
    if (exported) return std::string();
    EXPECT_EQ(exported.error().code(), StatusCode::kInvalidArgument);
    return exported.error().message();
  };
  std::vector<float> parameters = learned(tflite);
  EXPECT_THAT(refusal({1, 2, 3}, parameters), HasSubstr("no .tflite file"));
  EXPECT_THAT(refusal(small_tensor_model(), parameters), HasSubstr("no trainable head"));
  EXPECT_THAT(refusal(tflite, {1, 2}),
              HasSubstr("the head has 780 parameters (64 features, 12 outputs), 2 were given"));
  HeadModelSpec relu;
  relu.has_relu = true;
  EXPECT_THAT(refusal(head_model(relu), parameters), HasSubstr("activation"));
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), 2e15f}) {
    parameters[700] = value;
    EXPECT_FALSE(refusal(tflite, parameters).empty());
  }
}

// The probabilities that the operators of the file make of an example.
std::vector<double> run_floats(const Graph& graph, std::vector<double> values) {
  const auto floats = [&](std::int32_t tensor) {
    const Bytes bytes = graph.tensors[static_cast<std::size_t>(tensor)].constant;
    std::vector<float> result(bytes.size() / 4);
    std::memcpy(result.data(), bytes.data(), bytes.size());
    return result;
  };
  for (const Operator& op : graph.operators) {
    if (op.code == builtin::kSoftmax) {
      double sum = 0;
      for (double& value : values) sum += value = std::exp(value);
      for (double& value : values) value /= sum;
      continue;
    }
    EXPECT_EQ(op.code, builtin::kFullyConnected);
    const auto weights = floats(op.inputs[1]), bias = floats(op.inputs[2]);
    std::vector<double> outputs(bias.begin(), bias.end());
    for (std::size_t j = 0; j < outputs.size(); ++j) {
      for (std::size_t i = 0; i < values.size(); ++i)
        outputs[j] += values[i] * weights[j * values.size() + i];
      if (op.options.scalar<std::int8_t>(slot::kFullyConnectedActivation, 0) != 0)
        outputs[j] = std::max(outputs[j], 0.0);
    }
    values = outputs;
  }
  return values;
}

TEST(ExportDense, ComputesWhatTheDevicesTrain) {
  const std::vector<std::uint32_t> widths = {3, 2, 2};
  // Weights [inputs][outputs], bias; twice.
  const std::vector<float> parameters = {1, -1, 0.5f, 2, 0, 1, 0.25f, -8, 1, 2, 3, -1, 0.5f, 0};
  const auto file = export_dense(widths, parameters, "sotto task wear version 3");
  ASSERT_TRUE(file);
  const auto graph = read_tflite(*file);
  ASSERT_TRUE(graph) << graph.error().message();
  ASSERT_EQ(graph->operators.size(), 3u);
  EXPECT_EQ(graph->tensors[graph->inputs[0]].shape, (std::vector<std::uint32_t>{1, 3}));
  const auto probabilities = run_floats(*graph, {1, 2, 3});
  // Hidden: 1 + 1 + 0 + 0.25 = 2.25; -1 + 4 + 3 - 8 = -2, so 0. Logits: 2.25 + 0.5, 4.5.
  const double first = std::exp(2.75), second = std::exp(4.5);
  ASSERT_EQ(probabilities.size(), 2u);
  EXPECT_NEAR(probabilities[0], first / (first + second), 1e-12);
  EXPECT_NEAR(probabilities[1], second / (first + second), 1e-12);
  const std::string text(file->begin(), file->end());
  EXPECT_THAT(text, HasSubstr("sotto task wear version 3"));
}

TEST(ExportDense, IsSoftmaxAloneWithoutHiddenLayers) {
  const auto file = export_dense(std::vector<std::uint32_t>{2, 2}, std::vector<float>{1, 0, 0, 1, 0, 3}, "");
  ASSERT_TRUE(file);
  const auto graph = read_tflite(*file);
  ASSERT_TRUE(graph);
  EXPECT_EQ(graph->operators.size(), 2u);
  EXPECT_NEAR(run_floats(*graph, {5, 2})[0], 0.5, 1e-12);
}

TEST(ExportDense, WidthsAndParametersMustAgree) {
  const std::vector<float> two(2);
  const auto refused = [&](const std::vector<std::uint32_t>& widths) {
    const auto file = export_dense(widths, two, "");
    return file ? std::string() : file.error().message();
  };
  EXPECT_THAT(refused({4}), HasSubstr("at least two widths"));
  EXPECT_THAT(refused({4, 0}), HasSubstr("1 to 16777216 values"));
  EXPECT_THAT(refused({4, 3}), HasSubstr("15 parameters, 2 were given"));
  EXPECT_THAT(refused({1u << 20, 1u << 20}), HasSubstr("more than 16777216 parameters"));
}

}  // namespace
}  // namespace sotto::model_compiler
