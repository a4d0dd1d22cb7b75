// Exact instruction counts under QEMU. With `-icount shift=7` every instruction advances the board's time by
// 2^7 ns, so a timer of at least 15.7 MHz ticks more than twice per instruction, and its difference gives
// back the number of instructions. On a real board, or without -icount, the ticks are time: is_exact() tells.
#pragma once

#include <cstdint>

namespace sotto::instruction_counter {

// Ticks of the board's counter: any moment, to be subtracted from a later one.
std::uint32_t now();

// Instructions between two moments, without those of the measurement itself. Right up to 2^32 ticks (1.0 *
// 10^9 instructions at 32 MHz).
std::uint32_t between(std::uint32_t start, std::uint32_t end);

// Runs two loops of known length and compares. Call before relying on a count.
bool is_exact();

}  // namespace sotto::instruction_counter
