#include "sotto/model_compiler/host_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "aligned_memory.h"
#include "small_models.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/model_compiler/boards.h"

namespace sotto::device {
namespace {

std::vector<std::uint8_t> small_image() {
  return model_compiler::compile(model_compiler::small_residual_model(), {})->image;
}

TEST(HostModel, RunsWhatItWasGivenAgainAndAgain) {
  auto model = HostModel::open(small_image());
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(model->input_bytes(), 8u * 8 * 3);
  ASSERT_EQ(model->output_bytes(), 5u);
  const std::vector<std::uint8_t> input(model->input_bytes(), 17);
  std::vector<std::uint8_t> first(5);
  std::vector<std::uint8_t> second(5);
  model->run(input, first);
  HostModel moved = std::move(*model);
  moved.run(input, second);
  EXPECT_EQ(first, second);
}

TEST(HostModel, ObserversSeeEveryOperatorUntilTheyAreRemoved) {
  auto model = HostModel::open(small_image());
  ASSERT_TRUE(model);
  std::vector<std::uint32_t> sources;
  model->observe(
      [&sources](const sotto_operator_profile& profile) { sources.push_back(profile.source_index); },
      [](void*) { return 7u; });
  const std::vector<std::uint8_t> input(model->input_bytes());
  std::vector<std::uint8_t> output(model->output_bytes());
  model->run(input, output);
  EXPECT_THAT(sources, testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
  model->observe({});
  model->run(input, output);
  EXPECT_EQ(sources.size(), 9u);
}

// A clock that runs further with every look: between the two looks around it operator i takes 2 * i + 1
// ticks.
struct Clock {
  std::uint32_t now = 0xFFFFFFF0, looks = 0;  // wraps on the way
  std::vector<sotto_operator_profile> profiles;

  static std::uint32_t look(void* context) {
    auto* clock = static_cast<Clock*>(context);
    return clock->now += clock->looks++;
  }
  static void add(void* context, const sotto_operator_profile* profile) {
    static_cast<Clock*>(context)->profiles.push_back(*profile);
  }
};

TEST(Profiler, TellsWhatEachOperatorIsAndHowLongItTook) {
  auto model = HostModel::open(small_image());
  ASSERT_TRUE(model);
  Clock clock;
  const sotto_profiler profiler{Clock::look, Clock::add, &clock};
  sotto_model_set_profiler(model->model(), &profiler);
  ASSERT_EQ(sotto_model_invoke(model->model()), SOTTO_OK);
  ASSERT_EQ(clock.profiles.size(), 9u);
  for (std::uint32_t i = 0; i < 9; ++i) {
    EXPECT_EQ(clock.profiles[i].ticks, 2 * i + 1);
    EXPECT_EQ(clock.profiles[i].index, i);
  }
  EXPECT_EQ(clock.profiles[0].source_operator, 3u);  // CONV_2D
  EXPECT_EQ(clock.profiles[0].multiply_accumulates, 4u * 4 * 6 * 27);
  EXPECT_EQ(clock.profiles[0].output_bytes, 4u * 4 * 6);
  EXPECT_EQ(clock.profiles[8].output, sotto_model_output(model->model(), 0).data);
}

TEST(Profiler, WithoutAClockTellsNoTicks) {
  auto model = HostModel::open(small_image());
  ASSERT_TRUE(model);
  Clock clock;
  const sotto_profiler profiler{nullptr, Clock::add, &clock};
  sotto_model_set_profiler(model->model(), &profiler);
  ASSERT_EQ(sotto_model_invoke_backbone(model->model()), SOTTO_OK);
  ASSERT_EQ(clock.profiles.size(), 7u) << "what comes before the head";
  for (const sotto_operator_profile& profile : clock.profiles) EXPECT_EQ(profile.ticks, 0u);
}

TEST(HostModel, WhatIsNoImageIsRefused) {
  EXPECT_FALSE(HostModel::open({}));
  const std::vector<std::uint8_t> noise(200, 0x5A);
  const auto model = HostModel::open(noise);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(model.error().message(), testing::HasSubstr("no model image"));
}

// Why an image did not open, as far as `bytes` of text go.
std::string open_error_text(std::size_t arena_bytes, const sotto_kernel_table& kernels,
                            std::size_t bytes = 256, std::size_t image_bytes = SIZE_MAX) {
  const AlignedMemory image{small_image()};
  const AlignedMemory arena(std::max<std::size_t>(arena_bytes, 1));
  sotto_model* model = nullptr;
  image_bytes = std::min(image_bytes, image.size());
  const sotto_error error =
      sotto_model_open(image.data(), image_bytes, arena.data(), arena_bytes, &kernels, &model);
  EXPECT_NE(error, SOTTO_OK);
  std::vector<char> text(bytes + 1, '#');
  const std::string answer =
      sotto_open_error_text(error, image.data(), image_bytes, arena_bytes, &kernels, text.data(), bytes);
  EXPECT_EQ(text[bytes], '#') << "beyond the text";
  return answer;
}

TEST(OpenErrorText, SaysHowLargeTheArenaIsAndMustBe) {
  const std::uint32_t needed =
      sotto_image_arena_bytes(AlignedMemory(small_image()).data(), small_image().size());
  EXPECT_EQ(open_error_text(100, sotto_portable_kernels),
            "the arena has 100 bytes; the model image needs " + std::to_string(needed));
  EXPECT_EQ(open_error_text(0, sotto_portable_kernels),
            "the arena has 0 bytes; the model image needs " + std::to_string(needed));
}

TEST(OpenErrorText, NamesTheKernelThatIsAbsent) {
  const sotto_kernel* const kKernels[] = {&sotto_portable_conv_2d};
  const sotto_kernel_table one{kKernels, 1};
  EXPECT_EQ(open_error_text(1 << 16, one),
            "the kernel table lacks kind 3, which operator 1 of the model image needs: link it");
}

TEST(OpenErrorText, IsTheErrorsOwnWhereThereAreNoFigures) {
  EXPECT_EQ(open_error_text(1 << 16, sotto_portable_kernels, 256, 10), "these bytes are no model image");
}

TEST(OpenErrorText, EndsWhereItsMemoryDoes) {
  EXPECT_EQ(open_error_text(100, sotto_portable_kernels, 10), "the arena");
  EXPECT_EQ(open_error_text(100, sotto_portable_kernels, 1), "");
  EXPECT_EQ(open_error_text(100, sotto_portable_kernels, 0), sotto_error_text(SOTTO_ERROR_ARENA_TOO_SMALL));
}

TEST(HostModel, TensorsThatDoNotExistHaveNoData) {
  auto model = HostModel::open(small_image());
  ASSERT_TRUE(model);
  EXPECT_EQ(sotto_model_input(model->model(), 1).data, nullptr);
  EXPECT_EQ(sotto_model_output(model->model(), 1).data, nullptr);
  const sotto_tensor input = sotto_model_input(model->model(), 0);
  EXPECT_EQ(input.type, SOTTO_INT8);
  EXPECT_EQ(input.zero_point, -3);
  EXPECT_THAT(std::vector<std::uint32_t>(input.dimensions, input.dimensions + input.rank),
              testing::ElementsAre(1, 8, 8, 3));
}

TEST(HostModel, SeveralOutputsHaveTheirOwnDescriptors) {
  auto model = HostModel::open(model_compiler::compile(model_compiler::small_tensor_model(), {})->image);
  ASSERT_TRUE(model) << model.error().message();
  EXPECT_EQ(sotto_model_input_count(model->model()), 1u);
  ASSERT_EQ(sotto_model_output_count(model->model()), 2u);
  const sotto_tensor best = sotto_model_output(model->model(), 0);
  const sotto_tensor real = sotto_model_output(model->model(), 1);
  EXPECT_EQ(best.type, SOTTO_INT32);
  EXPECT_EQ(best.bytes, 4u);
  EXPECT_EQ(real.type, SOTTO_FLOAT32);
  EXPECT_EQ(real.bytes, 24u);
  EXPECT_EQ(sotto_model_output(model->model(), 2).data, nullptr);
  ASSERT_EQ(sotto_model_invoke(model->model()), SOTTO_OK);
  const auto* values = static_cast<const float*>(real.data);
  EXPECT_EQ(*static_cast<const std::int32_t*>(best.data), std::max_element(values, values + 6) - values);
  EXPECT_FLOAT_EQ(values[5], 137.0f / 256) << "the constant";
}

TEST(ErrorText, EveryErrorHasASentence) {
  for (int error = SOTTO_OK; error <= SOTTO_ERROR_KERNEL_ABSENT; ++error) {
    EXPECT_STRNE(sotto_error_text(static_cast<sotto_error>(error)), "unknown error") << error;
  }
}

}  // namespace
}  // namespace sotto::device
