// Firmware that trains the heads of head_cases.h on the model in the slot
// and reports what each needs and costs.
//
//   head_runner
//
// It prints, one fact a line:
//   counter exact E
//   title I NAME
//   case I error E memory N step N remember N apply N stack N
//   bits I equal E parameters H kept H outputs H round H
// step, remember and apply are instructions, of one example each, the replay being full. Bits are CRC-32,
// equal those of the host. A case whose memory the board does not have is left out.
#include <cstdint>
#include <span>

#include "board.h"
#include "console.h"
#include "head_cases.h"
#include "instruction_counter.h"
#include "kernels.h"
#include "painted_stack.h"
#include "sotto/device_runtime/sotto_device.h"

namespace {

using namespace sotto;

constexpr int kFailure = 1;

struct Cost {
  std::uint32_t step = 0;
  std::uint32_t remember = 0;
  std::uint32_t apply = 0;
  std::uint32_t stack = 0;
};

// Instructions of a call.
template <typename Call>
std::uint32_t instructions_of(Call call) {
  const std::uint32_t start = instruction_counter::now();
  const sotto_head_error error = call();
  const std::uint32_t end = instruction_counter::now();
  return error == SOTTO_HEAD_OK ? instruction_counter::between(start, end) : UINT32_MAX;
}

Cost measure_cost(const board::HeadCase& tested, sotto_model* model, std::span<std::uint8_t> memory) {
  Cost cost;
  sotto_head* head = nullptr;
  board::HeadExamples examples;
  std::uint8_t label = 1;
  const bool learns_labels = tested.options.loss != SOTTO_LOSS_SQUARED;
  const void* target = learns_labels ? static_cast<const void*>(&label) : examples.targets();
  painted_stack::paint();
  if (sotto_head_open(model, &tested.options, 1, memory.data(), memory.size(), &head) != SOTTO_HEAD_OK ||
      sotto_head_set_rates(head, &tested.rates) != SOTTO_HEAD_OK)
    return cost;
  for (std::uint32_t i = 0; i <= tested.options.replay_samples; ++i) {
    examples.next(label = static_cast<std::uint8_t>(i % board::kHeadClasses));
    cost.remember = instructions_of([&] { return sotto_head_remember(head, examples.features(), target); });
  }
  if (tested.options.batch == 1) {
    cost.step = instructions_of([&] { return sotto_head_step(head, examples.features(), target, nullptr); });
  } else {
    cost.step = instructions_of([&] { return sotto_head_train(head, 1, nullptr); }) / tested.options.batch;
  }
  cost.apply = instructions_of([&] { return sotto_head_apply(head); });
  sotto_head_withdraw(head);
  cost.stack = painted_stack::used_bytes_below(painted_stack::stack_pointer());
  return cost;
}

void print_bits(std::uint32_t index, bool equal, const board::HeadBits& bits) {
  console::print("bits ");
  console::print(index);
  console::print(equal ? " equal 1 parameters 0x" : " equal 0 parameters 0x");
  console::print_hex(bits.parameters);
  console::print(" kept 0x");
  console::print_hex(bits.kept);
  console::print(" outputs 0x");
  console::print_hex(bits.outputs);
  console::print(" round 0x");
  console::print_hex(bits.round);
  console::print("\n");
}

bool report_case(std::uint32_t index, const board::HeadCase& tested, sotto_model* model,
                 std::span<std::uint8_t> memory) {
  console::line("title ", index, " ", tested.name);
  const auto slot = board::model_slot();
  sotto_head_sizes sizes;
  if (sotto_head_measure(slot.data(), slot.size(), &tested.options, &sizes) != SOTTO_HEAD_OK) return false;
  if (2 * sizes.bytes > memory.size()) return true;
  const Cost cost = measure_cost(tested, model, memory);
  board::HeadBits bits;
  const sotto_head_error error = board::run_head_case(tested, model, memory, &bits);
  console::line("case ", index, " error ", std::uint32_t{error}, " memory ", sizes.bytes, " step ", cost.step,
                " remember ", cost.remember, " apply ", cost.apply, " stack ", cost.stack);
  print_bits(index, bits == tested.bits, bits);
  return error == SOTTO_HEAD_OK && bits == tested.bits;
}

}  // namespace

int main() {
  console::line("counter exact ", std::uint32_t{instruction_counter::is_exact()});
  const auto slot = board::model_slot();
  auto arena = board::arena();
  sotto_model* model = nullptr;
  const sotto_error error =
      sotto_model_open(slot.data(), slot.size(), arena.data(), arena.size(), &board::kKernels, &model);
  if (error != SOTTO_OK) {
    console::line("failed because ", sotto_error_text(error));
    return kFailure;
  }
  // What the model does not need is the heads'.
  const std::uint32_t used = sotto_image_arena_bytes(slot.data(), slot.size());
  const auto memory = arena.subspan((used + SOTTO_ALIGNMENT - 1) / SOTTO_ALIGNMENT * SOTTO_ALIGNMENT);
  bool all_equal = true;
  std::uint32_t index = 0;
  for (const board::HeadCase& tested : board::head_cases())
    all_equal = report_case(index++, tested, model, memory) && all_equal;
  return all_equal ? 0 : kFailure;
}
