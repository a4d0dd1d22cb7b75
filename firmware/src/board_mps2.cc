// Arm MPS2 with FPGA image AN385, AN386, AN500 or, in its secure world, AN505. Counter: CMSDK APB timer 0,
// which counts down (Cortex-M System Design Kit Technical Reference Manual, "APB timer").
#include "board.h"

namespace sotto::board {
namespace {

struct ApbTimer {
  volatile std::uint32_t control;
  volatile std::uint32_t value;
  volatile std::uint32_t reload;
};

constexpr std::uint32_t kEnable = 1;

#if __ARM_ARCH_8M_MAIN__  // AN505: the alias of the timer that secure code sees, and a slower clock
constexpr std::uintptr_t kTimer = 0x50000000;
constexpr std::uint32_t kClockHz = 20'000'000;
#else
constexpr std::uintptr_t kTimer = 0x40000000;
constexpr std::uint32_t kClockHz = 25'000'000;
#endif

ApbTimer& timer() { return *reinterpret_cast<ApbTimer*>(kTimer); }

}  // namespace

const std::uint32_t kCounterHz = kClockHz;

void start_counter() {
  timer().value = 0xffffffff;
  timer().reload = 0xffffffff;
  timer().control = kEnable;
}

std::uint32_t counter_ticks() { return ~timer().value; }

}  // namespace sotto::board
