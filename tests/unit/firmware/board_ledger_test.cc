#include "journal/board_ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "support/nor_flash.h"

namespace sotto::board {
namespace {

using support::Cut;
using support::NorFlash;
using Verdict = BoardLedger::Verdict;

constexpr FlashGeometry kGeometry{.pages = 4, .page_bytes = 512, .word_bytes = 8};
constexpr std::uint8_t kNumber = 1;

BoardLedger::Plan plan(std::uint64_t round, std::uint64_t version, std::uint64_t task = 1) {
  return {
      .coordinator = {7}, .task = TaskId{task}, .round = RoundId{round}, .version = ModelVersion{version}};
}

// A board after a start.
struct Board {
  explicit Board(NorFlash& flash) : journal(flash, 0, 4), ledger(journal, kNumber) {
    EXPECT_NE(journal.open(), Journal::Result::kFlash);
    EXPECT_TRUE(ledger.load());
  }
  Journal journal;
  BoardLedger ledger;
};

TEST(BoardLedger, TakesEachRoundOnceAndOneVectorForEachVersionOverRestarts) {
  NorFlash flash(kGeometry);
  EXPECT_EQ(Board(flash).ledger.join(plan(1, 0)), Verdict::kAllowed);
  EXPECT_EQ(Board(flash).ledger.join(plan(1, 0)), Verdict::kRoundUsed);
  EXPECT_EQ(Board(flash).ledger.charge(plan(1, 0)), Verdict::kAllowed);
  EXPECT_EQ(Board(flash).ledger.charge(plan(1, 0)), Verdict::kNotJoined);
  EXPECT_EQ(Board(flash).ledger.join(plan(2, 0)), Verdict::kModelSpent);
  EXPECT_EQ(Board(flash).ledger.look(plan(2, 1)), Verdict::kAllowed);
  EXPECT_EQ(Board(flash).ledger.vectors(), 1u);
  EXPECT_EQ(Board(flash).ledger.last_round(plan(9, 9)), RoundId{1});
}

TEST(BoardLedger, ARoundThatWasJoinedWithoutAVectorLeavesItsVersionFree) {
  NorFlash flash(kGeometry);
  EXPECT_EQ(Board(flash).ledger.join(plan(1, 0)), Verdict::kAllowed);
  EXPECT_EQ(Board(flash).ledger.join(plan(2, 0)), Verdict::kAllowed);
  EXPECT_EQ(Board(flash).ledger.charge(plan(1, 0)), Verdict::kNotJoined);
}

TEST(BoardLedger, HasRoomForItsTasksAndForgetsNone) {
  NorFlash flash(kGeometry);
  for (std::uint64_t task = 1; task <= BoardLedger::kTasksMax; ++task)
    EXPECT_EQ(Board(flash).ledger.join(plan(1, 0, task)), Verdict::kAllowed);
  EXPECT_EQ(Board(flash).ledger.join(plan(1, 0, 99)), Verdict::kNoRoom);
  EXPECT_EQ(Board(flash).ledger.join(plan(1, 0, 1)), Verdict::kRoundUsed);
}

TEST(BoardLedger, RefusesEverythingWhenItsValueIsNotALedger) {
  NorFlash flash(kGeometry);
  Journal journal(flash, 0, 4);
  ASSERT_EQ(journal.open(), Journal::Result::kBlank);
  const std::array<std::uint8_t, 3> other{1, 2, 3};
  ASSERT_EQ(journal.put(kNumber, other), Journal::Result::kOk);
  BoardLedger ledger(journal, kNumber);
  EXPECT_FALSE(ledger.load());
  EXPECT_EQ(ledger.look(plan(1, 0)), Verdict::kFailed);
  EXPECT_EQ(ledger.join(plan(1, 0)), Verdict::kFailed);
}

TEST(BoardLedger, TellsTheCoordinatorWhy) {
  EXPECT_EQ(BoardLedger::refusal(Verdict::kRoundUsed), proto::LedgerRefusal::kRoundUsed);
  EXPECT_EQ(BoardLedger::refusal(Verdict::kModelSpent), proto::LedgerRefusal::kModelSpent);
  EXPECT_EQ(BoardLedger::refusal(Verdict::kNoRoom), proto::LedgerRefusal::kTaskSpent);
  EXPECT_EQ(BoardLedger::refusal(Verdict::kFailed), proto::LedgerRefusal::kStopped);
}

// Messages leave only after the ledger said so. The power goes in every flash operation of many rounds; no
// join may leave twice for one round, and no vector twice for one version.
TEST(BoardLedger, NoRoundIsServedTwiceWheneverThePowerGoes) {
  for (const Cut cut : {Cut::kBefore, Cut::kTorn, Cut::kAfter}) {
    for (std::uint64_t operation = 0; operation < 60; ++operation) {
      NorFlash flash(kGeometry);
      flash.cut_at(operation, cut, static_cast<std::uint32_t>(operation + 1));
      std::array<int, 6> joins{};
      std::array<int, 6> vectors{};
      for (std::uint64_t round = 1; round <= 5; ++round) {
        for (int start = 0; start < 3; ++start) {  // the coordinator offers the same plan again and again
          Board board(flash);
          if (board.ledger.join(plan(round, round)) == Verdict::kAllowed) {
            ++joins[round];
            if (board.ledger.charge(plan(round, round)) == Verdict::kAllowed) ++vectors[round];
          }
          flash.power_on();
        }
        ASSERT_LE(joins[round], 1) << operation;
        ASSERT_LE(vectors[round], joins[round]) << operation;
      }
      // Only the round in which the power went may be lost.
      ASSERT_LE(std::count(joins.begin() + 1, joins.end(), 0), 1) << operation;
    }
  }
}

}  // namespace
}  // namespace sotto::board
