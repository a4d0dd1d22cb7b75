// What a board gives the firmware: memory, a way out, and a counter. One board is linked into a firmware.
#pragma once

#include <cstdint>
#include <span>

namespace sotto::board {

// RAM between the firmware's variables and the stack, aligned to 16 bytes. `main` owns it.
std::span<std::uint8_t> arena();

// The memory in which a model image is placed beside the firmware. The image is the beginning of it; the rest
// is undefined.
std::span<const std::uint8_t> model_slot();

// Starts the counter of instruction_counter.h. Called once, before main().
void start_counter();

// Ticks since start_counter(), modulo 2^32.
std::uint32_t counter_ticks();

// Ticks per second of the counter.
extern const std::uint32_t kCounterHz;

}  // namespace sotto::board

// The firmware. What it returns is the emulator's exit code, or the debugger's.
int main();
