// What the compiler accepts, refuses and reports, on small models of our own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_models.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "tflite/schema.h"
#include "tflite_builder.h"

namespace sotto::model_compiler {
namespace {

using testing::HasSubstr;

std::string refusal(const std::vector<std::uint8_t>& file) {
  const auto compiled = compile(file, {});
  EXPECT_FALSE(compiled);
  return compiled ? "" : compiled.error().message();
}

std::vector<std::uint8_t> outputs(const std::vector<std::uint8_t>& file, Target target, std::uint8_t seed) {
  const auto compiled = compile(file, {target});
  EXPECT_TRUE(compiled);
  auto model = device::HostModel::open(compiled->image);
  EXPECT_TRUE(model);
  std::vector<std::uint8_t> input(model->input_bytes());
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint8_t>(seed + i * 37);
  std::vector<std::uint8_t> output(model->output_bytes());
  model->run(input, output);
  return output;
}

TEST(Compile, EveryTargetGivesTheSameBits) {
  for (const auto& file :
       {small_residual_model(), small_dense_model(), small_dilated_model(), small_tensor_model()}) {
    for (const std::uint8_t seed : std::vector<std::uint8_t>{0, 91, 200}) {
      const auto expected = outputs(file, Target::kPortable, seed);
      for (const Target target : {Target::kCortexMDsp, Target::kHost}) {
        EXPECT_EQ(outputs(file, target, seed), expected) << static_cast<int>(target);
      }
    }
  }
}

TEST(Compile, AnImageForHeliumIsRefusedByAMachineWithoutIt) {
  const auto compiled = compile(small_residual_model(), {Target::kHelium});
  ASSERT_TRUE(compiled) << compiled.error().message();
  const auto model = device::HostModel::open(compiled->image);
  ASSERT_FALSE(model);
  EXPECT_THAT(model.error().message(), HasSubstr("compiled for Cortex-M with Helium (M55, M85)"));
}

TEST(Compile, TheSameFileGivesTheSameImage) {
  EXPECT_EQ(compile(small_residual_model(), {})->image, compile(small_residual_model(), {})->image);
}

TEST(Compile, ReportsOperatorsKernelsAndHead) {
  const auto compiled = compile(small_residual_model(), {});
  ASSERT_TRUE(compiled) << compiled.error().message();
  const CompileReport& report = compiled->report;
  std::vector<std::string> names;
  for (const OperatorReport& op : report.operators) names.push_back(op.name);
  EXPECT_THAT(names, testing::ElementsAre("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD", "MAX_POOL_2D",
                                          "AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"));
  EXPECT_EQ(report.operators[0].kernel, "sotto_portable_conv_2d");
  EXPECT_EQ(report.operators[2].kernel, "sotto_portable_pointwise_conv_2d");
  EXPECT_EQ(report.operators[0].multiply_accumulates, 4u * 4 * 6 * 27);
  EXPECT_EQ(report.image_bytes, compiled->image.size());
  ASSERT_TRUE(report.head.has_value());
  EXPECT_EQ(report.head->operator_index, 7u);
  EXPECT_EQ(report.head->feature_count, 24u);
  EXPECT_EQ(report.head->output_count, 5u);
  EXPECT_FALSE(compile(small_dilated_model(), {})->report.head.has_value());
}

TEST(Compile, TheBackboneLeavesTheHeadsInputs) {
  auto model = device::HostModel::open(compile(small_residual_model(), {})->image);
  ASSERT_TRUE(model);
  EXPECT_EQ(sotto_model_invoke_backbone(model->model()), SOTTO_OK);
  EXPECT_EQ(sotto_model_features(model->model()).bytes, 24u);
  auto headless = device::HostModel::open(compile(small_dilated_model(), {})->image);
  ASSERT_TRUE(headless);
  EXPECT_NE(sotto_model_invoke_backbone(headless->model()), SOTTO_OK);
  EXPECT_EQ(sotto_model_features(headless->model()).data, nullptr);
}

TEST(Compile, AnUnsupportedOperatorIsRefusedByNameVersionAndTensor) {
  TfliteBuilder builder;
  const auto input = builder.tensor({"input", {1, 4}});
  const auto output = builder.tensor({"layer/TopK", {1, 4}});
  builder.add_operator(48, 2, {input}, {output});
  const std::string message = refusal(builder.file({input}, {output}));
  EXPECT_THAT(message, HasSubstr("operator 0"));
  EXPECT_THAT(message, HasSubstr("TOPK_V2 version 2"));
  EXPECT_THAT(message, HasSubstr("layer/TopK"));
}

TEST(Compile, AVersionFromTheFutureIsRefused) {
  TfliteBuilder builder;
  const auto input = builder.tensor({"input", {1, 4}});
  const auto output = builder.tensor({"output", {4}});
  builder.add_operator(builtin::kReshape, 99, {input}, {output});
  EXPECT_THAT(refusal(builder.file({input}, {output})), HasSubstr("RESHAPE version 99"));
}

TEST(Compile, FloatModelsAreRefusedWithAdvice) {
  TfliteBuilder builder;
  const auto input = builder.tensor({"input", {1, 4}, 0, {}, 0, 0});
  const auto output = builder.tensor({"probabilities", {1, 4}, 0, {}, 0, 0});
  builder.add_operator(builtin::kSoftmax, 1, {input}, {output}, FlatFields().real(slot::kSoftmaxBeta, 1));
  const std::string message = refusal(builder.file({input}, {output}));
  EXPECT_THAT(message, HasSubstr("FLOAT32"));
  EXPECT_THAT(message, HasSubstr("full integer quantisation"));
}

TEST(Compile, InputsAndOutputsHaveTypesThatAnImageCanDescribe) {
  constexpr std::int32_t kString = 5, kFloat16 = 1, kInt32 = 2;
  for (const std::int32_t type : {kString, kFloat16}) {
    TfliteBuilder builder;
    const auto input = builder.tensor({"input", {1, 4}});
    const auto other = builder.tensor({"other", {1, 4}, type, {}});
    const auto output = builder.tensor({"output", {4}});
    builder.add_operator(builtin::kReshape, 1, {input}, {output});
    EXPECT_THAT(refusal(builder.file({input, other}, {output})),
                HasSubstr("a model input or output of type"));
  }
  TfliteBuilder constant;
  const auto input = constant.tensor({"input", {1, 4}});
  const auto output = constant.tensor({"output", {4}});
  const auto answer = constant.constant({"answer", {1}, kInt32, {}}, std::vector<std::int32_t>{42});
  constant.add_operator(builtin::kReshape, 1, {input}, {output});
  EXPECT_THAT(refusal(constant.file({input}, {output, answer})),
              HasSubstr("a model output that is a constant"));
}

TEST(Compile, NamesOfCodesAndChecksumsAreTold) {
  EXPECT_STREQ(operator_name(0), "ADD");
  EXPECT_STREQ(operator_name(25), "SOFTMAX");
  EXPECT_STREQ(operator_name(0x80000000), "UNKNOWN");
  EXPECT_STREQ(operator_name(UINT32_MAX), "UNKNOWN");
  const std::vector<std::uint8_t> digits = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  EXPECT_EQ(crc32(digits), 0xCBF43926u);
}

TEST(Compile, CyclesAndSecondWritersAreRefused) {
  TfliteBuilder cycle;
  const auto a = cycle.tensor({"a", {1, 4}});
  const auto b = cycle.tensor({"b", {1, 4}});
  cycle.add_operator(builtin::kReshape, 1, {b}, {b});
  EXPECT_THAT(refusal(cycle.file({a}, {b})), HasSubstr("before anything writes it"));
  TfliteBuilder twice;
  const auto input = twice.tensor({"a", {1, 4}});
  const auto output = twice.tensor({"b", {1, 4}});
  twice.add_operator(builtin::kReshape, 1, {input}, {output});
  twice.add_operator(builtin::kReshape, 1, {input}, {output});
  EXPECT_THAT(refusal(twice.file({input}, {output})), HasSubstr("already has a value"));
}

TEST(Compile, DynamicShapesAreRefused) {
  TfliteBuilder builder;
  const auto input = builder.tensor({"input", {-1, 4}});
  const auto output = builder.tensor({"output", {-1, 4}});
  builder.add_operator(builtin::kReshape, 1, {input}, {output});
  EXPECT_THAT(refusal(builder.file({input}, {output})), HasSubstr("must be fixed"));
}

TEST(Compile, AnInputThatIsStillNeededIsNotWrittenOver) {
  // input -> pool -> sum with the input: the pool may not eat the input.
  TfliteBuilder builder;
  const auto input = builder.tensor({"input", {1, 4, 4, 2}});
  const auto pooled = builder.tensor({"pooled", {1, 4, 4, 2}});
  const auto output = builder.tensor({"sum", {1, 4, 4, 2}});
  FlatFields options;
  options.scalar(slot::kPoolPadding, 0, 1)
      .scalar(slot::kPoolStrideWidth, 1, 4)
      .scalar(slot::kPoolStrideHeight, 1, 4)
      .scalar(slot::kPoolFilterWidth, 3, 4)
      .scalar(slot::kPoolFilterHeight, 3, 4);
  builder.add_operator(builtin::kMaxPool2d, 2, {input}, {pooled}, options);
  builder.add_operator(builtin::kAdd, 2, {pooled, input}, {output},
                       FlatFields().scalar(slot::kAddActivation, 0, 1));
  const auto compiled = compile(builder.file({input}, {output}), {});
  ASSERT_TRUE(compiled) << compiled.error().message();
  EXPECT_GE(compiled->report.activation_bytes, 64u);
  auto model = device::HostModel::open(compiled->image);
  ASSERT_TRUE(model);
  const std::vector<std::uint8_t> ones(32, 10);
  std::vector<std::uint8_t> sum(32);
  model->run(ones, sum);
  EXPECT_THAT(sum, testing::Each(20));  // one scale for all three
}

}  // namespace
}  // namespace sotto::model_compiler
