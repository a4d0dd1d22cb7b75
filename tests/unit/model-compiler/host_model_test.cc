#include "sotto/model_compiler/host_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "small_models.h"
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

TEST(HostModel, WhatIsNoImageIsRefused) {
  EXPECT_FALSE(HostModel::open({}));
  const std::vector<std::uint8_t> noise(200, 0x5A);
  const auto model = HostModel::open(noise);
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(model.error().message(), testing::HasSubstr("no model image"));
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

TEST(Boards, FitWhenFlashAndRamSuffice) {
  model_compiler::CompileReport report;
  report.arena_bytes = 10'000;
  report.image_bytes = 20'000;
  for (const model_compiler::Board& board : model_compiler::known_boards()) {
    EXPECT_EQ(model_compiler::fits(board, report), board.flash_bytes > 64 * 1024) << board.name;
  }
  report.arena_bytes = 8u << 20;
  for (const model_compiler::Board& board : model_compiler::known_boards()) {
    EXPECT_FALSE(model_compiler::fits(board, report)) << board.name;
  }
}

TEST(ErrorText, EveryErrorHasASentence) {
  for (int error = SOTTO_OK; error <= SOTTO_ERROR_KERNEL_ABSENT; ++error) {
    EXPECT_STRNE(sotto_error_text(static_cast<sotto_error>(error)), "unknown error") << error;
  }
}

}  // namespace
}  // namespace sotto::device
