#include "front_end/normalisation.h"

namespace sotto::device::front_end {
namespace {

constexpr Scaled kOne{1 << 30, -30};
constexpr int kShiftMax = 30;
constexpr int kLostBitsMax = 16;

// The entry for one mean and deviation; false when it does not fit.
bool fold(Scaled mean, Scaled deviation, Scaled scale, Scaled unit, NormalisationEntry& entry) {
  if (deviation.mantissa <= 0) return false;
  std::int64_t centre = 0;
  if (!to_fixed(divide(mean, unit), 0, 30, centre)) return false;
  const Scaled steps = divide(unit, multiply(deviation, scale));  // int8 steps in one raw step
  int shift = -steps.exponent - 32;
  // A feature whose whole range is less than a step keeps its place with fewer bits; one far smaller is a
  // mistake.
  const int lost_bits = shift > kShiftMax ? shift - kShiftMax : 0;
  if (shift < 1 || lost_bits > kLostBitsMax) return false;
  shift -= lost_bits;
  entry.centre = static_cast<std::int32_t>(centre);
  entry.multiplier = steps.mantissa >> lost_bits;
  entry.shift = static_cast<std::int16_t>(shift);
  return true;
}

bool read_entry(const sotto_front_end_config& config, std::uint32_t index, Scaled scale, Scaled unit,
                NormalisationEntry& entry) {
  Scaled mean;
  Scaled deviation = kOne;
  if (config.normalisation_count != 0 &&
      (!read_float(config.mean[index], mean) || !read_float(config.deviation[index], deviation))) {
    return false;
  }
  entry.zero_point = static_cast<std::int16_t>(config.zero_point);
  return fold(mean, deviation, scale, unit, entry);
}

}  // namespace

sotto_front_end_error lay_out_normalisation(const sotto_front_end_config& config, FrameLayout& layout) {
  const std::uint32_t all = std::uint32_t{layout.features} * layout.channels;
  const std::uint32_t count = config.normalisation_count;
  if (count != 0 && count != 1 && count != layout.channels && count != all) {
    return SOTTO_FRONT_END_NORMALISATION_COUNT;
  }
  if (count != 0 && (config.mean == nullptr || config.deviation == nullptr))
    return SOTTO_FRONT_END_NULL_ARGUMENT;
  Scaled scale;
  if (!read_float(config.scale, scale) || scale.mantissa <= 0) return SOTTO_FRONT_END_SCALE;
  if (config.zero_point < -128 || config.zero_point > 127) return SOTTO_FRONT_END_ZERO_POINT;
  layout.normalisation_count = count == 0 ? 1 : count;
  const Scaled unit = config.kind->unit(layout);
  for (std::uint32_t i = 0; i < layout.normalisation_count; ++i) {
    NormalisationEntry entry;
    if (!read_entry(config, i, scale, unit, entry)) return SOTTO_FRONT_END_NORMALISATION;
  }
  layout.normalisation = take(layout.tables_bytes, layout.normalisation_count * sizeof(NormalisationEntry));
  return SOTTO_FRONT_END_OK;
}

void build_normalisation(const sotto_front_end_config& config, const FrameLayout& layout, void* tables) {
  auto* entries = table<NormalisationEntry>(tables, layout.normalisation);
  const Scaled unit = config.kind->unit(layout);
  Scaled scale;
  (void)read_float(config.scale, scale);
  for (std::uint32_t i = 0; i < layout.normalisation_count; ++i) {
    (void)read_entry(config, i, scale, unit, entries[i]);
  }
}

void normalise_channel(const FrameLayout& layout, const void* tables, const std::int32_t* raw,
                       std::uint32_t channel, std::int8_t* row) {
  const auto* entry = table<NormalisationEntry>(tables, layout.normalisation);
  if (layout.normalisation_count != 1) entry += channel;
  // One entry for each value, or the same one for all of the channel.
  const bool each = layout.normalisation_count > layout.channels;
  const std::uint32_t step = each ? layout.channels : 0;
  row += channel;
  for (std::uint32_t feature = 0; feature < layout.features; ++feature) {
    *row = normalise(raw[feature], *entry);
    row += layout.channels;
    entry += step;
  }
}

}  // namespace sotto::device::front_end
