#include "sotto/model_compiler/boards.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sotto::model_compiler {
namespace {

OperatorReport operation(const char* kernel, std::uint32_t multiplications,
                         std::vector<std::uint32_t> shape) {
  OperatorReport op;
  op.kernel = kernel;
  op.multiply_accumulates = multiplications;
  op.output_shape = std::move(shape);
  return op;
}

TEST(Boards, FitWhenFlashAndRamSuffice) {
  CompileReport report;
  report.arena_bytes = 10'000;
  report.image_bytes = 20'000;
  for (const Board& board : known_boards()) {
    EXPECT_EQ(fits(board, report), board.flash_bytes > 64 * 1024) << board.name;
  }
  report.arena_bytes = 8u << 20;
  for (const Board& board : known_boards()) EXPECT_FALSE(fits(board, report)) << board.name;
}

TEST(Boards, AreFilledToTheLastByte) {
  const Board& board = *find_board("bluepill");
  CompileReport report;
  report.arena_bytes = board.ram_bytes - kRamReserveBytes;
  report.image_bytes = board.flash_bytes - kFlashReserveBytes;
  EXPECT_TRUE(fits(board, report));
  ++report.arena_bytes;
  EXPECT_FALSE(fits(board, report));
  --report.arena_bytes;
  ++report.image_bytes;
  EXPECT_FALSE(fits(board, report));
}

TEST(Boards, AreFoundByKeysThatAreTheirsAlone) {
  std::set<std::string> keys;
  for (const Board& board : known_boards()) {
    EXPECT_TRUE(keys.insert(board.key).second) << board.key;
    EXPECT_EQ(find_board(board.key), &board);
  }
  EXPECT_EQ(keys.size(), 20u);
  EXPECT_EQ(find_board("toaster"), nullptr);
  EXPECT_EQ(find_board(""), nullptr);
}

TEST(Estimates, GrowWithMultiplicationsAndOutputs) {
  const auto counted = [](std::uint32_t multiplications, std::vector<std::uint32_t> shape) {
    return estimated_instructions(InstructionSet::kM4, operation("sotto_cortex_m_dsp_pointwise_conv_2d",
                                                                 multiplications, std::move(shape)));
  };
  EXPECT_GT(counted(1'000'000, {1, 8, 8, 16}), counted(900'000, {1, 8, 8, 16}));
  EXPECT_GT(counted(1'000'000, {1, 8, 8, 16}), counted(1'000'000, {1, 8, 8, 8}));
  // SMLAD multiplies twice, and a byte has to be loaded for that: about one instruction each.
  EXPECT_NEAR(counted(100'000'000, {1, 8, 8, 16}) / 100e6, 0.85, 0.1);
}

TEST(Estimates, OfKernelsThatNobodyHasMeasuredAreNotNothing) {
  EXPECT_GT(estimated_instructions(InstructionSet::kM55, operation("a_new_kernel", 1'000, {10})), 1'000);
}

TEST(Estimates, OfABoardFollowFromItsClockItsCyclesAndItsPower) {
  Board board = *find_board("nano33ble");
  CompileReport report;
  report.operators = {operation("sotto_cortex_m_dsp_pointwise_conv_2d", 10'000'000, {1, 8, 8, 16})};
  const Estimate found = estimate(board, report);
  EXPECT_DOUBLE_EQ(found.seconds, found.instructions * board.cycles_per_instruction / 64e6);
  // 52 microamperes for each MHz at 3 V are 156 picojoules for each cycle.
  ASSERT_TRUE(found.millijoules.has_value());
  EXPECT_NEAR(*found.millijoules, found.seconds * 64e6 * 156e-12 * 1e3, 1e-9);

  board.clock_mhz *= 2;
  EXPECT_DOUBLE_EQ(estimate(board, report).seconds, found.seconds / 2);
  EXPECT_DOUBLE_EQ(*estimate(board, report).millijoules, *found.millijoules);
  board.milliwatts_per_mhz = 0;
  EXPECT_FALSE(estimate(board, report).millijoules.has_value());
}

}  // namespace
}  // namespace sotto::model_compiler
