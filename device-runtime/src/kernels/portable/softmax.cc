// SOFTMAX from int8 to int8 with scale 1/256 and zero point -128.
#include "kernels/portable/softmax_rows.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::portable {
namespace {

bool check(const KernelCheck& check) { return softmax_is_sound(check, sizeof(std::int8_t)); }

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_softmax = {
    sotto::device::KernelKind::kSoftmax, sotto::device::Layout::kPlain,
    sizeof(sotto::device::SoftmaxParameters), sotto::device::portable::check,
    sotto::device::portable::run_softmax<std::int8_t>};
