// An operator as its kernel's check sees it, for tests of what the check refuses; and the kernels that run
// here.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "sotto/device_runtime/kernels/avx2/avx2.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/cortex_m_dsp.h"
#include "targets/targets.h"

namespace sotto::device {

// Operands of any size, and constants anywhere in an image of zeros of which only the first 64 KiB are there
// to be read.
struct CheckedOperator {
  std::vector<std::uint64_t> image = std::vector<std::uint64_t>(1 << 13);
  std::uint32_t image_bytes = UINT32_MAX;
  std::vector<ImageOperand> operands;
  std::uint32_t input_count = 1, output_count = 1;
  std::uint32_t scratch_bytes = UINT32_MAX;

  template <typename Parameters>
  [[nodiscard]] bool is_sound(const sotto_kernel& kernel, const Parameters& p) {
    EXPECT_EQ(kernel.parameters_bytes, sizeof p);
    return check(kernel, &p);
  }
  [[nodiscard]] bool check(const sotto_kernel& kernel, const void* parameters) {
    return kernel.check(
        {bytes(), image_bytes, parameters, operands.data(), input_count, output_count, scratch_bytes});
  }
  [[nodiscard]] std::uint8_t* bytes() { return reinterpret_cast<std::uint8_t*>(image.data()); }
  template <typename T>
  void write(std::uint32_t offset, const std::vector<T>& values) {
    std::memcpy(bytes() + offset, values.data(), values.size() * sizeof(T));
  }
  // One after the other, inputs first; what a check looks at beyond them is there, and of no bytes.
  void set_operands(const std::vector<std::uint64_t>& sizes) {
    operands.clear();
    for (const std::uint64_t size : sizes)
      operands.push_back({0, static_cast<std::uint32_t>(size), Place::kArena});
    operands.resize(8);
  }
};

// A kernel with what the compiler knows about it.
struct Tested {
  const sotto_kernel* kernel;
  const model_compiler::KernelPlan* plan;
};

inline void PrintTo(const Tested& tested, std::ostream* stream) { *stream << tested.plan->symbol; }

inline std::string name_of(const testing::TestParamInfo<Tested>& info) { return info.param.plan->symbol; }

// Those of every set that runs on this machine.
inline std::vector<Tested> kernels_of(std::initializer_list<KernelKind> kinds) {
  std::vector<Tested> found;
  const auto add = [&](std::span<const model_compiler::KernelPlan> plans, const sotto_kernel_table& table) {
    for (const model_compiler::KernelPlan& plan : plans) {
      if (std::find(kinds.begin(), kinds.end(), plan.kind) == kinds.end()) continue;
      for (std::uint32_t i = 0; i < table.count; ++i) {
        const sotto_kernel& kernel = *table.kernels[i];
        if (kernel.kind == plan.kind && kernel.layout == plan.layout) found.push_back({&kernel, &plan});
      }
    }
  };
  add(model_compiler::portable_kernel_plans(), sotto_portable_kernels);
  add(model_compiler::cortex_m_dsp_kernel_plans(), sotto_cortex_m_dsp_kernels);
  if (avx2::is_supported()) add(model_compiler::host_kernel_plans(), sotto_avx2_kernels);
  return found;
}

// Where weights, biases, multipliers and shifts lie when a test does not care; only shifts are read.
inline constexpr std::uint32_t kWeights = 1 << 20, kBiases = 1 << 24, kMultipliers = 1 << 25,
                               kShifts = 1 << 12;

[[nodiscard]] inline std::uint32_t filled(std::uint32_t count, std::uint32_t group) {
  return (count + group - 1) / group * group;
}

// Biases, multipliers and shifts that the kernel reads at once, also behind the last one.
[[nodiscard]] inline std::uint32_t group_of(const Tested& tested) {
  return tested.kernel->layout == Layout::kCortexMDsp ? 4 : 1;
}

}  // namespace sotto::device
