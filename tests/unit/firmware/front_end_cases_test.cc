// The cases that boards run too (tests/device/test_front_end.py) give the same bits here.
#include "front_end_cases.h"

#include <gtest/gtest.h>

#include <vector>

namespace sotto::board {
namespace {

TEST(FrontEndCases, GiveTheirBits) {
  EXPECT_EQ(front_end_cases().size(), 8u);
  for (const FrontEndCase& tested : front_end_cases()) {
    std::vector<std::uint64_t> arena(2048);
    FrontEndBits bits;
    ASSERT_EQ(
        run_front_end_case(tested, {reinterpret_cast<std::uint8_t*>(arena.data()), 8 * arena.size()}, &bits),
        SOTTO_FRONT_END_OK)
        << tested.name;
    EXPECT_EQ(bits.outputs, tested.bits.outputs) << tested.name;
    EXPECT_EQ(bits.tables, tested.bits.tables) << tested.name << std::hex << " 0x" << bits.tables;
  }
}

TEST(FrontEndCases, AnArenaThatIsTooSmallIsAnError) {
  std::uint64_t arena[8];
  FrontEndBits bits;
  EXPECT_EQ(
      run_front_end_case(front_end_cases()[0], {reinterpret_cast<std::uint8_t*>(arena), sizeof arena}, &bits),
      SOTTO_FRONT_END_TABLES_TOO_SMALL);
}

TEST(FrontEndCases, TheSignalHasEverySection) {
  TestSignal signal;
  std::vector<std::int16_t> samples(std::size_t{TestSignal::kSections} * TestSignal::kSectionSamples);
  signal.next(samples);
  EXPECT_TRUE(signal.ended());
  const auto section = [&](std::size_t index) { return samples[index * TestSignal::kSectionSamples + 700]; };
  EXPECT_EQ(section(1), 0);
  EXPECT_EQ(section(3), INT16_MAX);
  EXPECT_EQ(section(4), INT16_MIN);
  EXPECT_EQ(section(5), INT16_MAX);
}

}  // namespace
}  // namespace sotto::board
