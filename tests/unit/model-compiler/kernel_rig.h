// One operator laid out as the runtime would have it, image and arena, for running a single kernel between
// guard bytes. Unit tests run it here; write_kernel_cases.cc writes it to a file for boards.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernel_plan.h"
#include "kernel_reference.h"

namespace sotto::device {

// An operator in its place. `image` and `arena` begin on 16-byte boundaries when it runs.
struct PlacedOperator {
  std::vector<std::uint8_t> parameters;  // the struct of its kind
  std::vector<std::uint8_t> image;       // constants
  std::vector<std::uint8_t> arena;       // inputs, room for output and scratch, guards
  std::vector<ImageOperand> operands;    // inputs, then the output
  std::uint32_t scratch = 0, scratch_bytes = 0;
  std::vector<std::uint32_t> guards;  // kGuardBytes each, in the arena, that must keep kGuard
};
inline constexpr std::uint32_t kGuardBytes = 16;
inline constexpr std::uint8_t kGuard = 0xA5;

// Room for one operator of a kernel.
class KernelRig {
 public:
  explicit KernelRig(const model_compiler::KernelPlan& plan) : plan_(plan) {}

  // Writes constants in the kernel's layout and points `p` at them.
  template <typename Parameters>
  void add_constants(Parameters& p, const reference::Constants& constants) {
    const std::vector<std::int8_t> packed =
        plan_.pack != nullptr ? plan_.pack(&p, constants.weights) : constants.weights;
    p.weights = append(packed.data(), packed.size());
    p.requantization.biases = append(constants.biases.data(), constants.biases.size() * 4);
    p.requantization.multipliers = append(constants.multipliers.data(), constants.multipliers.size() * 4);
    p.requantization.shifts = append(constants.shifts.data(), constants.shifts.size());
  }

  // Each tensor apart from the others, or the first input that far above the output.
  template <typename Parameters>
  PlacedOperator place(const Parameters& p, std::span<const std::span<const std::int8_t>> inputs,
                       std::uint32_t output_bytes,
                       std::optional<std::int64_t> input_above_output = {}) const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&p);
    return place_tensors({bytes, bytes + sizeof p}, inputs, output_bytes, input_above_output);
  }

 private:
  std::uint32_t append(const void* bytes, std::size_t count);
  PlacedOperator place_tensors(std::vector<std::uint8_t> parameters,
                               std::span<const std::span<const std::int8_t>> inputs,
                               std::uint32_t output_bytes,
                               std::optional<std::int64_t> input_above_output) const;

  const model_compiler::KernelPlan& plan_;
  std::vector<std::uint8_t> image_ = std::vector<std::uint8_t>(16);
};

// The kernel's output; nothing when it refuses the parameters or writes where it must not.
std::optional<std::vector<std::int8_t>> run(const sotto_kernel& kernel, const PlacedOperator& placed);

}  // namespace sotto::device
