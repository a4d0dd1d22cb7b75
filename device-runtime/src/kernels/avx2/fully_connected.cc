// Fully connected: each row of the input is widened once.
#include "kernels/avx2/inner_loops.h"
#include "sotto/device_runtime/kernels/avx2/avx2.h"
#include "sotto/device_runtime/kernels/avx2/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

#if defined(__x86_64__)

namespace sotto::device::avx2 {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<FullyConnectedParameters>();
  return fully_connected_is_sound(check, matrix_weight_bytes(p.output_depth, p.input_depth)) &&
         check.scratch_bytes >= fully_connected_scratch_bytes(p) && is_supported();
}

void run(const KernelCall& call) {
  const auto& p = call.as<FullyConnectedParameters>();
  OutputQuantization quantization(call, p, p.per_channel != 0);
  quantization.biases = call.biases_of(p);
  const MatrixProduct product{call.constant<std::int8_t>(p.weights), p.output_depth, (p.input_depth + 1) / 2,
                              quantization};
  auto* widened = reinterpret_cast<std::int16_t*>(call.scratch);
  const std::int8_t* input = call.input(0);
  std::int8_t* output = call.output();
  for (std::uint32_t row = 0; row < p.rows; ++row, input += p.input_depth, output += p.output_depth) {
    widen(input, p.input_depth, widened);
    multiply_window(product, widened, output);
  }
}

}  // namespace
}  // namespace sotto::device::avx2

extern "C" constinit const sotto_kernel sotto_avx2_fully_connected = {
    sotto::device::KernelKind::kFullyConnected, sotto::device::Layout::kAvx2,
    sizeof(sotto::device::FullyConnectedParameters), sotto::device::avx2::check, sotto::device::avx2::run};

#endif
