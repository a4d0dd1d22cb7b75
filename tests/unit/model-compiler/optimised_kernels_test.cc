// Every kernel with random cases against the reference. Those for Cortex-M run with their instructions in
// C++; on emulated boards tests/device runs the same cases.
#include <gtest/gtest.h>

#include "kernel_cases.h"
#include "sotto/device_runtime/kernels/avx2/avx2.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/cortex_m_dsp.h"
#include "targets/targets.h"

namespace sotto::device {
namespace {

constexpr std::uint32_t kCases = 400;

const sotto_kernel* find(const sotto_kernel_table& table, const model_compiler::KernelPlan& plan) {
  for (std::uint32_t i = 0; i < table.count; ++i) {
    if (table.kernels[i]->kind == plan.kind && table.kernels[i]->layout == plan.layout)
      return table.kernels[i];
  }
  return nullptr;
}

void expect_reference_outputs(std::span<const model_compiler::KernelPlan> plans,
                              const sotto_kernel_table& table) {
  for (const auto& plan : plans) {
    if (plan.kind == KernelKind::kCopy || plan.kind >= KernelKind::kSoftmax) continue;  // no random cases
    const sotto_kernel* kernel = find(table, plan);
    ASSERT_NE(kernel, nullptr) << plan.symbol;
    EXPECT_EQ(find_difference(*kernel, plan, 1, kCases), "");
  }
}

TEST(PortableKernels, EqualTheReferenceOnRandomOperators) {
  expect_reference_outputs(model_compiler::portable_kernel_plans(), sotto_portable_kernels);
}

TEST(CortexMDspKernels, EqualTheReferenceOnRandomOperators) {
  expect_reference_outputs(model_compiler::cortex_m_dsp_kernel_plans(), sotto_cortex_m_dsp_kernels);
}

TEST(HostKernels, EqualTheReferenceOnRandomOperators) {
  if (!avx2::is_supported()) GTEST_SKIP() << "this processor has no AVX2";
  expect_reference_outputs(model_compiler::host_kernel_plans(), sotto_avx2_kernels);
}

TEST(KernelCases, FindWeightsInTheWrongOrder) {
  for (auto plan : model_compiler::cortex_m_dsp_kernel_plans()) {
    if (plan.kind != KernelKind::kDepthwiseConv2d) continue;
    plan.pack = [](const void*, std::span<const std::int8_t> weights) {
      return std::vector<std::int8_t>(weights.size() * 16, 1);
    };
    EXPECT_NE(find_difference(sotto_cortex_m_dsp_depthwise_conv_2d, plan, 1, 50), "");
  }
}

}  // namespace
}  // namespace sotto::device
