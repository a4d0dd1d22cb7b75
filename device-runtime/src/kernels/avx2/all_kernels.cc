// The kernels for AVX2, none on other machines; and the portable ones for images without their layouts.
#include "sotto/device_runtime/kernels/avx2/avx2.h"

#include "kernels/kernel_list.h"

namespace {

constexpr auto kPortable = sotto::device::kPortableLayers + sotto::device::kCommonKernels;
#if defined(__x86_64__)
constexpr auto kAll = sotto::device::KernelList{&sotto_avx2_conv_2d, &sotto_avx2_pointwise_conv_2d,
                                                &sotto_avx2_depthwise_conv_2d, &sotto_avx2_fully_connected} +
                      kPortable;
#else
constexpr auto kAll = kPortable;
#endif

}  // namespace

extern "C" constinit const sotto_kernel_table sotto_avx2_kernels = kAll.table();
