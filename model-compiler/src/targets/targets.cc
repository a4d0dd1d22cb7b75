#include "targets/targets.h"

namespace sotto::model_compiler {
namespace {

const KernelPlan* find_in(std::span<const KernelPlan> plans, device::KernelKind kind) {
  for (const KernelPlan& plan : plans) {
    if (plan.kind == kind) return &plan;
  }
  return nullptr;
}

// A target's own kernels; what it lacks the portable ones do.
std::span<const KernelPlan> own_kernel_plans(Target target) {
  switch (target) {
    case Target::kPortable:
      return portable_kernel_plans();
    case Target::kHelium:
      return helium_kernel_plans();
    case Target::kHost:
      return host_kernel_plans();
    case Target::kCortexMDsp:
      return cortex_m_dsp_kernel_plans();
  }
  return {};
}

}  // namespace

const KernelPlan* find_kernel_plan(Target target, device::KernelKind kind) {
  const KernelPlan* own = find_in(own_kernel_plans(target), kind);
  return own != nullptr ? own : find_in(portable_kernel_plans(), kind);
}

}  // namespace sotto::model_compiler
