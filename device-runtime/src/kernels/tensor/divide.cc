// DIV. What is divided by 0 is the least or the greatest value; 0 by 0 is 0.
#include <bit>

#include "kernels/tensor/pairwise.h"
#include "sotto/device_runtime/kernels/fixed_point.h"

namespace sotto::device::portable {
namespace {

constexpr std::int32_t kShiftMax = 20;  // so that every quotient is shifted to the right

bool check(const KernelCheck& check) {
  const auto& p = check.as<ElementwiseParameters>();
  return p.shifts[2] >= -31 && p.shifts[2] <= kShiftMax && pairs_are_sound(check);
}

std::int32_t apply(const ElementwiseParameters& p, std::int32_t a, std::int32_t b) {
  if (b == 0) return a == 0 ? 0 : (a < 0 ? INT16_MIN : INT16_MAX);
  if (b < 0) {
    a = -a;
    b = -b;
  }
  const Reciprocal inverse = reciprocal(b, 31);
  const std::int32_t headroom = std::countl_zero(static_cast<std::uint32_t>(a ^ a >> 31)) - 1;
  const std::int32_t quotient = rounding_doubling_high_multiply(a * (1 << headroom), inverse.value);
  const std::int32_t right_shift = inverse.exponent + headroom - p.shifts[2];
  if (right_shift > 31) return 0;
  return rounding_divide_by_power_of_two(rounding_doubling_high_multiply(quotient, p.multipliers[2]),
                                         right_shift);
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_divide = {
    sotto::device::KernelKind::kDivide, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ElementwiseParameters), sotto::device::portable::check,
    sotto::device::portable::run_pairs<sotto::device::portable::apply>};
