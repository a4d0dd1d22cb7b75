// ARG_MAX and ARG_MIN: of equal values the first.
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"

namespace sotto::device::portable {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<ArgMaxParameters>();
  if (!check.has(1, 1) || p.axis == 0 || (p.index_bytes != 4 && p.index_bytes != 8) || p.of_minimum > 1)
    return false;
  const std::uint64_t outputs = std::uint64_t{p.outer} * p.inner;
  return outputs != 0 && outputs <= UINT32_MAX && outputs * p.axis == check.input_bytes(0) &&
         outputs * p.index_bytes == check.output_bytes();
}

std::uint32_t best_index(const ArgMaxParameters& p, const std::int8_t* in) {
  std::int32_t best = *in;
  std::uint32_t index = 0;
  for (std::uint32_t i = 1; i < p.axis; ++i) {
    const std::int32_t value = in[i * p.inner];
    if (p.of_minimum != 0 ? value < best : value > best) {
      best = value;
      index = i;
    }
  }
  return index;
}

void run(const KernelCall& call) {
  const auto& p = call.as<ArgMaxParameters>();
  auto* out = reinterpret_cast<std::uint32_t*>(call.output());
  for (std::uint32_t outer = 0; outer < p.outer; ++outer) {
    for (std::uint32_t inner = 0; inner < p.inner; ++inner) {
      *out++ = best_index(p, call.input(0) + outer * p.axis * p.inner + inner);
      if (p.index_bytes == 8) *out++ = 0;
    }
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_arg_max = {
    sotto::device::KernelKind::kArgMax, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ArgMaxParameters), sotto::device::portable::check, sotto::device::portable::run};
