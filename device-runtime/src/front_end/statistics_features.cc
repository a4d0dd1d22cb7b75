// Mean, standard deviation, minimum, maximum: raw steps of 2^-15.
#include <bit>

#include "front_end/fixed_point.h"
#include "front_end/frame_layout.h"

namespace sotto::device::front_end {
namespace {

constexpr int kFractionBits = 15;
constexpr std::uint32_t kStatistics = 4;

sotto_front_end_error lay_out_statistics(const sotto_front_end_config& config, FrameLayout& layout,
                                         std::uint32_t& work_bytes) {
  if (has_spectral_fields(config)) return SOTTO_FRONT_END_UNUSED_FIELD;
  layout.features = kStatistics;
  work_bytes = kStatistics * sizeof(std::int32_t);
  return SOTTO_FRONT_END_OK;
}

void build_nothing(const sotto_front_end_config&, const FrameLayout&, void*) {}

Scaled statistics_unit(const FrameLayout&) { return {1 << 30, -30 - kFractionBits}; }

// sum / length * 2^15, rounded.
std::int32_t mean_of(std::int32_t sum, std::int32_t length) {
  const std::int64_t scaled = std::int64_t{sum} * (1 << (kFractionBits + 1));
  return static_cast<std::int32_t>((scaled / length + (scaled < 0 ? -1 : 1)) / 2);
}

// sqrt(mean of squares - square of mean) * 2^15 without cancellation: length^2 times the variance is an
// integer. Zeros behind it, two for each bit of the root, give the root 31 bits whatever its size.
std::int32_t deviation_of(std::int64_t sum, std::int64_t square_sum, std::int32_t length) {
  const auto variance = static_cast<std::uint64_t>(length * square_sum - sum * sum);
  if (variance == 0) return 0;
  const int shift = std::countl_zero(variance) & ~1;
  const std::uint64_t root = square_root(variance << shift);
  const std::uint64_t divisor = static_cast<std::uint64_t>(length) << (shift / 2);
  return static_cast<std::int32_t>(((root << kFractionBits) + divisor / 2) / divisor);
}

const std::int32_t* extract_statistics(const FrameLayout& layout, const void*, const std::int16_t* samples,
                                       std::int32_t* work) {
  std::int32_t sum = 0;
  std::int64_t square_sum = 0;
  std::int32_t minimum = INT16_MAX;
  std::int32_t maximum = INT16_MIN;
  for (std::uint32_t i = 0; i < layout.frame_length; ++i) {
    const std::int32_t sample = *samples;
    samples += layout.channels;
    sum += sample;
    square_sum += sample * sample;
    if (sample < minimum) minimum = sample;
    if (sample > maximum) maximum = sample;
  }
  work[0] = mean_of(sum, layout.frame_length);
  work[1] = deviation_of(sum, square_sum, layout.frame_length);
  work[2] = minimum * (1 << kFractionBits);
  work[3] = maximum * (1 << kFractionBits);
  return work;
}

}  // namespace
}  // namespace sotto::device::front_end

using namespace sotto::device::front_end;
const sotto_feature_kind sotto_statistics_features{lay_out_statistics, build_nothing, statistics_unit,
                                                   extract_statistics};
