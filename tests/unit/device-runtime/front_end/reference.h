// What front ends compute, in double precision and as the definitions read: the yardstick of the tests.
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/device_runtime/front_end.h"

namespace sotto::device::reference {

// The features of one channel's frame, as front_end.h defines them for config.kind.
[[nodiscard]] std::vector<double> features(const sotto_front_end_config& config,
                                           const std::vector<double>& frame);

// Every output for interleaved samples: [output][row][feature][channel], not normalised.
[[nodiscard]] std::vector<std::vector<double>> outputs(const sotto_front_end_config& config,
                                                       const std::vector<std::int16_t>& samples);

// The real number that rounding and clamping turn into the int8 of place `index` of an output.
[[nodiscard]] double quantised(const sotto_front_end_config& config, double value, std::size_t index);

// |DFT| bins 0 .. length / 2 by the definition's double sum.
[[nodiscard]] std::vector<double> magnitudes(const std::vector<double>& samples, std::size_t length);

}  // namespace sotto::device::reference
