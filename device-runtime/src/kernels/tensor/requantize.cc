// QUANTIZE between integers of 8, 16 and 32 bits. Between 8-bit types it is a lookup.
#include "sotto/device_runtime/kernels/requantize.h"

#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"

namespace sotto::device::portable {
namespace {

bool is_width(std::uint8_t bytes) { return bytes == 1 || bytes == 2 || bytes == 4; }

bool check(const KernelCheck& check) {
  const auto& p = check.as<RequantizeParameters>();
  return check.has(1, 1) && is_width(p.input_bytes) && is_width(p.output_bytes) && p.shift >= -31 &&
         p.shift <= 30 && check.input_bytes(0) == std::uint64_t{p.count} * p.input_bytes &&
         check.output_bytes() == std::uint64_t{p.count} * p.output_bytes;
}

std::int32_t load(const std::int8_t* from, std::uint32_t bytes) {
  if (bytes == 1) return *from;
  if (bytes == 2) return *reinterpret_cast<const std::int16_t*>(from);
  return *reinterpret_cast<const std::int32_t*>(from);
}

void store(std::int32_t value, std::int8_t* to, std::uint32_t bytes) {
  if (bytes == 4) {
    *reinterpret_cast<std::int32_t*>(to) = value;
    return;
  }
  const std::int32_t max = bytes == 1 ? INT8_MAX : INT16_MAX;
  const std::int32_t clamped = value > max ? max : (value < -max - 1 ? -max - 1 : value);
  if (bytes == 1) *to = static_cast<std::int8_t>(clamped);
  if (bytes == 2) *reinterpret_cast<std::int16_t*>(to) = static_cast<std::int16_t>(clamped);
}

void run(const KernelCall& call) {
  const auto& p = call.as<RequantizeParameters>();
  const std::int8_t* in = call.input(0);
  std::int8_t* out = call.output();
  for (std::uint32_t i = 0; i < p.count; ++i, in += p.input_bytes, out += p.output_bytes) {
    const std::int32_t value = wrapping_add(load(in, p.input_bytes), -p.input_zero_point);
    store(wrapping_add(multiply_by_quantized_multiplier(value, p.multiplier, p.shift), p.output_zero_point),
          out, p.output_bytes);
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_requantize = {
    sotto::device::KernelKind::kRequantize, sotto::device::Layout::kPlain,
    sizeof(sotto::device::RequantizeParameters), sotto::device::portable::check,
    sotto::device::portable::run};
