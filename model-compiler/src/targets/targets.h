// Each set's table of kernels.
#pragma once

#include <span>

#include "kernel_plan.h"

namespace sotto::model_compiler {

[[nodiscard]] std::span<const KernelPlan> portable_kernel_plans();
[[nodiscard]] std::span<const KernelPlan> cortex_m_dsp_kernel_plans();
[[nodiscard]] std::span<const KernelPlan> helium_kernel_plans();
// For the machine that this runs on.
[[nodiscard]] std::span<const KernelPlan> host_kernel_plans();

}  // namespace sotto::model_compiler
