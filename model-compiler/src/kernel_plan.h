// What the compiler must know about each kernel of each set: how it wants its weights, the scratch it needs,
// and how far its writes run ahead of its reads. targets/<set>.cc hold the tables.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/window_gather.h"
#include "sotto/model_compiler/model_compiler.h"

namespace sotto::model_compiler {

struct KernelPlan {
  device::KernelKind kind;
  device::Layout layout;
  const char* symbol;  // of the sotto_kernel, for registration tables
  // When any byte of output pixel q is written, the kernel may still read the windows of pixels from q -
  // lag_pixels + 1 on. 0: a group of pixels is read before any of its outputs is written. For kernels without
  // pixels: of elements; kReadsEverything where inputs must outlive all writes.
  std::uint32_t lag_pixels;
  // Whether it honours `descending`.
  bool descends;
  // Scratch for these parameters; null: none.
  std::uint32_t (*scratch_bytes)(const void* parameters);
  // Weights in the kernel's layout, from plain ones; null: as they are.
  std::vector<std::int8_t> (*pack)(const void* parameters, std::span<const std::int8_t> weights);
};

// The members of a plan, from functions of a kernel's own parameters.
template <typename Parameters, std::uint64_t (*kBytes)(const Parameters&)>
std::uint32_t scratch_bytes_of(const void* parameters) {
  return static_cast<std::uint32_t>(kBytes(*static_cast<const Parameters*>(parameters)));
}
// Weights of a matrix: one row for each output channel, a column for each value that it is multiplied by.
using PackMatrix = std::vector<std::int8_t> (*)(std::uint32_t channels, std::uint32_t depth,
                                                std::span<const std::int8_t> weights);
template <PackMatrix kPack>
std::vector<std::int8_t> pack_convolution(const void* parameters, std::span<const std::int8_t> weights) {
  const auto& p = *static_cast<const device::ConvParameters*>(parameters);
  return kPack(p.output_channels, device::window_depth(p), weights);
}
template <PackMatrix kPack>
std::vector<std::int8_t> pack_fully_connected(const void* parameters, std::span<const std::int8_t> weights) {
  const auto& p = *static_cast<const device::FullyConnectedParameters*>(parameters);
  return kPack(p.output_depth, p.input_depth, weights);
}

inline constexpr std::uint32_t kReadsEverything = UINT32_MAX;

// The kernel that runs this kind on `target`; null when the set has none.
[[nodiscard]] const KernelPlan* find_kernel_plan(Target target, device::KernelKind kind);

}  // namespace sotto::model_compiler
