#include "tflite/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_models.h"
#include "tflite_builder.h"

namespace sotto::model_compiler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const std::vector<std::uint8_t>& file) {
  const auto graph = read_tflite(file);
  EXPECT_FALSE(graph);
  return graph ? "" : graph.error().message();
}

TEST(FlatBuffer, FieldsThatAreAbsentReadAsTheirDefaults) {
  std::vector<std::uint8_t> out = {0, 0, 0, 0, 'T', 'F', 'L', '3'};
  const std::uint32_t root = FlatFields().scalar(1, -5, 4).string(3, "name").write(out);
  std::memcpy(out.data(), &root, 4);
  FlatBuffer buffer(out);
  const FlatTable table = buffer.root();
  EXPECT_EQ(table.scalar<std::int32_t>(1, 0), -5);
  EXPECT_EQ(table.scalar<std::int32_t>(0, 42), 42);
  EXPECT_EQ(table.scalar<std::int32_t>(100, 42), 42);
  EXPECT_EQ(table.string(3), "name");
  EXPECT_TRUE(table.vector<float>(2).empty());
  EXPECT_FALSE(table.table(2).present());
  EXPECT_EQ(table.table(2).scalar<float>(0, 1.5f), 1.5f);
  EXPECT_TRUE(buffer.ok());
}

TEST(FlatBuffer, WhatLiesOutsideTheFileSticksAsAnError) {
  std::vector<std::uint8_t> out = {0, 0, 0, 0, 'T', 'F', 'L', '3'};
  const std::uint32_t root = FlatFields().vector(0, std::vector<std::int32_t>{1, 2, 3}).write(out);
  std::memcpy(out.data(), &root, 4);
  out.resize(out.size() - 1);
  FlatBuffer buffer(out);
  EXPECT_TRUE(buffer.root().vector<std::int32_t>(0).empty());
  EXPECT_FALSE(buffer.ok());
  FlatBuffer empty(Bytes{});
  EXPECT_FALSE(empty.root().present());
  EXPECT_FALSE(empty.ok());
}

TEST(TfliteReader, ReadsTensorsOperatorsAndConstants) {
  const auto file = small_dense_model();
  const auto graph = read_tflite(file);
  ASSERT_TRUE(graph) << graph.error().message();
  ASSERT_EQ(graph->operators.size(), 2u);
  EXPECT_EQ(graph->operators[0].code, builtin::kFullyConnected);
  EXPECT_EQ(graph->operators[0].version, 4);
  EXPECT_EQ(graph->operators[0].inputs.size(), 3u);
  const Tensor& weights = graph->tensors[static_cast<std::size_t>(graph->operators[0].inputs[1])];
  EXPECT_EQ(weights.name, "weights");
  EXPECT_THAT(weights.shape, ElementsAre(12, 16));
  EXPECT_EQ(weights.constant.size(), 192u);
  const Tensor& input = graph->tensors[graph->inputs[0]];
  EXPECT_FALSE(input.is_constant());
  EXPECT_EQ(input.quantization.zero_points[0], -3);
}

TEST(TfliteReader, ConstantsMustHaveTheirShapesBytes) {
  TfliteBuilder builder;
  const auto input = builder.tensor({"input", {1, 4}});
  const auto weights = builder.constant({"weights", {4, 4}}, std::vector<std::int8_t>(15));
  EXPECT_THAT(refusal(builder.file({input}, {weights})), HasSubstr("16 bytes of data; the file has 15"));
}

TEST(TfliteReader, TensorsThatNoMicrocontrollerHoldsAreRefused) {
  TfliteBuilder builder;
  const auto input = builder.tensor({"input", {1 << 20, 1 << 20}});
  EXPECT_THAT(refusal(builder.file({input}, {input})), HasSubstr("2^24"));
  TfliteBuilder deep;
  const auto tensor = deep.tensor({"input", {1, 1, 1, 1, 1, 1, 1}});
  EXPECT_THAT(refusal(deep.file({tensor}, {tensor})), HasSubstr("7 dimensions"));
}

TEST(TfliteReader, IndicesThatNameNoTensorAreRefused) {
  TfliteBuilder builder;
  const auto input = builder.tensor({"input", {1, 4}});
  const auto output = builder.tensor({"output", {1, 4}});
  builder.add_operator(builtin::kReshape, 1, {input, 99}, {output});
  EXPECT_THAT(refusal(builder.file({input}, {output})), HasSubstr("input 1 names no tensor"));
  TfliteBuilder other;
  const auto only = other.tensor({"input", {1, 4}});
  EXPECT_THAT(refusal(other.file({only}, {7})), HasSubstr("output 0 names no tensor"));
  EXPECT_THAT(refusal(other.file({only}, {only})), HasSubstr("no operators"));
}

TEST(TfliteReader, NamesOfOthersAreMadePrintable) {
  TfliteBuilder builder;
  const auto input = builder.tensor({std::string("in\x01\xffput", 7), {0}});
  EXPECT_THAT(refusal(builder.file({input}, {input})), HasSubstr("\"in??put\""));
}

}  // namespace
}  // namespace sotto::model_compiler
