#include "kernel_reference.h"

#include <algorithm>

namespace sotto::device::reference {
namespace {

// SaturatingRoundingDoublingHighMul: a * b / 2^31, halves away from zero but for exact division's sign rule.
std::int64_t high_multiply(std::int64_t a, std::int64_t b) {
  const std::int64_t product = a * b;
  const std::int64_t nudge = product >= 0 ? (std::int64_t{1} << 30) : 1 - (std::int64_t{1} << 30);
  return (product + nudge) / (std::int64_t{1} << 31);
}

// RoundingDivideByPOT: value / 2^exponent, halves away from zero.
std::int64_t rounding_divide(std::int64_t value, int exponent) {
  const std::int64_t mask = (std::int64_t{1} << exponent) - 1;
  const std::int64_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
  return (value >> exponent) + ((value & mask) > threshold ? 1 : 0);
}

std::int64_t scale(std::int64_t value, std::int32_t multiplier, int shift) {
  const int left = std::max(shift, 0);
  const int right = std::max(-shift, 0);
  return rounding_divide(high_multiply(value * (std::int64_t{1} << left), multiplier), right);
}

template <typename Parameters>
std::int8_t quantize(const Parameters& p, const Constants& constants, std::int64_t sum, std::size_t channel,
                     std::size_t scale_index) {
  const std::int64_t scaled = scale(sum + constants.biases[channel], constants.multipliers[scale_index],
                                    constants.shifts[scale_index]);
  return static_cast<std::int8_t>(
      std::clamp<std::int64_t>(scaled + p.output_zero_point, p.activation_min, p.activation_max));
}

// The input value at a tap; the zero point in the padding.
struct Image {
  const ConvParameters& p;
  std::span<const std::int8_t> values;

  std::int64_t at(int batch, int row, int column, int channel) const {
    if (row < 0 || row >= p.input_height || column < 0 || column >= p.input_width) return p.input_zero_point;
    const std::size_t pixel =
        (static_cast<std::size_t>(batch) * p.input_height + row) * p.input_width + column;
    return values[pixel * p.input_channels + channel];
  }
};

template <typename Sum>
std::vector<std::int8_t> for_each_output(const ConvParameters& p, const Constants& constants, Sum sum) {
  std::vector<std::int8_t> output;
  for (int batch = 0; batch < p.batches; ++batch) {
    for (int y = 0; y < p.output_height; ++y) {
      for (int x = 0; x < p.output_width; ++x) {
        for (int channel = 0; channel < p.output_channels; ++channel) {
          output.push_back(quantize(p, constants, sum(batch, y, x, channel), channel, channel));
        }
      }
    }
  }
  return output;
}

template <typename Visit>
std::vector<std::int8_t> for_each_pool(const PoolParameters& p, std::span<const std::int8_t> input,
                                       Visit visit) {
  std::vector<std::int8_t> output;
  for (int batch = 0; batch < p.batches; ++batch) {
    for (int y = 0; y < p.output_height; ++y) {
      for (int x = 0; x < p.output_width; ++x) {
        for (int channel = 0; channel < p.channels; ++channel) {
          std::vector<int> taps;
          for (int i = 0; i < p.filter_height; ++i) {
            for (int j = 0; j < p.filter_width; ++j) {
              const int row = y * p.stride_height - p.padding_top + i;
              const int column = x * p.stride_width - p.padding_left + j;
              if (row < 0 || row >= p.input_height || column < 0 || column >= p.input_width) continue;
              taps.push_back(
                  input[((static_cast<std::size_t>(batch) * p.input_height + row) * p.input_width + column) *
                            p.channels +
                        channel]);
            }
          }
          output.push_back(
              static_cast<std::int8_t>(std::clamp<int>(visit(taps), p.activation_min, p.activation_max)));
        }
      }
    }
  }
  return output;
}

}  // namespace

std::vector<std::int8_t> conv_2d(const ConvParameters& p, const Constants& constants,
                                 std::span<const std::int8_t> input) {
  const Image image{p, input};
  return for_each_output(p, constants, [&](int batch, int y, int x, int channel) {
    std::int64_t sum = 0;
    std::size_t w = static_cast<std::size_t>(channel) * p.kernel_height * p.kernel_width * p.input_channels;
    for (int i = 0; i < p.kernel_height; ++i) {
      for (int j = 0; j < p.kernel_width; ++j) {
        for (int k = 0; k < p.input_channels; ++k) {
          sum += constants.weights[w++] *
                 image.at(batch, y * p.stride_height - p.padding_top + i * p.dilation_height,
                          x * p.stride_width - p.padding_left + j * p.dilation_width, k);
        }
      }
    }
    return sum;
  });
}

std::vector<std::int8_t> depthwise_conv_2d(const ConvParameters& p, const Constants& constants,
                                           std::span<const std::int8_t> input) {
  const Image image{p, input};
  return for_each_output(p, constants, [&](int batch, int y, int x, int channel) {
    std::int64_t sum = 0;
    for (int i = 0; i < p.kernel_height; ++i) {
      for (int j = 0; j < p.kernel_width; ++j) {
        const std::size_t tap = static_cast<std::size_t>(i) * p.kernel_width + j;
        sum += constants.weights[tap * p.output_channels + channel] *
               image.at(batch, y * p.stride_height - p.padding_top + i * p.dilation_height,
                        x * p.stride_width - p.padding_left + j * p.dilation_width,
                        channel / p.depth_multiplier);
      }
    }
    return sum;
  });
}

std::vector<std::int8_t> fully_connected(const FullyConnectedParameters& p, const Constants& constants,
                                         std::span<const std::int8_t> input) {
  std::vector<std::int8_t> output;
  for (std::size_t row = 0; row < p.rows; ++row) {
    for (std::size_t i = 0; i < p.output_depth; ++i) {
      std::int64_t sum = 0;
      for (std::size_t k = 0; k < p.input_depth; ++k) {
        sum += constants.weights[i * p.input_depth + k] * input[row * p.input_depth + k];
      }
      output.push_back(quantize(p, constants, sum, i, p.per_channel != 0 ? i : 0));
    }
  }
  return output;
}

std::vector<std::int8_t> add(const AddParameters& p, std::span<const std::int8_t> a,
                             std::span<const std::int8_t> b) {
  std::vector<std::int8_t> output;
  const auto scaled = [&p](std::int64_t value, int i) {
    return scale((value - p.input_zero_point[i]) * (std::int64_t{1} << p.left_shift), p.input_multiplier[i],
                 p.input_shift[i]);
  };
  for (std::size_t i = 0; i < p.count; ++i) {
    const std::int64_t sum = scaled(a[i], 0) + scaled(b[i], 1);
    const std::int64_t value = scale(sum, p.output_multiplier, p.output_shift) + p.output_zero_point;
    output.push_back(
        static_cast<std::int8_t>(std::clamp<std::int64_t>(value, p.activation_min, p.activation_max)));
  }
  return output;
}

std::vector<std::int8_t> average_pool_2d(const PoolParameters& p, std::span<const std::int8_t> input) {
  return for_each_pool(p, input, [](const std::vector<int>& taps) {
    int sum = 0;
    for (const int tap : taps) sum += tap;
    const int count = static_cast<int>(taps.size());
    return sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
  });
}

std::vector<std::int8_t> max_pool_2d(const PoolParameters& p, std::span<const std::int8_t> input) {
  return for_each_pool(
      p, input, [](const std::vector<int>& taps) { return *std::max_element(taps.begin(), taps.end()); });
}

}  // namespace sotto::device::reference
