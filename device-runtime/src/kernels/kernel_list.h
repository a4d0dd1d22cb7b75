// Lists of kernels, put together where they stand in flash.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device {

template <std::uint32_t kCount>
struct KernelList {
  const sotto_kernel* kernels[kCount];

  [[nodiscard]] constexpr sotto_kernel_table table() const { return {kernels, kCount}; }
};

template <typename... Kernels>
KernelList(Kernels...) -> KernelList<sizeof...(Kernels)>;

template <std::uint32_t kFirst, std::uint32_t kSecond>
[[nodiscard]] constexpr KernelList<kFirst + kSecond> operator+(const KernelList<kFirst>& first,
                                                               const KernelList<kSecond>& second) {
  KernelList<kFirst + kSecond> both{};
  for (std::uint32_t i = 0; i < kFirst; ++i) both.kernels[i] = first.kernels[i];
  for (std::uint32_t i = 0; i < kSecond; ++i) both.kernels[kFirst + i] = second.kernels[i];
  return both;
}

// Kernels with weights in the portable layout, and what may stand in for it.
inline constexpr KernelList kPortableLayers = {&sotto_portable_conv_2d, &sotto_portable_pointwise_conv_2d,
                                               &sotto_portable_depthwise_conv_2d,
                                               &sotto_portable_fully_connected, &sotto_portable_add};

// What every set takes from the portable one.
inline constexpr KernelList kCommonKernels = {&sotto_portable_average_pool_2d,
                                              &sotto_portable_max_pool_2d,
                                              &sotto_portable_copy,
                                              &sotto_portable_softmax,
                                              &sotto_portable_lookup,
                                              &sotto_portable_elementwise,
                                              &sotto_portable_rearrange,
                                              &sotto_portable_reduce,
                                              &sotto_portable_arg_max,
                                              &sotto_portable_resize_nearest,
                                              &sotto_portable_quantize,
                                              &sotto_portable_dequantize,
                                              &sotto_portable_requantize,
                                              &sotto_portable_svdf,
                                              &sotto_portable_lstm,
                                              &sotto_portable_softmax_to_int16,
                                              &sotto_portable_padded_average_pool_2d,
                                              &sotto_portable_padded_max_pool_2d,
                                              &sotto_portable_resize_bilinear,
                                              &sotto_portable_transpose_conv_2d,
                                              &sotto_portable_grouped_conv_2d,
                                              &sotto_portable_batch_matmul,
                                              &sotto_portable_gather,
                                              &sotto_portable_l2_normalization,
                                              &sotto_portable_squared_difference,
                                              &sotto_portable_divide,
                                              &sotto_portable_compare,
                                              &sotto_portable_select,
                                              &sotto_portable_states,
                                              &sotto_portable_pad};

}  // namespace sotto::device
