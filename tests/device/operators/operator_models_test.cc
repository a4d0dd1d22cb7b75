// Every model of models/ through the compiler and the runtime,
// byte for byte against the official interpreter (README.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"

namespace sotto {
namespace {

using Vector = std::vector<std::uint8_t>;
using model_compiler::Target;

Vector read(const std::string& name) {
  std::ifstream file(std::filesystem::path(SOTTO_OPERATOR_MODELS) / name, std::ios::binary);
  return Vector(std::istreambuf_iterator<char>(file), {});
}

std::vector<std::string> case_names(bool refused) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(SOTTO_OPERATOR_MODELS)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() == ".tflite" && name.starts_with("refused_") == refused)
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Of some runs of a model, one behind the other, all inputs and all outputs.
struct Runs {
  Vector inputs, outputs;
};

void check_runs(Bytes tflite, Target target, const Runs& runs) {
  const auto compiled = model_compiler::compile(tflite, {target});
  ASSERT_TRUE(compiled) << compiled.error().message();
  auto model = device::HostModel::open(compiled->image);
  ASSERT_TRUE(model) << model.error().message();
  const std::size_t count = runs.inputs.size() / model->input_bytes();
  ASSERT_GT(count, 0u);
  ASSERT_EQ(runs.inputs.size(), count * model->input_bytes());
  ASSERT_EQ(runs.outputs.size(), count * model->output_bytes());
  Vector output(model->output_bytes());
  for (std::size_t i = 0; i < count; ++i) {
    model->run(Bytes(runs.inputs).subspan(i * model->input_bytes(), model->input_bytes()), output);
    const Bytes expected = Bytes(runs.outputs).subspan(i * output.size(), output.size());
    ASSERT_EQ(output, Vector(expected.begin(), expected.end())) << "run " << i;
  }
}

class OperatorModel : public testing::TestWithParam<std::string> {};

TEST_P(OperatorModel, AnswersAsTheOfficialInterpreter) {
  const Vector tflite = read(GetParam() + ".tflite");
  const Runs runs{read(GetParam() + ".inputs"), read(GetParam() + ".outputs")};
  for (const Target target : {Target::kPortable, Target::kCortexMDsp, Target::kHost}) {
    SCOPED_TRACE(static_cast<int>(target));
    check_runs(tflite, target, runs);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, OperatorModel, testing::ValuesIn(case_names(false)),
                         [](const auto& test) { return test.param; });

// Models that a user may well bring, and what the refusal must name.
const std::map<std::string, std::vector<std::string>>& refusals() {
  static const std::map<std::string, std::vector<std::string>> kRefusals = {
      {"refused_float",
       {"operator 0, FULLY_CONNECTED version 1", "tensor 0", "FLOAT32", "full integer quantisation"}},
      {"refused_grouped_convolution", {"operator 0, CONV_2D version 6", "grouped convolution"}},
      {"refused_layer_normalization", {"operator 2, NEG version 1", "not supported", "writes tensor"}},
      {"refused_transposed_convolution",
       {"operator 0, TRANSPOSE_CONV version 2", "not supported", "writes tensor"}},
      {"refused_width", {"tensor 0", "dimension 1", "left open", "fixed shape"}},
  };
  return kRefusals;
}

class RefusedModel : public testing::TestWithParam<std::string> {};

TEST_P(RefusedModel, IsNamedByOperatorVersionAndTensor) {
  const auto compiled = model_compiler::compile(read(GetParam() + ".tflite"), {Target::kPortable});
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code(), StatusCode::kInvalidArgument);
  const auto expected = refusals().find(GetParam());
  ASSERT_NE(expected, refusals().end()) << "say here what the refusal must name";
  for (const std::string& part : expected->second)
    EXPECT_THAT(compiled.error().message(), testing::HasSubstr(part));
}

INSTANTIATE_TEST_SUITE_P(Cases, RefusedModel, testing::ValuesIn(case_names(true)),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace sotto
