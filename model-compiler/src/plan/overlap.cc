#include "plan/overlap.h"

#include <algorithm>

namespace sotto::model_compiler {
namespace {

struct ByteRange {
  std::int64_t begin, end;
};

// The rows or columns of the input that a window covers, clipped to it.
ByteRange clip(std::uint32_t output, std::uint32_t stride, std::uint32_t padding, std::uint32_t kernel,
               std::uint32_t dilation, std::uint32_t input) {
  const std::int64_t begin = static_cast<std::int64_t>(output) * stride - padding;
  const std::int64_t end = begin + static_cast<std::int64_t>(kernel - 1) * dilation + 1;
  return {std::clamp<std::int64_t>(begin, 0, input - 1), std::clamp<std::int64_t>(end, 1, input)};
}

// First and last byte of the input that the window of output pixel `pixel` may touch.
ByteRange window_bytes(const WindowGeometry& g, std::uint32_t pixel) {
  const std::uint32_t per_batch = g.output_height * g.output_width;
  const std::uint32_t within = pixel % per_batch;
  const ByteRange rows = clip(within / g.output_width, g.stride_height, g.padding_top, g.kernel_height,
                              g.dilation_height, g.input_height);
  const ByteRange columns = clip(within % g.output_width, g.stride_width, g.padding_left, g.kernel_width,
                                 g.dilation_width, g.input_width);
  const std::int64_t batch = static_cast<std::int64_t>(pixel / per_batch) * g.input_height;
  const auto at = [&g](std::int64_t row, std::int64_t column) {
    return (row * g.input_width + column) * g.input_channels;
  };
  return {at(batch + rows.begin, columns.begin), at(batch + rows.end - 1, columns.end)};
}

}  // namespace

WindowGeometry geometry_of(const device::ConvParameters& p) {
  return {p.batches,      p.input_height,    p.input_width,    p.input_channels, p.output_height,
          p.output_width, p.output_channels, p.kernel_height,  p.kernel_width,   p.stride_height,
          p.stride_width, p.dilation_height, p.dilation_width, p.padding_top,    p.padding_left};
}

WindowGeometry geometry_of(const device::PoolParameters& p) {
  return {p.batches,  p.input_height,  p.input_width,  p.channels,      p.output_height, p.output_width,
          p.channels, p.filter_height, p.filter_width, p.stride_height, p.stride_width,  1,
          1,          p.padding_top,   p.padding_left};
}

WindowGeometry geometry_of(const device::PaddedPoolParameters& p) { return geometry_of(p.pool); }

Overlap window_overlap(const WindowGeometry& g, std::uint32_t lag_pixels, bool descends) {
  const std::uint32_t pixels = g.batches * g.output_height * g.output_width;
  const std::int64_t channels = g.output_channels;
  const std::int64_t input_bytes =
      std::int64_t{g.batches} * g.input_height * g.input_width * g.input_channels;
  // Lowest and highest bytes grow along a row and from row to row, so beyond a pixel only its row and the
  // next one's start matter.
  const auto low_from = [&](std::uint32_t q) {
    const std::uint32_t next_row = (q / g.output_width + 1) * g.output_width;
    const std::int64_t low = window_bytes(g, q).begin;
    return next_row < pixels ? std::min(low, window_bytes(g, next_row).begin) : low;
  };
  const auto high_until = [&](std::uint32_t q) {
    const std::uint32_t row = q / g.output_width * g.output_width;
    const std::int64_t high = window_bytes(g, q).end;
    return row > 0 ? std::max(high, window_bytes(g, row - 1).end) : high;
  };
  std::int64_t ascending = -input_bytes;  // without a read behind a write any place will do
  std::int64_t descending = -input_bytes;
  for (std::uint32_t q = 0; q < pixels; ++q) {
    const std::uint32_t first_read = q + 1 >= lag_pixels ? q + 1 - lag_pixels : 0;
    if (first_read < pixels) ascending = std::max(ascending, (q + 1) * channels - low_from(first_read));
    const std::uint64_t reads = std::min<std::uint64_t>(std::uint64_t{q} + lag_pixels, pixels);
    if (reads == 0) continue;
    const std::int64_t high = high_until(static_cast<std::uint32_t>(reads - 1));
    descending = std::max(descending, (pixels - q) * channels - (input_bytes - high));
  }
  Overlap overlap;
  overlap.ascending = ascending;
  if (descends) overlap.descending = descending;
  return overlap;
}

Overlap elementwise_overlap(std::uint32_t elements, std::uint32_t input_element_bytes,
                            std::uint32_t output_element_bytes) {
  // Writing element i ends at (i + 1) * output bytes; reads go on from (i + 1) * input bytes.
  const std::int64_t growth = static_cast<std::int64_t>(output_element_bytes) - input_element_bytes;
  Overlap overlap;
  overlap.ascending = growth > 0 ? growth * (elements - 1) : growth;
  return overlap;
}

}  // namespace sotto::model_compiler
