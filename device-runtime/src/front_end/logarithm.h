// log2 of a 64-bit integer for use per band and frame: a table of 64 chords, one 32-bit multiplication.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "front_end/fixed_point.h"

namespace sotto::device::front_end {

inline constexpr int kLogFractionBits = 16;
inline constexpr std::int32_t kLn2Q31 = 1488522236;  // ln 2 * 2^31

// log2(1 + i / 64) * 2^20.
inline constexpr std::array<std::uint32_t, 65> kLog2Table = [] {
  std::array<std::uint32_t, 65> values{};
  for (std::uint32_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::uint32_t>((log2_q32(64 + i) - log2_q32(64) + (1 << 11)) >> 12);
  }
  return values;
}();

// log2(value) * 2^16, at most 6e-5 too low; value >= 1.
[[nodiscard]] inline std::int32_t log2_of(std::uint64_t value) {
  const int leading_zeros = std::countl_zero(value);
  const auto mantissa = static_cast<std::uint32_t>((value << leading_zeros) >> 32);  // its top bit is the 1
  const std::uint32_t index = (mantissa >> 25) & 63;
  const std::uint32_t along = (mantissa >> 9) & 0xffff;
  const std::uint32_t low = kLog2Table[index];
  const std::uint32_t fraction = low + (((kLog2Table[index + 1] - low) * along) >> 16);
  return ((63 - leading_zeros) << kLogFractionBits) + static_cast<std::int32_t>(fraction >> 4);
}

}  // namespace sotto::device::front_end
