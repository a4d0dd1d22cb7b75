// QUANTIZE from float32 and DEQUANTIZE to it, at the edges of a model. Between 8-bit types QUANTIZE is a
// lookup.
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"

namespace sotto::device::portable {
namespace {

bool is_sound(const KernelCheck& check, std::uint32_t bytes8, std::uint32_t bytes32) {
  const auto& p = check.as<QuantizeParameters>();
  const std::int32_t min = p.is_unsigned != 0 ? 0 : -128;
  return p.is_unsigned <= 1 && bytes8 == p.count && bytes32 == std::uint64_t{p.count} * sizeof(float) &&
         p.scale > 0 && p.zero_point >= min && p.zero_point <= min + 255;
}

bool check_quantize(const KernelCheck& check) {
  return check.has(1, 1) && is_sound(check, check.output_bytes(), check.input_bytes(0));
}

bool check_dequantize(const KernelCheck& check) {
  return check.has(1, 1) && is_sound(check, check.input_bytes(0), check.output_bytes());
}

// Halves away from zero; what 8 bits cannot hold is cut to 512 beforehand. NaN becomes -512.
std::int32_t rounded(float value) {
  constexpr float kLimit = 512;
  if (!(value > -kLimit)) return static_cast<std::int32_t>(-kLimit);
  if (value > kLimit) return static_cast<std::int32_t>(kLimit);
  const auto whole = static_cast<std::int32_t>(value);
  const float rest = value - static_cast<float>(whole);  // exact
  return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

void run_quantize(const KernelCall& call) {
  const auto& p = call.as<QuantizeParameters>();
  const auto* in = reinterpret_cast<const float*>(call.input(0));
  std::int8_t* out = call.output();
  const std::int32_t min = p.is_unsigned != 0 ? 0 : -128;
  for (std::uint32_t i = 0; i < p.count; ++i) {
    const std::int32_t value = rounded(in[i] / p.scale) + p.zero_point;
    out[i] = static_cast<std::int8_t>(value < min ? min : (value > min + 255 ? min + 255 : value));
  }
}

void run_dequantize(const KernelCall& call) {
  const auto& p = call.as<QuantizeParameters>();
  const std::int8_t* in = call.input(0);
  auto* out = reinterpret_cast<float*>(call.output());
  for (std::uint32_t i = 0; i < p.count; ++i) {
    const std::int32_t value = p.is_unsigned != 0 ? static_cast<std::uint8_t>(in[i]) : in[i];
    out[i] = p.scale * static_cast<float>(value - p.zero_point);
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_quantize = {
    sotto::device::KernelKind::kQuantize, sotto::device::Layout::kPlain,
    sizeof(sotto::device::QuantizeParameters), sotto::device::portable::check_quantize,
    sotto::device::portable::run_quantize};

extern "C" constinit const sotto_kernel sotto_portable_dequantize = {
    sotto::device::KernelKind::kDequantize, sotto::device::Layout::kPlain,
    sizeof(sotto::device::QuantizeParameters), sotto::device::portable::check_dequantize,
    sotto::device::portable::run_dequantize};
