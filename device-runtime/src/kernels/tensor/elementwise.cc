// ADD, SUB, MUL, MAXIMUM, MINIMUM and PRELU of two tensors that broadcast.
#include "kernels/tensor/pairwise.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/requantize.h"
#include "sotto/device_runtime/kernels/tensor/strided_loop.h"

namespace sotto::device::portable {
namespace {

constexpr std::int32_t kAddLeftShift = 20;

bool shift_is_sound(std::int8_t shift, ElementwiseOperation operation) {
  return shift >= -31 && shift <= (operation == ElementwiseOperation::kAdd ? 0 : 30);
}

bool check(const KernelCheck& check) {
  const auto& p = check.as<ElementwiseParameters>();
  if (p.operation < ElementwiseOperation::kAdd || p.operation > ElementwiseOperation::kPrelu) return false;
  for (const std::int8_t shift : p.shifts) {
    if (!shift_is_sound(shift, p.operation)) return false;
  }
  return pairs_are_sound(check);
}

template <ElementwiseOperation kOperation>
std::int32_t apply(const ElementwiseParameters& p, std::int32_t a, std::int32_t b) {
  if constexpr (kOperation == ElementwiseOperation::kMaximum) return a > b ? a : b;
  if constexpr (kOperation == ElementwiseOperation::kMinimum) return a < b ? a : b;
  const auto scaled = [&p](std::int32_t value, int i) {
    return multiply_by_quantized_multiplier(value, p.multipliers[i], p.shifts[i]);
  };
  a -= p.input_zero_points[0];
  b -= p.input_zero_points[1];
  std::int32_t result;
  if constexpr (kOperation == ElementwiseOperation::kAdd) {
    result =
        scaled(wrapping_add(scaled(a * (1 << kAddLeftShift), 0), scaled(b * (1 << kAddLeftShift), 1)), 2);
  } else if constexpr (kOperation == ElementwiseOperation::kMultiply) {
    result = scaled(a * b, 2);
  } else {
    result = a >= 0 ? scaled(a, 0) : scaled(a * b, 1);
  }
  return wrapping_add(result, p.output_zero_point);
}

// The innermost axis is a plain loop.
template <ElementwiseOperation kOperation>
void run_as(const KernelCall& call) {
  const auto& p = call.as<ElementwiseParameters>();
  const Axis& innermost = p.axes[p.rank - 1];
  StridedLoop loop(p.axes, p.rank - 1u);
  std::int8_t* out = call.output();
  do {
    const std::int8_t* a = call.input(0) + loop.offset(0);
    const std::int8_t* b = call.input(1) + loop.offset(1);
    for (std::uint32_t i = 0; i < innermost.count; ++i) {
      *out++ = clamp_to_int8(apply<kOperation>(p, *a, *b), p.activation_min, p.activation_max);
      a += innermost.strides[0];
      b += innermost.strides[1];
    }
  } while (loop.next());
}

void run(const KernelCall& call) {
  switch (call.as<ElementwiseParameters>().operation) {
    case ElementwiseOperation::kAdd:
      return run_as<ElementwiseOperation::kAdd>(call);
    case ElementwiseOperation::kMultiply:
      return run_as<ElementwiseOperation::kMultiply>(call);
    case ElementwiseOperation::kMaximum:
      return run_as<ElementwiseOperation::kMaximum>(call);
    case ElementwiseOperation::kMinimum:
      return run_as<ElementwiseOperation::kMinimum>(call);
    case ElementwiseOperation::kPrelu:
      return run_as<ElementwiseOperation::kPrelu>(call);
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_elementwise = {
    sotto::device::KernelKind::kElementwise, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ElementwiseParameters), sotto::device::portable::check,
    sotto::device::portable::run};
