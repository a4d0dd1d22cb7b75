#include "tensor/axes.h"

#include <algorithm>

namespace sotto::model_compiler {

std::uint32_t element_count(std::span<const std::uint32_t> shape) {
  std::uint32_t count = 1;
  for (const std::uint32_t dimension : shape) count *= dimension;
  return count;
}

std::vector<std::int32_t> dense_strides(std::span<const std::uint32_t> shape) {
  std::vector<std::int32_t> strides(shape.size());
  std::int32_t stride = 1;
  for (std::size_t i = shape.size(); i-- != 0;) {
    strides[i] = stride;
    stride *= static_cast<std::int32_t>(shape[i]);
  }
  return strides;
}

std::vector<device::Axis> merged(std::span<const device::Axis> axes) {
  std::vector<device::Axis> result;
  for (const device::Axis& axis : axes) {
    if (axis.count == 1) continue;
    const auto steps_as_one = [&](int which) {
      return result.back().strides[which] == axis.strides[which] * static_cast<std::int32_t>(axis.count);
    };
    if (!result.empty() && steps_as_one(0) && steps_as_one(1)) {
      result.back() = {result.back().count * axis.count, {axis.strides[0], axis.strides[1]}};
    } else {
      result.push_back(axis);
    }
  }
  return result;
}

std::optional<Shape> broadcast(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  Shape result(std::max(a.size(), b.size()));
  for (std::size_t i = 1; i <= result.size(); ++i) {
    const std::uint32_t of_a = i <= a.size() ? a[a.size() - i] : 1;
    const std::uint32_t of_b = i <= b.size() ? b[b.size() - i] : 1;
    if (of_a != of_b && of_a != 1 && of_b != 1) return std::nullopt;
    result[result.size() - i] = std::max(of_a, of_b);
  }
  return result;
}

std::vector<device::Axis> broadcast_axes(std::span<const std::uint32_t> output,
                                         std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  std::vector<device::Axis> axes(output.size());
  for (std::size_t i = 0; i < output.size(); ++i) axes[i].count = output[i];
  const auto set_strides = [&](std::span<const std::uint32_t> shape, int which) {
    const std::vector<std::int32_t> strides = dense_strides(shape);
    const std::size_t absent = output.size() - shape.size();
    for (std::size_t i = 0; i < shape.size(); ++i)
      axes[absent + i].strides[which] = shape[i] == 1 ? 0 : strides[i];
  };
  set_strides(a, 0);
  set_strides(b, 1);
  std::vector<device::Axis> result = merged(axes);
  if (result.empty()) result.push_back({1, {0, 0}});
  return result;
}

std::optional<std::uint32_t> front_index(std::int64_t index, std::size_t rank) {
  if (index < 0) index += static_cast<std::int64_t>(rank);
  if (index < 0 || index >= static_cast<std::int64_t>(rank)) return std::nullopt;
  return static_cast<std::uint32_t>(index);
}

}  // namespace sotto::model_compiler
