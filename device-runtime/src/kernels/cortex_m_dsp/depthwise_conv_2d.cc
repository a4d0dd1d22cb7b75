// Depthwise convolution: four channels at once, taps two by two. Input rows pass through a ring in the
// scratch; a row of output is computed channel group by channel group.
#include "kernels/cortex_m_dsp/inner_loops.h"
#include "kernels/cortex_m_dsp/requantizer.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/cortex_m_dsp.h"
#include "sotto/device_runtime/kernels/cortex_m_dsp/layout.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/row_ring.h"

namespace sotto::device::dsp {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return depthwise_convolution_is_sound(check, depthwise_weight_bytes(p)) &&
         requantization_is_filled_up(check, p.requantization, p.output_channels, p.output_channels) &&
         check.scratch_bytes >= depthwise_scratch_bytes(p);
}

// The taps under the first pixel of a row of output.
struct TapTable {
  const std::int8_t* ring;
  std::uint32_t* offsets;  // in the ring, two for each tap pair
  std::uint32_t pairs;
};

// Rows of output, four channels at a time.
template <typename Requantizer>
class RowOfOutput {
 public:
  RowOfOutput(const KernelCall& call, const OutputQuantization& output)
      : p_(call.as<ConvParameters>()),
        requantize_(output),
        biases_(call.constant<std::int32_t>(p_.requantization.biases)),
        weights_(call.constant<std::uint32_t>(p_.weights)),
        pixel_bytes_(round_up(p_.output_channels, 4)) {}

  void operator()(const TapTable& taps, std::int8_t* output) const {
    for (std::uint32_t channel = 0; channel < p_.output_channels; channel += 4)
      compute(taps, channel, output + channel);
  }

 private:
  void compute(const TapTable& table, std::uint32_t channel, std::int8_t* output) const {
    const std::uint32_t rest = p_.output_channels - channel;
    const std::uint32_t count = rest < 4 ? rest : 4;
    const std::int32_t* biases = biases_ + channel;
    const typename Requantizer::Channel scales[4] = {
        requantize_.channel(channel), requantize_.channel(channel + 1), requantize_.channel(channel + 2),
        requantize_.channel(channel + 3)};
    DepthwiseTaps taps{table.ring + channel, table.offsets, weights_ + channel * table.pairs, table.pairs};
    for (std::uint32_t x = p_.output_width; x != 0; --x) {
      std::int32_t sums[4] = {biases[0], biases[1], biases[2], biases[3]};
      multiply_taps(taps, sums);
      for (std::uint32_t i = 0; i < count; ++i) output[i] = requantize_(sums[i], scales[i]);
      taps.base += p_.stride_width * pixel_bytes_;
      output += p_.output_channels;
    }
  }

  const ConvParameters& p_;
  Requantizer requantize_;
  const std::int32_t* biases_;
  const std::uint32_t* weights_;
  std::uint32_t pixel_bytes_;
};

// The same for 3x3 windows, whole groups of channels and saturating requantisation.
class RowOf3x3Output {
 public:
  RowOf3x3Output(const KernelCall& call, const OutputQuantization& output)
      : p_(call.as<ConvParameters>()),
        requantize_(output),
        biases_(call.constant<std::int32_t>(p_.requantization.biases)),
        weights_(call.constant<std::uint32_t>(p_.weights)) {}

  [[nodiscard]] static bool serves(const ConvParameters& p) {
    return p.kernel_height == 3 && p.kernel_width == 3 && p.output_channels % 4 == 0;
  }

  void operator()(const TapTable& taps, std::int8_t* output) const {
    DepthwiseRow row;
    row.column_bytes = std::uint32_t{p_.dilation_width} * p_.output_channels;
    row.step_bytes = std::uint32_t{p_.stride_width} * p_.output_channels;
    row.output_step_bytes = p_.output_channels;
    row.weights = weights_;
    for (std::uint32_t channel = 0; channel < p_.output_channels; channel += 4) {
      row.top = taps.ring + taps.offsets[0] + channel;
      row.middle = taps.ring + taps.offsets[3] + channel;
      row.bottom = taps.ring + taps.offsets[6] + channel;
      row.output = output + channel;
      row.output_end = row.output + p_.output_width * row.output_step_bytes;
      for (std::uint32_t i = 0; i < 4; ++i) {
        const auto scale = requantize_.channel(channel + i);
        row.biases[i] = biases_[channel + i];
        row.channels[i] = {scale.multiplier, scale.shift, scale.offset};
      }
      compute_depthwise_row(row);
      row.weights += 4 * taps.pairs;
    }
  }

 private:
  const ConvParameters& p_;
  SaturatingRequantizer requantize_;
  const std::int32_t* biases_;
  const std::uint32_t* weights_;
};

template <typename Row>
void convolve(const KernelCall& call, const Row& compute_row) {
  const auto& p = call.as<ConvParameters>();
  auto* offsets = reinterpret_cast<std::uint32_t*>(call.scratch);
  auto* ring = reinterpret_cast<std::int8_t*>(offsets + std::uint32_t{tap_pairs(p)} * 2);
  const TapTable taps{ring, offsets, tap_pairs(p)};
  const std::uint32_t input_bytes = std::uint32_t{p.input_height} * p.input_width * p.input_channels;
  const std::uint32_t row_bytes = std::uint32_t{p.output_width} * p.output_channels;
  const bool descending = p.descending != 0;
  for (std::int32_t i = 0; i < p.batches; ++i) {
    const std::int32_t batch = descending ? p.batches - 1 - i : i;
    RowRing rows(p, call.input(0) + static_cast<std::uint32_t>(batch) * input_bytes, ring);
    std::int8_t* output = call.output() + static_cast<std::uint32_t>(batch * p.output_height) * row_bytes;
    for (std::int32_t j = 0; j < p.output_height; ++j) {
      const std::int32_t y = descending ? p.output_height - 1 - j : j;
      rows.move_to(y);
      rows.find_taps(offsets);
      compute_row(taps, output + static_cast<std::uint32_t>(y) * row_bytes);
    }
  }
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const OutputQuantization quantization{call.constant<std::int32_t>(p.requantization.multipliers),
                                        call.constant<std::int8_t>(p.requantization.shifts),
                                        p.output_zero_point, p.activation_min, p.activation_max};
  const auto* biases = call.constant<std::int32_t>(p.requantization.biases);
  if (p.kernel_height * p.kernel_width > static_cast<int>(kSaturatingDepthMax) ||
      !SaturatingRequantizer::serves(quantization, biases, p.output_channels, p.output_channels)) {
    convolve(call, RowOfOutput<ExactRequantizer>(call, quantization));
  } else if (RowOf3x3Output::serves(p)) {
    convolve(call, RowOf3x3Output(call, quantization));
  } else {
    convolve(call, RowOfOutput<SaturatingRequantizer>(call, quantization));
  }
}

}  // namespace
}  // namespace sotto::device::dsp

extern "C" constinit const sotto_kernel sotto_cortex_m_dsp_depthwise_conv_2d = {
    sotto::device::KernelKind::kDepthwiseConv2d, sotto::device::Layout::kCortexMDsp,
    sizeof(sotto::device::ConvParameters), sotto::device::dsp::check, sotto::device::dsp::run};
