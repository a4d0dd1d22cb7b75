// BBC micro:bit version 1. Counter: TIMER0 of the nRF51, 32 bits wide without prescaler (nRF51 Series
// Reference Manual, "Timer/counter").
#include "board.h"

namespace sotto::board {
namespace {

volatile std::uint32_t& timer(std::uintptr_t offset) {
  return *reinterpret_cast<volatile std::uint32_t*>(0x40008000 + offset);
}

constexpr std::uintptr_t kStart = 0x000;
constexpr std::uintptr_t kCapture = 0x040;
constexpr std::uintptr_t kBitMode = 0x508;
constexpr std::uintptr_t kPrescaler = 0x510;
constexpr std::uintptr_t kCaptured = 0x540;
constexpr std::uint32_t kBitMode32 = 3;

}  // namespace

const std::uint32_t kCounterHz = 16'000'000;

void start_counter() {
  timer(kBitMode) = kBitMode32;
  timer(kPrescaler) = 0;
  timer(kStart) = 1;
}

std::uint32_t counter_ticks() {
  timer(kCapture) = 1;
  return timer(kCaptured);
}

}  // namespace sotto::board
