// Random operators for one kernel: odd channel counts, strides, paddings, dilations, both requantisation ranges,
// both directions, apart from their input and over it. Everything follows from the seed.
#pragma once

#include <cstdint>
#include <string>

#include "kernel_rig.h"

namespace sotto::device {

// Runs `count` random operators of the kernel's kind. An empty string when all outputs equal the reference's; otherwise
// the first operator that differs.
std::string find_difference(const KernelUnderTest& under_test, std::uint32_t seed, std::uint32_t count);

}  // namespace sotto::device
