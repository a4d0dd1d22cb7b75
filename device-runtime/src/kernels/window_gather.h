// Convolution windows, one after the other in the order of writing, each as one run of bytes.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"

namespace sotto::device {

[[nodiscard]] constexpr std::uint32_t window_depth(const ConvParameters& p) {
  return std::uint32_t{p.kernel_height} * p.kernel_width * p.input_channels;
}

class WindowGather {
 public:
  // Begins with the first output pixel that is written. `input` has all batches.
  WindowGather(const ConvParameters& p, const std::int8_t* input);

  // Copies the pixel's window, [kernel_height][kernel_width][input_channels] with zero points in the padding, to
  // window_depth(p) bytes at `window`, and goes on to the next pixel.
  void next(std::int8_t* window);

 private:
  std::int8_t* gather_row(const std::int8_t* row, std::int32_t left, std::int8_t* to) const;
  std::int8_t* gather_dilated_row(const std::int8_t* row, std::int32_t left, std::int8_t* to) const;
  void advance();

  const ConvParameters& p_;
  const std::int8_t* batch_;
  std::int32_t row_, column_;
};

}  // namespace sotto::device
