// Every model of models/ through the compiler and the runtime,
// byte for byte against the official interpreter (README.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "sotto/device_runtime/kernels/avx2/avx2.h"
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

// The first eight bytes of the digest in the image's header, as record_images.py writes them.
std::string digest_of(Bytes image) {
  std::string text;
  for (const std::uint8_t byte : image.subspan(16, 8)) {
    for (const int shift : {4, 0}) text += "0123456789abcdef"[byte >> shift & 15];
  }
  return text;
}

// What images.txt says of each model, by target.
std::map<std::string, std::vector<std::string>> recorded_images() {
  const Vector text = read("../images.txt");
  std::istringstream lines(std::string(text.begin(), text.end()));
  std::map<std::string, std::vector<std::string>> images;
  for (std::string line, name, digest; std::getline(lines, line);) {
    std::istringstream words(line);
    words >> name;
    while (words >> digest) images[name].push_back(digest);
  }
  return images;
}

// Boards in the field update over the air; an image that changes by accident is a download for nothing, or
// worse.
TEST(OperatorImages, AreByteForByteTheRecordedOnes) {
  const auto images = recorded_images();
  const std::vector<std::string> names = case_names(false);
  EXPECT_EQ(images.size(), names.size()) << "record_images.py writes images.txt";
  const std::vector<Target> targets = {Target::kPortable, Target::kCortexMDsp, Target::kHelium,
                                       Target::kHost};
  // The host's images are recorded with AVX2.
  const std::size_t count = device::avx2::is_supported() ? targets.size() : targets.size() - 1;
  for (const std::string& name : names) {
    const auto recorded = images.find(name);
    ASSERT_NE(recorded, images.end()) << name;
    ASSERT_EQ(recorded->second.size(), targets.size()) << name;
    for (std::size_t i = 0; i < count; ++i) {
      const auto compiled = model_compiler::compile(read(name + ".tflite"), {targets[i]});
      ASSERT_TRUE(compiled) << name << ": " << compiled.error().message();
      EXPECT_EQ(digest_of(compiled->image), recorded->second[i]) << name << ", target " << i;
    }
  }
}

// Models that a user may well bring, and what the refusal must name.
const std::map<std::string, std::vector<std::string>>& refusals() {
  static const std::map<std::string, std::vector<std::string>> kRefusals = {
      {"refused_float",
       {"operator 0, FULLY_CONNECTED version 1", "tensor 0", "FLOAT32", "full integer quantisation"}},
      {"refused_layer_normalization", {"operator 2, NEG version 1", "supported between DEQUANTIZE and"}},
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
