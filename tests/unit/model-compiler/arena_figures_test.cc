// RAM of the five reference models, and what happens when there is less.
#include <gtest/gtest.h>

#include <map>

#include "aligned_memory.h"
#include "reference_models.h"
#include "sotto/device_runtime/sotto_device.h"
#include "sotto/model_compiler/model_compiler.h"

namespace sotto::device {
namespace {

class ArenaFigures : public testing::TestWithParam<ReferenceModel> {};

TEST_P(ArenaFigures, StayWithinTheirLimits) {
  SOTTO_REQUIRE_MODELS();
  // Arena and all state. TensorFlow Lite Micro needs 22,784, 100,672, 54,352,
  // 2,704 and 15,264 bytes on a Cortex-M4.
  const std::map<std::string, std::uint32_t> limits = {
      {"kws", 10'500}, {"vww", 40'000}, {"ic", 36'000}, {"ad", 1'400}, {"sww", 5'200}};
  for (const auto target : {model_compiler::Target::kPortable, model_compiler::Target::kCortexMDsp}) {
    const auto compiled = model_compiler::compile(read_model_file(GetParam().file), {target});
    ASSERT_TRUE(compiled) << compiled.error().message();
    const model_compiler::CompileReport& report = compiled->report;
    EXPECT_LE(report.arena_bytes, limits.at(GetParam().key));
    EXPECT_EQ(report.arena_bytes, report.state_bytes + report.activation_bytes);
    EXPECT_EQ(report.arena_bytes,
              sotto_image_arena_bytes(AlignedMemory(compiled->image).data(), compiled->image.size()));
    EXPECT_GE(report.activation_bytes, report.activation_lower_bound_bytes);
    EXPECT_LE(report.activation_lower_bound_bytes, report.max_live_bytes);
  }
}

TEST_P(ArenaFigures, EverySmallerArenaIsACleanError) {
  SOTTO_REQUIRE_MODELS();
  const auto compiled = model_compiler::compile(read_model_file(GetParam().file), {});
  ASSERT_TRUE(compiled) << compiled.error().message();
  const AlignedMemory image(compiled->image);
  const std::uint32_t needed = compiled->report.arena_bytes;
  for (std::uint32_t bytes = 0; bytes < needed; bytes += 16) {
    const AlignedMemory arena(bytes);
    sotto_model* model = nullptr;
    ASSERT_EQ(sotto_model_open_with(image.data(), image.size(), arena.data(), bytes, &sotto_portable_kernels,
                                    SOTTO_OPEN_SKIP_CHECKSUM, &model),
              SOTTO_ERROR_ARENA_TOO_SMALL)
        << bytes;
    ASSERT_EQ(model, nullptr);
  }
  const AlignedMemory arena(needed);
  sotto_model* model = nullptr;
  EXPECT_EQ(
      sotto_model_open(image.data(), image.size(), arena.data(), needed - 1, &sotto_portable_kernels, &model),
      SOTTO_ERROR_ARENA_TOO_SMALL);
  ASSERT_EQ(
      sotto_model_open(image.data(), image.size(), arena.data(), needed, &sotto_portable_kernels, &model),
      SOTTO_OK);
  EXPECT_EQ(sotto_model_invoke(model), SOTTO_OK);
}

INSTANTIATE_TEST_SUITE_P(Models, ArenaFigures, testing::ValuesIn(kReferenceModels),
                         [](const auto& model) { return std::string(model.param.key); });

}  // namespace
}  // namespace sotto::device
