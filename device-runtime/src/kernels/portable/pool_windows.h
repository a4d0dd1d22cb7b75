// The windows of pools.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device::portable {

// The taps of a window that lie inside the input.
struct Taps {
  const std::int8_t* first;
  std::uint32_t rows, columns;
  std::uint32_t row_stride, pixel_stride;
};

struct Span {
  std::uint32_t begin, end;
};

inline Span clip(std::uint32_t output, std::uint32_t stride, std::uint32_t padding, std::uint32_t filter,
                 std::uint32_t input) {
  const std::int32_t begin = static_cast<std::int32_t>(output * stride) - static_cast<std::int32_t>(padding);
  const std::int32_t end = begin + static_cast<std::int32_t>(filter);
  return {begin < 0 ? 0 : static_cast<std::uint32_t>(begin),
          end > static_cast<std::int32_t>(input) ? input : static_cast<std::uint32_t>(end)};
}

inline Taps taps_of(const PoolParameters& p, const std::int8_t* input, std::uint32_t pixel) {
  const Span rows =
      clip(pixel / p.output_width, p.stride_height, p.padding_top, p.filter_height, p.input_height);
  const Span columns =
      clip(pixel % p.output_width, p.stride_width, p.padding_left, p.filter_width, p.input_width);
  const std::uint32_t row_stride = std::uint32_t{p.input_width} * p.channels;
  return {input + rows.begin * row_stride + columns.begin * p.channels, rows.end - rows.begin,
          columns.end - columns.begin, row_stride, p.channels};
}

// of(taps, channel) for each channel of each output pixel.
template <typename OfTaps>
void run_pool(const KernelCall& call, const PoolParameters& p, OfTaps&& of_taps) {
  const std::uint32_t pixels = std::uint32_t{p.output_height} * p.output_width;
  const std::uint32_t input_bytes = std::uint32_t{p.input_height} * p.input_width * p.channels;
  for (std::uint32_t done = 0; done < p.batches * pixels; ++done) {
    const std::uint32_t q = p.descending != 0 ? p.batches * pixels - 1 - done : done;
    const Taps taps = taps_of(p, call.input(0) + q / pixels * input_bytes, q % pixels);
    std::int8_t* out = call.output() + q * p.channels;
    for (std::uint32_t channel = 0; channel < p.channels; ++channel) {
      const std::int32_t value = of_taps(taps, channel);
      out[channel] = static_cast<std::int8_t>(value < p.activation_min
                                                  ? p.activation_min
                                                  : (value > p.activation_max ? p.activation_max : value));
    }
  }
}

inline std::int32_t sum_of(const Taps& taps, std::uint32_t channel) {
  std::int32_t sum = 0;
  for (std::uint32_t row = 0; row < taps.rows; ++row) {
    const std::int8_t* tap = taps.first + row * taps.row_stride + channel;
    for (std::uint32_t column = 0; column < taps.columns; ++column, tap += taps.pixel_stride) sum += *tap;
  }
  return sum;
}

// Halves away from zero.
inline std::int32_t rounded_quotient(std::int32_t sum, std::int32_t count) {
  return sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
}

inline std::int32_t maximum_of(const Taps& taps, std::uint32_t channel, std::int32_t max) {
  for (std::uint32_t row = 0; row < taps.rows; ++row) {
    const std::int8_t* tap = taps.first + row * taps.row_stride + channel;
    for (std::uint32_t column = 0; column < taps.columns; ++column, tap += taps.pixel_stride) {
      if (*tap > max) max = *tap;
    }
  }
  return max;
}

}  // namespace sotto::device::portable
