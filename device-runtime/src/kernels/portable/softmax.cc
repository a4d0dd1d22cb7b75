// SOFTMAX over the last dimension, int8 to int8 with scale 1/256 and zero point -128.
#include "sotto/device_runtime/kernels/fixed_point.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::portable {
namespace {

constexpr std::int32_t kSumIntegerBits = 12;

bool check(const KernelCheck& check) { return softmax_is_sound(check); }

std::int32_t largest(const std::int8_t* row, std::uint32_t depth) {
  std::int32_t max = row[0];
  for (std::uint32_t i = 1; i < depth; ++i) max = row[i] > max ? row[i] : max;
  return max;
}

// e^(beta * scale * difference), Q0.31; difference <= 0.
std::int32_t exponential(const SoftmaxParameters& p, std::int32_t difference) {
  const std::int32_t shifted =
      wrapping_multiply(difference, static_cast<std::int32_t>(1u << p.input_left_shift));
  const std::int32_t scaled = rounding_doubling_high_multiply(shifted, p.input_multiplier);
  return exp_on_negative_values(scaled > 0 ? 0 : scaled);
}

void run_row(const SoftmaxParameters& p, const std::int8_t* row, std::int8_t* out) {
  const std::int32_t max = largest(row, p.depth);
  std::int32_t sum = 0;  // Q12.19
  for (std::uint32_t i = 0; i < p.depth; ++i) {
    const std::int32_t difference = row[i] - max;
    if (difference >= p.difference_min) {
      sum += rounding_divide_by_power_of_two(exponential(p, difference), kSumIntegerBits);
    }
  }
  const Reciprocal scale = reciprocal(sum, kSumIntegerBits);
  for (std::uint32_t i = 0; i < p.depth; ++i) {
    const std::int32_t difference = row[i] - max;
    if (difference < p.difference_min) {
      out[i] = INT8_MIN;
      continue;
    }
    const std::int32_t product = rounding_doubling_high_multiply(scale.value, exponential(p, difference));
    const std::int32_t exponent = scale.exponent + 31 - 8;
    const std::int32_t value = exponent > 31 ? 0 : rounding_divide_by_power_of_two(product, exponent);
    out[i] = clamp_to_int8(value + INT8_MIN, INT8_MIN, INT8_MAX);
  }
}

void run(const KernelCall& call) {
  const auto& p = call.as<SoftmaxParameters>();
  const std::int8_t* input = call.input(0);
  std::int8_t* out = call.output();
  for (std::uint32_t row = 0; row < p.rows; ++row, input += p.depth, out += p.depth) run_row(p, input, out);
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_softmax = {
    sotto::device::KernelKind::kSoftmax, sotto::device::Layout::kPlain,
    sizeof(sotto::device::SoftmaxParameters), sotto::device::portable::check, sotto::device::portable::run};
