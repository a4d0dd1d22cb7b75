// What every set's kernels check of an image in common. Each function looks at everything but the scratch,
// which is the kernel's own.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device {

// Longest dot product: 2^16 products of two int8 stay below 2^30 and cannot overflow an accumulator that
// starts at 0.
inline constexpr std::uint64_t kDotProductLengthMax = 65536;

// Geometry, operand sizes, activation range, requantisation and `weight_bytes` of weights. Promises: no
// dimension, stride or dilation is 0; the padding is shorter than a window; every window starts before the
// input's end; kernel extents fit 16 bits.
[[nodiscard]] bool convolution_is_sound(const KernelCheck& check, std::uint64_t weight_bytes);
[[nodiscard]] bool depthwise_convolution_is_sound(const KernelCheck& check, std::uint64_t weight_bytes);
// The same for 1x1, stride 1, no padding.
[[nodiscard]] bool pointwise_convolution_is_sound(const KernelCheck& check, std::uint64_t weight_bytes);
[[nodiscard]] bool fully_connected_is_sound(const KernelCheck& check, std::uint64_t weight_bytes);
// As convolutions; and every window covers at least one input pixel.
// kTransposeConv2d, kGroupedConv2d, with plain weights.
[[nodiscard]] bool transposed_convolution_is_sound(const KernelCheck& check);
[[nodiscard]] bool grouped_convolution_is_sound(const KernelCheck& check);
[[nodiscard]] bool pool_is_sound(const KernelCheck& check, const PoolParameters& p);
[[nodiscard]] bool add_is_sound(const KernelCheck& check);
[[nodiscard]] bool softmax_is_sound(const KernelCheck& check, std::uint32_t output_element_bytes);

// `count` channels' biases, multipliers and shifts; `scales` of the latter two.
[[nodiscard]] bool requantization_is_sound(const KernelCheck& check,
                                           const ChannelRequantization& requantization,
                                           std::uint32_t channels, std::uint32_t scales);

// The same counts, for kernels that read them in whole groups of four; the writer's alignment of constants
// leaves room for that.
[[nodiscard]] bool requantization_is_filled_up(const KernelCheck& check,
                                               const ChannelRequantization& requantization,
                                               std::uint32_t channels, std::uint32_t scales);

}  // namespace sotto::device
