// SQUARED_DIFFERENCE.
#include "kernels/tensor/pairwise.h"

namespace sotto::device::portable {
namespace {

constexpr std::int32_t kLeftShift = 7;

bool check(const KernelCheck& check) {
  const auto& p = check.as<ElementwiseParameters>();
  const auto is_right = [](std::int8_t shift) { return shift >= -31 && shift <= 0; };
  return is_right(p.shifts[0]) && is_right(p.shifts[1]) && p.shifts[2] >= -31 && p.shifts[2] <= 30 &&
         pairs_are_sound(check);
}

std::int32_t apply(const ElementwiseParameters& p, std::int32_t a, std::int32_t b) {
  const auto scaled = [&p](std::int32_t value, int i) {
    return multiply_by_quantized_multiplier(value, p.multipliers[i], p.shifts[i]);
  };
  const std::int32_t difference =
      wrapping_add(scaled(a * (1 << kLeftShift), 0), -scaled(b * (1 << kLeftShift), 1));
  return scaled(wrapping_multiply(difference, difference), 2);
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_squared_difference = {
    sotto::device::KernelKind::kSquaredDifference, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ElementwiseParameters), sotto::device::portable::check,
    sotto::device::portable::run_pairs<sotto::device::portable::apply>};
