#include "tflite/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <optional>

#include "small_models.h"
#include "tflite/options_types.h"
#include "tflite/schema.h"
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

// A table of one field behind its vtable, as few bytes as there can be. At 8: vtable {6, 8, 4}; at 16: table
// {8, 42}.
struct SmallFile {
  std::vector<std::uint8_t> bytes = std::vector<std::uint8_t>(24);

  SmallFile() {
    put<std::uint32_t>(0, 16);
    std::memcpy(bytes.data() + 4, "TFL3", 4);
    put<std::uint16_t>(kVtableBytes, 6);
    put<std::uint16_t>(kTableBytes, 8);
    put<std::uint16_t>(kFieldOffset, 4);
    put<std::int32_t>(kToVtable, 8);
    put<std::uint32_t>(kField, 42);
  }
  template <typename T>
  SmallFile& put(std::size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
    return *this;
  }
  static constexpr std::size_t kVtableBytes = 8, kTableBytes = 10, kFieldOffset = 12, kToVtable = 16,
                               kField = 20;
};

// The field of slot 0, `otherwise` where it is absent; nothing when the file turns out to be damaged.
std::optional<std::uint32_t> only_field(const std::vector<std::uint8_t>& bytes) {
  FlatBuffer buffer(bytes);
  const std::uint32_t value = buffer.root().scalar<std::uint32_t>(0, 7);
  return buffer.ok() ? std::optional(value) : std::nullopt;
}

TEST(FlatBuffer, TablesAndTheirFieldsEndWhereTheySay) {
  EXPECT_EQ(only_field(SmallFile().bytes), 42u);
  EXPECT_EQ(only_field(SmallFile().put<std::uint16_t>(SmallFile::kTableBytes, 7).bytes), std::nullopt);
  EXPECT_EQ(only_field(SmallFile().put<std::uint16_t>(SmallFile::kTableBytes, 9).bytes), std::nullopt);
  EXPECT_EQ(only_field(SmallFile().put<std::uint16_t>(SmallFile::kFieldOffset, 5).bytes), std::nullopt);
  EXPECT_EQ(only_field(SmallFile().put<std::uint16_t>(SmallFile::kFieldOffset, 0).bytes), 7u);
}

TEST(FlatBuffer, AVtableNamesTheFieldsThatItHasRoomFor) {
  EXPECT_EQ(only_field(SmallFile().put<std::uint16_t>(SmallFile::kVtableBytes, 5).bytes), 7u);
  EXPECT_EQ(only_field(SmallFile().put<std::uint16_t>(SmallFile::kVtableBytes, 4).bytes), 7u);
  EXPECT_EQ(only_field(SmallFile().put<std::uint16_t>(SmallFile::kVtableBytes, 3).bytes), std::nullopt);
  EXPECT_EQ(only_field(SmallFile().put<std::uint16_t>(SmallFile::kVtableBytes, 16).bytes), 42u);
  EXPECT_EQ(only_field(SmallFile().put<std::uint16_t>(SmallFile::kVtableBytes, 17).bytes), std::nullopt);
}

TEST(FlatBuffer, ATableIsAtLeastItsOffsetToTheVtable) {
  SmallFile file;
  file.put<std::uint16_t>(SmallFile::kFieldOffset, 0);
  EXPECT_EQ(only_field(file.put<std::uint16_t>(SmallFile::kTableBytes, 4).bytes), 7u);
  EXPECT_EQ(only_field(file.put<std::uint16_t>(SmallFile::kTableBytes, 3).bytes), std::nullopt);
}

TEST(FlatBuffer, AVtableLiesInTheFile) {
  EXPECT_EQ(only_field(SmallFile().put<std::int32_t>(SmallFile::kToVtable, 17).bytes), std::nullopt);
  EXPECT_EQ(only_field(SmallFile().put<std::int32_t>(SmallFile::kToVtable, -8).bytes), std::nullopt);
  EXPECT_EQ(only_field(SmallFile().put<std::uint32_t>(0, 24).bytes), std::nullopt);
  EXPECT_EQ(only_field(SmallFile().put<std::uint32_t>(0, UINT32_MAX).bytes), std::nullopt);
}

TEST(FlatBuffer, AVectorEndsWithTheFileAtTheLatest) {
  const auto with = [](std::uint32_t count, std::size_t bytes) {
    SmallFile file;
    file.put<std::uint32_t>(SmallFile::kField, 4);  // to the count behind the table
    file.bytes.resize(24 + 4 + bytes);
    file.put(24, count);
    FlatBuffer buffer(file.bytes);
    const std::uint32_t size = buffer.root().vector<std::uint16_t>(0).size();
    return buffer.ok() ? std::optional(size) : std::nullopt;
  };
  EXPECT_EQ(with(3, 6), 3u);
  EXPECT_EQ(with(3, 5), std::nullopt);
  EXPECT_EQ(with(0, 0), 0u);
  EXPECT_EQ(with(UINT32_MAX, 6), std::nullopt);
}

TEST(FlatBuffer, AnIdentifierTakesEightBytes) {
  const SmallFile file;
  EXPECT_TRUE(FlatBuffer(Bytes(file.bytes).first(8)).has_identifier("TFL3"));
  EXPECT_FALSE(FlatBuffer(Bytes(file.bytes).first(7)).has_identifier("TFL3"));
  EXPECT_FALSE(FlatBuffer(file.bytes).has_identifier("TFL2"));
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

// A model of one operator, RESHAPE of `input` to `output`, for tests that change one thing of it.
struct SmallModel {
  TfliteBuilder builder;
  std::int32_t input = builder.tensor({"input", {1, 4}});
  std::int32_t output = builder.tensor({"output", {1, 4}});

  SmallModel() { builder.add_operator(builtin::kReshape, 1, {input}, {output}); }
  std::string refusal_of(const std::vector<std::int32_t>& inputs, const std::vector<std::int32_t>& outputs) {
    const auto graph = read_tflite(file_ = builder.file(inputs, outputs));
    return graph ? "" : graph.error().message();
  }
  std::string refusal() { return refusal_of({input}, {output}); }

 private:
  std::vector<std::uint8_t> file_;
};

TEST(TfliteReader, OtherVersionsOfTheSchemaAreRefused) {
  for (const std::int64_t version : {2, 3, 4}) {
    SmallModel model;
    model.builder.raw_model().scalar(slot::kModelVersion, version, 4);
    EXPECT_EQ(model.refusal(), version == 3 ? ""
                                            : "the .tflite file has schema version " +
                                                  std::to_string(version) + "; version 3 is read");
  }
}

TEST(TfliteReader, AModelHasASubgraph) {
  SmallModel model;
  model.builder.raw_model().tables(slot::kModelSubgraphs, {});
  EXPECT_EQ(model.refusal(), "the .tflite file holds no subgraph");
}

TEST(TfliteReader, AModelHasInputsAndOutputs) {
  EXPECT_EQ(SmallModel().refusal_of({}, {1}), "the model has no input");
  EXPECT_EQ(SmallModel().refusal_of({0}, {}), "the model has no output");
}

TEST(TfliteReader, InputsAndOutputsOfTheModelNameTensors) {
  EXPECT_EQ(SmallModel().refusal_of({0}, {1}), "");
  for (const std::int32_t none : {-1, 2}) {
    EXPECT_EQ(SmallModel().refusal_of({none}, {1}), "model input 0 names no tensor") << none;
    EXPECT_EQ(SmallModel().refusal_of({0}, {1, none}), "model output 1 names no tensor") << none;
  }
}

TEST(TfliteReader, OperandsOfOperatorsNameTensors) {
  const auto refusal_of = [](const std::vector<std::int32_t>& inputs,
                             const std::vector<std::int32_t>& outputs) {
    SmallModel model;
    model.builder.raw_operator(0)
        .vector(slot::kOperatorInputs, inputs)
        .vector(slot::kOperatorOutputs, outputs);
    return model.refusal();
  };
  EXPECT_EQ(refusal_of({0}, {1}), "");
  EXPECT_EQ(refusal_of({0, -1}, {1}), "") << "an absent one";
  EXPECT_EQ(refusal_of({0, -2}, {1}), "operator 0 RESHAPE: input 1 names no tensor");
  EXPECT_EQ(refusal_of({0, 2}, {1}), "operator 0 RESHAPE: input 1 names no tensor");
  EXPECT_EQ(refusal_of({0}, {-1}), "operator 0 RESHAPE: output 0 names no tensor");
  EXPECT_EQ(refusal_of({0}, {1, 2}), "operator 0 RESHAPE: output 1 names no tensor");
}

TEST(TfliteReader, OperatorsNameACode) {
  SmallModel model;
  model.builder.raw_operator(0).scalar(slot::kOperatorCode, 1, 4);
  EXPECT_EQ(model.refusal(), "operator 0: it names an operator code that does not exist");
  model.builder.add_unused_code(builtin::kReshape);
  EXPECT_EQ(model.refusal(), "");
}

TEST(TfliteReader, TensorsNameABuffer) {
  SmallModel model;
  model.builder.raw_tensor(0).scalar(slot::kTensorBuffer, 1, 4);
  EXPECT_THAT(model.refusal(), HasSubstr("names a buffer that does not exist"));
  SmallModel constant;
  const auto weights = constant.builder.constant({"weights", {3}}, std::vector<std::int8_t>(3));
  EXPECT_EQ(weights, 2);
  EXPECT_EQ(constant.refusal(), "");
}

TEST(TfliteReader, DataOutsideTheFlatBufferAreRefused) {
  for (const std::int64_t offset : {0, 1, 2}) {
    SmallModel model;
    (void)model.builder.constant({"weights", {3}}, std::vector<std::int8_t>(3));
    model.builder.raw_buffer(1).scalar(slot::kBufferOffset, offset, 8);
    EXPECT_EQ(model.refusal().find("outside the FlatBuffer") != std::string::npos, offset > 1) << offset;
  }
}

TEST(TfliteReader, AVariableIsNoModelInputAndNoOperatorsOutput) {
  SmallModel output;
  output.builder.raw_tensor(1).scalar(slot::kTensorIsVariable, 1, 1);
  EXPECT_THAT(output.refusal(), HasSubstr("writes tensor 1, which already has a value"));
  SmallModel input;
  input.builder.raw_tensor(0).scalar(slot::kTensorIsVariable, 1, 1);
  EXPECT_THAT(input.refusal(), HasSubstr("a model input is a constant or a variable"));
}

// One dimension of a sparse tensor, in the order in which its values stand.
FlatFields dense_dimension(std::int32_t size) { return FlatFields().scalar(slot::kSparseDenseSize, size, 4); }

FlatFields sparse_dimension(const std::vector<std::int32_t>& segments,
                            const std::vector<std::uint8_t>& indices) {
  return FlatFields()
      .scalar(slot::kSparseFormat, 1, 1)
      .scalar(slot::kSparseSegments - 1, 1, 1)
      .table(slot::kSparseSegments, FlatFields().vector(0, segments))
      .scalar(slot::kSparseIndices - 1, 3, 1)
      .table(slot::kSparseIndices, FlatFields().vector(0, indices));
}

FlatFields sparsity(const std::vector<std::int32_t>& order, const std::vector<std::int32_t>& blocks,
                    const std::vector<FlatFields>& dimensions) {
  return FlatFields()
      .vector(slot::kSparsityOrder, order)
      .vector(slot::kSparsityBlockMap, blocks)
      .tables(slot::kSparsityDimensions, dimensions);
}

// The constant's dense values; empty when it is refused.
std::vector<std::int8_t> dense_values(const std::vector<std::int32_t>& shape,
                                      const std::vector<std::int8_t>& values, const FlatFields& sparsity) {
  SmallModel model;
  const auto constant = model.builder.constant({"sparse", shape}, values);
  model.builder.raw_tensor(constant).table(slot::kTensorSparsity, sparsity);
  const auto file = model.builder.file({0}, {1});
  const auto graph = read_tflite(file);
  if (!graph) return {};
  const Bytes dense = graph->tensors[static_cast<std::size_t>(constant)].constant;
  return {dense.begin(), dense.end()};
}

TEST(TfliteReader, SparseConstantsAreMadeDense) {
  // Rows of a matrix, of which the second is empty.
  EXPECT_THAT(
      dense_values({3, 4}, {1, 2, 3},
                   sparsity({0, 1}, {}, {dense_dimension(3), sparse_dimension({0, 2, 2, 3}, {0, 3, 1})})),
      ElementsAre(1, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0));
  // Columns first.
  EXPECT_THAT(dense_values({2, 2}, {5, 6},
                           sparsity({1, 0}, {}, {dense_dimension(2), sparse_dimension({0, 1, 2}, {1, 0})})),
              ElementsAre(0, 6, 5, 0));
  // Blocks of 2x2: the upper right one.
  EXPECT_THAT(dense_values({2, 4}, {1, 2, 3, 4},
                           sparsity({0, 1, 2, 3}, {0, 1},
                                    {dense_dimension(1), sparse_dimension({0, 1}, {1}), dense_dimension(2),
                                     dense_dimension(2)})),
              ElementsAre(0, 0, 1, 2, 0, 0, 3, 4));
}

TEST(TfliteReader, SparsityThatDoesNotFitIsRefused) {
  const auto matrix = [](const std::vector<std::int8_t>& values, const std::vector<std::int32_t>& segments,
                         const std::vector<std::uint8_t>& indices) {
    return dense_values({2, 2}, values,
                        sparsity({0, 1}, {}, {dense_dimension(2), sparse_dimension(segments, indices)}));
  };
  EXPECT_THAT(matrix({5, 6}, {0, 1, 2}, {1, 0}), ElementsAre(0, 5, 6, 0));
  EXPECT_THAT(matrix({5}, {0, 1, 2}, {1, 0}), testing::IsEmpty()) << "a value is missing";
  EXPECT_THAT(matrix({5, 6, 7}, {0, 1, 2}, {1, 0}), testing::IsEmpty()) << "one is left";
  EXPECT_THAT(matrix({5, 6}, {0, 1}, {1, 0}), testing::IsEmpty()) << "a row is missing";
  EXPECT_THAT(matrix({5, 6}, {0, 1, 3}, {1, 0}), testing::IsEmpty()) << "it ends behind the indices";
  EXPECT_THAT(matrix({5, 6}, {0, 1, 2}, {1, 2}), testing::IsEmpty()) << "a column is none";
  const auto ordered = [](const std::vector<std::int32_t>& order) {
    return dense_values({2, 2}, {1, 2, 3, 4}, sparsity(order, {}, {dense_dimension(2), dense_dimension(2)}));
  };
  EXPECT_THAT(ordered({0, 1}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(ordered({0, 0}), testing::IsEmpty());
  EXPECT_THAT(ordered({0, 2}), testing::IsEmpty());
  EXPECT_THAT(ordered({0}), testing::IsEmpty());
  SmallModel computed;
  computed.builder.raw_tensor(1).table(slot::kTensorSparsity, {});
  EXPECT_THAT(computed.refusal(), HasSubstr("it is sparse, and no constant"));
}

TEST(TfliteReader, DimensionsAreAtLeastOne) {
  const auto refusal_of = [](const std::vector<std::int32_t>& shape) {
    SmallModel model;
    model.builder.raw_tensor(1).vector(slot::kTensorShape, shape);
    return model.refusal();
  };
  EXPECT_EQ(refusal_of({1, 1, 1, 1, 1, 1}), "");
  EXPECT_THAT(refusal_of({1, 1, 1, 1, 1, 1, 1}), HasSubstr("7 dimensions"));
  EXPECT_EQ(refusal_of({4, 0}), "operator 0 RESHAPE: tensor 1 has a dimension of 0");
  EXPECT_THAT(refusal_of({-1, 4}), HasSubstr("dimension 0 is -1"));
}

TEST(TfliteReader, DimensionsThatTheFileLeavesOpenAreKept) {
  SmallModel model;
  model.builder.raw_tensor(0).vector(slot::kTensorShapeSignature, std::vector<std::int32_t>{-1, 4, -1});
  model.builder.raw_tensor(1).vector(slot::kTensorShapeSignature, std::vector<std::int32_t>{1, -1});
  const auto file = model.builder.file({0}, {1});
  const auto graph = read_tflite(file);
  ASSERT_TRUE(graph) << graph.error().message();
  EXPECT_EQ(graph->tensors[0].open_dimensions, 1u) << "there is no third dimension";
  EXPECT_EQ(graph->tensors[1].open_dimensions, 2u);
}

TEST(TfliteReader, SizesHaveALimit) {
  const auto refusal_of = [](const std::vector<TensorSpec>& tensors) {
    SmallModel model;
    for (const TensorSpec& tensor : tensors) model.builder.tensor(tensor);
    return model.refusal();
  };
  constexpr std::int32_t kInt32 = 2;
  EXPECT_EQ(refusal_of({{"t", {4096, 4096}}}), "");
  EXPECT_THAT(refusal_of({{"t", {4096, 4097}}}), HasSubstr("more than 2^24 elements"));
  EXPECT_EQ(refusal_of({{"t", {1 << 22}, kInt32}}), "");
  EXPECT_THAT(refusal_of({{"t", {(1 << 22) + 1}, kInt32}}), HasSubstr("larger than 2^24 bytes"));
  // The model's own two tensors have 8 bytes.
  const TensorSpec large{"t", {1 << 24}};
  EXPECT_EQ(refusal_of({large, large, large, {"t", {(1 << 24) - 8}}}), "");
  EXPECT_THAT(refusal_of({large, large, large, {"t", {(1 << 24) - 7}}}), HasSubstr("more than 2^26 bytes"));
}

TEST(TfliteReader, ConstantsAreNotCountedAsComputed) {
  SmallModel model;
  const TensorSpec large{"t", {1 << 24}};
  for (int i = 0; i < 3; ++i) model.builder.tensor(large);
  model.builder.tensor({"t", {(1 << 24) - 8}});
  (void)model.builder.constant({"weights", {3}}, std::vector<std::int8_t>(3));
  EXPECT_EQ(model.refusal(), "");
}

TEST(TfliteReader, TensorsAndOperatorsHaveALimit) {
  SmallModel tensors;
  while (tensors.builder.tensor({"t", {1}}) < 4095) {
  }
  EXPECT_EQ(tensors.refusal(), "");
  tensors.builder.tensor({"t", {1}});
  EXPECT_EQ(tensors.refusal(), "the model has more than 4096 tensors");
  SmallModel operators;
  std::int32_t last = operators.output;
  const auto append = [&] {
    const std::int32_t next = operators.builder.tensor({"t", {1, 4}});
    operators.builder.add_operator(builtin::kReshape, 1, {last}, {next});
    last = next;
  };
  for (int i = 1; i < 2048; ++i) append();
  EXPECT_EQ(operators.refusal(), "");
  append();
  EXPECT_EQ(operators.refusal(), "the model has more than 2048 operators");
}

TEST(TfliteReader, OperandsHaveALimit) {
  using Indices = std::vector<std::int32_t>;
  const auto refusal_of = [](std::int32_t code, const Indices& inputs, const Indices& outputs) {
    SmallModel model;
    model.builder.raw_code(0)
        .scalar(slot::kCodeDeprecatedBuiltin, code, 1)
        .scalar(slot::kCodeBuiltin, code, 4);
    model.builder.raw_operator(0)
        .scalar(slot::kOperatorOptionsType, builtin_options_type(code).value(), 1)
        .vector(slot::kOperatorInputs, inputs)
        .vector(slot::kOperatorOutputs, outputs);
    return model.refusal();
  };
  EXPECT_EQ(refusal_of(builtin::kPack, Indices(1024, 0), {1}), "");
  EXPECT_EQ(refusal_of(builtin::kPack, Indices(1025, 0), {1}), "operator 0 PACK: it has too many operands");
  EXPECT_EQ(refusal_of(builtin::kUnpack, {0}, Indices(1025, 1)),
            "operator 0 UNPACK: it has too many operands");
  EXPECT_THAT(refusal_of(builtin::kUnpack, {0}, Indices(1024, 1)), HasSubstr("already has a value"));
  EXPECT_EQ(SmallModel().refusal_of({0}, Indices(1024, 1)), "");
  EXPECT_EQ(SmallModel().refusal_of({0}, Indices(1025, 1)), "the model has too many outputs");
}

TEST(TfliteReader, AnInputIsComputedByNobodyAndListedOnce) {
  EXPECT_THAT(SmallModel().refusal_of({0, 0}, {1}), HasSubstr("or is listed twice"));
  SmallModel model;
  const auto weights = model.builder.constant({"weights", {3}}, std::vector<std::int8_t>(3));
  EXPECT_THAT(model.refusal_of({0, weights}, {1}), HasSubstr("or is listed twice"));
  EXPECT_EQ(SmallModel().refusal_of({0, 1}, {1}),
            "operator 0 RESHAPE writes tensor 1, which already has a value");
}

TEST(TfliteReader, WhatIsReadHasBeenWritten) {
  SmallModel model;
  const auto nobody = model.builder.tensor({"nobody", {1, 4}});
  EXPECT_EQ(model.refusal_of({0}, {nobody}), "model output tensor 2 is never written");
  EXPECT_EQ(SmallModel().refusal_of({1}, {0}), "operator 0 RESHAPE reads tensor 0 before anything writes it");
}

TEST(TfliteReader, CodesAbove127StandInTheNewerField) {
  SmallModel model;
  model.builder.raw_operator(0).scalar(slot::kOperatorOptionsType, 116, 1);
  model.builder.raw_code(0).scalar(slot::kCodeDeprecatedBuiltin, 127, 1).scalar(slot::kCodeBuiltin, 150, 4);
  auto file = model.builder.file({0}, {1});
  EXPECT_EQ(read_tflite(file)->operators[0].code, 150);
  model.builder.raw_operator(0).scalar(slot::kOperatorOptionsType, 17, 1);
  model.builder.raw_code(0).scalar(slot::kCodeDeprecatedBuiltin, 22, 1).scalar(slot::kCodeBuiltin, 0, 4);
  file = model.builder.file({0}, {1});
  EXPECT_EQ(read_tflite(file)->operators[0].code, 22) << "an older file";
}

TEST(TfliteReader, OptionsAreThoseOfTheirOperator) {
  const auto refusal_of = [](std::int64_t type, bool present) {
    SmallModel model;
    model.builder.raw_code(0)
        .scalar(slot::kCodeDeprecatedBuiltin, builtin::kSoftmax, 1)
        .scalar(slot::kCodeBuiltin, builtin::kSoftmax, 4);
    FlatFields operation;
    operation.scalar(slot::kOperatorCode, 0, 4)
        .vector(slot::kOperatorInputs, std::vector<std::int32_t>{0})
        .vector(slot::kOperatorOutputs, std::vector<std::int32_t>{1})
        .scalar(slot::kOperatorOptionsType, type, 1);
    if (present) operation.table(slot::kOperatorOptions, {});
    model.builder.raw_operator(0) = operation;
    return model.refusal();
  };
  EXPECT_EQ(refusal_of(kSoftmaxOptions, true), "");
  EXPECT_EQ(refusal_of(kSoftmaxOptions, false), "");
  EXPECT_EQ(refusal_of(0, false), "") << "of no kind, and none";
  EXPECT_EQ(
      refusal_of(0, true),
      "operator 0 SOFTMAX: its builtin_options_type is 0, which does not fit the operator; it must be 9: "
      "the file is damaged");
  EXPECT_THAT(refusal_of(kFullyConnectedOptions, true), HasSubstr("is 8, which does not fit"));
  EXPECT_THAT(refusal_of(kFullyConnectedOptions, false), HasSubstr("is 8, which does not fit"));
}

TEST(TfliteReader, ScalesAndZeroPointsFitTheirTensor) {
  const auto refusal_of = [](const TensorSpec& spec) {
    SmallModel model;
    model.builder.tensor(spec);
    return model.refusal();
  };
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr std::int32_t kInt8 = 9, kUint8 = 3, kInt16 = 7, kInt32 = 2;
  EXPECT_EQ(refusal_of({"t", {2, 3}, kInt8, {1, 2, 3}, 0, 1}), "");
  EXPECT_THAT(refusal_of({"t", {2, 3}, kInt8, {1, 2, 3}, 0, 0}), HasSubstr("3 scales for dimension 0 of 2"));
  EXPECT_THAT(refusal_of({"t", {2, 3}, kInt8, {1, 2, 3}, 0, 2}),
              HasSubstr("for dimension 2, which it has not"));
  EXPECT_THAT(refusal_of({"t", {2, 3}, kInt8, {1, 2, 3}, 0, -1}),
              HasSubstr("dimension -1, which it has not"));
  EXPECT_EQ(refusal_of({"t", {3}, kInt8, {1, 2, 3}, 0, 3}), "") << "as old converters wrote biases";
  EXPECT_THAT(refusal_of({"t", {2}, kInt8, {1}, 0, 0, {0}}), HasSubstr("1 scales and 2 zero points"));
  EXPECT_EQ(refusal_of({"t", {2}, kInt8, {0}}), "");
  for (const float scale : {-0.5f, kInfinity, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THAT(refusal_of({"t", {2}, kInt8, {1, scale}}), HasSubstr("scale 1 is no number from 0 on"));
  }
  const auto zero_point = [&](std::int32_t type, std::int64_t value) {
    return refusal_of({"t", {2}, type, {1}, value}).empty();
  };
  const auto limits = [&](std::int32_t type, std::int64_t min, std::int64_t max) {
    EXPECT_TRUE(zero_point(type, min) && zero_point(type, max)) << type;
    EXPECT_FALSE(zero_point(type, min - 1) || zero_point(type, max + 1)) << type;
  };
  limits(kInt8, -128, 127);
  limits(kUint8, 0, 255);
  limits(kInt16, INT16_MIN, INT16_MAX);
  limits(kInt32, INT32_MIN, INT32_MAX);
}

TEST(TfliteReader, TensorsWithoutElementsDoNotMatterToThoseWhoDoNotUseThem) {
  SmallModel model;
  model.builder.tensor({"intermediate", {0}});
  EXPECT_EQ(model.refusal(), "");
}

std::string refusal_of_text(const std::string& text) { return refusal({text.begin(), text.end()}); }

TEST(TfliteReader, OtherFilesAreRefusedAsWhatTheyAre) {
  EXPECT_EQ(refusal_of_text(""), "the file is empty");
  EXPECT_THAT(refusal_of_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
              HasSubstr("Git LFS pointer"));
  EXPECT_THAT(refusal_of_text("\x89HDF\r\n\x1a\n rest"), HasSubstr("Keras model in HDF5"));
  EXPECT_THAT(refusal_of_text("PK\x03\x04 rest"), HasSubstr("zip archive"));
  EXPECT_THAT(refusal_of_text("SOTM rest"), HasSubstr("model image already"));
  EXPECT_THAT(refusal_of_text("\x08\x07\x12\x07pytorch"), HasSubstr("ONNX"));
  EXPECT_THAT(refusal_of_text("\x08\x01\x12\x7f rest"), HasSubstr("SavedModel"));
  EXPECT_THAT(refusal_of_text("no model of any kind"), HasSubstr("the identifier TFL3 is absent"));
  EXPECT_THAT(refusal_of_text("P"), HasSubstr("the identifier TFL3 is absent"));
}

TEST(TfliteReader, WhatWasCompiledForAnAcceleratorIsNamedByItsCompiler) {
  const auto refusal_of = [](const std::string& custom_code) {
    SmallModel model;
    model.builder.raw_code(0)
        .scalar(slot::kCodeDeprecatedBuiltin, builtin::kCustom, 1)
        .scalar(slot::kCodeBuiltin, builtin::kCustom, 4)
        .string(slot::kCodeCustom, custom_code);
    // Before anything else that could be wrong with it.
    return model.refusal_of({0}, {0});
  };
  EXPECT_THAT(refusal_of("ethos-u"), HasSubstr("operator 0 CUSTOM (ethos-u): the file was compiled by Vela"));
  EXPECT_THAT(refusal_of("edgetpu-custom-op"), HasSubstr("compiled for a Coral Edge TPU"));
  EXPECT_THAT(refusal_of("MyOwn"), testing::Not(HasSubstr("compiled")));
}

TEST(TfliteReader, AFileThatEndsEarlyIsDamagedWhateverElseIsWrongWithIt) {
  const auto whole = small_residual_model();
  std::size_t damaged = 0;
  for (std::size_t bytes = 8; bytes < whole.size(); bytes += 16) {
    const auto graph = read_tflite(Bytes(whole).first(bytes));
    ASSERT_FALSE(graph) << bytes;
    damaged += graph.error().message().starts_with("the .tflite file is damaged: an offset leads out of it");
  }
  EXPECT_EQ(damaged, (whole.size() - 8 + 15) / 16);
}

TEST(TfliteReader, LongNamesAreCut) {
  EXPECT_EQ(printable(std::string(120, 'a') + "b"), std::string(120, 'a'));
  EXPECT_EQ(printable(" ~\x1f\x7f"), " ~??");
}

TEST(TfliteReader, NamesOfOthersAreMadePrintable) {
  TfliteBuilder builder;
  const auto input = builder.tensor({std::string("in\x01\xffput", 7), {-1}});
  EXPECT_THAT(refusal(builder.file({input}, {input})), HasSubstr("\"in??put\""));
}

}  // namespace
}  // namespace sotto::model_compiler
