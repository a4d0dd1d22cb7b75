// Arm MPS2 with FPGA image AN385 or AN386. Counter: CMSDK APB timer 0, which counts down (Cortex-M System
// Design Kit Technical Reference Manual, "APB timer").
#include "boards/src/board.h"

namespace sotto::board {
namespace {

struct ApbTimer {
  volatile std::uint32_t control;
  volatile std::uint32_t value;
  volatile std::uint32_t reload;
};

constexpr std::uint32_t kEnable = 1;

ApbTimer& timer() { return *reinterpret_cast<ApbTimer*>(0x40000000); }

}  // namespace

#if __ARM_ARCH_7EM__
const char* const kName = "mps2-an386";
#else
const char* const kName = "mps2-an385";
#endif
const std::uint32_t kCounterHz = 25'000'000;

void start_counter() {
  timer().value = 0xffffffff;
  timer().reload = 0xffffffff;
  timer().control = kEnable;
}

std::uint32_t counter_ticks() { return ~timer().value; }

}  // namespace sotto::board
