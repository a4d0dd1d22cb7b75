// ADD of two tensors of one shape.
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::portable {
namespace {

bool check(const KernelCheck& check) { return add_is_sound(check); }

void run(const KernelCall& call) {
  const auto& p = call.as<AddParameters>();
  const std::int8_t* a = call.input(0);
  const std::int8_t* b = call.input(1);
  std::int8_t* out = call.output();
  const auto scaled = [&p](std::int32_t value, int i) {
    const std::int32_t shifted = wrapping_multiply(value - p.input_zero_point[i], 1 << p.left_shift);
    return rounding_divide_by_power_of_two(rounding_doubling_high_multiply(shifted, p.input_multiplier[i]),
                                           -p.input_shift[i]);
  };
  for (std::uint32_t i = 0; i < p.count; ++i) {
    const std::int32_t sum = wrapping_add(scaled(a[i], 0), scaled(b[i], 1));
    const std::int32_t value = rounding_divide_by_power_of_two(
        rounding_doubling_high_multiply(sum, p.output_multiplier), -p.output_shift);
    out[i] = clamp_to_int8(wrapping_add(value, p.output_zero_point), p.activation_min, p.activation_max);
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_add = {
    sotto::device::KernelKind::kAdd, sotto::device::Layout::kPlain, sizeof(sotto::device::AddParameters),
    sotto::device::portable::check, sotto::device::portable::run};
