// FULLY_CONNECTED: four outputs at once, so each activation is loaded once for four weights.
#include "kernels/portable/matrix_block.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::portable {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<FullyConnectedParameters>();
  return fully_connected_is_sound(check, matrix_bytes(p.output_depth, p.input_depth));
}

void run(const KernelCall& call) {
  const auto& p = call.as<FullyConnectedParameters>();
  const ChannelOutput output(call, p, call.biases_of(p));
  const std::int8_t* input = call.input(0);
  std::int8_t* out = call.output();
  for (std::uint32_t row = 0; row < p.rows; ++row, input += p.input_depth, out += p.output_depth) {
    const std::int8_t* weights = call.constant<std::int8_t>(p.weights);
    for (std::uint32_t channel = 0; channel < p.output_depth; channel += kRowsPerGroup) {
      std::int32_t sums[kRowsPerGroup];
      multiply_column(weights, input, p.input_depth, sums);
      weights += kRowsPerGroup * p.input_depth;
      for (std::uint32_t i = 0; i < kRowsPerGroup && channel + i < p.output_depth; ++i) {
        out[channel + i] = output.value(sums[i], channel + i, p.per_channel != 0 ? channel + i : 0);
      }
    }
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_fully_connected = {
    sotto::device::KernelKind::kFullyConnected, sotto::device::Layout::kPortable,
    sizeof(sotto::device::FullyConnectedParameters), sotto::device::portable::check,
    sotto::device::portable::run};
