// Every kernel of this set, and the portable ones for what it lacks. A file of its own: who lists kernels
// himself does not link these.
#include "sotto/device_runtime/kernels/helium/helium.h"

#include "kernels/kernel_list.h"

#if defined(__ARM_FEATURE_MVE)

namespace {

constexpr auto kAll = sotto::device::KernelList{&sotto_helium_conv_2d, &sotto_helium_pointwise_conv_2d,
                                                &sotto_helium_depthwise_conv_2d,
                                                &sotto_helium_fully_connected, &sotto_helium_add} +
                      sotto::device::kCommonKernels;

}  // namespace

extern "C" constinit const sotto_kernel_table sotto_helium_kernels = kAll.table();

#endif
