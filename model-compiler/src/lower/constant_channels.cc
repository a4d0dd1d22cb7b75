#include "lower/constant_channels.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::model_compiler {
namespace {

struct SumRange {
  std::int64_t low, high;
};

// What a channel's accumulator can be for int8 inputs.
SumRange sum_range(const WeightMatrix& matrix, const LayerConstants& constants, std::uint32_t channel) {
  SumRange range{constants.biases[channel], constants.biases[channel]};
  const std::int8_t* weight = constants.weights.data() + std::size_t{channel} * matrix.channel_stride;
  for (std::uint32_t i = 0; i < matrix.length; ++i, weight += matrix.weight_stride) {
    range.low += *weight * (*weight > 0 ? INT8_MIN : INT8_MAX);
    range.high += *weight * (*weight > 0 ? INT8_MAX : INT8_MIN);
  }
  return range;
}

std::int8_t output_of(const device::ConvParameters& p, const QuantizedMultiplier& multiplier,
                      std::int64_t sum) {
  const std::int32_t scaled = device::multiply_by_quantized_multiplier(
      static_cast<std::int32_t>(sum), multiplier.multiplier, multiplier.shift);
  return device::clamp_to_int8(scaled + p.output_zero_point, p.activation_min, p.activation_max);
}

// The output of a channel that has only one. It grows with the sum, so the ends of the range decide.
std::optional<std::int8_t> only_output(const device::ConvParameters& p, const WeightMatrix& matrix,
                                       const LayerConstants& constants, std::uint32_t channel) {
  const QuantizedMultiplier& multiplier = constants.multipliers[channel];
  const SumRange range = sum_range(matrix, constants, channel);
  // Leaves room for what rounding adds.
  constexpr std::int64_t kLimit = std::numeric_limits<std::int32_t>::max() - (std::int64_t{1} << 29);
  if (multiplier.shift > 0 || range.low < -kLimit || range.high > kLimit) return std::nullopt;
  const std::int8_t low = output_of(p, multiplier, range.low);
  return low == output_of(p, multiplier, range.high) ? std::optional(low) : std::nullopt;
}

}  // namespace

std::uint32_t settle_constant_channels(const device::ConvParameters& p, const WeightMatrix& matrix,
                                       LayerConstants& constants) {
  // (256 d * 2^30) / 2^31 = 128 d and 128 d / 2^7 = d, without rounding,
  // for a distance d from the zero point.
  constexpr std::int32_t kBiasOfOne = 256;
  constexpr QuantizedMultiplier kMultiplier{1 << 30, -7};
  std::uint32_t settled = 0;
  for (std::uint32_t channel = 0; channel < matrix.channels; ++channel) {
    const auto output = only_output(p, matrix, constants, channel);
    if (!output) continue;
    std::int8_t* weight = constants.weights.data() + std::size_t{channel} * matrix.channel_stride;
    for (std::uint32_t i = 0; i < matrix.length; ++i, weight += matrix.weight_stride) *weight = 0;
    constants.biases[channel] = (*output - p.output_zero_point) * kBiasOfOne;
    constants.multipliers[channel] = kMultiplier;
    ++settled;
  }
  return settled;
}

}  // namespace sotto::model_compiler
