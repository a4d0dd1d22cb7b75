// The Cortex-M DSP kernels, with their instructions in plain C++; on emulated boards tests/device runs the same cases.
#include <gtest/gtest.h>

#include "compiler/targets/targets.h"
#include "kernel_cases.h"
#include "kernels/cortex_m_dsp/cortex_m_dsp.h"

namespace sotto::device {
namespace {

class CortexMDspKernels : public testing::TestWithParam<const sotto_kernel*> {};

TEST_P(CortexMDspKernels, EqualTheReferenceOnRandomOperators) {
  for (const auto& plan : model_compiler::cortex_m_dsp_kernel_plans()) {
    if (plan.kind != GetParam()->kind) continue;
    EXPECT_EQ(find_difference({GetParam(), &plan}, 1, 400), "");
    return;
  }
  FAIL() << "the compiler does not know this kernel";
}

TEST(KernelCases, FindWeightsInTheWrongOrder) {
  for (auto plan : model_compiler::cortex_m_dsp_kernel_plans()) {
    if (plan.kind != KernelKind::kDepthwiseConv2d) continue;
    plan.pack = [](const void*, std::span<const std::int8_t> weights) {
      return std::vector<std::int8_t>(weights.size() * 16, 1);
    };
    EXPECT_NE(find_difference({&sotto_cortex_m_dsp_depthwise_conv_2d, &plan}, 1, 50), "");
  }
}

INSTANTIATE_TEST_SUITE_P(All, CortexMDspKernels,
                         testing::Values(&sotto_cortex_m_dsp_conv_2d, &sotto_cortex_m_dsp_pointwise_conv_2d,
                                         &sotto_cortex_m_dsp_depthwise_conv_2d,
                                         &sotto_cortex_m_dsp_fully_connected, &sotto_cortex_m_dsp_add));

}  // namespace
}  // namespace sotto::device
