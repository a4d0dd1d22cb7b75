// AVERAGE_POOL_2D and MAX_POOL_2D: each channel of each output pixel over the taps that lie inside the input.
#include "kernels/portable/pool_windows.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::portable {
namespace {

std::int32_t average(const Taps& taps, std::uint32_t channel) {
  return rounded_quotient(sum_of(taps, channel), static_cast<std::int32_t>(taps.rows * taps.columns));
}

std::int32_t maximum(const Taps& taps, std::uint32_t channel) { return maximum_of(taps, channel, INT8_MIN); }

template <std::int32_t (*kOfTaps)(const Taps&, std::uint32_t)>
void run(const KernelCall& call) {
  run_pool(call, call.as<PoolParameters>(), kOfTaps);
}

bool check(const KernelCheck& check) { return pool_is_sound(check, check.as<PoolParameters>()); }

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_average_pool_2d = {
    sotto::device::KernelKind::kAveragePool2d, sotto::device::Layout::kPlain,
    sizeof(sotto::device::PoolParameters), sotto::device::portable::check,
    sotto::device::portable::run<sotto::device::portable::average>};

extern "C" constinit const sotto_kernel sotto_portable_max_pool_2d = {
    sotto::device::KernelKind::kMaxPool2d, sotto::device::Layout::kPlain,
    sizeof(sotto::device::PoolParameters), sotto::device::portable::check,
    sotto::device::portable::run<sotto::device::portable::maximum>};
