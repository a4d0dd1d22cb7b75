// This host in the place of a board: the same firmware as a program, to be debugged and run under sanitizers.
// What lies in the model slot comes in by standard input; nothing is measured.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "arguments.h"
#include "board.h"
#include "console.h"
#include "instruction_counter.h"
#include "painted_stack.h"
#include "semihosting.h"

namespace sotto {

namespace board {

std::span<const std::uint8_t> model_slot() {
  static const std::vector<std::uint8_t> slot = [] {
    std::vector<std::uint8_t> bytes;
    for (int byte = std::getchar(); byte != EOF; byte = std::getchar())
      bytes.push_back(static_cast<std::uint8_t>(byte));
    return bytes;
  }();
  return slot;
}

}  // namespace board

namespace console {

void print(const char* text) { std::fputs(text, stdout); }
void print(std::uint32_t number) { std::printf("%u", number); }

}  // namespace console

namespace instruction_counter {

std::uint32_t now() { return 0; }
std::uint32_t between(std::uint32_t, std::uint32_t) { return 0; }
bool is_exact() { return false; }

}  // namespace instruction_counter

namespace painted_stack {

std::uint32_t* stack_pointer() { return nullptr; }
void paint() {}
std::uint32_t used_bytes_below(const std::uint32_t*) { return 0; }

}  // namespace painted_stack

namespace semihosting {

bool command_line(std::span<char>) { return false; }
void exit(int code) { std::exit(code); }

}  // namespace semihosting

}  // namespace sotto
