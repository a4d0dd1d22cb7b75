// CONV_2D in groups: each group of output channels sees its own group of input channels.
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::portable {
namespace {

std::uint32_t group_channels(const ConvParameters& p) { return p.input_channels / p.depth_multiplier; }

bool check(const KernelCheck& check) { return grouped_convolution_is_sound(check); }

struct Window {
  std::int32_t top, left;
};

std::int32_t dot(const ConvParameters& p, const std::int8_t* values, const std::int8_t* weights) {
  std::int32_t sum = 0;
  for (std::uint32_t c = 0; c < group_channels(p); ++c)
    sum += weights[c] * (values != nullptr ? values[c] : p.input_zero_point);
  return sum;
}

std::int32_t sum_of(const ConvParameters& p, const std::int8_t* input, const std::int8_t* weights,
                    const Window& window) {
  std::int32_t sum = 0;  // at most 2^16 terms of 2^14
  for (std::uint32_t i = 0; i < p.kernel_height; ++i) {
    const std::int32_t y = window.top + static_cast<std::int32_t>(i * p.dilation_height);
    for (std::uint32_t j = 0; j < p.kernel_width; ++j, weights += group_channels(p)) {
      const std::int32_t x = window.left + static_cast<std::int32_t>(j * p.dilation_width);
      const bool inside = y >= 0 && y < p.input_height && x >= 0 && x < p.input_width;
      const std::uint32_t pixel =
          static_cast<std::uint32_t>(y) * p.input_width + static_cast<std::uint32_t>(x);
      sum += dot(p, inside ? input + pixel * p.input_channels : nullptr, weights);
    }
  }
  return sum;
}

void run_pixel(const KernelCall& call, const std::int8_t* input, const Window& window, std::int8_t* out) {
  const auto& p = call.as<ConvParameters>();
  const auto* biases = call.constant<std::int32_t>(p.requantization.biases);
  const auto* multipliers = call.constant<std::int32_t>(p.requantization.multipliers);
  const auto* shifts = call.constant<std::int8_t>(p.requantization.shifts);
  const auto* weights = call.constant<std::int8_t>(p.weights);
  const std::uint32_t channel_weights = std::uint32_t{p.kernel_height} * p.kernel_width * group_channels(p);
  const std::uint32_t group_outputs = p.output_channels / p.depth_multiplier;
  for (std::uint32_t c = 0; c < p.output_channels; ++c, weights += channel_weights) {
    const std::int8_t* group = input + c / group_outputs * group_channels(p);
    const std::int32_t sum = wrapping_add(sum_of(p, group, weights, window), biases[c]);
    const std::int32_t value = multiply_by_quantized_multiplier(sum, multipliers[c], shifts[c]);
    out[c] = clamp_to_int8(wrapping_add(value, p.output_zero_point), p.activation_min, p.activation_max);
  }
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const std::uint32_t input_bytes = std::uint32_t{p.input_height} * p.input_width * p.input_channels;
  const std::uint32_t pixels = std::uint32_t{p.output_height} * p.output_width;
  for (std::uint32_t done = 0; done < p.batches * pixels; ++done) {
    const std::uint32_t q = p.descending != 0 ? p.batches * pixels - 1 - done : done;
    const std::uint32_t pixel = q % pixels;
    const Window window{static_cast<std::int32_t>(pixel / p.output_width * p.stride_height) - p.padding_top,
                        static_cast<std::int32_t>(pixel % p.output_width * p.stride_width) - p.padding_left};
    run_pixel(call, call.input(0) + q / pixels * input_bytes, window, call.output() + q * p.output_channels);
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_grouped_conv_2d = {
    sotto::device::KernelKind::kGroupedConv2d, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ConvParameters), sotto::device::portable::check, sotto::device::portable::run};
