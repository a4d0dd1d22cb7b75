// The kernels in kernels/cortex_m_dsp, as the compiler sees them.
#include "sotto/device_runtime/kernels/cortex_m_dsp/layout.h"
#include "targets/targets.h"

namespace sotto::model_compiler {
namespace {

using device::ConvParameters;
using device::KernelKind;
using device::Layout;

// Rows of weights, read as if they went on with zeros in both directions.
struct Matrix {
  std::span<const std::int8_t> weights;
  std::uint32_t rows, depth;

  std::int8_t at(std::uint32_t row, std::uint32_t step) const {
    return row < rows && step < depth ? weights[std::size_t{row} * depth + step] : std::int8_t{0};
  }
};

// Groups of kGroup rows; per group and quad first the steps 0 and 2, then 1 and 3, of two rows at a time.
template <std::uint32_t kGroup>
std::vector<std::int8_t> pack_matrix(std::uint32_t rows, std::uint32_t depth,
                                     std::span<const std::int8_t> weights) {
  const Matrix matrix{weights, rows, depth};
  std::vector<std::int8_t> packed;
  for (std::uint32_t first = 0; first < matrix.rows; first += kGroup) {
    for (std::uint32_t quad = 0; quad < matrix.depth; quad += 4) {
      for (const std::uint32_t step : {quad, quad + 1}) {
        for (std::uint32_t row = first; row < first + kGroup; row += 2) {
          for (const std::uint32_t at : {step, step + 2}) {
            packed.push_back(matrix.at(row, at));
            packed.push_back(matrix.at(row + 1, at));
          }
        }
      }
    }
  }
  return packed;
}

std::vector<std::int8_t> pack_depthwise(const void* parameters, std::span<const std::int8_t> weights) {
  const auto& p = *static_cast<const ConvParameters*>(parameters);
  const Matrix taps{weights, std::uint32_t{p.kernel_height} * p.kernel_width, p.output_channels};
  std::vector<std::int8_t> packed;
  for (std::uint32_t first = 0; first < p.output_channels; first += 4) {
    for (std::uint32_t tap = 0; tap < taps.rows; tap += 2) {
      for (std::uint32_t channel = first; channel < first + 4; ++channel) {
        for (const std::uint32_t at : {tap, tap + 1}) {
          const std::int8_t weight = taps.at(at, channel);
          packed.push_back(weight);
          packed.push_back(weight < 0 ? std::int8_t{-1} : std::int8_t{0});  // the int16's high byte
        }
      }
    }
  }
  return packed;
}

constexpr KernelPlan kPlans[] = {
    {.kind = KernelKind::kConv2d,
     .layout = Layout::kCortexMDsp,
     .symbol = "sotto_cortex_m_dsp_conv_2d",
     .lag_pixels = 0,
     .descends = true,
     .scratch_bytes = scratch_bytes_of<ConvParameters, device::dsp::convolution_scratch_bytes>,
     .pack = pack_convolution<pack_matrix<2>>},
    {.kind = KernelKind::kPointwiseConv2d,
     .layout = Layout::kCortexMDsp,
     .symbol = "sotto_cortex_m_dsp_pointwise_conv_2d",
     .lag_pixels = 0,
     .descends = true,
     .scratch_bytes = scratch_bytes_of<ConvParameters, device::dsp::pointwise_scratch_bytes>,
     .pack = pack_convolution<pack_matrix<2>>},
    {.kind = KernelKind::kDepthwiseConv2d,
     .layout = Layout::kCortexMDsp,
     .symbol = "sotto_cortex_m_dsp_depthwise_conv_2d",
     .lag_pixels = 0,
     .descends = true,
     .scratch_bytes = scratch_bytes_of<ConvParameters, device::dsp::depthwise_scratch_bytes>,
     .pack = pack_depthwise},
    {.kind = KernelKind::kFullyConnected,
     .layout = Layout::kCortexMDsp,
     .symbol = "sotto_cortex_m_dsp_fully_connected",
     .lag_pixels = kReadsEverything,
     .descends = false,
     .scratch_bytes = nullptr,
     .pack = pack_fully_connected<pack_matrix<4>>},
    {.kind = KernelKind::kAdd,
     .layout = Layout::kCortexMDsp,
     .symbol = "sotto_cortex_m_dsp_add",
     .lag_pixels = 0,
     .descends = false,
     .scratch_bytes = nullptr,
     .pack = nullptr},
};

}  // namespace

std::span<const KernelPlan> cortex_m_dsp_kernel_plans() { return kPlans; }

}  // namespace sotto::model_compiler
