// Small public models and damaged files (SOTTO_MODELS_DIR/wanted): their answers, with states that run on
// from input to input, the memory that they need, and what refusals say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "reference_models.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"

namespace sotto::model_compiler {
namespace {

using Buffer = std::vector<std::uint8_t>;

Buffer wanted(const std::string& name) { return device::read_model_file("wanted/" + name); }

Buffer outputs_of(const Buffer& tflite, Target target, const Buffer& inputs) {
  const auto compiled = compile(tflite, {target});
  EXPECT_TRUE(compiled) << compiled.status().message();
  if (!compiled) return {};
  auto model = device::HostModel::open(compiled->image);
  EXPECT_TRUE(model) << model.status().message();
  Buffer outputs;
  Buffer output(model->output_bytes());
  const std::size_t bytes = model->input_bytes();
  for (std::size_t i = 0; i + bytes <= inputs.size(); i += bytes) {
    model->run(Bytes(inputs).subspan(i, bytes), output);
    outputs.insert(outputs.end(), output.begin(), output.end());
  }
  return outputs;
}

constexpr Target kTargets[] = {Target::kPortable, Target::kCortexMDsp, Target::kHost};

TEST(PublicModels, ThatStreamGiveTheOfficialAnswers) {
  SOTTO_REQUIRE_MODELS();
  for (const char* name : {"mww_vad", "mww_okay_nabu_v2", "keyword_scrambled_8bit", "trained_lstm_int8"}) {
    SCOPED_TRACE(name);
    const Buffer tflite = wanted(std::string(name) + ".tflite");
    const Buffer inputs = wanted(std::string(name) + ".in.bin");
    const Buffer expected = wanted(std::string(name) + ".expected.bin");
    ASSERT_FALSE(expected.empty());
    for (const Target target : kTargets) EXPECT_EQ(outputs_of(tflite, target, inputs), expected);
  }
}

TEST(PublicModels, ThatStreamNeedLittleMoreThanWhatTheyRemember) {
  SOTTO_REQUIRE_MODELS();
  const auto nabu = compile(wanted("mww_okay_nabu_v2.tflite"), {});
  ASSERT_TRUE(nabu);
  EXPECT_EQ(nabu->report.kept_bytes, 3472u);
  EXPECT_LE(nabu->report.arena_bytes, 5456u);
  const auto keyword = compile(wanted("keyword_scrambled_8bit.tflite"), {});
  ASSERT_TRUE(keyword);
  EXPECT_EQ(keyword->report.kept_bytes, 5120u);
  EXPECT_LE(keyword->report.arena_bytes, 5376u);
}

TEST(PublicModels, WithAPadAreAsThoughItHadBeenFoldedByHand) {
  SOTTO_REQUIRE_MODELS();
  const Buffer padded = wanted("pad_then_depthwise.tflite");
  const Buffer by_hand = wanted("pad_folded_by_hand.tflite");
  const Buffer inputs = wanted("pad.in.bin");
  ASSERT_FALSE(inputs.empty());
  for (const Target target : kTargets)
    EXPECT_EQ(outputs_of(padded, target, inputs), outputs_of(by_hand, target, inputs));
  const auto compiled = compile(padded, {});
  ASSERT_TRUE(compiled);
  EXPECT_EQ(compiled->report.arena_bytes, 36996u);
}

TEST(PublicModels, ThatAreRefusedAreToldWhatTheyAre) {
  SOTTO_REQUIRE_MODELS();
  const std::map<std::string, std::string> refusals = {
      {"person_detect_vela", "compiled by Vela for an Arm Ethos-U"},
      {"truncated_hello_world", "damaged: an offset leads out of it"},
      {"options_type_flipped", "builtin_options_type is 0, which does not fit the operator"},
      {"uint8_logistic", "quantised to unsigned 8 bits"},
      {"int16_add0", "16-bit activations (int16x8)"},
      {"weight_only_mnist_quantized", "these weights are INT8, but the layer is computed in float32"},
      {"simple_composite", "STABLEHLO_COMPOSITE"},
      {"audio_preprocessor_int8", "CUSTOM (SignalWindow)"},
      {"git_lfs_pointer", "Git LFS pointer"},
  };
  for (const auto& [name, part] : refusals) {
    const auto compiled = compile(wanted(name + ".tflite"), {});
    ASSERT_FALSE(compiled) << name;
    EXPECT_THAT(compiled.error().message(), testing::HasSubstr(part)) << name;
  }
}

}  // namespace
}  // namespace sotto::model_compiler
