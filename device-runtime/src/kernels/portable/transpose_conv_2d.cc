// TRANSPOSE_CONV, by output pixels: which input pixels reach one, and by which tap.
#include "sotto/device_runtime/kernels/parameter_checks.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::portable {
namespace {

bool check(const KernelCheck& check) { return transposed_convolution_is_sound(check); }

// The input row or column that a tap brings to an output one; -1 when there is none.
std::int32_t source(std::uint32_t output, std::uint32_t padding, std::uint32_t tap, std::uint32_t stride,
                    std::uint32_t input) {
  const std::uint32_t at = output + padding - tap;  // wraps below 0, far beyond any input
  if (output + padding < tap || at % stride != 0 || at / stride >= input) return -1;
  return static_cast<std::int32_t>(at / stride);
}

struct Pixel {
  std::uint32_t y, x;
};

std::int32_t sum_of(const ConvParameters& p, const std::int8_t* input, const std::int8_t* weights,
                    const Pixel& pixel) {
  std::int32_t sum = 0;  // at most 2^16 terms of 2^15
  for (std::uint32_t i = 0; i < p.kernel_height; ++i) {
    const std::int32_t y = source(pixel.y, p.padding_top, i, p.stride_height, p.input_height);
    for (std::uint32_t j = 0; j < p.kernel_width; ++j, weights += p.input_channels) {
      const std::int32_t x = source(pixel.x, p.padding_left, j, p.stride_width, p.input_width);
      if (y < 0 || x < 0) continue;
      const std::int8_t* values =
          input +
          (static_cast<std::uint32_t>(y) * p.input_width + static_cast<std::uint32_t>(x)) * p.input_channels;
      for (std::uint32_t c = 0; c < p.input_channels; ++c)
        sum += (values[c] - p.input_zero_point) * weights[c];
    }
  }
  return sum;
}

void run_pixel(const KernelCall& call, const std::int8_t* input, const Pixel& pixel, std::int8_t* out) {
  const auto& p = call.as<ConvParameters>();
  const auto* biases = call.constant<std::int32_t>(p.requantization.biases);
  const auto* multipliers = call.constant<std::int32_t>(p.requantization.multipliers);
  const auto* shifts = call.constant<std::int8_t>(p.requantization.shifts);
  const auto* weights = call.constant<std::int8_t>(p.weights);
  const std::uint32_t channel_weights = std::uint32_t{p.kernel_height} * p.kernel_width * p.input_channels;
  for (std::uint32_t c = 0; c < p.output_channels; ++c, weights += channel_weights) {
    const std::int32_t sum = wrapping_add(sum_of(p, input, weights, pixel), biases[c]);
    const std::int32_t value = multiply_by_quantized_multiplier(sum, multipliers[c], shifts[c]);
    out[c] = clamp_to_int8(wrapping_add(value, p.output_zero_point), p.activation_min, p.activation_max);
  }
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const std::uint32_t input_bytes = std::uint32_t{p.input_height} * p.input_width * p.input_channels;
  std::int8_t* out = call.output();
  for (std::uint32_t batch = 0; batch < p.batches; ++batch) {
    for (std::uint32_t y = 0; y < p.output_height; ++y) {
      for (std::uint32_t x = 0; x < p.output_width; ++x, out += p.output_channels)
        run_pixel(call, call.input(0) + batch * input_bytes, {y, x}, out);
    }
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_transpose_conv_2d = {
    sotto::device::KernelKind::kTransposeConv2d, sotto::device::Layout::kPlain,
    sizeof(sotto::device::ConvParameters), sotto::device::portable::check, sotto::device::portable::run};
