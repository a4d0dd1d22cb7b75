// What the compiler must know about each kernel of each set: how it wants its weights, the scratch it needs,
// and how far its writes run ahead of its reads. targets/<set>.cc hold the tables.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sotto/device_runtime/kernels/kernels.h"
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

inline constexpr std::uint32_t kReadsEverything = UINT32_MAX;

// The kernel that runs this kind on `target`; null when the set has none.
[[nodiscard]] const KernelPlan* find_kernel_plan(Target target, device::KernelKind kind);

}  // namespace sotto::model_compiler
