// The inner product of convolutions and fully connected layers: one window times every output channel.
#pragma once

#include <cstdint>

#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::device::helium {

// Convolutions: `window` has window_depth(p) bytes, `output` the pixel's channels.
void multiply_window(const KernelCall& call, const ConvParameters& p, const std::int8_t* window,
                     std::int8_t* output);

// Fully connected: one row of the input and of the output.
void multiply_window(const KernelCall& call, const FullyConnectedParameters& p, const std::int8_t* window,
                     std::int8_t* output);

}  // namespace sotto::device::helium
