// The kernels for Cortex-M with Helium (M55, M85), compiled for those only.
#pragma once

#include "sotto/device_runtime/kernels/kernels.h"

extern "C" {
extern const sotto_kernel sotto_helium_conv_2d;
extern const sotto_kernel sotto_helium_pointwise_conv_2d;
extern const sotto_kernel sotto_helium_depthwise_conv_2d;
extern const sotto_kernel sotto_helium_fully_connected;
extern const sotto_kernel sotto_helium_add;
}
