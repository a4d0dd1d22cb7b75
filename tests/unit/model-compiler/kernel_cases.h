// Random operators for one kernel: odd channel counts, strides, paddings, dilations, both requantisation
// ranges, both directions, apart from their input and over it. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "kernel_rig.h"

namespace sotto::device {

struct KernelCase {
  std::string what;
  PlacedOperator placed;
  std::vector<std::int8_t> expected;
};

// Makes the cases of `count` operators of the plan's kind, one or two each.
void for_each_case(const model_compiler::KernelPlan& plan, std::uint32_t seed, std::uint32_t count,
                   const std::function<void(const KernelCase&)>& visit);

// Runs them. An empty string when all outputs equal the reference's;
// otherwise the first operator that differs.
std::string find_difference(const sotto_kernel& kernel, const model_compiler::KernelPlan& plan,
                            std::uint32_t seed, std::uint32_t count);

}  // namespace sotto::device
