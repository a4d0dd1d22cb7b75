// The kernels that a firmware links. Each firmware has one list of them, and the linker drops what no list
// names.
#pragma once

#include "sotto/device_runtime/sotto_device.h"

namespace sotto::board {

extern const sotto_kernel_table kKernels;

}  // namespace sotto::board
