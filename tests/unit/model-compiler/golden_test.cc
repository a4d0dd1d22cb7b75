// Every output, every logit and the CRC-32 of every layer of the five reference models, against TensorFlow
// Lite Micro's reference kernels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "aligned_memory.h"
#include "reference_models.h"
#include "sotto/device_runtime/crc32.h"
#include "sotto/device_runtime/sotto_device.h"
#include "sotto/model_compiler/model_compiler.h"

namespace sotto::device {
namespace {

using Vector = std::vector<std::uint8_t>;

struct Layer {
  std::uint32_t bytes, crc32;
  Vector output;
};

// Collects what the profiler reports.
struct LayerLog {
  std::vector<Layer> layers;

  static void add(void* context, const sotto_operator_profile* profile) {
    const auto* output = static_cast<const std::uint8_t*>(profile->output);
    static_cast<LayerLog*>(context)->layers.push_back({profile->output_bytes,
                                                       device::crc32(output, profile->output_bytes),
                                                       Vector(output, output + profile->output_bytes)});
  }
};

// An image with its arena, opened.
class OpenModel {
 public:
  OpenModel(const Vector& image, const sotto_kernel_table& kernels)
      : image_(image), arena_(sotto_image_arena_bytes(image_.data(), image_.size())) {
    error_ = sotto_model_open(image_.data(), image_.size(), arena_.data(), arena_.size(), &kernels, &model_);
  }

  [[nodiscard]] sotto_error error() const { return error_; }
  [[nodiscard]] sotto_model* model() const { return model_; }
  [[nodiscard]] Vector run(std::span<const std::uint8_t> input) {
    const sotto_tensor in = sotto_model_input(model_, 0);
    EXPECT_EQ(in.bytes, input.size());
    std::copy(input.begin(), input.end(), static_cast<std::uint8_t*>(in.data));
    EXPECT_EQ(sotto_model_invoke(model_), SOTTO_OK);
    const sotto_tensor out = sotto_model_output(model_, 0);
    const auto* bytes = static_cast<const std::uint8_t*>(out.data);
    return {bytes, bytes + out.bytes};
  }

 private:
  AlignedMemory image_;
  AlignedMemory arena_;
  sotto_model* model_ = nullptr;
  sotto_error error_ = SOTTO_OK;
};

// "input op NAME bytes crc32" per line -> the layers of each input.
std::vector<std::vector<Layer>> golden_layers(const Vector& text) {
  std::istringstream lines(std::string(text.begin(), text.end()));
  std::vector<std::vector<Layer>> inputs;
  std::size_t input = 0;
  std::size_t op = 0;
  std::string name;
  Layer layer{};
  while (lines >> std::dec >> input >> op >> name >> layer.bytes >> std::hex >> layer.crc32) {
    inputs.resize(std::max(inputs.size(), input + 1));
    inputs[input].push_back(layer);
  }
  return inputs;
}

std::span<const std::uint8_t> row(const Vector& rows, std::size_t count, std::size_t i) {
  return std::span(rows).subspan(rows.size() / count * i, rows.size() / count);
}

// A set of kernels that runs on this machine, and the compiler's word for it.
struct KernelSet {
  const char* name;
  model_compiler::Target target;
  const sotto_kernel_table* kernels;
};

const KernelSet kKernelSets[] = {
    {"portable", model_compiler::Target::kPortable, &sotto_portable_kernels},
    {"cortex_m_dsp", model_compiler::Target::kCortexMDsp, &sotto_cortex_m_dsp_kernels},
    {"host", model_compiler::Target::kHost, &sotto_avx2_kernels},
};

class Golden : public testing::TestWithParam<std::tuple<ReferenceModel, KernelSet>> {};

TEST_P(Golden, OutputsLogitsAndLayersAreEqual) {
  SOTTO_REQUIRE_MODELS();
  constexpr std::size_t kInputs = 12;
  const auto& [reference, set] = GetParam();
  const std::string golden = std::string("golden/") + reference.key;
  const Vector inputs = read_model_file(golden + "_in.bin");
  const Vector outputs = read_model_file(golden + "_out.bin");
  const Vector logits = read_model_file(golden + "_logits.bin");
  const auto layers = golden_layers(read_model_file(golden + "_layers_crc32.txt"));
  ASSERT_EQ(layers.size(), kInputs);
  const auto compiled = model_compiler::compile(read_model_file(reference.file), {.target = set.target});
  ASSERT_TRUE(compiled) << compiled.error().message();
  OpenModel model(compiled->image, *set.kernels);
  ASSERT_EQ(model.error(), SOTTO_OK) << sotto_error_text(model.error());
  LayerLog log;
  const sotto_profiler profiler{nullptr, LayerLog::add, &log};
  sotto_model_set_profiler(model.model(), &profiler);
  for (std::size_t i = 0; i < kInputs; ++i) {
    log.layers.clear();
    const Vector output = model.run(row(inputs, kInputs, i));
    ASSERT_EQ(log.layers.size(), layers[i].size());
    for (std::size_t op = 0; op < layers[i].size(); ++op) {
      EXPECT_EQ(log.layers[op].bytes, layers[i][op].bytes) << "input " << i << ", operator " << op;
      ASSERT_EQ(log.layers[op].crc32, layers[i][op].crc32) << "input " << i << ", operator " << op;
    }
    EXPECT_THAT(output, testing::ElementsAreArray(row(outputs, kInputs, i)));
    // The last layer but SOFTMAX; without SOFTMAX the output itself.
    const bool has_softmax = compiled->report.operators.back().name == "SOFTMAX";
    const Vector& scores = log.layers[log.layers.size() - (has_softmax ? 2 : 1)].output;
    EXPECT_THAT(scores, testing::ElementsAreArray(row(logits, kInputs, i)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, Golden, testing::Combine(testing::ValuesIn(kReferenceModels), testing::ValuesIn(kKernelSets)),
    [](const auto& test) {
      return std::string(std::get<0>(test.param).key) + "_" + std::get<1>(test.param).name;
    });

TEST(GoldenWakeWord, RecordingsOfSpeechGiveTheReferenceOutputs) {
  SOTTO_REQUIRE_MODELS();
  constexpr std::size_t kInputs = 45;
  const Vector inputs = read_model_file("sww_real_inputs_int8.bin");
  const Vector outputs = read_model_file("golden/sww_real_out.bin");
  const auto compiled = model_compiler::compile(read_model_file("str_ww_ref_model.tflite"), {});
  ASSERT_TRUE(compiled) << compiled.error().message();
  OpenModel model(compiled->image, sotto_portable_kernels);
  ASSERT_EQ(model.error(), SOTTO_OK);
  for (std::size_t i = 0; i < kInputs; ++i) {
    ASSERT_THAT(model.run(row(inputs, kInputs, i)), testing::ElementsAreArray(row(outputs, kInputs, i))) << i;
  }
}

}  // namespace
}  // namespace sotto::device
