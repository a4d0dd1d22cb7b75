// The kernels for x86-64 with AVX2. Their checks refuse on a processor without it: an image that was compiled
// for another host is compiled again.
#pragma once

#include "sotto/device_runtime/kernels/kernels.h"

extern "C" {
extern const sotto_kernel sotto_avx2_conv_2d;
extern const sotto_kernel sotto_avx2_pointwise_conv_2d;
extern const sotto_kernel sotto_avx2_depthwise_conv_2d;
extern const sotto_kernel sotto_avx2_fully_connected;
}

namespace sotto::device::avx2 {

[[nodiscard]] inline bool is_supported() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

}  // namespace sotto::device::avx2
