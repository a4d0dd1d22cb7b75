// Shapes and axes as loops over strides, as few as they can be.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"

namespace sotto::model_compiler {

using Shape = std::vector<std::uint32_t>;

[[nodiscard]] std::uint32_t element_count(std::span<const std::uint32_t> shape);

// Of a dense tensor, in elements.
[[nodiscard]] std::vector<std::int32_t> dense_strides(std::span<const std::uint32_t> shape);

// Without axes of one step, and with neighbours joined that step as one. Empty for a single element.
[[nodiscard]] std::vector<device::Axis> merged(std::span<const device::Axis> axes);

// The shape of both inputs broadcast against each other (numpy's rules); nothing when they do not fit.
[[nodiscard]] std::optional<Shape> broadcast(std::span<const std::uint32_t> a,
                                             std::span<const std::uint32_t> b);

// The loops over `output` that read two inputs broadcast to it, merged;
// at least one. Requires that broadcast() gave `output`.
[[nodiscard]] std::vector<device::Axis> broadcast_axes(std::span<const std::uint32_t> output,
                                                       std::span<const std::uint32_t> a,
                                                       std::span<const std::uint32_t> b);

// An index of [-rank, rank) counted from the front; nothing when it is outside.
[[nodiscard]] std::optional<std::uint32_t> front_index(std::int64_t index, std::size_t rank);

}  // namespace sotto::model_compiler
