// Convolution: three windows at once are gathered, widened and multiplied with every output channel.
#include "kernels/copy_bytes.h"
#include "kernels/cortex_m_dsp/cortex_m_dsp.h"
#include "kernels/cortex_m_dsp/layout.h"
#include "kernels/cortex_m_dsp/pixel_block.h"
#include "kernels/parameter_checks.h"

namespace sotto::device::dsp {
namespace {

bool check(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  return convolution_is_sound(check, convolution_weight_bytes(p)) &&
         constants_are_filled_up(check, p.requantization, p.output_channels, p.output_channels) &&
         check.scratch_bytes >= convolution_scratch_bytes(p);
}

// A position in the output, moved pixel by pixel in the order of writing.
struct Position {
  std::int32_t batch, row, column;

  void next(const ConvParameters& p) {
    if (p.descending == 0) {
      if (++column < p.output_width) return;
      column = 0;
      if (++row < p.output_height) return;
      row = 0;
      ++batch;
    } else {
      if (--column >= 0) return;
      column = p.output_width - 1;
      if (--row >= 0) return;
      row = p.output_height - 1;
      --batch;
    }
  }
};

// One kernel row of a window whose columns are neighbours (dilation 1) and start at input column `left`.
std::int8_t* gather_row(const ConvParameters& p, const std::int8_t* row, std::int32_t left, std::int8_t* to) {
  const std::int32_t right = left + p.kernel_width;
  const std::int32_t begin = left < 0 ? 0 : (left < p.input_width ? left : p.input_width);
  const std::int32_t end = right < begin ? begin : (right < p.input_width ? right : p.input_width);
  const std::uint32_t channels = p.input_channels;
  const std::uint32_t before = static_cast<std::uint32_t>((begin < right ? begin : right) - left) * channels;
  const std::uint32_t inside = static_cast<std::uint32_t>(end - begin) * channels;
  const std::uint32_t all = p.kernel_width * channels;
  if (inside != all) fill_bytes(to, p.input_zero_point, all);
  copy_bytes(to + before, row + static_cast<std::uint32_t>(begin) * channels, inside);
  return to + all;
}

std::int8_t* gather_dilated_row(const ConvParameters& p, const std::int8_t* row, std::int32_t left,
                                std::int8_t* to) {
  const std::uint32_t channels = p.input_channels;
  for (std::int32_t i = 0, column = left; i < p.kernel_width;
       ++i, column += p.dilation_width, to += channels) {
    if (column < 0 || column >= p.input_width) {
      fill_bytes(to, p.input_zero_point, channels);
    } else {
      copy_bytes(to, row + static_cast<std::uint32_t>(column) * channels, channels);
    }
  }
  return to;
}

void gather_window(const ConvParameters& p, const std::int8_t* input, const Position& at,
                   std::int8_t* window) {
  const std::int32_t top = at.row * p.stride_height - p.padding_top;
  const std::int32_t left = at.column * p.stride_width - p.padding_left;
  const std::uint32_t row_bytes = std::uint32_t{p.input_width} * p.input_channels;
  input += static_cast<std::uint32_t>(at.batch) * p.input_height * row_bytes;
  const std::uint32_t kernel_row_bytes = std::uint32_t{p.kernel_width} * p.input_channels;
  for (std::int32_t i = 0, row = top; i < p.kernel_height; ++i, row += p.dilation_height) {
    if (row < 0 || row >= p.input_height) {
      fill_bytes(window, p.input_zero_point, kernel_row_bytes);
      window += kernel_row_bytes;
      continue;
    }
    const std::int8_t* from = input + static_cast<std::uint32_t>(row) * row_bytes;
    window =
        p.dilation_width == 1 ? gather_row(p, from, left, window) : gather_dilated_row(p, from, left, window);
  }
}

void run(const KernelCall& call) {
  const auto& p = call.as<ConvParameters>();
  const BlockProduct multiply(call);
  const std::uint32_t depth = window_depth(p);
  const std::uint32_t filled_depth = round_up(depth, 4);
  auto* widened = reinterpret_cast<std::uint32_t*>(call.scratch);
  auto* windows = reinterpret_cast<std::int8_t*>(widened + kBlockPixels * filled_depth / 2);
  const std::uint32_t count = std::uint32_t{p.batches} * p.output_height * p.output_width;
  const bool descending = p.descending != 0;
  Position at =
      descending ? Position{p.batches - 1, p.output_height - 1, p.output_width - 1} : Position{0, 0, 0};
  std::int8_t* output = call.output() + (descending ? std::uint32_t{count - 1} * p.output_channels : 0);
  const std::int32_t step = descending ? -std::int32_t{p.output_channels} : p.output_channels;
  for (std::uint32_t remaining = count; remaining != 0;) {
    BlockInput in{{windows, windows, windows}, depth};
    BlockOutput out{{output, output, output}};
    const std::uint32_t pixels = remaining < kBlockPixels ? remaining : kBlockPixels;
    for (std::uint32_t i = 0; i < pixels; ++i) {
      std::int8_t* window = windows + i * filled_depth;
      gather_window(p, call.input(0), at, window);
      in.windows[i] = window;
      out.pixels[i] = output;
      output += step;
      at.next(p);
    }
    widen_block(in, widened);
    multiply(widened, out);
    remaining -= pixels;
  }
}

}  // namespace
}  // namespace sotto::device::dsp

extern "C" constinit const sotto_kernel sotto_cortex_m_dsp_conv_2d = {
    sotto::device::KernelKind::kConv2d, sotto::device::Layout::kCortexMDsp,
    sizeof(sotto::device::ConvParameters), sotto::device::dsp::check, sotto::device::dsp::run};
