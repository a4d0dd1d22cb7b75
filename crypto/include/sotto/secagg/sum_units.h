// From a sum over examples to what its lanes carry. For hosts, which sum in double; a board adds up units.
#pragma once

#include "sotto/secagg/update_layout.h"

namespace sotto::secagg {

// floor(sum * scale), at most what so many bytes hold. What is not above zero counts as none. Requires a
// scale of at most 2^20 and 1 .. kSumBytesMax bytes.
[[nodiscard]] constexpr std::uint64_t sum_units(double sum, std::uint32_t scale, std::size_t bytes) {
  if (!(sum > 0)) return 0;
  const double units = sum * scale;
  const std::uint64_t most = largest_of_bytes(bytes);
  return units < static_cast<double>(most) ? static_cast<std::uint64_t>(units) : most;
}

// The same of sum / 2^20 without a double, for boards: what sum_units() says of it while sum * scale is below
// 2^53, which a double holds; above, a unit may be missing.
[[nodiscard]] constexpr std::uint64_t fixed_sum_units(std::uint64_t sum, std::uint32_t scale,
                                                      std::size_t bytes) {
  constexpr std::uint64_t kOne = std::uint64_t{1} << 20;
  const std::uint64_t most = largest_of_bytes(bytes);
  if (sum / kOne > most / scale) return most;
  const std::uint64_t whole = sum / kOne * scale;
  const std::uint64_t part = sum % kOne * scale / kOne;
  return part < most - whole ? whole + part : most;
}

}  // namespace sotto::secagg
