// Boards that people have, and whether a compiled model fits them.
#pragma once

#include <cstdint>
#include <span>

#include "sotto/model_compiler/model_compiler.h"

namespace sotto::model_compiler {

struct Board {
  const char* name;
  const char* processor;
  Target target;            // whose kernels it runs
  std::uint32_t ram_bytes;  // on the chip
  std::uint32_t flash_bytes;
};

[[nodiscard]] std::span<const Board> known_boards();

// Beside a model and its arena: the runtime with its kernels and the application's own code;
// stack and the application's own data.
inline constexpr std::uint32_t kFlashReserveBytes = 48 * 1024;
inline constexpr std::uint32_t kRamReserveBytes = 4 * 1024;

[[nodiscard]] bool fits(const Board& board, const CompileReport& report);

}  // namespace sotto::model_compiler
