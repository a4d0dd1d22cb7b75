// Models that compile, for the fuzz targets to change.
#pragma once

#include <cstdint>
#include <vector>

namespace sotto::fuzz {

// The small models of the unit tests, and every operator model of tests/device/operators;
// always in one order.
[[nodiscard]] const std::vector<std::vector<std::uint8_t>>& sound_models();

}  // namespace sotto::fuzz
