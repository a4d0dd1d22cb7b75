// ADD of two tensors of one shape. Operands are scaled up by 2^20 at most, so doubled ones still fit and one
// rounding multiplication (SMMULR) serves.
#include "kernels/cortex_m_dsp/instructions.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/cortex_m_dsp.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::dsp {
namespace {

// value / 2^exponent, halves away from zero.
struct RoundingShift {
  std::int32_t exponent, half;
  std::int32_t negative;  // all ones, or 0 when nothing is shifted out

  [[nodiscard]] std::int32_t operator()(std::int32_t value) const {
    return wrapping_add(wrapping_add(value, (value >> 31) & negative), half) >> exponent;
  }
};

RoundingShift rounding_shift(std::int32_t exponent) {
  return {exponent, static_cast<std::int32_t>((std::uint32_t{1} << exponent) >> 1), exponent == 0 ? 0 : -1};
}

struct Operand {
  Operand(const AddParameters& p, int i)
      : scale(p.left_shift + 1),
        offset(wrapping_multiply(-p.input_zero_point[i], 1 << scale)),
        multiplier(p.input_multiplier[i]),
        shift(rounding_shift(-p.input_shift[i])) {}

  [[nodiscard]] std::int32_t operator()(std::int32_t value) const {
    const std::int32_t doubled = wrapping_add(offset, wrapping_multiply(value, 1 << scale));
    return shift(add_rounded_high_product(0, doubled, multiplier));
  }

  std::int32_t scale, offset, multiplier;
  RoundingShift shift;
};

bool check(const KernelCheck& check) { return add_is_sound(check); }

void run(const KernelCall& call) {
  const auto& p = call.as<AddParameters>();
  const Operand scale_a(p, 0);
  const Operand scale_b(p, 1);
  const RoundingShift shift = rounding_shift(-p.output_shift);
  const std::int8_t* a = call.input(0);
  const std::int8_t* b = call.input(1);
  std::int8_t* output = call.output();
  for (std::uint32_t i = 0; i < p.count; ++i) {
    const std::int32_t doubled = wrapping_multiply(wrapping_add(scale_a(a[i]), scale_b(b[i])), 2);
    const std::int32_t scaled = shift(add_rounded_high_product(0, doubled, p.output_multiplier));
    output[i] = clamp_to_int8(wrapping_add(scaled, p.output_zero_point), p.activation_min, p.activation_max);
  }
}

}  // namespace
}  // namespace sotto::device::dsp

extern "C" constinit const sotto_kernel sotto_cortex_m_dsp_add = {
    sotto::device::KernelKind::kAdd, sotto::device::Layout::kCortexMDsp, sizeof(sotto::device::AddParameters),
    sotto::device::dsp::check, sotto::device::dsp::run};
