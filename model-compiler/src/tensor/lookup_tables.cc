#include "tensor/lookup_tables.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lower/quantization.h"
#include "sotto/device_runtime/kernels/inverse_root.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::model_compiler {
namespace {

using device::multiply_by_quantized_multiplier;
using device::rounding_divide_by_power_of_two;

std::int32_t min_of(const Affine& affine) { return affine.is_unsigned ? 0 : -128; }
std::int32_t max_of(const Affine& affine) { return min_of(affine) + 255; }

std::int8_t clamped(std::int32_t value, const Affine& output) {
  return static_cast<std::int8_t>(std::clamp(value, min_of(output), max_of(output)));
}

// of(q) for each input byte.
template <typename Function>
LookupTable tabulate(const Affine& input, Function&& of) {
  LookupTable table{};
  for (std::int32_t q = min_of(input); q <= max_of(input); ++q) table[static_cast<std::uint8_t>(q)] = of(q);
  return table;
}

// A factor may be negative.
QuantizedMultiplier signed_multiplier(double real) {
  QuantizedMultiplier result = quantize_multiplier(std::abs(real));
  if (real < 0) result.multiplier = -result.multiplier;
  return result;
}

std::int32_t scaled(std::int32_t value, const QuantizedMultiplier& by) {
  return multiply_by_quantized_multiplier(value, by.multiplier, by.shift);
}

float real(std::int32_t q, const Affine& input) {
  return input.scale * static_cast<float>(q - input.zero_point);
}

// From a value in units of the output's scale; halves away from zero.
std::int8_t quantized(float value, const Affine& output) {
  if (std::isnan(value)) return clamped(min_of(output), output);
  const float q = std::round(value) + static_cast<float>(output.zero_point);
  return clamped(static_cast<std::int32_t>(std::clamp(q, -512.0f, 512.0f)), output);
}

// Q15 arithmetic of HARD_SWISH.
std::int16_t saturated(std::int64_t value) {
  return static_cast<std::int16_t>(std::clamp<std::int64_t>(value, INT16_MIN, INT16_MAX));
}

std::int16_t rounding_doubling_high_multiply16(std::int16_t a, std::int16_t b) {
  const std::int32_t product = std::int32_t{a} * b;
  const std::int32_t nudge = product >= 0 ? 1 << 14 : 1 - (1 << 14);
  return saturated((product + nudge) / (1 << 15));
}

struct Multiplier16 {
  std::int16_t multiplier;
  std::int32_t exponent;
};

Multiplier16 multiplier16(float real) {
  const QuantizedMultiplier wide = quantize_multiplier(real);
  constexpr std::int32_t kHalf = 1 << 15;
  if (wide.multiplier >= INT32_MAX - kHalf) return {INT16_MAX, wide.shift};
  return {static_cast<std::int16_t>((wide.multiplier + kHalf) >> 16), wide.shift};
}

// value * 2^exponent, saturated; exponent >= 0. Sixteen steps saturate everything but 0.
std::int16_t saturating_shift_left16(std::int16_t value, std::int32_t exponent) {
  return saturated(std::int64_t{value} * (1 << std::min(exponent, 16)));
}

// clamp(x + 3, 0, 6) / 6 in Q15, from x in units of input.scale / 128. A shift to the left is applied but for
// one bit, which saturates last.
std::int16_t gate(std::int16_t x, const Multiplier16& by) {
  std::int32_t value = x;
  if (by.exponent > 0) value = saturating_shift_left16(x, by.exponent - 1);
  value = rounding_doubling_high_multiply16(static_cast<std::int16_t>(value), by.multiplier);
  if (by.exponent > 0) value = saturated(value * 2);
  if (by.exponent < 0) value = rounding_divide_by_power_of_two(value, -by.exponent);
  return static_cast<std::int16_t>((value + (1 << 15)) >> 1);
}

}  // namespace

bool can_rescale(const Affine& input, const Affine& output, float factor) {
  const double ratio = std::abs(double{input.scale * factor / output.scale});
  return ratio == 0 || (ratio >= std::ldexp(1, -31) && ratio < std::ldexp(1, 30));
}

LookupTable clamp_table(const Affine& input, const Affine& output, float min, float max) {
  const QuantizedMultiplier by = quantize_multiplier(double{input.scale / output.scale});
  const auto quantized_limit = [&output](float limit) {
    return output.zero_point + static_cast<std::int32_t>(std::round(limit / output.scale));
  };
  const std::int32_t low = std::max(min_of(output), quantized_limit(min));
  const std::int32_t high = std::isinf(max) ? max_of(output) : std::min(max_of(output), quantized_limit(max));
  return tabulate(input, [&](std::int32_t q) {
    const std::int32_t value = output.zero_point + scaled(q - input.zero_point, by);
    return static_cast<std::int8_t>(std::min(std::max(value, low), high));
  });
}

LookupTable leaky_relu_table(const Affine& input, const Affine& output, float alpha) {
  const QuantizedMultiplier below = signed_multiplier(double{input.scale * alpha / output.scale});
  const QuantizedMultiplier above = quantize_multiplier(double{input.scale / output.scale});
  return tabulate(input, [&](std::int32_t q) {
    const std::int32_t x = q - input.zero_point;
    return clamped(output.zero_point + scaled(x, x >= 0 ? above : below), output);
  });
}

LookupTable hard_swish_table(const Affine& input, const Affine& output) {
  constexpr float kGateScale = 3.0f / 32768.0f;
  const float fine_scale = (1.0f / 128.0f) * input.scale;
  const Multiplier16 to_output = multiplier16(fine_scale / output.scale);
  const Multiplier16 to_gate = multiplier16(fine_scale / kGateScale);
  return tabulate(input, [&](std::int32_t q) {
    const auto x = static_cast<std::int16_t>((q - input.zero_point) * 128);
    const std::int16_t on_output_scale = rounding_doubling_high_multiply16(x, to_output.multiplier);
    // Towards zero.
    const std::int32_t product = std::int32_t{gate(x, to_gate)} * on_output_scale / (1 << 15);
    return clamped(rounding_divide_by_power_of_two(product, -to_output.exponent) + output.zero_point, output);
  });
}

LookupTable absolute_table(const Affine& input, const Affine& output) {
  const QuantizedMultiplier by = quantize_multiplier(double{input.scale} / double{output.scale});
  return tabulate(input, [&](std::int32_t q) {
    const std::int32_t distance = std::abs(q - input.zero_point);
    return clamped(output.zero_point + (input.scale == output.scale ? distance : scaled(distance, by)),
                   output);
  });
}

namespace {

constexpr std::int32_t kRootBits = 20;  // that keep a root of an integer an integer

QuantizedMultiplier inverse_root_multiplier(const Affine& input, const Affine& output) {
  return quantize_multiplier(1 / double{std::sqrt(input.scale) * output.scale});
}

}  // namespace

bool can_scale_inverse_root(const Affine& input, const Affine& output) {
  const QuantizedMultiplier by = inverse_root_multiplier(input, output);
  return by.shift - kRootBits >= -31 && by.shift - kRootBits <= 30;
}

LookupTable inverse_root_table(const Affine& input, const Affine& output) {
  const QuantizedMultiplier by = inverse_root_multiplier(input, output);
  return tabulate(input, [&](std::int32_t q) {
    const std::int32_t x = q - input.zero_point;
    if (x <= 0) return static_cast<std::int8_t>(max_of(output));
    const device::InverseRoot root = device::inverse_root(x);
    const std::int32_t fine = multiply_by_quantized_multiplier(1, root.multiplier, root.shift + kRootBits);
    const std::int32_t value = multiply_by_quantized_multiplier(fine, by.multiplier, by.shift - kRootBits);
    return clamped(device::wrapping_add(value, output.zero_point), output);
  });
}

LookupTable requantize_table(const Affine& input, const Affine& output) {
  const QuantizedMultiplier by = quantize_multiplier(double{input.scale} / double{output.scale});
  return tabulate(input, [&](std::int32_t q) {
    return clamped(scaled(q - input.zero_point, by) + output.zero_point, output);
  });
}

LookupTable function_table(const Affine& input, const Affine& output,
                           const std::function<float(float)>& function) {
  const float inverse_scale = 1 / output.scale;
  return tabulate(
      input, [&](std::int32_t q) { return quantized(function(real(q, input)) * inverse_scale, output); });
}

LookupTable bridged_table(const Affine& input, const Affine& output,
                          const std::function<float(float)>& function) {
  return tabulate(input,
                  [&](std::int32_t q) { return quantized(function(real(q, input)) / output.scale, output); });
}

float logistic(float x) { return 1.0f / (1.0f + std::exp(-x)); }

float elu(float x) { return x < 0.0f ? std::exp(x) - 1.0f : x; }

float gelu(float x) { return 0.5f * x * std::erfc(x * -std::numbers::sqrt2_v<float> / 2); }

float gelu_approximate(float x) {
  constexpr float kSqrt2OverPi = 0.79788456080286535588f;
  return 0.5f * x * (1.0f + std::tanh(kSqrt2OverPi * (x + 0.044715f * x * x * x)));
}

}  // namespace sotto::model_compiler
