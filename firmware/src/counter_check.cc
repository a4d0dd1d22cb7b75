// Firmware that measures the instruments themselves: loops of known length, a function of known stack.
#include <array>

#include "board.h"
#include "console.h"
#include "instruction_counter.h"
#include "painted_stack.h"

namespace {

using namespace sotto;

// Three instructions a round: nop, subs, bne.
std::uint32_t count_loop(std::uint32_t rounds) {
  const std::uint32_t start = instruction_counter::now();
  asm volatile(
      ".syntax unified\n"
      "1: nop\n"
      "   subs %0, #1\n"
      "   bne 1b\n"
      : "+l"(rounds)
      :
      : "cc");
  return instruction_counter::between(start, instruction_counter::now());
}

template <std::size_t kWords>
[[gnu::noinline]] void use_stack() {
  std::array<volatile std::uint32_t, kWords> words;
  for (auto& word : words) word = 1;
}

}  // namespace

int main() {
  console::line("counter exact ", std::uint32_t{instruction_counter::is_exact()});
  for (const std::uint32_t rounds : {1u, 10u, 1'000u, 10'000'000u})
    console::line("loop rounds ", rounds, " instructions ", count_loop(rounds));

  painted_stack::paint();
  use_stack<64>();
  console::line("stack expected ", 256u, " used ",
                painted_stack::used_bytes_below(painted_stack::stack_pointer()));
  painted_stack::paint();
  use_stack<384>();
  console::line("stack expected ", 1536u, " used ",
                painted_stack::used_bytes_below(painted_stack::stack_pointer()));
  return 0;
}
