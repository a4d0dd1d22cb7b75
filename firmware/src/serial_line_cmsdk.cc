// The first UART of Arm's MPS2 and MPS3 boards: Cortex-M System Design Kit Technical Reference Manual, "APB
// UART". Sleep: WFI with interrupts masked, which a pending one ends without being taken (Armv7-M
// Architecture Reference Manual, "WFI"); SysTick bounds it.
#include <algorithm>

#include "board.h"
#include "serial_line.h"

namespace sotto::board::serial_line {
namespace {

struct Uart {
  volatile std::uint32_t data;
  volatile std::uint32_t state;
  volatile std::uint32_t control;
  volatile std::uint32_t interrupts;  // written: cleared
  volatile std::uint32_t divider;
};

struct SysTick {
  volatile std::uint32_t control;
  volatile std::uint32_t reload;
  volatile std::uint32_t value;
};

#if defined(__ARM_FEATURE_MVE)  // AN547, seen by secure code
constexpr std::uintptr_t kUart = 0x59303000;
constexpr std::uint32_t kInterrupt = 33;
#else
constexpr std::uintptr_t kUart = 0x40004000;
constexpr std::uint32_t kInterrupt = 0;
#endif

constexpr std::uint32_t kSendFull = 1, kReceiveFull = 2;
constexpr std::uint32_t kSend = 1, kReceive = 2, kReceiveInterrupts = 8;
constexpr std::uint32_t kDivider = 16;  // the quickest: an emulated line has no speed
constexpr std::uint32_t kRunWithInterrupt = 7;
constexpr std::uint32_t kTicksMax = 0xffffff;
constexpr std::uint32_t kClearSysTick = 1u << 25;

Uart& uart() { return *reinterpret_cast<Uart*>(kUart); }
SysTick& sys_tick() { return *reinterpret_cast<SysTick*>(0xe000e010); }
volatile std::uint32_t& interrupt_control() { return *reinterpret_cast<volatile std::uint32_t*>(0xe000ed04); }
volatile std::uint32_t& interrupt_bits(std::uintptr_t registers) {
  return *reinterpret_cast<volatile std::uint32_t*>(registers + kInterrupt / 32 * 4);
}
constexpr std::uintptr_t kEnable = 0xe000e100, kClearPending = 0xe000e280;
constexpr std::uint32_t kBit = 1u << kInterrupt % 32;

}  // namespace

void open() {
  asm volatile("cpsid i" ::: "memory");
  uart().divider = kDivider;
  uart().control = kSend | kReceive | kReceiveInterrupts;
  interrupt_bits(kEnable) = kBit;
}

bool read(std::uint8_t& byte) {
  if ((uart().state & kReceiveFull) == 0) return false;
  byte = static_cast<std::uint8_t>(uart().data);
  return true;
}

void write(std::uint8_t byte) {
  while ((uart().state & kSendFull) != 0) {
  }
  uart().data = byte;
}

void sleep(std::uint32_t wait_ms) {
  uart().interrupts = kReceive;
  interrupt_bits(kClearPending) = kBit;
  interrupt_control() = kClearSysTick;
  const std::uint64_t ticks = std::uint64_t{wait_ms} * (kCounterHz / 1000);
  sys_tick().reload = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(ticks, 1, kTicksMax));
  sys_tick().value = 0;
  sys_tick().control = kRunWithInterrupt;
  // A byte of before the interrupt was cleared brings none anymore.
  if ((uart().state & kReceiveFull) == 0) asm volatile("dsb\n wfi" ::: "memory");
  sys_tick().control = 0;
}

}  // namespace sotto::board::serial_line
