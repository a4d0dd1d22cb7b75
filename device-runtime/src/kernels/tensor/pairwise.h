// Kernels of two int8 tensors that broadcast, with a function of their own.
#pragma once

#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/requantize.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"
#include "sotto/device_runtime/kernels/tensor/strided_loop.h"

namespace sotto::device::portable {

// All but the shifts.
inline bool pairs_are_sound(const KernelCheck& check) {
  const auto& p = check.as<ElementwiseParameters>();
  if (!check.has(2, 1) || p.rank == 0 || p.rank > kImageRankMax || p.activation_min > p.activation_max)
    return false;
  const std::uint64_t count = position_count(p.axes, p.rank, check.output_bytes());
  return count != 0 && count == check.output_bytes() &&
         stays_inside(p.axes, p.rank, 0, 0, check.input_bytes(0)) &&
         stays_inside(p.axes, p.rank, 1, 0, check.input_bytes(1));
}

// kApply gives an element without the output's zero point from two without theirs.
template <std::int32_t (*kApply)(const ElementwiseParameters&, std::int32_t, std::int32_t)>
void run_pairs(const KernelCall& call) {
  const auto& p = call.as<ElementwiseParameters>();
  const Axis& innermost = p.axes[p.rank - 1];
  StridedLoop loop(p.axes, p.rank - 1u);
  std::int8_t* out = call.output();
  do {
    const std::int8_t* a = call.input(0) + loop.offset(0);
    const std::int8_t* b = call.input(1) + loop.offset(1);
    for (std::uint32_t i = 0; i < innermost.count; ++i) {
      const std::int32_t value = kApply(p, *a - p.input_zero_points[0], *b - p.input_zero_points[1]);
      *out++ = clamp_to_int8(wrapping_add(value, p.output_zero_point), p.activation_min, p.activation_max);
      a += innermost.strides[0];
      b += innermost.strides[1];
    }
  } while (loop.next());
}

}  // namespace sotto::device::portable
