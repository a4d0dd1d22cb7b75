#include "tflite/quantization_checks.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>

namespace sotto::model_compiler {
namespace {

struct ValueRange {
  std::int64_t min, max;
};

template <typename T>
constexpr ValueRange range_of() {
  return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}

ValueRange values_of(TensorType type) {
  switch (type) {
    case TensorType::kInt8:
      return range_of<std::int8_t>();
    case TensorType::kUint8:
      return range_of<std::uint8_t>();
    case TensorType::kInt16:
      return range_of<std::int16_t>();
    case TensorType::kInt32:
      return range_of<std::int32_t>();
    default:
      return range_of<std::int64_t>();
  }
}

Status check_counts(const Tensor& tensor) {
  const Quantization& q = tensor.quantization;
  if (!q.zero_points.empty() && !q.scales.empty() && q.zero_points.size() != q.scales.size()) {
    return invalid_argument(
        fmt::format("it has {} scales and {} zero points", q.scales.size(), q.zero_points.size()));
  }
  if (q.scales.size() < 2) return {};
  // Old converters give a bias the dimension of its weights.
  const std::int32_t dimension = tensor.shape.size() == 1 ? 0 : q.dimension;
  if (dimension < 0 || static_cast<std::size_t>(dimension) >= tensor.shape.size())
    return invalid_argument(fmt::format("its scales are for dimension {}, which it has not", dimension));
  const std::uint32_t size = tensor.shape[static_cast<std::size_t>(dimension)];
  if (q.scales.size() == size) return {};
  return invalid_argument(
      fmt::format("it has {} scales for dimension {} of {}", q.scales.size(), dimension, size));
}

}  // namespace

Status check_quantization(const Tensor& tensor) {
  const Quantization& q = tensor.quantization;
  SOTTO_RETURN_IF_ERROR(check_counts(tensor));
  for (std::uint32_t i = 0; i < q.scales.size(); ++i) {
    if (!(q.scales[i] >= 0) || !std::isfinite(q.scales[i]))
      return invalid_argument(fmt::format("its scale {} is no number from 0 on", i));
  }
  const ValueRange values = values_of(tensor.type);
  for (std::uint32_t i = 0; i < q.zero_points.size(); ++i) {
    if (q.zero_points[i] < values.min || q.zero_points[i] > values.max) {
      return invalid_argument(fmt::format("its zero point {} is {}, which is no value of {}", i,
                                          q.zero_points[i], tensor_type_name(tensor.type)));
    }
  }
  return {};
}

}  // namespace sotto::model_compiler
