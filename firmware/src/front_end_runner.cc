// Firmware that runs the front ends of front_end_cases.h and reports what each needs and costs.
//
//   front_end_runner
//
// It prints, one fact a line:
//   counter exact E
//   title I NAME
//   case I error E arena N tables N open N frame N stack N
//   bits I equal E table_bits H output_bits H
// open and frame are instructions; a frame is hop_length samples and the features that they complete. Bits
// are CRC-32, equal those of the host. A case whose arena the board does not have is left out.
#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "board.h"
#include "console.h"
#include "front_end_cases.h"
#include "instruction_counter.h"
#include "painted_stack.h"

namespace {

using namespace sotto;

constexpr int kFailure = 1;
constexpr std::uint32_t kSamplesMax = 1024;  // of all channels together

struct Cost {
  std::uint32_t open = 0;
  std::uint32_t frame = 0;
  std::uint32_t stack = 0;
};

// The frame that ends where the second hop after the first frame does.
Cost measure_cost(const sotto_front_end_config& config, std::span<std::uint8_t> arena) {
  static std::array<std::int16_t, kSamplesMax> samples;
  board::TestSignal().next(samples);
  Cost cost;
  sotto_front_end* front_end = nullptr;
  painted_stack::paint();
  std::uint32_t start = instruction_counter::now();
  if (sotto_front_end_open(&config, nullptr, arena.data(), arena.size(), &front_end) != SOTTO_FRONT_END_OK)
    return cost;
  cost.open = instruction_counter::between(start, instruction_counter::now());
  (void)sotto_front_end_push(front_end, samples.data(), config.frame_length);
  (void)sotto_front_end_push(front_end, samples.data(), config.hop_length);
  start = instruction_counter::now();
  (void)sotto_front_end_push(front_end, samples.data(), config.hop_length);
  cost.frame = instruction_counter::between(start, instruction_counter::now());
  cost.stack = painted_stack::used_bytes_below(painted_stack::stack_pointer());
  return cost;
}

void print_bits(std::uint32_t index, bool equal, const board::FrontEndBits& bits) {
  console::print("bits ");
  console::print(index);
  console::print(equal ? " equal 1 table_bits 0x" : " equal 0 table_bits 0x");
  console::print_hex(bits.tables);
  console::print(" output_bits 0x");
  console::print_hex(bits.outputs);
  console::print("\n");
}

bool report_case(std::uint32_t index, const board::FrontEndCase& tested, std::span<std::uint8_t> arena) {
  console::line("title ", index, " ", tested.name);
  sotto_front_end_sizes sizes;
  (void)sotto_front_end_measure(&tested.config, &sizes);
  if (sizes.arena_with_tables_bytes > arena.size()) return true;
  board::FrontEndBits bits;
  const sotto_front_end_error error = board::run_front_end_case(tested, arena, &bits);
  const Cost cost = measure_cost(tested.config, arena);
  console::line("case ", index, " error ", std::uint32_t{error}, " arena ", sizes.arena_bytes, " tables ",
                sizes.tables_bytes, " open ", cost.open, " frame ", cost.frame, " stack ", cost.stack);
  print_bits(index, bits == tested.bits, bits);
  return error == SOTTO_FRONT_END_OK && bits == tested.bits;
}

}  // namespace

int main() {
  console::line("counter exact ", std::uint32_t{instruction_counter::is_exact()});
  bool all_equal = true;
  std::uint32_t index = 0;
  for (const board::FrontEndCase& tested : board::front_end_cases()) {
    all_equal = report_case(index++, tested, board::arena()) && all_equal;
  }
  return all_equal ? 0 : kFailure;
}
