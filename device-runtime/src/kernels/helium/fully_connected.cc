// Fully connected: row by row of the input.
#include "kernels/helium/matrix.h"
#include "sotto/device_runtime/kernels/helium/helium.h"
#include "sotto/device_runtime/kernels/helium/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

#if defined(__ARM_FEATURE_MVE)

namespace sotto::device::helium {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<FullyConnectedParameters>();
  return fully_connected_is_sound(check, matrix_weight_bytes(p.output_depth, p.input_depth)) &&
         requantization_is_filled_up(check, p.requantization, p.output_depth,
                                     p.per_channel != 0 ? p.output_depth : 1);
}

void run(const KernelCall& call) {
  const auto& p = call.as<FullyConnectedParameters>();
  const std::int8_t* input = call.input(0);
  std::int8_t* output = call.output();
  for (std::uint32_t row = 0; row < p.rows; ++row, input += p.input_depth, output += p.output_depth)
    multiply_window(call, p, input, output);
}

}  // namespace
}  // namespace sotto::device::helium

extern "C" constinit const sotto_kernel sotto_helium_fully_connected = {
    sotto::device::KernelKind::kFullyConnected, sotto::device::Layout::kHelium,
    sizeof(sotto::device::FullyConnectedParameters), sotto::device::helium::check,
    sotto::device::helium::run};

#endif
