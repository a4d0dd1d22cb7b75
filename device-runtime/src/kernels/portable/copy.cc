// What only moves bytes: RESHAPE and its kin. Planned in place it does nothing.
#include "kernels/copy_bytes.h"
#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device::portable {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<CopyParameters>();
  return check.has(1, 1) && check.input_bytes(0) == p.bytes && check.output_bytes() == p.bytes;
}

void run(const KernelCall& call) {
  if (call.input(0) != call.output())
    copy_bytes(call.output(), call.input(0), call.as<CopyParameters>().bytes);
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_copy = {
    sotto::device::KernelKind::kCopy, sotto::device::Layout::kPlain, sizeof(sotto::device::CopyParameters),
    sotto::device::portable::check, sotto::device::portable::run};
