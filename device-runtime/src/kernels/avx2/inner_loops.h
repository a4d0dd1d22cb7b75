// The innermost loops, in vector instructions. layout.h has the order of the weights.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/avx2/layout.h"
#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device::avx2 {

// From accumulators to int8 for each channel, or one scale for all.
struct OutputQuantization {
  const std::int32_t* biases;
  const std::int32_t* multipliers;
  const std::int8_t* shifts;
  bool per_channel;
  std::int32_t zero_point, activation_min, activation_max;

  template <typename Parameters>
  OutputQuantization(const KernelCall& call, const Parameters& p, bool is_per_channel)
      : biases(call.constant<std::int32_t>(p.requantization.biases)),
        multipliers(call.constant<std::int32_t>(p.requantization.multipliers)),
        shifts(call.constant<std::int8_t>(p.requantization.shifts)),
        per_channel(is_per_channel),
        zero_point(p.output_zero_point),
        activation_min(p.activation_min),
        activation_max(p.activation_max) {}
};

// `count` int8 to int16.
void widen(const std::int8_t* from, std::uint32_t count, std::int16_t* to);

// Rows of weights times up to kBlockPixels windows.
struct MatrixProduct {
  const std::int8_t* weights;
  std::uint32_t channels;
  std::uint32_t pairs;  // of steps, the last one filled up in the windows with any value
  OutputQuantization output;
};
// `windows` has 2 * pairs int16 for each output. Outputs may be the same, whose windows are then equal.
void multiply_block(const MatrixProduct& product, const std::int16_t* windows,
                    std::int8_t* const (&outputs)[kBlockPixels]);
void multiply_window(const MatrixProduct& product, const std::int16_t* window, std::int8_t* output);

// A row of depthwise outputs in every channel. A tap's channels begin at ring + offset,
// and up to 15 bytes behind them may be read.
struct DepthwiseRow {
  const std::int8_t* ring;
  const std::uint32_t* offsets;  // two for each tap pair, under the first window
  const std::int16_t* weights;
  std::uint32_t pairs;
  std::uint32_t channels;
  std::uint32_t pixels;
  std::uint32_t step_bytes;  // from window to window
  OutputQuantization output;
};
void compute_depthwise_row(const DepthwiseRow& row, std::int8_t* output);

}  // namespace sotto::device::avx2
