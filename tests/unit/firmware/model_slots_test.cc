// Every flash operation of an update, its confirmation and its reversion is cut before, in, and after it: the
// board must find a whole model, no lower sequence, and be able to go on.
#include "update/model_slots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "slots_board.h"
#include "support/nor_flash.h"

namespace sotto::board {
namespace {

using model_update::Manifest;
using support::Cut;
using support::NorFlash;
using Image = std::vector<std::uint8_t>;
using Phase = ModelSlots::Phase;
using Result = ModelSlots::Result;

// Pages 0 to 3 are the journal's, 4 to 9 two slots of three pages.
constexpr FlashGeometry kSmall{.pages = 10, .page_bytes = 256, .word_bytes = 8};

Image image_of(std::uint64_t sequence) {
  Image image(600 + 7 * static_cast<std::size_t>(sequence));
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint8_t>(i * 11 + 29 * sequence);
  return image;
}

Manifest manifest_of(std::uint64_t sequence) {
  const Image image = image_of(sequence);
  Manifest manifest;
  manifest.sequence = sequence;
  manifest.size = static_cast<std::uint32_t>(image.size());
  manifest.digest = crypto::sha256({image});
  return manifest;
}

struct Board : SlotsBoard {
  explicit Board(NorFlash& memory) : SlotsBoard(memory, 3) {}

  [[nodiscard]] Result boot() { return slots.boot(running); }
  // What runs: 0 none, else the sequence of an image that is there byte for byte.
  [[nodiscard]] std::uint64_t runs() const {
    if (running.slot == ModelSlots::kNone) return 0;
    Image content(running.size);
    EXPECT_TRUE(flash.read(running.offset, content));
    for (std::uint64_t sequence = 1; sequence < 40; ++sequence) {
      if (content == image_of(sequence)) return sequence;
    }
    ADD_FAILURE() << "what runs is no whole model";
    return 99;
  }
  // Takes the update from where it stands, in pieces of 40 bytes.
  [[nodiscard]] Result receive(std::uint64_t sequence) {
    return SlotsBoard::receive(manifest_of(sequence), image_of(sequence), 40);
  }
  // An update from beginning to confirmation.
  [[nodiscard]] Result update(std::uint64_t sequence) {
    Result result = receive(sequence);
    if (result == Result::kOk) result = boot();
    return result == Result::kOk ? slots.confirm() : result;
  }

  ModelSlots::Boot running;
};

TEST(ModelSlots, ABoardThatNeverHadAnUpdateRunsNone) {
  NorFlash flash(kSmall);
  Board board(flash);
  ASSERT_EQ(board.boot(), Result::kOk);
  EXPECT_EQ(board.runs(), 0u);
  EXPECT_EQ(board.slots.sequence(), 0u);
}

TEST(ModelSlots, UpdatesTakeTurnsAndTheConfirmedOneRuns) {
  NorFlash flash(kSmall);
  for (std::uint64_t sequence = 1; sequence < 8; ++sequence) {
    Board before(flash);
    ASSERT_EQ(before.update(sequence), Result::kOk);
    EXPECT_TRUE(before.running.trial);
    Board after(flash);
    ASSERT_EQ(after.boot(), Result::kOk);
    EXPECT_EQ(after.runs(), sequence);
    EXPECT_FALSE(after.running.trial);
    EXPECT_EQ(after.slots.sequence(), sequence);
  }
}

TEST(ModelSlots, AnUpdateThatIsRevertedLeavesTheOneBeforeAndUsesItsSequence) {
  NorFlash flash(kSmall);
  Board board(flash);
  ASSERT_EQ(board.update(1), Result::kOk);
  ASSERT_EQ(board.receive(2), Result::kOk);
  ASSERT_EQ(board.boot(), Result::kOk);
  EXPECT_EQ(board.runs(), 2u);
  ASSERT_EQ(board.slots.revert(), Result::kOk);
  Board after(flash);
  ASSERT_EQ(after.boot(), Result::kOk);
  EXPECT_EQ(after.runs(), 1u);
  EXPECT_EQ(after.slots.begin(manifest_of(2)), Result::kStale);
  EXPECT_EQ(after.update(3), Result::kOk);
}

TEST(ModelSlots, AModelThatNeverConfirmsIsLeftAfterThreeStarts) {
  NorFlash flash(kSmall);
  ASSERT_EQ(Board(flash).update(1), Result::kOk);
  ASSERT_EQ(Board(flash).receive(2), Result::kOk);
  for (int start = 0; start < ModelSlots::kTrialsMax; ++start) {
    Board board(flash);
    ASSERT_EQ(board.boot(), Result::kOk);
    EXPECT_EQ(board.runs(), 2u);
    EXPECT_TRUE(board.running.trial);
  }
  Board board(flash);
  ASSERT_EQ(board.boot(), Result::kOk);
  EXPECT_EQ(board.runs(), 1u);
  EXPECT_TRUE(board.running.reverted);
}

TEST(ModelSlots, TheDigestIsCheckedAtEveryStart) {
  NorFlash flash(kSmall);
  ASSERT_EQ(Board(flash).update(1), Result::kOk);
  ASSERT_EQ(Board(flash).update(2), Result::kOk);
  Board board(flash);
  ASSERT_EQ(board.boot(), Result::kOk);
  flash.bytes()[board.running.offset + 300] ^= 1;
  Board damaged(flash);
  ASSERT_EQ(damaged.boot(), Result::kOk);
  EXPECT_EQ(damaged.runs(), 1u) << "the one confirmed before is still whole";
  EXPECT_EQ(damaged.slots.sequence(), 2u);
  flash.bytes()[damaged.running.offset] ^= 1;
  Board both(flash);
  ASSERT_EQ(both.boot(), Result::kOk);
  EXPECT_EQ(both.runs(), 0u);
  EXPECT_EQ(both.update(3), Result::kOk);
}

TEST(ModelSlots, AStagedModelThatIsDamagedIsNotTried) {
  NorFlash flash(kSmall);
  ASSERT_EQ(Board(flash).update(1), Result::kOk);
  ASSERT_EQ(Board(flash).receive(2), Result::kOk);
  flash.bytes()[std::size_t{7} * kSmall.page_bytes + 5] ^= 4;  // in slot 1
  Board board(flash);
  ASSERT_EQ(board.boot(), Result::kOk);
  EXPECT_EQ(board.runs(), 1u);
  EXPECT_TRUE(board.running.reverted);
}

TEST(ModelSlots, OtherBytesThanThoseSignedAreDropped) {
  NorFlash flash(kSmall);
  Board board(flash);
  Manifest manifest = manifest_of(1);
  manifest.digest[0] ^= 1;
  ASSERT_EQ(board.slots.begin(manifest), Result::kOk);
  ASSERT_EQ(board.slots.write(image_of(1)), Result::kOk);
  EXPECT_EQ(board.slots.stage(), Result::kWrongDigest);
  EXPECT_EQ(board.slots.phase(), Phase::kIdle);
  EXPECT_EQ(board.slots.sequence(), 0u);
  EXPECT_EQ(board.update(1), Result::kOk) << "its sequence was not used";
}

TEST(ModelSlots, WhatIsOutOfTurnOrTooMuchChangesNothing) {
  NorFlash flash(kSmall);
  Board board(flash);
  EXPECT_EQ(board.slots.write(image_of(1)), Result::kWrongPhase);
  EXPECT_EQ(board.slots.stage(), Result::kWrongPhase);
  EXPECT_EQ(board.slots.confirm(), Result::kWrongPhase);
  EXPECT_EQ(board.slots.revert(), Result::kWrongPhase);
  Manifest manifest = manifest_of(1);
  manifest.size = board.slots.slot_bytes() + 1;
  EXPECT_EQ(board.slots.begin(manifest), Result::kTooLarge);
  manifest.size = 0;
  EXPECT_EQ(board.slots.begin(manifest), Result::kTooLarge);
  EXPECT_EQ(flash.operations(), 0u);
  ASSERT_EQ(board.slots.begin(manifest_of(1)), Result::kOk);
  EXPECT_EQ(board.slots.write(image_of(2)), Result::kTooLarge);
  EXPECT_EQ(board.slots.write(Bytes(image_of(1)).first(9)), Result::kUneven);
  EXPECT_EQ(board.slots.stage(), Result::kIncomplete);
  ASSERT_EQ(board.receive(1), Result::kOk);
  ASSERT_EQ(board.boot(), Result::kOk);
  EXPECT_EQ(board.slots.begin(manifest_of(2)), Result::kWrongPhase) << "while one is on trial";
}

TEST(ModelSlots, AnImageOfExactlyASlotIsTaken) {
  NorFlash flash(kSmall);
  Board board(flash);
  const Image image(board.slots.slot_bytes(), 0x42);
  Manifest manifest = manifest_of(1);
  manifest.size = board.slots.slot_bytes();
  manifest.digest = crypto::sha256({image});
  ASSERT_EQ(board.slots.begin(manifest), Result::kOk);
  ASSERT_EQ(board.slots.write(image), Result::kOk);
  EXPECT_EQ(board.slots.stage(), Result::kOk);
}

TEST(ModelSlots, ReceivingGoesOnAtTheLastPage) {
  NorFlash flash(kSmall);
  {
    Board board(flash);
    ASSERT_EQ(board.slots.begin(manifest_of(1)), Result::kOk);
    ASSERT_EQ(board.slots.write(Bytes(image_of(1)).first(400)), Result::kOk);
  }
  Board board(flash);
  EXPECT_TRUE(board.slots.receives(manifest_of(1)));
  EXPECT_FALSE(board.slots.receives(manifest_of(2)));
  EXPECT_EQ(board.slots.received(), 256u);
  EXPECT_EQ(board.update(1), Result::kOk);
}

// An update and its end, on a board that runs 1.
struct Script {
  const char* name;
  std::function<Result(Board&)> play;
};

const Script kScripts[] = {
    {"update and confirm", [](Board& board) { return board.update(2); }},
    {"update and revert",
     [](Board& board) {
       Result result = board.receive(2);
       if (result == Result::kOk) result = board.boot();
       return result == Result::kOk ? board.slots.revert() : result;
     }},
    {"one update in the place of another",
     [](Board& board) {
       Result result = board.receive(2);
       return result == Result::kOk ? board.update(3) : result;
     }},
};

// One cut, then the board starts again; true when the script was over before.
bool cut_once(const Script& script, std::uint64_t operation, Cut cut, std::uint32_t seed) {
  NorFlash flash(kSmall);
  EXPECT_EQ(Board(flash).update(1), Result::kOk);
  std::uint64_t sequence_before = 0;
  {
    Board board(flash);
    EXPECT_EQ(board.boot(), Result::kOk);
    flash.cut_at(operation, cut, seed);
    if (script.play(board) == Result::kOk) return true;
    EXPECT_TRUE(flash.is_off());
    sequence_before = board.slots.sequence();  // what it knew to be durable
  }
  flash.power_on();
  Board after(flash);
  EXPECT_GE(after.slots.sequence(), sequence_before);
  EXPECT_EQ(after.boot(), Result::kOk);
  EXPECT_GE(after.runs(), 1u) << "a board that had a model has one";
  EXPECT_TRUE(after.running.trial || after.runs() <= after.slots.sequence());
  if (after.running.trial) {
    EXPECT_EQ(after.slots.confirm(), Result::kOk);
  }
  const std::uint64_t sequence = after.slots.sequence();
  // It goes on: with what it was receiving, and with the next one.
  if (sequence < 2) {
    EXPECT_EQ(after.update(2), Result::kOk);
  }
  EXPECT_EQ(after.update(10), Result::kOk);
  Board last(flash);
  EXPECT_EQ(last.boot(), Result::kOk);
  EXPECT_EQ(last.runs(), 10u);
  return false;
}

TEST(ModelSlots, APowerCutInAnyOperationLeavesAWholeModelAndNoLowerSequence) {
  for (const Script& script : kScripts) {
    std::uint64_t cuts = 0;
    for (const Cut cut : {Cut::kBefore, Cut::kTorn, Cut::kAfter}) {
      for (std::uint64_t operation = 0;; ++operation) {
        SCOPED_TRACE(std::string(script.name) + ", operation " + std::to_string(operation));
        bool over = false;
        for (std::uint32_t seed = 1; seed <= (cut == Cut::kTorn ? 8u : 1u); ++seed) {
          over = cut_once(script, operation, cut, seed);
        }
        if (over || testing::Test::HasFailure()) break;
        ++cuts;
      }
    }
    EXPECT_GT(cuts, 60u) << script.name;
  }
}

TEST(ModelSlots, ACutDuringTheStartAfterACutIsNoWorse) {
  for (std::uint64_t first = 0; first < 60; first += 3) {
    for (std::uint64_t second = 0; second < 6; ++second) {
      NorFlash flash(kSmall);
      ASSERT_EQ(Board(flash).update(1), Result::kOk);
      flash.cut_at(first, Cut::kTorn, 3);
      static_cast<void>(Board(flash).update(2));
      flash.power_on();
      flash.cut_at(second, Cut::kTorn, 5);
      {
        Board board(flash);
        static_cast<void>(board.boot());
      }
      flash.power_on();
      Board board(flash);
      ASSERT_EQ(board.boot(), Result::kOk);
      EXPECT_GE(board.runs(), 1u);
      if (board.running.trial) {
        ASSERT_EQ(board.slots.confirm(), Result::kOk);
      }
      EXPECT_EQ(board.update(9), Result::kOk);
    }
  }
}

TEST(ModelSlots, AStateOfAnotherVersionIsRefused) {
  NorFlash flash(kSmall);
  Journal journal(flash, 0, 4);
  ASSERT_EQ(journal.open(), Journal::Result::kBlank);
  Image state(ModelSlots::kStateBytes, 0);
  state[0] = 1;
  ASSERT_EQ(journal.put(kSlotsNumber, state), Journal::Result::kOk);
  ModelSlots slots(flash, journal, kSlotsNumber, 4, 3);
  EXPECT_FALSE(slots.open());
  ASSERT_EQ(journal.put(kSlotsNumber, Bytes(state).first(50)), Journal::Result::kOk);
  EXPECT_FALSE(slots.open());
}

}  // namespace
}  // namespace sotto::board
