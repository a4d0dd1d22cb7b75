// Convolution windows, one after the other in the order of writing, each as one run of bytes.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device {

[[nodiscard]] constexpr std::uint32_t window_depth(const ConvParameters& p) {
  return std::uint32_t{p.kernel_height} * p.kernel_width * p.input_channels;
}

class WindowGather {
 public:
  // Begins with the first output pixel that is written. `input` has all batches.
  WindowGather(const ConvParameters& p, const std::int8_t* input);

  // Copies the pixel's window, [kernel_height][kernel_width][input_channels] with zero points in the padding,
  // to window_depth(p) bytes at `window`, and goes on to the next pixel.
  void next(std::int8_t* window);

 private:
  // The taps of a kernel row that lie inside the input, when they are neighbours (dilation 1).
  struct Columns {
    std::uint32_t before_bytes;  // of padding
    std::uint32_t input_offset;  // in the input row
    std::uint32_t inside_bytes;
  };
  [[nodiscard]] Columns clip_columns() const;
  void gather_dilated_row(const std::int8_t* row, std::int8_t* to) const;
  void advance();

  const ConvParameters& p_;
  const std::int8_t* batch_;
  std::int32_t row_, column_;
  std::uint32_t input_row_bytes_, kernel_row_bytes_;
};

}  // namespace sotto::device
