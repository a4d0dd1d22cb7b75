// Functions of one byte, as tables that the compiler has filled.
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"

namespace sotto::device::portable {
namespace {

constexpr std::uint32_t kTableBytes = 256;

bool check(const KernelCheck& check) {
  const auto& p = check.as<LookupParameters>();
  return check.has(1, 1) && check.input_bytes(0) == p.count && check.output_bytes() == p.count &&
         check.constant_fits(p.table, kTableBytes);
}

void run(const KernelCall& call) {
  const auto& p = call.as<LookupParameters>();
  const auto* table = call.constant<std::int8_t>(p.table);
  const std::int8_t* in = call.input(0);
  std::int8_t* out = call.output();
  for (std::uint32_t i = 0; i < p.count; ++i) out[i] = table[static_cast<std::uint8_t>(in[i])];
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_lookup = {
    sotto::device::KernelKind::kLookup, sotto::device::Layout::kPlain,
    sizeof(sotto::device::LookupParameters), sotto::device::portable::check, sotto::device::portable::run};
