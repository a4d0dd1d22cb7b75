// What a model remembers from run to run: states in the arena, their first values, and which copies are left.
// The values are those of TensorFlow Lite Micro in tests/device/operators (stream_*).
#include "tensor/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "aligned_memory.h"
#include "sotto/device_runtime/model_image.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "tflite/schema.h"
#include "tflite_builder.h"

namespace sotto::model_compiler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Values = std::vector<std::int8_t>;

constexpr std::int32_t kResource = 13;

// Variables of four int8 values.
class StreamBuilder {
 public:
  std::int32_t handle(const std::string& name) {
    const auto tensor = builder.tensor({"handle", {}, kResource, {}});
    builder.add_operator(builtin::kVarHandle, 1, {}, {tensor},
                         FlatFields().string(slot::kVariableName, name));
    return tensor;
  }
  std::int32_t value(const std::string& name = "value") { return builder.tensor({name, {1, 4}}); }
  std::int32_t read(std::int32_t handle) {
    const auto read = value("read");
    builder.add_operator(builtin::kReadVariable, 1, {handle}, {read});
    return read;
  }
  void assign(std::int32_t handle, std::int32_t value) {
    builder.add_operator(builtin::kAssignVariable, 1, {handle, value}, {});
  }
  std::int32_t maximum(std::int32_t a, std::int32_t b) {
    const auto greater = value("greater");
    builder.add_operator(builtin::kMaximum, 1, {a, b}, {greater});
    return greater;
  }
  void call_once(std::int32_t subgraph) {
    builder.add_operator(builtin::kCallOnce, 1, {}, {},
                         FlatFields().scalar(slot::kCallOnceSubgraph, subgraph, 4));
  }
  // In a subgraph that has not ended.
  void initialise(const std::string& name, const Values& values) {
    const auto constant = builder.constant({"first", {1, static_cast<std::int32_t>(values.size())}}, values);
    assign(handle(name), constant);
  }

  TfliteBuilder builder;
};

CompiledModel compiled(const std::vector<std::uint8_t>& file) {
  auto compiled = compile(file, {});
  EXPECT_TRUE(compiled) << compiled.status().message();
  return compiled ? std::move(*compiled) : CompiledModel{};
}

std::string refusal(const std::vector<std::uint8_t>& file) {
  const auto compiled = compile(file, {});
  return compiled ? "" : compiled.error().message();
}

std::vector<std::string> operator_names(const CompiledModel& model) {
  std::vector<std::string> names;
  for (const OperatorReport& op : model.report.operators) names.push_back(op.name);
  return names;
}

Values run(device::HostModel& model, const Values& input) {
  Values output(model.output_bytes());
  model.run({reinterpret_cast<const std::uint8_t*>(input.data()), input.size()},
            {reinterpret_cast<std::uint8_t*>(output.data()), output.size()});
  return output;
}

// The greatest value so far of each element.
struct Greatest : StreamBuilder {
  std::int32_t input = value("input");
  std::int32_t state = handle("greatest");
  std::int32_t greater = maximum(read(state), input);

  Greatest() { assign(state, greater); }
};

// The greatest so far, and first values.
std::vector<std::uint8_t> initialised_stream(const Values& first) {
  StreamBuilder stream;
  stream.call_once(1);
  const auto input = stream.value("input");
  const auto state = stream.handle("greatest");
  const auto greater = stream.maximum(stream.read(state), input);
  stream.assign(state, greater);
  stream.builder.end_subgraph({input}, {greater});
  stream.initialise("greatest", first);
  return stream.builder.file({}, {});
}

TEST(Variables, RunOnFromCallToCallUntilTheModelIsReset) {
  const auto image = compiled(initialised_stream({-5, 0, 5, 100})).image;
  auto model = device::HostModel::open(image);
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_THAT(run(*model, {0, 0, 0, 0}), ElementsAre(0, 0, 5, 100));
  EXPECT_THAT(run(*model, {-9, 20, -9, -9}), ElementsAre(0, 20, 5, 100));
  EXPECT_THAT(run(*model, {-9, -9, -9, 101}), ElementsAre(0, 20, 5, 101));
  model->reset();
  EXPECT_THAT(run(*model, {-128, -128, -128, -128}), ElementsAre(-5, 0, 5, 100));
}

TEST(Variables, WithoutAFirstValueBeginAtTheirZeroPoint) {
  Greatest stream;
  auto file = stream.builder.file({stream.input}, {stream.greater});
  auto model = device::HostModel::open(compiled(file).image);
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_THAT(run(*model, {-128, -1, 1, 0}), ElementsAre(0, 0, 1, 0));
}

TEST(Variables, OfOneByteThroughoutBeginSo) {
  auto model = device::HostModel::open(compiled(initialised_stream({7, 7, 7, 7})).image);
  ASSERT_TRUE(model);
  EXPECT_THAT(run(*model, {0, 0, 0, 9}), ElementsAre(7, 7, 7, 9));
}

TEST(Variables, AreReportedAsWhatTheArenaKeeps) {
  EXPECT_EQ(compiled(initialised_stream({1, 2, 3, 4})).report.kept_bytes, 4u);
}

TEST(Variables, LiveOnThroughAnOpeningThatKeepsThem) {
  const auto bytes = compiled(initialised_stream({-5, 0, 5, 100})).image;
  const device::AlignedMemory image{bytes};
  const device::AlignedMemory arena(sotto_image_arena_bytes(image.data(), image.size()));
  const auto run_opened = [&](std::uint32_t options, const Values& input) {
    sotto_model* model = nullptr;
    EXPECT_EQ(sotto_model_open_with(image.data(), image.size(), arena.data(), arena.size(),
                                    &sotto_portable_kernels, options, &model),
              SOTTO_OK);
    std::copy(input.begin(), input.end(), static_cast<std::int8_t*>(sotto_model_input(model, 0).data));
    EXPECT_EQ(sotto_model_invoke(model), SOTTO_OK);
    const auto* output = static_cast<const std::int8_t*>(sotto_model_output(model, 0).data);
    return Values(output, output + 4);
  };
  EXPECT_THAT(run_opened(0, {9, -9, -9, -9}), ElementsAre(9, 0, 5, 100));
  EXPECT_THAT(run_opened(SOTTO_OPEN_KEEP_STATES, {-9, -9, -9, -9}), ElementsAre(9, 0, 5, 100));
  EXPECT_THAT(run_opened(SOTTO_OPEN_SKIP_CHECKSUM, {-9, -9, -9, -9}), ElementsAre(-5, 0, 5, 100));
}

TEST(Variables, MakeAnImageThatOlderRuntimesRefuse) {
  const auto version = [](const std::vector<std::uint8_t>& image) {
    device::ImageHeader header{};
    std::memcpy(&header, image.data(), sizeof header);
    return header.version;
  };
  EXPECT_EQ(version(compiled(initialised_stream({1, 2, 3, 4})).image), device::kImageVersionWithStates);
  StreamBuilder plain;
  const auto input = plain.value("input");
  const auto output = plain.maximum(input, input);
  EXPECT_EQ(version(compiled(plain.builder.file({input}, {output})).image), device::kImageVersion);
}

TEST(Variables, OfAnImageAreCheckedWhenItIsOpened) {
  const auto bytes = compiled(initialised_stream({-5, 0, 5, 100})).image;
  device::ImageHeader header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  device::ImageOperator record{};
  std::memcpy(&record, bytes.data() + header.operators + header.operator_count * sizeof record,
              sizeof record);
  const auto opens = [&](std::uint32_t offset, std::uint32_t value) {
    const device::AlignedMemory image{bytes};
    std::memcpy(image.data() + offset, &value, sizeof value);
    const device::AlignedMemory arena(header.arena_bytes);
    sotto_model* model = nullptr;
    return sotto_model_open_with(image.data(), image.size(), arena.data(), arena.size(),
                                 &sotto_portable_kernels, SOTTO_OPEN_SKIP_CHECKSUM, &model) == SOTTO_OK;
  };
  const std::uint32_t value = record.operands;
  const std::uint32_t state = value + sizeof(device::ImageOperand);
  constexpr std::uint32_t kOperatorCount = 72;
  EXPECT_TRUE(opens(kOperatorCount, header.operator_count));
  EXPECT_FALSE(opens(kOperatorCount, UINT32_MAX)) << "which one more makes 0";
  EXPECT_FALSE(opens(kOperatorCount, header.operator_count + 1));
  EXPECT_FALSE(opens(record.parameters, 2)) << "two of one";
  EXPECT_FALSE(opens(state, header.activation_bytes)) << "behind the arena";
  EXPECT_FALSE(opens(state + 4, 3)) << "shorter than its value";
  EXPECT_FALSE(opens(value + 4, 5)) << "longer than its state";
  EXPECT_TRUE(opens(value + 4, 1)) << "one byte for all";
}

TEST(Variables, NeedAKernelOfTheirOwn) {
  EXPECT_THAT(compiled(initialised_stream({1, 2, 3, 4})).report.kernels,
              testing::Contains("sotto_portable_states"));
}

// What is read is the state itself; the maximum reads it while it is made, so it has a place of its own.
TEST(Variables, AreReadWithoutACopy) {
  Greatest stream;
  const auto model = compiled(stream.builder.file({stream.input}, {stream.greater}));
  EXPECT_THAT(operator_names(model), ElementsAre("MAXIMUM", "ASSIGN_VARIABLE"));
}

TEST(Variables, AreWrittenWithoutACopyWhenNobodyCanTell) {
  StreamBuilder stream;
  const auto input = stream.value("input");
  const auto state = stream.handle("state");
  const auto greater = stream.maximum(stream.read(state), input);
  const auto newest = stream.maximum(greater, input);
  stream.assign(state, newest);
  const auto output = stream.maximum(greater, newest);
  const auto file = stream.builder.file({input}, {output});
  const auto model = compiled(file);
  EXPECT_THAT(operator_names(model), ElementsAre("MAXIMUM", "MAXIMUM", "MAXIMUM"));
  auto host = device::HostModel::open(model.image);
  ASSERT_TRUE(host);
  EXPECT_THAT(run(*host, {1, -9, 3, 4}), ElementsAre(1, 0, 3, 4));
  EXPECT_THAT(run(*host, {-9, 9, -9, -9}), ElementsAre(1, 9, 3, 4));
}

TEST(Variables, ThatAreReadLaterThanTheyAreAssignedKeepWhatWasRead) {
  StreamBuilder stream;
  const auto input = stream.value("input");
  const auto state = stream.handle("state");
  const auto before = stream.read(state);
  stream.assign(state, input);
  const auto output = stream.maximum(before, before);
  const auto model = compiled(stream.builder.file({input}, {output}));
  EXPECT_THAT(operator_names(model), ElementsAre("READ_VARIABLE", "ASSIGN_VARIABLE", "MAXIMUM"));
  auto host = device::HostModel::open(model.image);
  ASSERT_TRUE(host);
  EXPECT_THAT(run(*host, {1, 2, 3, 4}), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(run(*host, {5, 6, 7, 8}), ElementsAre(1, 2, 3, 4));
}

TEST(Variables, ThatAreModelOutputsAreCopied) {
  StreamBuilder stream;
  const auto input = stream.value("input");
  const auto state = stream.handle("state");
  const auto before = stream.read(state);
  stream.assign(state, stream.maximum(input, input));
  auto host = device::HostModel::open(compiled(stream.builder.file({input}, {before})).image);
  ASSERT_TRUE(host);
  EXPECT_THAT(run(*host, {1, 2, 3, 4}), ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(run(*host, {0, 0, 0, 0}), ElementsAre(1, 2, 3, 4));
}

TEST(Variables, OfOneNameAreOneWhateverTheHandle) {
  StreamBuilder stream;
  const auto input = stream.value("input");
  stream.assign(stream.handle("state"), input);
  const auto output = stream.maximum(stream.read(stream.handle("state")), input);
  const auto model = compiled(stream.builder.file({input}, {output}));
  EXPECT_EQ(model.report.kept_bytes, 4u);
  auto host = device::HostModel::open(model.image);
  EXPECT_THAT(run(*host, {-1, 2, 3, 4}), ElementsAre(-1, 2, 3, 4)) << "assigned before it is read";
}

TEST(Variables, OfAnotherSizeThanTheirFirstValueAreRefused) {
  EXPECT_THAT(refusal(initialised_stream({1, 2, 3})), HasSubstr("has 4 bytes, its first value 3"));
}

TEST(Variables, AreNamedByAHandle) {
  StreamBuilder stream;
  const auto input = stream.value("input");
  const auto output = stream.read(input);
  EXPECT_THAT(refusal(stream.builder.file({input}, {output})),
              HasSubstr("operator 0 READ_VARIABLE: its input 0 is no VAR_HANDLE"));
}

TEST(Variables, OfTwoSizesAreRefused) {
  StreamBuilder stream;
  const auto input = stream.builder.tensor({"input", {1, 8}});
  const auto state = stream.handle("state");
  const auto output = stream.read(state);
  stream.assign(state, input);
  EXPECT_THAT(refusal(stream.builder.file({input}, {output})),
              HasSubstr("of another type or size than variable \"state\""));
}

// A stream whose CALL_ONCE runs what `initialise` makes.
template <typename Initialise>
std::string refusal_of_initialiser(std::int32_t subgraph, Initialise initialise) {
  StreamBuilder stream;
  stream.call_once(subgraph);
  const auto input = stream.value("input");
  const auto state = stream.handle("state");
  const auto output = stream.maximum(stream.read(state), input);
  stream.builder.end_subgraph({input}, {output});
  initialise(stream);
  return refusal(stream.builder.file({}, {}));
}

TEST(Variables, HaveConstantFirstValues) {
  EXPECT_EQ(refusal_of_initialiser(1, [](StreamBuilder& s) { s.initialise("state", {1, 2, 3, 4}); }), "");
  EXPECT_THAT(refusal_of_initialiser(1,
                                     [](StreamBuilder& s) {
                                       const auto state = s.handle("state");
                                       s.assign(state, s.read(state));
                                     }),
              HasSubstr("subgraph 1: operator 1 READ_VARIABLE is not supported in what CALL_ONCE runs"));
  for (const std::int32_t none : {-1, 0, 2}) {
    EXPECT_THAT(refusal_of_initialiser(none,
                                       [](StreamBuilder& s) {
                                         s.initialise("state", {1, 2, 3, 4});
                                       }),
                HasSubstr("operator 0 CALL_ONCE runs subgraph " + std::to_string(none)));
  }
}

TEST(Variables, SubgraphsThatNothingRunsAreNotForgotten) {
  StreamBuilder stream;
  const auto input = stream.value("input");
  const auto output = stream.maximum(input, input);
  stream.builder.end_subgraph({input}, {output});
  stream.initialise("state", {1, 2, 3, 4});
  EXPECT_THAT(refusal(stream.builder.file({}, {})), HasSubstr("has 2 subgraphs"));
}

}  // namespace
}  // namespace sotto::model_compiler
