// A ring of input rows for depthwise convolutions: the rows under one row of output windows, with their
// padding. Windows then have no borders, every pixel begins on an even address,
// and the output may overwrite the input.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device {

// Each input channel is there as often as it has output channels.
struct RowRingShape {
  std::uint32_t rows;         // that a window spans
  std::uint32_t columns;      // that the windows of an output row span
  std::uint32_t pixel_bytes;  // output channels, filled up to a multiple of four

  // Factors of 16 bits with kernels whose extent has 16 bits.
  [[nodiscard]] constexpr std::uint64_t bytes() const { return std::uint64_t{rows} * columns * pixel_bytes; }
};

[[nodiscard]] constexpr RowRingShape row_ring_shape(const ConvParameters& p) {
  return RowRingShape{(p.kernel_height - 1u) * p.dilation_height + 1u,
                      (p.output_width - 1u) * p.stride_width + (p.kernel_width - 1u) * p.dilation_width + 1u,
                      (p.output_channels + 3u) / 4u * 4u};
}

class RowRing {
 public:
  // Of one batch of `input`; `ring` has row_ring_shape(p).bytes(). Both must outlive it.
  RowRing(const ConvParameters& p, const std::int8_t* input, std::int8_t* ring)
      : p_(p), input_(input), ring_(ring), shape_(row_ring_shape(p)) {}

  // Brings the rows under output row `y` into the ring. Rows of output follow one another
  // in the order of writing.
  void move_to(std::int32_t y);

  // Where the taps under the first window of the row lie in the ring, in row order;
  // an odd last tap is there twice.
  void find_taps(std::uint32_t* offsets) const;

 private:
  [[nodiscard]] std::int8_t* slot(std::int32_t row) const;
  void fill(std::int32_t row);
  std::int8_t* copy_pixels(const std::int8_t* from, std::uint32_t columns, std::int8_t* to) const;

  const ConvParameters& p_;
  const std::int8_t* input_;
  std::int8_t* ring_;
  RowRingShape shape_;
  std::int32_t first_ = 0, end_ = 0;  // rows in the ring; none yet when equal
};

}  // namespace sotto::device
