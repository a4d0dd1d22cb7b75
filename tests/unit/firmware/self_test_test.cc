// An update with reference inputs: the board keeps a model that gives what was signed and no other, whatever
// flash operation the power is cut in.
#include "update/self_test.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "slots_board.h"
#include "sotto/model_compiler/host_model.h"
#include "sotto/model_compiler/model_compiler.h"
#include "sotto/model_update/reference_run.h"
#include "support/nor_flash.h"
#include "unit/model-compiler/head_models.h"

namespace sotto::board {
namespace {

using model_update::Manifest;
using support::Cut;
using support::NorFlash;
using Buffer = std::vector<std::uint8_t>;
using Result = ModelSlots::Result;

constexpr FlashGeometry kMemory{.pages = 36, .page_bytes = 256, .word_bytes = 8};
constexpr std::uint32_t kTests = 3, kFeatures = 24;

// One model for each sequence, so that what runs can be told.
const Buffer& image_of(std::uint64_t sequence) {
  static std::map<std::uint64_t, Buffer> made;
  Buffer& image = made[sequence];
  if (!image.empty()) return image;
  model_compiler::HeadModelSpec spec{.features = kFeatures, .outputs = 4};
  spec.output_scale = 0.1f + 0.01f * static_cast<float>(sequence);
  auto compiled = model_compiler::compile(model_compiler::head_model(spec), {});
  EXPECT_TRUE(compiled);
  image = std::move(compiled->image);
  return image;
}

Buffer inputs() {
  Buffer bytes(kTests * kFeatures);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37 + 11);
  return bytes;
}

struct Update {
  Buffer content;
  Manifest manifest;
};

// As `sotto model sign --self-test` makes it.
Update update_of(std::uint64_t sequence) {
  Update update{.content = image_of(sequence), .manifest = {}};
  auto model = device::HostModel::open(update.content);
  EXPECT_TRUE(model);
  const Buffer tests = inputs();
  crypto::Sha256 outputs;
  for (std::uint32_t i = 0; i < kTests; ++i) {
    Buffer output(model->output_bytes());
    model->run(Bytes(tests).subspan(std::size_t{i} * kFeatures, kFeatures), output);
    outputs.update(output);
  }
  update.content.insert(update.content.end(), tests.begin(), tests.end());
  update.manifest.sequence = sequence;
  update.manifest.size = static_cast<std::uint32_t>(update.content.size());
  update.manifest.digest = crypto::sha256({update.content});
  update.manifest.self_tests = kTests;
  update.manifest.self_test_outputs = outputs.finish();
  return update;
}

Update lying(std::uint64_t sequence) {
  Update update = update_of(sequence);
  update.manifest.self_test_outputs[31] ^= 1;
  return update;
}

// Another content with the digest that belongs to it.
Update with_content(Update update, const Buffer& content) {
  update.content = content;
  update.manifest.size = static_cast<std::uint32_t>(content.size());
  update.manifest.digest = crypto::sha256({content});
  return update;
}

struct Board : SlotsBoard {
  explicit Board(NorFlash& memory) : SlotsBoard(memory, 16) {}

  [[nodiscard]] Result receive(const Update& update) {
    return SlotsBoard::receive(update.manifest, update.content, update.content.size());
  }
  // One start: what is on trial is decided. False when the memory failed.
  [[nodiscard]] bool start() {
    ModelSlots::Boot boot;
    if (slots.boot(boot) != Result::kOk) return false;
    model.reset();
    if (boot.slot == ModelSlots::kNone) return true;
    Buffer content(boot.size);
    EXPECT_TRUE(flash.read(boot.offset, content));
    if (auto opened = device::HostModel::open(content)) model.emplace(std::move(*opened));
    trial.reset();
    if (boot.trial) trial = conclude_trial(slots, boot, flash, model ? model->model() : nullptr);
    for (std::uint64_t sequence = 1; sequence < 12; ++sequence) {
      const Buffer image = image_of(sequence);
      if (content.size() >= image.size() && std::equal(image.begin(), image.end(), content.begin()))
        runs = sequence;
    }
    return trial != Trial::kFlash;
  }

  std::optional<device::HostModel> model;
  std::optional<Trial> trial;
  std::uint64_t runs = 0;  // the sequence of the model in the slot that started
};

TEST(SelfTest, AModelThatGivesWhatWasSignedStays) {
  NorFlash flash(kMemory);
  for (std::uint64_t sequence = 1; sequence < 4; ++sequence) {
    ASSERT_EQ(Board(flash).receive(update_of(sequence)), Result::kOk);
    Board board(flash);
    ASSERT_TRUE(board.start());
    EXPECT_EQ(board.trial, Trial::kConfirmed);
    Board after(flash);
    ASSERT_TRUE(after.start());
    EXPECT_EQ(after.trial, std::nullopt);
    EXPECT_EQ(after.runs, sequence);
  }
}

TEST(SelfTest, AReferenceThatLiesIsReverted) {
  NorFlash flash(kMemory);
  ASSERT_EQ(Board(flash).receive(update_of(1)), Result::kOk);
  ASSERT_TRUE(Board(flash).start());
  ASSERT_EQ(Board(flash).receive(lying(2)), Result::kOk);
  Board board(flash);
  ASSERT_TRUE(board.start());
  EXPECT_EQ(board.trial, Trial::kReverted);
  Board after(flash);
  ASSERT_TRUE(after.start());
  EXPECT_EQ(after.runs, 1u);
  EXPECT_EQ(after.slots.sequence(), 2u) << "its number is used";
  EXPECT_EQ(after.receive(update_of(2)), Result::kStale);
  EXPECT_EQ(after.receive(update_of(3)), Result::kOk);
}

TEST(SelfTest, WhatIsNoImageWithItsInputsIsReverted) {
  const Update sound = update_of(1);
  const Buffer image = image_of(1);
  Buffer longer = sound.content, shorter = sound.content;
  longer.push_back(7);
  shorter.pop_back();
  const std::size_t tiny = 20;
  for (const Buffer& content : {image, longer, shorter, inputs(), Buffer(tiny, 3)}) {
    NorFlash flash(kMemory);
    ASSERT_EQ(Board(flash).receive(with_content(sound, content)), Result::kOk);
    Board board(flash);
    ASSERT_TRUE(board.start());
    EXPECT_EQ(board.trial, Trial::kReverted) << content.size();
    Board after(flash);
    ASSERT_TRUE(after.start());
    EXPECT_FALSE(after.model) << "there was none before";
  }
}

TEST(SelfTest, WithoutReferenceInputsTheApplicationJudges) {
  NorFlash flash(kMemory);
  Update update = with_content(update_of(1), image_of(1));
  update.manifest.self_tests = 0;
  update.manifest.self_test_outputs = {};
  ASSERT_EQ(Board(flash).receive(update), Result::kOk);
  Board board(flash);
  ASSERT_TRUE(board.start());
  EXPECT_EQ(board.trial, Trial::kUntested);
  EXPECT_EQ(board.slots.phase(), ModelSlots::Phase::kTrial);
  EXPECT_EQ(board.slots.confirm(), Result::kOk);
}

TEST(SelfTest, MoreInputsThanTheBoundAreNotTaken) {
  NorFlash flash(kMemory);
  Update update = update_of(1);
  update.manifest.self_tests = model_update::kSelfTestsMax + 1;
  EXPECT_EQ(Board(flash).receive(update), Result::kTooLarge);
}

TEST(SelfTest, AnUpdateWithOtherTestsIsAnother) {
  NorFlash flash(kMemory);
  Board board(flash);
  ASSERT_EQ(board.slots.begin(update_of(1).manifest), Result::kOk);
  EXPECT_TRUE(board.slots.receives(update_of(1).manifest));
  EXPECT_FALSE(board.slots.receives(lying(1).manifest));
}

// Receives and starts until the update is decided; the number of starts, 0 when the power went.
int play(NorFlash& flash, const Update& update) {
  for (int starts = 1; starts < 6; ++starts) {
    Board board(flash);
    if (!board.start()) return 0;
    if (board.slots.sequence() >= update.manifest.sequence) return starts;
    if (board.receive(update) != Result::kOk) return 0;
  }
  ADD_FAILURE() << "never decided";
  return 0;
}

// The power goes in one operation, and the board goes on. True when the script was over before.
bool cut_once(const Update& update, std::uint64_t operation, Cut cut, std::uint32_t seed) {
  NorFlash flash(kMemory);
  EXPECT_NE(play(flash, update_of(1)), 0);
  EXPECT_TRUE(Board(flash).start());
  flash.cut_at(operation, cut, seed);
  const bool over = play(flash, update) != 0 && Board(flash).start();
  flash.power_on();
  if (!over) {
    EXPECT_NE(play(flash, update), 0);
  }
  // In trial or decided: two more starts end it.
  for (int i = 0; i < 2; ++i) {
    Board board(flash);
    EXPECT_TRUE(board.start());
  }
  Board last(flash);
  EXPECT_TRUE(last.start());
  EXPECT_TRUE(last.model);
  const bool is_honest = update.manifest.self_test_outputs == update_of(2).manifest.self_test_outputs;
  EXPECT_EQ(last.runs, is_honest ? 2u : 1u);
  EXPECT_EQ(last.slots.sequence(), 2u);
  EXPECT_EQ(last.trial, std::nullopt);
  return over;
}

TEST(SelfTest, APowerCutInAnyOperationChangesNoVerdict) {
  for (const Update& update : {update_of(2), lying(2)}) {
    for (const Cut cut : {Cut::kBefore, Cut::kTorn, Cut::kAfter}) {
      std::uint64_t operation = 0;
      while (!cut_once(update, operation, cut, static_cast<std::uint32_t>(operation + 1)) &&
             !testing::Test::HasFailure()) {
        ++operation;
      }
      EXPECT_GT(operation, 15u);
    }
  }
}

}  // namespace
}  // namespace sotto::board
