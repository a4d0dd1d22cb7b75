// 1 / sqrt(x) of an integer, with the rounding of the .tflite reference kernels.
#pragma once

#include <bit>
#include <cstdint>

#include "sotto/device_runtime/kernels/fixed_point.h"

namespace sotto::device {

// 1 / sqrt(x) = multiplier * 2^(shift - 31).
struct InverseRoot {
  std::int32_t multiplier, shift;
};

// Requires x >= 0; 0 counts as 1. Five Newton-Raphson steps from 1, in Q3.28.
[[nodiscard]] constexpr InverseRoot inverse_root(std::int32_t x) {
  constexpr std::int32_t kOne = 1 << 28;
  constexpr std::int32_t kThreeHalves = (1 << 28) + (1 << 27);
  constexpr std::int32_t kHalfRootOfTwo = 1518500250;  // Q0.31
  if (x <= 1) return {INT32_MAX, 0};
  std::int32_t right_shift = 11;
  for (; x >= 1 << 29; ++right_shift) x /= 4;
  const std::int32_t pairs = (std::countl_zero(static_cast<std::uint32_t>(x)) - 1) / 2 - 1;
  right_shift -= pairs;
  x <<= 2 * pairs;  // in [2^27, 2^29)
  const std::int32_t half = rounding_divide_by_power_of_two(x >> 1, 1);
  std::int32_t root = kOne;
  for (int step = 0; step < 5; ++step) {
    const std::int32_t square = rounding_doubling_high_multiply(root, root);
    const std::int32_t cube = saturating_shift_left(rounding_doubling_high_multiply(square, root), 6);
    const std::int32_t difference = wrapping_add(rounding_doubling_high_multiply(kThreeHalves, root),
                                                 -rounding_doubling_high_multiply(half, cube));
    root = saturating_shift_left(difference, 3);
  }
  root = rounding_doubling_high_multiply(root, kHalfRootOfTwo);
  if (right_shift < 0) return {root << -right_shift, 0};
  return {root, -right_shift};
}

}  // namespace sotto::device
