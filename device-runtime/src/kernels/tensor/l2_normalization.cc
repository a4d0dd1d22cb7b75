// L2_NORMALIZATION over the last dimension.
#include "sotto/device_runtime/kernels/inverse_root.h"
#include "sotto/device_runtime/kernels/kernels.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"

namespace sotto::device::portable {
namespace {

constexpr std::uint32_t kDepthMax = 1u << 15;  // of squares of 16 bits, in 31
constexpr std::int32_t kOutputBits = 7;

bool check(const KernelCheck& check) {
  const auto& p = check.as<L2NormalizationParameters>();
  return check.has(1, 1) && p.rows != 0 && p.depth != 0 && p.depth < kDepthMax &&
         check.input_bytes(0) == std::uint64_t{p.rows} * p.depth &&
         check.output_bytes() == check.input_bytes(0) && p.zero_point >= INT8_MIN && p.zero_point <= INT8_MAX;
}

void run(const KernelCall& call) {
  const auto& p = call.as<L2NormalizationParameters>();
  const std::int8_t* in = call.input(0);
  std::int8_t* out = call.output();
  for (std::uint32_t row = 0; row < p.rows; ++row, in += p.depth, out += p.depth) {
    std::int32_t squares = 0;
    for (std::uint32_t i = 0; i < p.depth; ++i) {
      const std::int32_t value = in[i] - p.zero_point;
      squares += value * value;
    }
    const InverseRoot root = inverse_root(squares);
    for (std::uint32_t i = 0; i < p.depth; ++i) {
      const std::int32_t value = in[i] - p.zero_point;
      out[i] =
          clamp_to_int8(multiply_by_quantized_multiplier(value, root.multiplier, root.shift + kOutputBits),
                        INT8_MIN, INT8_MAX);
    }
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_l2_normalization = {
    sotto::device::KernelKind::kL2Normalization, sotto::device::Layout::kPlain,
    sizeof(sotto::device::L2NormalizationParameters), sotto::device::portable::check,
    sotto::device::portable::run};
