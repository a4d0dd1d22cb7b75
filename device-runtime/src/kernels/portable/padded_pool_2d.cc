// AVERAGE_POOL_2D and MAX_POOL_2D behind a PAD: taps outside the input count, as what they were padded with.
#include "kernels/portable/pool_windows.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::portable {
namespace {

bool check(const KernelCheck& check) { return pool_is_sound(check, check.as<PaddedPoolParameters>().pool); }

void run_average(const KernelCall& call) {
  const auto& p = call.as<PaddedPoolParameters>();
  const std::int32_t count = std::int32_t{p.pool.filter_height} * p.pool.filter_width;
  run_pool(call, p.pool, [&p, count](const Taps& taps, std::uint32_t channel) {
    const std::int32_t outside = count - static_cast<std::int32_t>(taps.rows * taps.columns);
    return rounded_quotient(sum_of(taps, channel) + outside * p.value, count);
  });
}

void run_maximum(const KernelCall& call) {
  const auto& p = call.as<PaddedPoolParameters>();
  const std::uint32_t count = std::uint32_t{p.pool.filter_height} * p.pool.filter_width;
  run_pool(call, p.pool, [&p, count](const Taps& taps, std::uint32_t channel) {
    return maximum_of(taps, channel, taps.rows * taps.columns == count ? INT8_MIN : p.value);
  });
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_padded_average_pool_2d = {
    sotto::device::KernelKind::kPaddedAveragePool2d, sotto::device::Layout::kPlain,
    sizeof(sotto::device::PaddedPoolParameters), sotto::device::portable::check,
    sotto::device::portable::run_average};

extern "C" constinit const sotto_kernel sotto_portable_padded_max_pool_2d = {
    sotto::device::KernelKind::kPaddedMaxPool2d, sotto::device::Layout::kPlain,
    sizeof(sotto::device::PaddedPoolParameters), sotto::device::portable::check,
    sotto::device::portable::run_maximum};
