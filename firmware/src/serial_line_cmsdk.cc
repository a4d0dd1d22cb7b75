// The first two UARTs of Arm's MPS2 and MPS3 boards: Cortex-M System Design Kit Technical Reference Manual,
// "APB UART". Sleep: WFI with interrupts masked, which a pending one ends without being taken (Armv7-M
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
constexpr std::uintptr_t kFirstUart = 0x59303000;
constexpr std::uint32_t kFirstInterrupt = 33;
#else
constexpr std::uintptr_t kFirstUart = 0x40004000;
constexpr std::uint32_t kFirstInterrupt = 0;
#endif
constexpr std::uintptr_t kUartBytes = 0x1000;
constexpr std::uint32_t kInterruptsOfUart = 2;  // of receiving, of sending
constexpr Line kLines[] = {Line::kGateway, Line::kSamples};

constexpr std::uint32_t kSendFull = 1, kReceiveFull = 2;
constexpr std::uint32_t kSend = 1, kReceive = 2, kReceiveInterrupts = 8;
constexpr std::uint32_t kDivider = 16;  // the quickest: an emulated line has no speed
constexpr std::uint32_t kRunWithInterrupt = 7;
constexpr std::uint32_t kTicksMax = 0xffffff;
constexpr std::uint32_t kClearSysTick = 1u << 25;

Uart& uart(Line line) {
  return *reinterpret_cast<Uart*>(kFirstUart + static_cast<std::uintptr_t>(line) * kUartBytes);
}
std::uint32_t interrupt(Line line) {
  return kFirstInterrupt + static_cast<std::uint32_t>(line) * kInterruptsOfUart;
}
SysTick& sys_tick() { return *reinterpret_cast<SysTick*>(0xe000e010); }
volatile std::uint32_t& interrupt_control() { return *reinterpret_cast<volatile std::uint32_t*>(0xe000ed04); }
volatile std::uint32_t& interrupt_bits(std::uintptr_t registers, Line line) {
  return *reinterpret_cast<volatile std::uint32_t*>(registers + interrupt(line) / 32 * 4);
}
std::uint32_t bit(Line line) { return 1u << interrupt(line) % 32; }
bool is_open(Line line) { return (uart(line).control & kReceive) != 0; }
constexpr std::uintptr_t kEnable = 0xe000e100, kClearPending = 0xe000e280;

}  // namespace

void open(Line line) {
  asm volatile("cpsid i" ::: "memory");
  uart(line).divider = kDivider;
  uart(line).control = kSend | kReceive | kReceiveInterrupts;
  interrupt_bits(kEnable, line) = bit(line);
}

bool has_byte(Line line) { return (uart(line).state & kReceiveFull) != 0; }

bool read(Line line, std::uint8_t& byte) {
  if (!has_byte(line)) return false;
  byte = static_cast<std::uint8_t>(uart(line).data);
  return true;
}

void write(Line line, std::uint8_t byte) {
  while ((uart(line).state & kSendFull) != 0) {
  }
  uart(line).data = byte;
}

void sleep(std::uint32_t wait_ms) {
  for (const Line line : kLines) {
    if (!is_open(line)) continue;
    uart(line).interrupts = kReceive;
    interrupt_bits(kClearPending, line) = bit(line);
  }
  interrupt_control() = kClearSysTick;
  const std::uint64_t ticks = std::uint64_t{wait_ms} * (kCounterHz / 1000);
  sys_tick().reload = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(ticks, 1, kTicksMax));
  sys_tick().value = 0;
  sys_tick().control = kRunWithInterrupt;
  // A byte of before the interrupt was cleared brings none anymore.
  const bool has_come =
      std::ranges::any_of(kLines, [](Line line) { return is_open(line) && has_byte(line); });
  if (!has_come) asm volatile("dsb\n wfi" ::: "memory");
  sys_tick().control = 0;
}

}  // namespace sotto::board::serial_line
