// The change of int8 weights: fractions of a step become whole ones with their probability, so that small
// changes add up (S. Gupta et al., "Deep Learning with Limited Numerical Precision", ICML 2015).
#include "head/float_arithmetic.h"
#include "head/step.h"

namespace sotto::device::head {
namespace {

// How far one unit of a feature moves a weight, in steps of the weight: factor / 2^shift.
struct Slope {
  std::int32_t factor;  // at most 2^15 either way
  std::uint32_t shift;  // at most 30
};

Slope slope_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t exponent = bits >> 23 & 0xFF;
  if (exponent == 0) return {0, 0};
  std::int32_t factor = 1 << 15;
  std::uint32_t shift = 0;
  if (exponent <= 127 + 14) {                                         // below 2^15
    const std::uint32_t mantissa = (bits & 0x007FFFFF) | 0x00800000;  // value = mantissa * 2^(exponent - 150)
    factor = static_cast<std::int32_t>((mantissa + (1u << 8)) >> 9);
    shift = 150 - 9 - exponent;
    if (shift > 30) {
      const std::uint32_t excess = shift - 30;
      factor = excess > 16 ? 0 : factor >> excess;
      shift = 30;
    }
  }
  return {(bits >> 31) != 0 ? -factor : factor, shift};
}

// Saturated; `outside` collects what was.
[[gnu::always_inline]] inline std::int8_t saturate(std::int32_t value, std::uint32_t& outside) {
  outside |= static_cast<std::uint32_t>(value + 128);
#if defined(__ARM_FEATURE_SAT)
  asm("ssat %0, #8, %1" : "=r"(value) : "r"(value));
  return static_cast<std::int8_t>(value);
#else
  return static_cast<std::int8_t>(value < -128 ? -128 : (value > 127 ? 127 : value));
#endif
}
bool was_outside(std::uint32_t outside) { return (outside >> 8) != 0; }

// One example, no term but the loss's. Returns whether a weight was saturated.
bool descend(std::int8_t* weights, const std::int16_t* inputs, std::uint32_t count, Slope slope,
             RoundingBits& row_bits) {
  RoundingBits bits = row_bits;  // in a register
  const std::uint32_t mask = (1u << slope.shift) - 1;
  std::uint32_t outside = 0;
  const auto step = [&](std::uint32_t i) {
    const std::int32_t fine = slope.factor * inputs[i];  // below 2^24
    const std::int32_t change = (fine + static_cast<std::int32_t>(bits.next() & mask)) >> slope.shift;
    weights[i] = saturate(weights[i] - change, outside);
  };
  const std::int8_t* const end = weights + count / 4 * 4;
  for (; weights != end; weights += 4, inputs += 4) {
    step(0);
    step(1);
    step(2);
    step(3);
  }
  for (std::uint32_t i = 0; i < count % 4; ++i) step(i);
  row_bits = bits;
  return was_outside(outside);
}

// A number of steps, to a whole one.
std::int32_t round_at_random(float steps, RoundingBits& bits) {
  constexpr float kMost = 255;  // from one end of int8 to the other
  if (steps >= kMost) return 255;
  if (steps <= -kMost) return -255;
  auto whole = static_cast<std::int32_t>(steps);
  if (static_cast<float>(whole) > steps) --whole;
  const float rest = product(steps - static_cast<float>(whole), 16777216.0f);  // [0, 2^24)
  return whole + (static_cast<std::int32_t>(bits.next() >> 8) < static_cast<std::int32_t>(rest) ? 1 : 0);
}

// Twice the scale, half the weights.
void double_scale(sotto_head& head, std::uint32_t row, RoundingBits& bits) {
  const Parameters parameters = head.parameters();
  std::int8_t* weights = parameters.int8_weights + std::size_t{row} * head.layout.features;
  for (std::uint32_t i = 0; i < head.layout.features; ++i)
    weights[i] = static_cast<std::int8_t>((weights[i] + static_cast<std::int32_t>(bits.next() & 1)) >> 1);
  parameters.scales[row] = parameters.scales[row] + parameters.scales[row];
}

// Everything at once: batches, decay, the pull of the anchor. Returns whether a weight was saturated.
bool update_row(sotto_head& head, const Sample* samples, std::uint32_t count, std::uint32_t row,
                RoundingBits& bits) {
  const HeadLayout& layout = head.layout;
  const Parameters parameters = head.parameters();
  const std::size_t first = std::size_t{row} * layout.features;
  const float* errors = head.at<float>(layout.errors);
  const float scale = parameters.scales[row];
  const float decay = product(head.rates.learning_rate, head.rates.weight_decay);
  const float pull = product(head.rates.learning_rate, head.rates.proximal);
  std::uint32_t outside = 0;
  for (std::uint32_t i = 0; i < layout.features; ++i) {
    float change = 0;
    for (std::uint32_t j = 0; j < count; ++j) {
      const auto input = static_cast<float>(samples[j].features[i] - head.input_zero_point);
      change += product(errors[j * layout.outputs + row], product(input, head.input_scale));
    }
    std::int8_t& weight = parameters.int8_weights[first + i];
    const float value = product(weight, scale);
    if (decay > 0) change += product(decay, value);
    if (pull > 0) {
      const Parameters anchor = head.copy(layout.anchor);
      change += product(pull, value - product(anchor.int8_weights[first + i], anchor.scales[row]));
    }
    weight = saturate(weight - round_at_random(change / scale, bits), outside);
  }
  return was_outside(outside);
}

}  // namespace

std::int32_t int8_dot(const std::int8_t* weights, const std::int16_t* inputs, std::uint32_t count) {
  std::int32_t sum = 0;  // at most 2^16 terms below 2^15
  const std::int8_t* const end = weights + count / 4 * 4;
  for (; weights != end; weights += 4, inputs += 4) {
    sum += weights[0] * inputs[0];
    sum += weights[1] * inputs[1];
    sum += weights[2] * inputs[2];
    sum += weights[3] * inputs[3];
  }
  for (std::uint32_t i = 0; i < count % 4; ++i) sum += weights[i] * inputs[i];
  return sum;
}

void update_int8(sotto_head& head, const Sample* samples, std::uint32_t count) {
  const HeadLayout& layout = head.layout;
  const Parameters parameters = head.parameters();
  const float* errors = head.at<float>(layout.errors);
  const bool is_plain = count == 1 && !(head.rates.weight_decay > 0) && !(head.rates.proximal > 0);
  for (std::uint32_t row = 0; row < layout.outputs; ++row) {
    if (!head.is_present(row)) continue;
    RoundingBits bits(head.generator);
    bool is_saturated;
    if (is_plain) {
      const Slope slope = slope_of(product(errors[row], head.input_scale) / parameters.scales[row]);
      is_saturated = descend(parameters.int8_weights + std::size_t{row} * layout.features,
                             head.at<std::int16_t>(layout.inputs), layout.features, slope, bits);
    } else {
      is_saturated = update_row(head, samples, count, row, bits);
    }
    if (is_saturated) double_scale(head, row, bits);
  }
}

}  // namespace sotto::device::head
