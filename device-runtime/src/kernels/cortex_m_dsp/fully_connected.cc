// Fully connected: four outputs at once, so that each widened quad of the input serves four rows of weights.
#include "kernels/cortex_m_dsp/inner_loops.h"
#include "kernels/cortex_m_dsp/requantizer.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/cortex_m_dsp.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::dsp {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<FullyConnectedParameters>();
  return fully_connected_is_sound(check, fully_connected_weight_bytes(p)) &&
         requantization_is_filled_up(check, p.requantization, p.output_depth,
                                     p.per_channel != 0 ? p.output_depth : 1);
}

template <typename Requantizer>
void multiply(const KernelCall& call, const OutputQuantization& quantization) {
  const auto& p = call.as<FullyConnectedParameters>();
  const Requantizer requantize(quantization);
  const std::int32_t* biases = call.biases_of(p);
  const std::int8_t* input = call.input(0);
  std::int8_t* output = call.output();
  const std::uint32_t quads = p.input_depth / 4;
  const std::uint32_t rest = p.input_depth % 4;
  for (std::uint32_t row = 0; row < p.rows; ++row, input += p.input_depth, output += p.output_depth) {
    const auto* weights = call.constant<std::uint32_t>(p.weights);
    std::int8_t last[4] = {};
    for (std::uint32_t i = 0; i < rest; ++i) last[i] = input[p.input_depth - rest + i];
    for (std::uint32_t i = 0; i < p.output_depth; i += 4) {
      std::int32_t sums[4] = {biases[i], biases[i + 1], biases[i + 2], biases[i + 3]};
      if (quads != 0) weights = multiply_rows(weights, input, quads, sums);
      if (rest != 0) weights = multiply_rows(weights, last, 1, sums);
      const std::uint32_t end = p.output_depth - i < 4 ? p.output_depth - i : 4;
      for (std::uint32_t j = 0; j < end; ++j) {
        output[i + j] = requantize(sums[j], requantize.channel(p.per_channel != 0 ? i + j : 0));
      }
    }
  }
}

void run(const KernelCall& call) {
  const auto& p = call.as<FullyConnectedParameters>();
  const OutputQuantization quantization{call.constant<std::int32_t>(p.requantization.multipliers),
                                        call.constant<std::int8_t>(p.requantization.shifts),
                                        p.output_zero_point, p.activation_min, p.activation_max};
  if (p.input_depth <= kSaturatingDepthMax &&
      SaturatingRequantizer::serves(quantization, call.biases_of(p), p.output_depth,
                                    p.per_channel != 0 ? p.output_depth : 1)) {
    multiply<SaturatingRequantizer>(call, quantization);
  } else {
    multiply<ExactRequantizer>(call, quantization);
  }
}

}  // namespace
}  // namespace sotto::device::dsp

extern "C" constinit const sotto_kernel sotto_cortex_m_dsp_fully_connected = {
    sotto::device::KernelKind::kFullyConnected, sotto::device::Layout::kCortexMDsp,
    sizeof(sotto::device::FullyConnectedParameters), sotto::device::dsp::check, sotto::device::dsp::run};
