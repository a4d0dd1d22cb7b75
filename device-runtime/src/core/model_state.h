// What an open model keeps in RAM: a few pointers, at the start of the arena.
#pragma once

#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/model_image.h"
#include "sotto/device_runtime/sotto_device.h"

struct sotto_model {
  const std::uint8_t* image;
  std::uint8_t* activations;
  const sotto_kernel_table* kernels;
  const sotto_profiler* profiler;
  // Run instead of the image's head, when not null: FullyConnectedParameters whose offsets are from there.
  const std::uint8_t* head_layer;
  // Run instead of the biases of the image's head, when not null.
  const std::int32_t* head_biases;

  [[nodiscard]] bool is_trained() const { return head_layer != nullptr || head_biases != nullptr; }

  [[nodiscard]] const sotto::device::ImageHeader& header() const {
    return *reinterpret_cast<const sotto::device::ImageHeader*>(image);
  }
  [[nodiscard]] const sotto::device::ImageOperator* operators() const {
    return reinterpret_cast<const sotto::device::ImageOperator*>(image + header().operators);
  }
  [[nodiscard]] const sotto::device::ImageTensor* tensors() const {
    return reinterpret_cast<const sotto::device::ImageTensor*>(image + header().tensors);
  }
};
static_assert(sizeof(sotto_model) <= sotto::device::kStateBytes);
static_assert(sotto::device::kStateBytes % SOTTO_ALIGNMENT == 0);

namespace sotto::device {

// The table's kernel for an operator, or null.
[[nodiscard]] const sotto_kernel* find_kernel(const sotto_kernel_table& table, const ImageOperator& record);

}  // namespace sotto::device
