// From reset to main(), and what a fault prints. Armv6-M, Armv7-M and Armv8-M reference manuals, "exception
// model".
#include <array>
#include <cstdint>

#include "board.h"
#include "console.h"
#include "semihosting.h"

// NOLINTBEGIN(bugprone-reserved-identifier): set by linker/sections.ld
extern "C" {
extern std::uint32_t sotto_data_start[], sotto_data_end[], sotto_data_load[];
extern std::uint32_t sotto_bss_start[], sotto_bss_end[];
extern std::uint8_t sotto_arena_start[], sotto_arena_end[];
extern const std::uint8_t sotto_model_start[], sotto_model_end[];
extern std::uint32_t sotto_stack_top[];
}
// NOLINTEND

namespace sotto::board {
namespace {

[[maybe_unused]] volatile std::uint32_t& system_register(std::uintptr_t address) {
  return *reinterpret_cast<volatile std::uint32_t*>(address);
}

// Memory for variables is not ready before this has run, so it calls nothing.
void prepare_variables() {
  const std::uint32_t* from = sotto_data_load;
  for (std::uint32_t* to = sotto_data_start; to != sotto_data_end; ++to) *to = *from++;
  for (std::uint32_t* to = sotto_bss_start; to != sotto_bss_end; ++to) *to = 0;
}

void prepare_core() {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  system_register(0xe000ed88) = 0xfu << 20;  // CPACR: coprocessors 10 and 11, floating point and Helium
  asm volatile("dsb\n isb");
#endif
  // CCR.UNALIGN_TRP: an Armv6-M core has no unaligned access. Its code run on a larger core must not get away
  // with one.
#if __ARM_ARCH == 6
  system_register(0xe000ed14) = system_register(0xe000ed14) | 1u << 3;
#endif
}

// The frame that the core pushed: r0-r3, r12, lr, pc, xpsr.
[[noreturn, gnu::used]] void report_fault(const std::uint32_t* frame) {
  std::uint32_t exception;
  asm volatile("mrs %0, ipsr" : "=r"(exception));
  console::print("fault exception ");
  console::print(exception);
  console::print(" pc 0x");
  console::print_hex(frame[6]);
  console::print(" lr 0x");
  console::print_hex(frame[5]);
  console::line("");
  semihosting::exit(70);
}

[[gnu::naked]] void fault() { asm volatile("mrs r0, msp\n ldr r1, =%c0\n bx r1" : : "i"(report_fault)); }

}  // namespace

std::span<std::uint8_t> arena() { return {sotto_arena_start, sotto_arena_end}; }
std::span<const std::uint8_t> model_slot() { return {sotto_model_start, sotto_model_end}; }

extern "C" [[noreturn]] void sotto_reset() {
  prepare_core();
  prepare_variables();
  start_counter();
  semihosting::exit(main());
}

namespace {

union Vector {
  const void* stack;
  void (*handler)();
};

// Initial stack pointer, reset, and the faults. No interrupt is ever enabled.
[[gnu::section(".vectors"), gnu::used]] constexpr std::array<Vector, 16> kVectors = {{
    {.stack = sotto_stack_top},
    {.handler = sotto_reset},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
    {.handler = fault},
}};

}  // namespace
}  // namespace sotto::board
