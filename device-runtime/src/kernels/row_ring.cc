#include "sotto/device_runtime/kernels/row_ring.h"

#include "kernels/copy_bytes.h"

namespace sotto::device {

void RowRing::move_to(std::int32_t y) {
  const std::int32_t first = y * p_.stride_height - p_.padding_top;
  const std::int32_t end = first + static_cast<std::int32_t>(shape_.rows);
  std::int32_t missing_from = first;
  std::int32_t missing_to = end;
  if (first_ != end_) {
    if (p_.descending == 0) {
      if (end_ > missing_from) missing_from = end_;
    } else {
      if (first_ < missing_to) missing_to = first_;
    }
  }
  for (std::int32_t row = missing_from; row < missing_to; ++row) fill(row);
  first_ = first;
  end_ = end;
}

std::int8_t* RowRing::slot(std::int32_t row) const {
  const std::uint32_t index = static_cast<std::uint32_t>(row + p_.padding_top) % shape_.rows;
  return ring_ + index * shape_.columns * shape_.pixel_bytes;
}

void RowRing::find_taps(std::uint32_t* offsets) const {
  const std::uint32_t column = p_.dilation_width * shape_.pixel_bytes;
  for (std::int32_t i = 0; i < p_.kernel_height; ++i) {
    auto offset = static_cast<std::uint32_t>(slot(first_ + i * p_.dilation_height) - ring_);
    for (std::int32_t j = 0; j < p_.kernel_width; ++j, offset += column) *offsets++ = offset;
  }
  if (p_.kernel_height * p_.kernel_width % 2 != 0) *offsets = offsets[-1];
}

void RowRing::fill(std::int32_t row) {
  std::int8_t* to = slot(row);
  if (row < 0 || row >= p_.input_height) {
    fill_bytes(to, p_.input_zero_point, shape_.columns * shape_.pixel_bytes);
    return;
  }
  const std::uint32_t before = p_.padding_left * shape_.pixel_bytes;
  const std::uint32_t visible = shape_.columns - p_.padding_left;  // padding is shorter than a window
  const std::uint32_t columns = visible < p_.input_width ? visible : p_.input_width;
  fill_bytes(to, p_.input_zero_point, before);
  to = copy_pixels(input_ + static_cast<std::uint32_t>(row) * p_.input_width * p_.input_channels, columns,
                   to + before);
  fill_bytes(to, p_.input_zero_point, (visible - columns) * shape_.pixel_bytes);
}

std::int8_t* RowRing::copy_pixels(const std::int8_t* from, std::uint32_t columns, std::int8_t* to) const {
  if (p_.input_channels == shape_.pixel_bytes) {
    copy_bytes(to, from, columns * shape_.pixel_bytes);
    return to + columns * shape_.pixel_bytes;
  }
  for (std::uint32_t i = 0; i < columns; ++i, from += p_.input_channels, to += shape_.pixel_bytes) {
    if (p_.depth_multiplier == 1) {
      copy_bytes(to, from, p_.input_channels);
      continue;
    }
    std::int8_t* copy = to;
    for (std::uint32_t channel = 0; channel < p_.input_channels; ++channel, copy += p_.depth_multiplier)
      fill_bytes(copy, from[channel], p_.depth_multiplier);
  }
  return to;
}

}  // namespace sotto::device
