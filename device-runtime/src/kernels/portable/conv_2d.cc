// CONV_2D of any geometry: windows of two output pixels are gathered into scratch, then multiplied by all
// channels.
#include "kernels/copy_bytes.h"
#include "kernels/portable/matrix_block.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device::portable {
namespace {

struct Pixel {
  std::uint32_t y, x;
};

// One row of taps: [kernel_width][input_channels] from the input row at `row`.
void gather_row(const ConvParameters& p, const std::int8_t* row, std::int32_t left, std::int8_t* to) {
  const std::uint32_t channels = p.input_channels;
  for (std::uint32_t tap = 0; tap < p.kernel_width; ++tap, to += channels) {
    const std::int32_t x = left + static_cast<std::int32_t>(tap * p.dilation_width);
    if (x < 0 || x >= p.input_width) {
      fill_bytes(to, p.input_zero_point, channels);
    } else {
      copy_bytes(to, row + static_cast<std::uint32_t>(x) * channels, channels);
    }
  }
}

// The window of one output pixel, [kernel_height][kernel_width][input_channels]; padding is the input's zero
// point.
void gather_window(const ConvParameters& p, const std::int8_t* input, Pixel pixel, std::int8_t* to) {
  const std::uint32_t row_length = std::uint32_t{p.kernel_width} * p.input_channels;
  const std::uint32_t input_row_bytes = std::uint32_t{p.input_width} * p.input_channels;
  const std::int32_t top = static_cast<std::int32_t>(pixel.y * p.stride_height) - p.padding_top;
  const std::int32_t left = static_cast<std::int32_t>(pixel.x * p.stride_width) - p.padding_left;
  const bool in_one_piece = p.dilation_width == 1 && left >= 0 && left + p.kernel_width <= p.input_width;
  for (std::uint32_t tap = 0; tap < p.kernel_height; ++tap, to += row_length) {
    const std::int32_t y = top + static_cast<std::int32_t>(tap * p.dilation_height);
    if (y < 0 || y >= p.input_height) {
      fill_bytes(to, p.input_zero_point, row_length);
      continue;
    }
    const std::int8_t* row = input + static_cast<std::uint32_t>(y) * input_row_bytes;
    if (in_one_piece) {
      copy_bytes(to, row + static_cast<std::uint32_t>(left) * p.input_channels, row_length);
    } else {
      gather_row(p, row, left, to);
    }
  }
}

void run_batch(const KernelCall& call, const ConvParameters& p, const std::int8_t* input, std::int8_t* out) {
  const ChannelOutput output(call, p);
  const std::uint32_t pixels = std::uint32_t{p.output_height} * p.output_width;
  const std::uint32_t depth = window_length(p);
  auto* first = reinterpret_cast<std::int8_t*>(call.scratch);
  std::int8_t* second = first + depth;
  for (std::uint32_t done = 0; done < pixels; done += kPixelsPerGroup) {
    const bool pair = pixels - done >= kPixelsPerGroup;
    const std::uint32_t a = p.descending != 0 ? pixels - 1 - done : done;
    const std::uint32_t b = !pair ? a : (p.descending != 0 ? a - 1 : a + 1);
    gather_window(p, input, {a / p.output_width, a % p.output_width}, first);
    if (pair) gather_window(p, input, {b / p.output_width, b % p.output_width}, second);
    multiply_pixels(output, call.constant<std::int8_t>(p.weights), first, pair ? second : nullptr, depth,
                    p.output_channels, out + a * p.output_channels, out + b * p.output_channels);
  }
}

bool check(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return conv_2d_scratch_bytes(p) <= check.scratch_bytes &&
         convolution_is_sound(check, matrix_bytes(p.output_channels, window_length(p)));
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const std::uint32_t input_bytes = std::uint32_t{p.input_height} * p.input_width * p.input_channels;
  const std::uint32_t output_bytes = std::uint32_t{p.output_height} * p.output_width * p.output_channels;
  for (std::uint32_t done = 0; done < p.batches; ++done) {
    const std::uint32_t batch = p.descending != 0 ? p.batches - 1 - done : done;
    run_batch(call, p, call.input(0) + batch * input_bytes, call.output() + batch * output_bytes);
  }
}

}  // namespace
}  // namespace sotto::device::portable

extern "C" constinit const sotto_kernel sotto_portable_conv_2d = {
    sotto::device::KernelKind::kConv2d, sotto::device::Layout::kPortable,
    sizeof(sotto::device::ConvParameters), sotto::device::portable::check, sotto::device::portable::run};
