// Boards that people have, whether a compiled model fits them, and an estimate of what an inference costs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sotto/model_compiler/model_compiler.h"

namespace sotto::model_compiler {

// Whose instruction counts stand for a board's processor.
enum class InstructionSet { kM0, kM3, kM4, kM55 };

struct Board {
  const char* key;  // as in `--board`: letters and digits
  const char* name;
  const char* processor;
  Target target;  // whose kernels it runs
  InstructionSet instruction_set;
  std::uint32_t ram_bytes;  // on the chip
  std::uint32_t flash_bytes;
  std::uint32_t clock_mhz;  // the highest of its data sheet
  double cycles_per_instruction;
  double milliwatts_per_mhz;  // while it computes, from its data sheet; 0: the sheet has no such figure
};

[[nodiscard]] std::span<const Board> known_boards();

// The board of that key; nullptr when there is none.
[[nodiscard]] const Board* find_board(std::string_view key);

// Beside a model and its arena: the runtime with its kernels and the application's own code;
// stack and the application's own data.
inline constexpr std::uint32_t kFlashReserveBytes = 48 * 1024;
inline constexpr std::uint32_t kRamReserveBytes = 4 * 1024;

// `report` is of the model compiled for the board's target, here and below.
[[nodiscard]] bool fits(const Board& board, const CompileReport& report);

// An inference. Instructions are worked out from what emulated boards executed (firmware/fit_costs.py):
// of the models of MLPerf Tiny within a twentieth, but for one, which is a quarter off.
// Seconds and millijoules follow from the board's row,
// without wait states of its flash and without what the board does beside.
struct Estimate {
  double instructions = 0;
  double seconds = 0;
  std::optional<double> millijoules;
};

[[nodiscard]] Estimate estimate(const Board& board, const CompileReport& report);

// Instructions of one operator.
[[nodiscard]] double estimated_instructions(InstructionSet set, const OperatorReport& op);

}  // namespace sotto::model_compiler
