// A board's head: what it answers, what it keeps of labelled windows, what it learns in a round, and what is
// left of that after a restart.
#include "app/head_learner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "app/enrolment.h"
#include "sotto/crypto/primitives.h"
#include "sotto/model_compiler/model_compiler.h"
#include "support/nor_flash.h"
#include "unit/model-compiler/aligned_memory.h"
#include "unit/model-compiler/head_models.h"

namespace sotto::board {
namespace {

constexpr std::uint32_t kFeatures = 64, kClasses = 12;
constexpr FlashGeometry kGeometry{.pages = 4, .page_bytes = 16384, .word_bytes = 8};

std::vector<std::uint8_t> image_of(const model_compiler::HeadModelSpec& spec) {
  const auto compiled =
      model_compiler::compile(model_compiler::head_model(spec), {model_compiler::Target::kPortable});
  EXPECT_TRUE(compiled) << compiled.error().message();
  return compiled->image;
}

// Windows around a place of their class.
class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    crypto::SeededRandom places(1);
    for (auto& centre : centres_) {
      for (int& value : centre) value = static_cast<int>(places.below(120)) - 60;
    }
  }
  std::vector<std::uint8_t> window(std::uint32_t label) {
    std::vector<std::uint8_t> bytes;
    for (const int centre : centres_[label]) {
      bytes.push_back(static_cast<std::uint8_t>(centre + static_cast<int>(random_.below(40)) - 20));
    }
    return bytes;
  }

 private:
  crypto::SeededRandom random_;
  std::array<std::array<int, kFeatures>, kClasses> centres_{};
};

// One that has just started.
struct Start {
  explicit Start(support::NorFlash& flash, const std::vector<std::uint8_t>& image,
                 std::size_t arena_bytes = profile::kArenaBytes)
      : image_memory(image.size()),
        arena(arena_bytes),
        journal(flash, 0, 4),
        learner({image_memory.data(), image_memory.size()}, {arena.data(), arena.size()}, journal) {
    std::memcpy(image_memory.data(), image.data(), image.size());
    EXPECT_NE(journal.open(), Journal::Result::kFlash);
  }
  const char* open() { return learner.open(sotto_portable_kernels, scratch); }

  SampleAnswer show(const std::vector<std::uint8_t>& window, std::optional<std::uint8_t> label = {}) {
    std::copy(window.begin(), window.end(), learner.window().begin());
    SampleAnswer answer;
    SampleRefusal why{};
    EXPECT_TRUE(learner.take_window(label ? &*label : nullptr, answer, why));
    return answer;
  }
  void show_many(World& world, std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto label = static_cast<std::uint8_t>(i % kClasses);
      show(world.window(label), label);
    }
  }
  std::uint32_t right(World& world, std::uint32_t count) {
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i < count; ++i) sum += show(world.window(i % kClasses)).label == i % kClasses;
    return sum;
  }

  device::AlignedMemory image_memory, arena;
  Journal journal;
  HeadLearner learner;
  std::vector<float> scratch = std::vector<float>(1024);
};

class BoardHead : public testing::Test {
 protected:
  BoardHead() {
    plan_.training = {.local_epochs = 5, .batch_size = 8, .learning_rate = 0.02f};
    plan_.aggregation.weight_max = 1000;
    plan_.model.architecture = proto::Architecture::kCustom;
  }
  void declare(std::string_view name) {
    proto::Metric metric{.bytes = 3, .scale = 1};
    static_cast<void>(metric.name.assign(name));
    ASSERT_TRUE(plan_.model.metrics.push_back(metric));
  }
  // From the image's head; what was learned.
  std::vector<float> learn(Start& board, secagg::UpdateMetrics& metrics) {
    std::vector<float> values(board.learner.parameter_count());
    crypto::SeededRandom random(3);
    EXPECT_TRUE(board.learner.learn(plan_, values, random, metrics));
    return values;
  }

  support::NorFlash flash_{kGeometry};
  const std::vector<std::uint8_t> image_ = image_of({});
  proto::Plan plan_;
  World world_{7};
};

TEST_F(BoardHead, LearnsFromWindowsAndAnswersBetter) {
  Start board(flash_, image_);
  ASSERT_EQ(board.open(), nullptr);
  EXPECT_EQ(board.learner.examples(), 0u);
  EXPECT_FALSE(board.learner.agrees(plan_)) << "there is nothing to learn from";
  const std::uint32_t before = board.right(world_, 48);
  board.show_many(world_, 100);
  EXPECT_EQ(board.learner.examples(), profile::kReplayMax);
  EXPECT_EQ(board.learner.held_out(), std::min<std::uint32_t>(profile::kHeldOutMax, 20u));
  EXPECT_TRUE(board.learner.agrees(plan_));
  secagg::UpdateMetrics metrics;
  const std::vector<float> learned = learn(board, metrics);
  EXPECT_TRUE(std::ranges::any_of(learned, [](float value) { return value != 0; }));
  EXPECT_EQ(board.learner.verdict(), SOTTO_HEAD_STAYED);
  EXPECT_EQ(metrics.examples, profile::kReplayMax);
  EXPECT_GT(board.right(world_, 48), before + 24);
}

TEST_F(BoardHead, WhatItLearnedAndWhatItKeptOutlastARestart) {
  std::uint32_t right = 0;
  {
    Start board(flash_, image_);
    ASSERT_EQ(board.open(), nullptr);
    board.show_many(world_, 40);
    secagg::UpdateMetrics metrics;
    static_cast<void>(learn(board, metrics));
    World fresh(8);
    right = board.right(fresh, 48);
  }
  Start board(flash_, image_);
  ASSERT_EQ(board.open(), nullptr);
  EXPECT_GT(board.learner.examples(), 25u);
  World fresh(8);
  EXPECT_EQ(board.right(fresh, 48), right);
  // Of another model neither means anything.
  Start other(flash_, image_of({.weights = std::vector<std::int8_t>(kFeatures * kClasses, 1)}));
  ASSERT_EQ(other.open(), nullptr);
  EXPECT_EQ(other.learner.examples(), 0u);
}

TEST_F(BoardHead, ARoundThatMakesItWorseIsUndoneAndNothingOfItLeaves) {
  Start board(flash_, image_);
  ASSERT_EQ(board.open(), nullptr);
  board.show_many(world_, 100);
  secagg::UpdateMetrics metrics;
  std::vector<float> good = learn(board, metrics);
  // The examples are mislabelled from now on, those held out are not.
  Start poisoned(flash_, image_);
  ASSERT_EQ(poisoned.open(), nullptr);
  World world(9);
  for (std::uint32_t i = 0; i < 400; ++i) {
    const std::uint32_t label = HeadLearner::holds_out(i + 1) ? i : i + 5;
    poisoned.show(world.window(i % kClasses), static_cast<std::uint8_t>(label % kClasses));
  }
  std::vector<float> values = good;
  crypto::SeededRandom random(3);
  plan_.training.local_epochs = 30;
  ASSERT_TRUE(poisoned.learner.learn(plan_, values, random, metrics));
  EXPECT_EQ(poisoned.learner.verdict(), SOTTO_HEAD_WENT_BACK);
  EXPECT_TRUE(std::ranges::all_of(values, [](float value) { return value == 0; }));
  EXPECT_GT(poisoned.right(world, 48), 36u) << "the received head answers";
}

TEST_F(BoardHead, CountsWhatItIsNotSureOfAndSaysSo) {
  declare("unsure");
  declare("strange");
  Start board(flash_, image_);
  ASSERT_EQ(board.open(), nullptr);
  board.show_many(world_, 60);
  ASSERT_TRUE(board.learner.agrees(plan_));
  secagg::UpdateMetrics metrics;
  std::vector<float> values(board.learner.parameter_count(), 0.0f);  // which knows nothing
  crypto::SeededRandom random(3);
  ASSERT_TRUE(board.learner.learn(plan_, values, random, metrics));
  EXPECT_LT(metrics.sums[0], board.learner.examples()) << "correct, which each task has";
  EXPECT_GT(metrics.sums[1], 0u) << "and the loss";
  EXPECT_EQ(metrics.sums[2], board.learner.examples()) << "none is sure";
  EXPECT_EQ(metrics.sums[3], 0u);
  const SampleAnswer sure = board.show(world_.window(3));
  EXPECT_EQ(sure.label, 3);
  EXPECT_GE(sure.confidence, 600);
  EXPECT_EQ(sure.marks, 0);
  const SampleAnswer strange = board.show(std::vector<std::uint8_t>(kFeatures, 127));
  EXPECT_NE(strange.marks & kStrange, 0);
  const sotto_head_counts& counts = board.learner.counts();
  EXPECT_EQ(counts.answers, 62u);
  EXPECT_GE(counts.strange, 1u);
}

TEST_F(BoardHead, AnAnswerThatItIsNotSureOfIsNone) {
  Start board(flash_, image_);
  ASSERT_EQ(board.open(), nullptr);
  board.show_many(world_, 60);
  plan_.training.learning_rate = 0;
  secagg::UpdateMetrics metrics;
  static_cast<void>(learn(board, metrics));  // a head of zeros
  const SampleAnswer answer = board.show(world_.window(3));
  EXPECT_EQ(answer.label, kNoLabel);
  EXPECT_NE(answer.marks & kUnsure, 0);
  EXPECT_LT(answer.confidence, 100);
}

TEST_F(BoardHead, RefusesWhatItCannotKeep) {
  Start board(flash_, image_);
  ASSERT_EQ(board.open(), nullptr);
  const std::uint8_t label = kClasses;
  SampleAnswer answer;
  SampleRefusal why{};
  EXPECT_FALSE(board.learner.take_window(&label, answer, why));
  EXPECT_EQ(why, SampleRefusal::kLabel);
  EXPECT_EQ(board.learner.examples(), 0u);
  declare("surprise");
  board.show_many(world_, 12);
  EXPECT_FALSE(board.learner.agrees(plan_)) << "a metric that it does not know";
}

TEST_F(BoardHead, SaysWhatIsWrongAtTheStart) {
  EXPECT_NE(Start(flash_, std::vector<std::uint8_t>(64, 1)).open(), nullptr);
  EXPECT_NE(Start(flash_, image_, 1024).open(), nullptr) << "an arena without room for a head";
  EXPECT_NE(Start(flash_, image_of({.features = profile::kFeaturesMax + 1})).open(), nullptr);
  Start board(flash_, image_);
  ASSERT_EQ(board.journal.put(kExamplesNumber, std::vector<std::uint8_t>(kFeatures + 2)),
            Journal::Result::kOk);
  EXPECT_NE(board.open(), nullptr) << "examples of another length";
  ASSERT_EQ(board.journal.put(kExamplesNumber, std::vector<std::uint8_t>(kFeatures + 1, kClasses)),
            Journal::Result::kOk);
  EXPECT_NE(Start(flash_, image_).open(), nullptr) << "a label that is no class";
}

TEST_F(BoardHead, WithLittleMemoryItKeepsFewExamples) {
  for (std::size_t bytes = 11'000; bytes < 20'000; bytes += 1'500) {
    Start board(flash_, image_, bytes);
    if (board.open() != nullptr) continue;
    board.show_many(world_, 100);
    EXPECT_GE(board.learner.examples(), 1u) << bytes;
    secagg::UpdateMetrics metrics;
    static_cast<void>(learn(board, metrics));
  }
}

}  // namespace
}  // namespace sotto::board
