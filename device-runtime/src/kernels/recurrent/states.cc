// What a model remembers before its first run. Opening an image and sotto_model_reset() run it; invoking does
// not.
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/recurrent/recurrent_operators.h"

namespace sotto::device::recurrent {
namespace {

bool check(const KernelCheck& check) {
  const std::uint32_t count = check.as<StatesParameters>().count;
  if (!check.has(count, count)) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (check.input_bytes(i) != 1 && check.input_bytes(i) != check.output_bytes(i)) return false;
  }
  return true;
}

void run(const KernelCall& call) {
  for (std::uint32_t i = 0; i < call.as<StatesParameters>().count; ++i) {
    const std::int8_t* value = call.input(i);
    const std::uint32_t step = call.operands[i].bytes == 1 ? 0 : 1;
    std::int8_t* to = call.output(i);
    for (std::uint32_t left = call.operands[call.input_count + i].bytes; left != 0; --left, value += step)
      *to++ = *value;
  }
}

}  // namespace
}  // namespace sotto::device::recurrent

extern "C" constinit const sotto_kernel sotto_portable_states = {
    sotto::device::KernelKind::kStates, sotto::device::Layout::kPlain,
    sizeof(sotto::device::StatesParameters), sotto::device::recurrent::check, sotto::device::recurrent::run};
