// Channels whose output is the same for every input. Training leaves them behind, with scales near 0 and
// biases near 2^30 that keep fast kernels from bounding their sums.
#pragma once

#include "lower/quantization.h"
#include "lower/weights.h"
#include "sotto/device_runtime/kernels/kernels.h"

namespace sotto::model_compiler {

// A layer's constants, one bias and multiplier per channel of `matrix`; `weights` are its values.
struct LayerConstants {
  std::vector<std::int8_t> weights;
  std::vector<std::int32_t> biases;  // folded
  std::vector<QuantizedMultiplier> multipliers;
};

// Gives every such channel zero weights and a small bias and shift that have the same output. Output range
// and zero point are `p`'s. Returns how many there are.
std::uint32_t settle_constant_channels(const device::ConvParameters& p, const WeightMatrix& matrix,
                                       LayerConstants& constants);

}  // namespace sotto::model_compiler
