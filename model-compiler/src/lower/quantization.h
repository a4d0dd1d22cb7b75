// From real scales to the integers that kernels multiply by, with the arithmetic of the .tflite reference
// kernels, so that every result is the same to the bit.
#pragma once

#include <cstdint>
#include <optional>

#include "sotto/base/result.h"
#include "tflite/graph.h"
#include "tflite/schema.h"

namespace sotto::model_compiler {

[[nodiscard]] inline float scale_of(const Tensor& tensor) { return tensor.quantization.scales[0]; }
[[nodiscard]] inline std::int32_t zero_point_of(const Tensor& tensor) {
  return tensor.quantization.zero_points.empty()
             ? 0
             : static_cast<std::int32_t>(tensor.quantization.zero_points[0]);
}

// real = multiplier * 2^(shift - 31); multiplier in [2^30, 2^31), or 0.
struct QuantizedMultiplier {
  std::int32_t multiplier = 0;
  std::int32_t shift = 0;
};

// Requires a finite real >= 0. Below 2^-32 the result is 0; shift is at most 1024, which callers must bound.
[[nodiscard]] QuantizedMultiplier quantize_multiplier(double real);

struct ActivationRange {
  std::int8_t min = INT8_MIN;
  std::int8_t max = INT8_MAX;
};

// The int8 values of `output` that the operator's fused activation, an option at `slot`, leaves possible;
// refused when it is none of the four clamping ones.
[[nodiscard]] Result<ActivationRange> fused_activation(const Operator& op, std::uint32_t slot,
                                                       const Tensor& output);
// Nothing for another one.
[[nodiscard]] std::optional<ActivationRange> activation_range(Activation activation, float scale,
                                                              std::int32_t zero_point);

}  // namespace sotto::model_compiler
