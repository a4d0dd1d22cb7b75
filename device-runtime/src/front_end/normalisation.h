// Normalisation and input quantisation as one multiplication per value.
#pragma once

#include <cstdint>

#include "front_end/fixed_point.h"
#include "front_end/frame_layout.h"

namespace sotto::device::front_end {

// q = zero_point + round((raw - centre) * multiplier / 2^(32 + shift)), halves upwards.
struct NormalisationEntry {
  std::int32_t centre;      // |centre| < 2^30, as every raw value
  std::int32_t multiplier;  // below 2^31; at least 2^30 unless shift is 30
  std::int16_t shift;       // 1 .. 30
  std::int16_t zero_point;
};

// Checks the entries and the model's quantisation, and takes their block of the tables. Needs
// layout.features.
[[nodiscard]] sotto_front_end_error lay_out_normalisation(const sotto_front_end_config& config,
                                                          FrameLayout& layout);
void build_normalisation(const sotto_front_end_config& config, const FrameLayout& layout, void* tables);

[[nodiscard]] inline std::int8_t normalise(std::int32_t raw, const NormalisationEntry& entry) {
  const std::int32_t product = multiply_high(raw - entry.centre, entry.multiplier);
  const std::int32_t rounded =
      ((product + (std::int32_t{1} << (entry.shift - 1))) >> entry.shift) + entry.zero_point;
  if (rounded < -128) return -128;
  return static_cast<std::int8_t>(rounded > 127 ? 127 : rounded);
}

// raw[layout.features] of one channel -> row[feature * channels + channel].
void normalise_channel(const FrameLayout& layout, const void* tables, const std::int32_t* raw,
                       std::uint32_t channel, std::int8_t* row);

}  // namespace sotto::device::front_end
