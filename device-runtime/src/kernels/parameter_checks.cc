#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::device {
namespace {

// One axis of a sliding window.
struct Axis {
  std::uint32_t input, output, kernel, stride, dilation, padding;
};

bool axis_is_sound(const Axis& axis) {
  if (axis.input == 0 || axis.output == 0 || axis.kernel == 0 || axis.stride == 0 || axis.dilation == 0)
    return false;
  const std::uint32_t reach = (axis.kernel - 1) * axis.dilation;  // factors of 16 bits
  if (reach > 0xFFFF || axis.padding > reach) return false;
  return (axis.output - 1) * axis.stride < axis.input + axis.padding;
}

bool windows_are_sound(const ConvParameters& p) {
  return p.batches != 0 && p.input_channels != 0 && p.output_channels != 0 &&
         axis_is_sound({p.input_height, p.output_height, p.kernel_height, p.stride_height, p.dilation_height,
                        p.padding_top}) &&
         axis_is_sound({p.input_width, p.output_width, p.kernel_width, p.stride_width, p.dilation_width,
                        p.padding_left}) &&
         p.activation_min <= p.activation_max && p.descending <= 1;
}

bool volume_is(std::uint32_t bytes, std::uint64_t a, std::uint64_t b, std::uint64_t c, std::uint64_t d) {
  return bytes == a * b * c * d;  // four factors of 16 bits
}

bool operands_are_sound(const KernelCheck& check, const ConvParameters& p) {
  return check.has(1, 1) &&
         volume_is(check.input_bytes(0), p.batches, p.input_height, p.input_width, p.input_channels) &&
         volume_is(check.output_bytes(), p.batches, p.output_height, p.output_width, p.output_channels);
}

bool constants_are_sound(const KernelCheck& check, const ConvParameters& p, std::uint64_t weight_bytes) {
  return check.constant_fits(p.weights, weight_bytes) &&
         requantization_is_sound(check, p.requantization, p.output_channels, p.output_channels);
}

}  // namespace

bool requantization_is_sound(const KernelCheck& check, const ChannelRequantization& requantization,
                             std::uint32_t channels, std::uint32_t scales) {
  if (!check.constant_fits(requantization.biases, std::uint64_t{channels} * 4) ||
      !check.constant_fits(requantization.multipliers, std::uint64_t{scales} * 4) ||
      !check.constant_fits(requantization.shifts, scales)) {
    return false;
  }
  const auto* shifts = reinterpret_cast<const std::int8_t*>(check.image + requantization.shifts);
  bool sound = true;
  for (std::uint32_t i = 0; i < scales; ++i) sound &= shifts[i] >= -31 && shifts[i] <= 30;
  return sound;
}

bool requantization_is_filled_up(const KernelCheck& check, const ChannelRequantization& requantization,
                                 std::uint32_t channels, std::uint32_t scales) {
  const auto filled = [](std::uint64_t count) { return (count + 3) / 4 * 4; };
  return check.constant_fits(requantization.biases, filled(channels) * 4) &&
         check.constant_fits(requantization.multipliers, filled(scales) * 4) &&
         check.constant_fits(requantization.shifts, filled(scales));
}

bool convolution_is_sound(const KernelCheck& check, std::uint64_t weight_bytes) {
  const auto& p = check.as<ConvParameters>();
  return windows_are_sound(p) && operands_are_sound(check, p) && p.depth_multiplier == 1 &&
         std::uint64_t{p.kernel_height} * p.kernel_width * p.input_channels <= kDotProductLengthMax &&
         constants_are_sound(check, p, weight_bytes);
}

bool depthwise_convolution_is_sound(const KernelCheck& check, std::uint64_t weight_bytes) {
  const auto& p = check.as<ConvParameters>();
  return windows_are_sound(p) && operands_are_sound(check, p) &&
         std::uint32_t{p.input_channels} * p.depth_multiplier == p.output_channels &&
         std::uint64_t{p.kernel_height} * p.kernel_width <= kDotProductLengthMax &&
         constants_are_sound(check, p, weight_bytes);
}

bool pointwise_convolution_is_sound(const KernelCheck& check, std::uint64_t weight_bytes) {
  const auto& p = check.as<ConvParameters>();
  return p.kernel_height == 1 && p.kernel_width == 1 && p.stride_height == 1 && p.stride_width == 1 &&
         p.padding_top == 0 && p.padding_left == 0 && p.input_height == p.output_height &&
         p.input_width == p.output_width && convolution_is_sound(check, weight_bytes);
}

bool fully_connected_is_sound(const KernelCheck& check, std::uint64_t weight_bytes) {
  const auto& p = check.as<FullyConnectedParameters>();
  if (!check.has(1, 1) || p.rows == 0 || p.input_depth == 0 || p.output_depth == 0 || p.per_channel > 1)
    return false;
  return p.input_depth <= kDotProductLengthMax &&
         check.input_bytes(0) == std::uint64_t{p.rows} * p.input_depth &&
         check.output_bytes() == std::uint64_t{p.rows} * p.output_depth &&
         p.activation_min <= p.activation_max && check.constant_fits(p.weights, weight_bytes) &&
         requantization_is_sound(check, p.requantization, p.output_depth,
                                 p.per_channel != 0 ? p.output_depth : 1);
}

bool transposed_convolution_is_sound(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  const std::uint64_t length = std::uint64_t{p.kernel_height} * p.kernel_width * p.input_channels;
  return p.batches != 0 && p.input_height != 0 && p.input_width != 0 && p.output_height != 0 &&
         p.output_width != 0 && p.output_channels != 0 && p.stride_height != 0 && p.stride_width != 0 &&
         length != 0 && length <= kDotProductLengthMax && p.activation_min <= p.activation_max &&
         operands_are_sound(check, p) && constants_are_sound(check, p, length * p.output_channels);
}

bool grouped_convolution_is_sound(const KernelCheck& check) {
  const auto& p = check.as<ConvParameters>();
  if (!windows_are_sound(p) || p.depth_multiplier == 0 || p.input_channels % p.depth_multiplier != 0 ||
      p.output_channels % p.depth_multiplier != 0) {
    return false;
  }
  const std::uint64_t length = std::uint64_t{p.kernel_height} * p.kernel_width *
                               (p.input_channels / std::uint32_t{p.depth_multiplier});
  return length <= kDotProductLengthMax && operands_are_sound(check, p) &&
         constants_are_sound(check, p, length * p.output_channels);
}

bool pool_is_sound(const KernelCheck& check, const PoolParameters& p) {
  // The last window starts inside the input and the first one ends in it, so each covers something.
  return check.has(1, 1) && p.batches != 0 && p.channels != 0 &&
         axis_is_sound(
             {p.input_height, p.output_height, p.filter_height, p.stride_height, 1, p.padding_top}) &&
         axis_is_sound({p.input_width, p.output_width, p.filter_width, p.stride_width, 1, p.padding_left}) &&
         volume_is(check.input_bytes(0), p.batches, p.input_height, p.input_width, p.channels) &&
         volume_is(check.output_bytes(), p.batches, p.output_height, p.output_width, p.channels) &&
         std::uint64_t{p.filter_height} * p.filter_width <= kDotProductLengthMax &&
         p.activation_min <= p.activation_max && p.descending <= 1;
}

bool add_is_sound(const KernelCheck& check) {
  const auto& p = check.as<AddParameters>();
  const auto in_range = [](std::int32_t shift) { return shift >= -31 && shift <= 0; };
  return check.has(2, 1) && check.input_bytes(0) == p.count && check.input_bytes(1) == p.count &&
         check.output_bytes() == p.count && p.left_shift >= 0 && p.left_shift <= 20 &&
         in_range(p.input_shift[0]) && in_range(p.input_shift[1]) && in_range(p.output_shift) &&
         p.activation_min <= p.activation_max;
}

bool softmax_is_sound(const KernelCheck& check, std::uint32_t output_element_bytes) {
  const auto& p = check.as<SoftmaxParameters>();
  // Q12.19 sums have room for 4095 terms of at most 1.
  return check.has(1, 1) && p.rows != 0 && p.depth != 0 && p.depth < 4096 &&
         check.input_bytes(0) == std::uint64_t{p.rows} * p.depth &&
         check.output_bytes() == std::uint64_t{check.input_bytes(0)} * output_element_bytes &&
         p.input_multiplier >= 0 && p.input_left_shift >= 0 && p.input_left_shift <= 30 &&
         p.difference_min <= 0;
}

}  // namespace sotto::device
