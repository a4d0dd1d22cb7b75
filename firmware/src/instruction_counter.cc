#include "instruction_counter.h"

#include "board.h"

namespace sotto::instruction_counter {
namespace {

constexpr std::uint64_t kNanosecondsPerInstruction = 1u << 7;

std::uint32_t instructions(std::uint32_t ticks) {
  // Rounded: the ticks of n instructions differ from n times the ratio by less than one tick, which is less
  // than half an instruction.
  const std::uint64_t nanoseconds_times_hz = std::uint64_t{ticks} * 1'000'000'000u;
  const std::uint64_t divisor = kNanosecondsPerInstruction * board::kCounterHz;
  return static_cast<std::uint32_t>((nanoseconds_times_hz + divisor / 2) / divisor);
}

// Exactly 2 * rounds instructions between the two readings, besides what two readings without a loop have
// between them.
[[gnu::noinline]] std::uint32_t measure_loop(std::uint32_t rounds) {
  const std::uint32_t start = now();
  asm volatile(
      ".syntax unified\n"
      "1: subs %0, #1\n"
      "   bne 1b\n"
      : "+l"(rounds)
      :
      : "cc");
  return instructions(now() - start);
}

// The instructions that lie between two readings with nothing between them.
[[gnu::noinline]] std::uint32_t cost_of_measuring() {
  const std::uint32_t start = now();
  asm volatile("" ::: "memory");
  return instructions(now() - start);
}

}  // namespace

[[gnu::noinline]] std::uint32_t now() { return board::counter_ticks(); }

std::uint32_t between(std::uint32_t start, std::uint32_t end) {
  return instructions(end - start) - cost_of_measuring();
}

bool is_exact() {
  constexpr std::uint32_t kShort = 1'000;
  constexpr std::uint32_t kLong = 1'000'000;
  const std::uint32_t of_short = measure_loop(kShort);
  const std::uint32_t of_long = measure_loop(kLong);
  return of_long - of_short == 2 * (kLong - kShort);
}

}  // namespace sotto::instruction_counter
