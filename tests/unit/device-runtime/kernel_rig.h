// Runs one kernel as the runtime would, on parameters, constants and inputs of the test's choice, between guard
// bytes. Used by the unit tests and, on emulated boards, by the same tests' firmware.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "compiler/kernel_plan.h"
#include "kernel_reference.h"

namespace sotto::device {

// A kernel, and how the compiler feeds it.
struct KernelUnderTest {
  const sotto_kernel* kernel;
  const model_compiler::KernelPlan* plan;
};

// Room for one operator: an image with its constants, and an arena.
class KernelRig {
 public:
  explicit KernelRig(const KernelUnderTest& under_test) : under_test_(under_test) {}

  // Writes constants in the kernel's layout and points `p` at them.
  template <typename Parameters>
  void place(Parameters& p, const reference::Constants& constants) {
    const std::vector<std::int8_t> packed =
        under_test_.plan->pack != nullptr ? under_test_.plan->pack(&p, constants.weights) : constants.weights;
    p.weights = append(packed.data(), packed.size());
    p.requantization.biases = append(constants.biases.data(), constants.biases.size() * 4);
    p.requantization.multipliers = append(constants.multipliers.data(), constants.multipliers.size() * 4);
    p.requantization.shifts = append(constants.shifts.data(), constants.shifts.size());
  }

  // The kernel's output; nothing when it refuses the parameters or writes where it must not. With `overlap_bytes` the
  // output begins that far below the first input, otherwise apart from it.
  std::optional<std::vector<std::int8_t>> run(const void* parameters,
                                              std::span<const std::span<const std::int8_t>> inputs,
                                              std::uint32_t output_bytes,
                                              std::optional<std::int64_t> input_above_output = {});

 private:
  std::uint32_t append(const void* bytes, std::size_t count);

  KernelUnderTest under_test_;
  std::vector<std::uint8_t> image_ = std::vector<std::uint8_t>(16);
};

}  // namespace sotto::device
