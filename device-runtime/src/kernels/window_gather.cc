#include "sotto/device_runtime/kernels/window_gather.h"

#include "kernels/copy_bytes.h"

namespace sotto::device {
namespace {

std::uint32_t batch_bytes(const ConvParameters& p) {
  return std::uint32_t{p.input_height} * p.input_width * p.input_channels;
}

}  // namespace

WindowGather::WindowGather(const ConvParameters& p, const std::int8_t* input)
    : p_(p),
      batch_(input),
      row_(0),
      column_(0),
      input_row_bytes_(std::uint32_t{p.input_width} * p.input_channels),
      kernel_row_bytes_(std::uint32_t{p.kernel_width} * p.input_channels) {
  if (p.descending == 0) return;
  batch_ += (p.batches - 1u) * batch_bytes(p);
  row_ = p.output_height - 1;
  column_ = p.output_width - 1;
}

void WindowGather::advance() {
  if (p_.descending == 0) {
    if (++column_ < p_.output_width) return;
    column_ = 0;
    if (++row_ < p_.output_height) return;
    row_ = 0;
    batch_ += batch_bytes(p_);
  } else {
    if (--column_ >= 0) return;
    column_ = p_.output_width - 1;
    if (--row_ >= 0) return;
    row_ = p_.output_height - 1;
    batch_ -= batch_bytes(p_);
  }
}

WindowGather::Columns WindowGather::clip_columns() const {
  const std::int32_t left = column_ * p_.stride_width - p_.padding_left;
  const std::int32_t right = left + p_.kernel_width;
  const std::int32_t begin = left < 0 ? 0 : left;
  const std::int32_t end = right < p_.input_width ? right : p_.input_width;
  if (begin >= end) return {0, 0, 0};
  const std::uint32_t channels = p_.input_channels;
  return {static_cast<std::uint32_t>(begin - left) * channels, static_cast<std::uint32_t>(begin) * channels,
          static_cast<std::uint32_t>(end - begin) * channels};
}

void WindowGather::gather_dilated_row(const std::int8_t* row, std::int8_t* to) const {
  const std::uint32_t channels = p_.input_channels;
  std::int32_t column = column_ * p_.stride_width - p_.padding_left;
  for (std::int32_t i = 0; i < p_.kernel_width; ++i, column += p_.dilation_width, to += channels) {
    if (column < 0 || column >= p_.input_width) {
      fill_bytes(to, p_.input_zero_point, channels);
    } else {
      copy_bytes(to, row + static_cast<std::uint32_t>(column) * channels, channels);
    }
  }
}

void WindowGather::next(std::int8_t* window) {
  const Columns columns = clip_columns();
  std::int32_t row = row_ * p_.stride_height - p_.padding_top;
  for (std::uint32_t i = p_.kernel_height; i != 0;
       --i, row += p_.dilation_height, window += kernel_row_bytes_) {
    if (row < 0 || row >= p_.input_height) {
      fill_bytes(window, p_.input_zero_point, kernel_row_bytes_);
      continue;
    }
    const std::int8_t* from = batch_ + static_cast<std::uint32_t>(row) * input_row_bytes_;
    if (p_.dilation_width != 1) {
      gather_dilated_row(from, window);
      continue;
    }
    if (columns.inside_bytes != kernel_row_bytes_) fill_bytes(window, p_.input_zero_point, kernel_row_bytes_);
    copy_bytes(window + columns.before_bytes, from + columns.input_offset, columns.inside_bytes);
  }
  advance();
}

}  // namespace sotto::device
