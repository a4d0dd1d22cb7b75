// Every kernel of this set, and the portable ones for what it lacks. A file of its own: who lists kernels
// himself does not link these.
#include "sotto/device_runtime/kernels/helium/helium.h"

#if defined(__ARM_FEATURE_MVE)

namespace {

constexpr const sotto_kernel* kAll[] = {
    &sotto_helium_conv_2d,
    &sotto_helium_pointwise_conv_2d,
    &sotto_helium_depthwise_conv_2d,
    &sotto_helium_fully_connected,
    &sotto_helium_add,
    &sotto_portable_average_pool_2d,
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
};

}  // namespace

extern "C" constinit const sotto_kernel_table sotto_helium_kernels = {kAll, sizeof kAll / sizeof kAll[0]};

#endif
