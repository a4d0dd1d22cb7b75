// Arm MPS3 with FPGA image AN547. Counter: the SSE-300's system counter (Corstone SSE-300 Technical Reference
// Manual, "system counter"): one frame to enable it, one to read it.
#include "board.h"

namespace sotto::board {
namespace {

constexpr std::uint32_t kEnable = 1;

volatile std::uint32_t& control() { return *reinterpret_cast<volatile std::uint32_t*>(0x58100000); }
volatile std::uint32_t& count_low() { return *reinterpret_cast<volatile std::uint32_t*>(0x58101000); }

}  // namespace

const std::uint32_t kCounterHz = 32'000'000;

void start_counter() { control() = kEnable; }

std::uint32_t counter_ticks() { return count_low(); }

}  // namespace sotto::board
