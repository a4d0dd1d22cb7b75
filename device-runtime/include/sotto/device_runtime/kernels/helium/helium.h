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

namespace sotto::device::helium {

// Kernels read biases, multipliers and shifts in whole groups of channels; the writer's alignment of
// constants leaves room for groups of four.
[[nodiscard]] inline bool constants_are_filled_up(const KernelCheck& check,
                                                  const ChannelRequantization& constants,
                                                  std::uint32_t channels, std::uint32_t scales) {
  const std::uint64_t channels_filled = (std::uint64_t{channels} + 3) / 4 * 4;
  const std::uint64_t scales_filled = (std::uint64_t{scales} + 3) / 4 * 4;
  return check.constant_fits(constants.biases, channels_filled * 4) &&
         check.constant_fits(constants.multipliers, scales_filled * 4) &&
         check.constant_fits(constants.shifts, scales_filled);
}

}  // namespace sotto::device::helium
