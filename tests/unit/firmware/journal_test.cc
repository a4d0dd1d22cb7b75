// Every flash operation is cut before, in, and after it; what the board finds when the power is back must be
// the value of before or the new one, and it must be able to go on.
#include "journal/journal.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "support/nor_flash.h"

namespace sotto::board {
namespace {

using support::Cut;
using support::NorFlash;
using Value = std::vector<std::uint8_t>;

constexpr FlashGeometry kSmall{.pages = 6, .page_bytes = 256, .word_bytes = 8};
constexpr std::uint32_t kFirstPage = 1;
constexpr std::uint32_t kPages = 4;

Value value_of(std::size_t bytes, int seed) {
  Value value(bytes);
  for (std::size_t i = 0; i < bytes; ++i) value[i] = static_cast<std::uint8_t>(i * 7 + 31u * unsigned(seed));
  return value;
}

Value read(const Journal& journal, std::uint8_t number) {
  Value value(journal.size(number));
  EXPECT_TRUE(journal.read(number, 0, value));
  return value;
}

struct Opened {
  explicit Opened(NorFlash& flash) : journal(flash, kFirstPage, kPages), result(journal.open()) {}
  Journal journal;
  Journal::Result result;
};

TEST(Journal, IsBlankInAMemoryThatWasNeverUsedAndKeepsWhatIsPut) {
  NorFlash flash(kSmall);
  Opened first(flash);
  EXPECT_EQ(first.result, Journal::Result::kBlank);
  ASSERT_EQ(first.journal.put(2, value_of(100, 1)), Journal::Result::kOk);
  ASSERT_EQ(first.journal.put(0, value_of(1, 2)), Journal::Result::kOk);
  Opened again(flash);
  EXPECT_EQ(again.result, Journal::Result::kOk);
  EXPECT_EQ(read(again.journal, 2), value_of(100, 1));
  EXPECT_EQ(read(again.journal, 0), value_of(1, 2));
  EXPECT_EQ(again.journal.size(1), 0u);
}

TEST(Journal, HoldsTheNewestOverManyChangesOfAreaAndTouchesNoOtherPage) {
  NorFlash flash(kSmall);
  Opened opened(flash);
  std::map<int, Value> newest;
  for (int i = 0; i < 200; ++i) {
    const auto number = static_cast<std::uint8_t>(i % 3);
    newest[number] = value_of(std::size_t(i) * 13 % 120 + 1, i);
    ASSERT_EQ(opened.journal.put(number, newest[number]), Journal::Result::kOk) << i;
    Opened again(flash);
    for (const auto& [key, value] : newest)
      ASSERT_EQ(read(again.journal, static_cast<std::uint8_t>(key)), value) << i;
  }
  for (const std::size_t page : {0u, 5u}) {
    for (std::size_t i = 0; i < kSmall.page_bytes; ++i)
      ASSERT_EQ(flash.bytes()[page * kSmall.page_bytes + i], kErasedByte);
  }
}

TEST(Journal, AnEmptyValueRemovesWhatWasThere) {
  NorFlash flash(kSmall);
  Opened opened(flash);
  ASSERT_EQ(opened.journal.put(1, value_of(20, 1)), Journal::Result::kOk);
  ASSERT_EQ(opened.journal.put(1, {}), Journal::Result::kOk);
  EXPECT_EQ(opened.journal.size(1), 0u);
  EXPECT_EQ(Opened(flash).journal.size(1), 0u);
}

TEST(Journal, RefusesWhatDoesNotFitAndChangesNothing) {
  NorFlash flash(kSmall);
  Opened opened(flash);
  ASSERT_EQ(opened.journal.put(1, value_of(300, 1)), Journal::Result::kOk);
  const std::uint64_t before = flash.operations();
  EXPECT_EQ(opened.journal.put(2, value_of(300, 2)), Journal::Result::kFull);
  EXPECT_EQ(opened.journal.put(1, value_of(513, 2)), Journal::Result::kFull);
  EXPECT_EQ(flash.operations(), before);
  EXPECT_EQ(read(opened.journal, 1), value_of(300, 1));
}

TEST(Journal, ADamagedRecordAndWhatFollowsItAreNotRead) {
  NorFlash flash(kSmall);
  Opened opened(flash);
  ASSERT_EQ(opened.journal.put(1, value_of(40, 1)), Journal::Result::kOk);
  const std::uint32_t end = kFirstPage * kSmall.page_bytes + 16 + 56;
  ASSERT_EQ(opened.journal.put(1, value_of(40, 2)), Journal::Result::kOk);
  flash.bytes()[end + 20] = 0;
  Opened again(flash);
  EXPECT_EQ(read(again.journal, 1), value_of(40, 1));
  ASSERT_EQ(again.journal.put(1, value_of(40, 3)), Journal::Result::kOk);
  EXPECT_EQ(read(Opened(flash).journal, 1), value_of(40, 3));
}

struct CutCase {
  FlashGeometry geometry;
  Cut cut;
};
class EveryCut : public testing::TestWithParam<CutCase> {};

// The values before, then one that is put with the power going in its n-th operation, for every n.
void cut_everywhere(const CutCase& parameters, int values_before) {
  bool was_cut = true;
  for (std::uint64_t operation = 0; was_cut; ++operation) {
    for (std::uint32_t seed = 1; seed <= 4; ++seed) {
      NorFlash flash(parameters.geometry);
      Opened opened(flash);
      std::map<int, Value> before;
      for (int i = 0; i < values_before; ++i) {
        before[i % 3] = value_of(60 + std::size_t(i), i);
        ASSERT_EQ(opened.journal.put(static_cast<std::uint8_t>(i % 3), before[i % 3]), Journal::Result::kOk);
      }
      flash.cut_at(operation, parameters.cut, seed);
      const auto result = opened.journal.put(1, value_of(90, 77));
      was_cut = flash.is_off();
      flash.power_on();
      Opened again(flash);
      ASSERT_NE(again.result, Journal::Result::kFlash);
      const std::string where = "operation " + std::to_string(operation) + " seed " + std::to_string(seed);
      const Value now = read(again.journal, 1);
      ASSERT_EQ(result == Journal::Result::kOk, !was_cut) << where;
      ASSERT_TRUE(now == value_of(90, 77) || (was_cut && now == before[1])) << where;
      for (const int other : {0, 2})
        ASSERT_EQ(read(again.journal, static_cast<std::uint8_t>(other)), before[other]) << where;
      for (int i = 0; i < 9; ++i) {  // and on it goes, over a change of area
        ASSERT_EQ(again.journal.put(1, value_of(90, i)), Journal::Result::kOk) << where;
        ASSERT_EQ(read(Opened(flash).journal, 1), value_of(90, i)) << where;
      }
    }
  }
}

TEST_P(EveryCut, LeavesTheValueOfBeforeOrTheNewOne) {
  for (const int values_before : {0, 1, 3, 4, 5, 6, 7}) cut_everywhere(GetParam(), values_before);
}

// The power goes again and again while the board tries to write one value.
TEST_P(EveryCut, OfManyInARowLosesNothingThatWasThere) {
  NorFlash flash(GetParam().geometry);
  ASSERT_EQ(Opened(flash).journal.put(0, value_of(150, 1)), Journal::Result::kOk);
  Value held = value_of(80, 0);
  ASSERT_EQ(Opened(flash).journal.put(1, held), Journal::Result::kOk);
  for (int i = 1; i < 300; ++i) {
    flash.cut_at(std::uint64_t(i) * 5 % 11, GetParam().cut, std::uint32_t(i));
    Opened opened(flash);
    const auto result = opened.journal.put(1, value_of(80, i));
    flash.power_on();
    Opened again(flash);
    ASSERT_EQ(read(again.journal, 0), value_of(150, 1)) << i;
    const Value now = read(again.journal, 1);
    ASSERT_TRUE(now == held || now == value_of(80, i)) << i;
    ASSERT_TRUE(result != Journal::Result::kOk || now == value_of(80, i)) << i;
    held = now;
  }
}

constexpr FlashGeometry kBytewise{.pages = 6, .page_bytes = 256, .word_bytes = 1};
constexpr FlashGeometry kWide{.pages = 6, .page_bytes = 512, .word_bytes = 32};
INSTANTIATE_TEST_SUITE_P(Journal, EveryCut,
                         testing::Values(CutCase{kSmall, Cut::kBefore}, CutCase{kSmall, Cut::kTorn},
                                         CutCase{kSmall, Cut::kAfter}, CutCase{kBytewise, Cut::kTorn},
                                         CutCase{kWide, Cut::kTorn}));

}  // namespace
}  // namespace sotto::board
