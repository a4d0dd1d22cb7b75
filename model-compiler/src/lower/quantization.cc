#include "lower/quantization.h"

#include <algorithm>
#include <cmath>

namespace sotto::model_compiler {

QuantizedMultiplier quantize_multiplier(double real) {
  if (real == 0) return {};
  int exponent = 0;
  const double fraction = std::frexp(real, &exponent);
  auto fixed = static_cast<std::int64_t>(std::round(fraction * static_cast<double>(std::int64_t{1} << 31)));
  if (fixed == std::int64_t{1} << 31) {
    fixed /= 2;
    ++exponent;
  }
  if (exponent < -31) return {};
  return {static_cast<std::int32_t>(fixed), exponent};
}

Result<ActivationRange> fused_activation(const Operator& op, std::uint32_t slot, const Tensor& output) {
  const auto activation = static_cast<Activation>(op.options.scalar<std::int8_t>(slot, 0));
  const auto range = activation_range(activation, scale_of(output), zero_point_of(output));
  if (!range)
    return invalid_argument("its fused activation is not supported; NONE, RELU, RELU6 and RELU_N1_TO_1 are");
  return *range;
}

std::optional<ActivationRange> activation_range(Activation activation, float scale, std::int32_t zero_point) {
  const auto quantized = [&](float value) {
    const float q = std::round(value / scale) + static_cast<float>(zero_point);
    return static_cast<std::int8_t>(std::clamp(q, -128.0f, 127.0f));
  };
  switch (activation) {
    case Activation::kNone:
      return ActivationRange{};
    case Activation::kRelu:
      return ActivationRange{quantized(0), INT8_MAX};
    case Activation::kReluN1To1:
      return ActivationRange{quantized(-1), quantized(1)};
    case Activation::kRelu6:
      return ActivationRange{quantized(0), quantized(6)};
  }
  return std::nullopt;
}

}  // namespace sotto::model_compiler
