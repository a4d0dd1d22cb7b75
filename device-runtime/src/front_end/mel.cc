#include "front_end/mel.h"

#include <bit>

#include "front_end/fixed_point.h"
#include "front_end/logarithm.h"
#include "front_end/mel_axis.h"
#include "front_end/spectral.h"

namespace sotto::device::front_end {
namespace {

constexpr std::uint32_t kSampleRateMax = 1'000'000;
constexpr float kLogFloorMin = 1e-11F;
constexpr int kFullScaleBits = 15;
// Magnitudes are summed with as many more bits as leave room for 1025 of them.
constexpr int kMagnitudeBits = 24;

// Fraction bits of band energies, in units of full scale.
int energy_bits(const FrameLayout& layout) {
  const int bits = kFullScaleBits + fraction_bits(layout.fft_log2);
  return layout.magnitude != 0 ? bits + kMagnitudeBits : 2 * bits;
}

// log_floor grows with the frame's gain and must leave room for the energies.
std::uint16_t gain_bits_max(const sotto_front_end_config& config, const FrameLayout& layout) {
  constexpr int kFloorBitsMax = 62;
  Scaled floor;
  (void)read_float(config.log_floor, floor);
  const int room = kFloorBitsMax - (floor.exponent + 31 + energy_bits(layout));
  const int gain = layout.magnitude != 0 ? room : room / 2;
  return static_cast<std::uint16_t>(gain < kGainBitsMax ? gain : kGainBitsMax);
}

sotto_front_end_error check_mel(const sotto_front_end_config& config) {
  if (config.mel_bands == 0 || config.mel_bands > SOTTO_FRONT_END_MEL_BANDS_MAX)
    return SOTTO_FRONT_END_MEL_BANDS;
  if (config.mel_input > SOTTO_MEL_MAGNITUDE || config.mel_triangle > SOTTO_MEL_TRIANGLE_MEL ||
      config.mel_scale > SOTTO_MEL_SLANEY) {
    return SOTTO_FRONT_END_MEL_OPTION;
  }
  if (config.sample_rate_hz == 0 || config.sample_rate_hz > kSampleRateMax)
    return SOTTO_FRONT_END_SAMPLE_RATE;
  if (config.upper_hz <= config.lower_hz || config.upper_hz > config.sample_rate_hz / 2) {
    return SOTTO_FRONT_END_MEL_RANGE;
  }
  // The bits of positive floats are in the order of their values; negative ones and NaN are above all of
  // them.
  const auto floor = std::bit_cast<std::uint32_t>(config.log_floor);
  if (floor < std::bit_cast<std::uint32_t>(kLogFloorMin) || floor > std::bit_cast<std::uint32_t>(1.0F)) {
    return SOTTO_FRONT_END_LOG_FLOOR;
  }
  return SOTTO_FRONT_END_OK;
}

// How far `place` is from low to high, in 2^-16.
std::uint16_t proportion(std::int64_t place, std::int64_t low, std::int64_t high) {
  if (place <= low || high <= low) return 0;
  const std::int64_t value = ((place - low) << 16) / (high - low);
  return static_cast<std::uint16_t>(value < 0xffff ? value : 0xffff);
}

// value * weight / 2^16 without the 80-bit product; value < 2^62.
std::uint64_t weighted(std::uint64_t value, std::uint16_t weight) {
  const std::uint32_t factor = std::uint32_t{weight} << 16;
  return (value >> 32) * factor + (((value & 0xffffffff) * factor) >> 32);
}

// Between two neighbouring edges one band falls as the next rises, so one weight serves both. edges[i] is the
// first bin above edge i; weights are those of the rising band.
struct Segment {
  std::uint64_t rising = 0;
  std::uint64_t falling = 0;
};

template <bool kMagnitude>
Segment sum_segment(const Complex* bins, const std::uint16_t* weights, std::uint32_t begin,
                    std::uint32_t end) {
  std::uint64_t total = 0;
  std::uint64_t rising = 0;
  for (std::uint32_t k = begin; k < end; ++k) {
    std::uint64_t value = power(bins[k]);
    if constexpr (kMagnitude) value = std::uint64_t{magnitude_of_power(value)} << kMagnitudeBits;
    total += value;
    rising += weighted(value, weights[k]);
  }
  return {rising, total - rising};
}

}  // namespace

sotto_front_end_error lay_out_mel(const sotto_front_end_config& config, FrameLayout& layout,
                                  std::uint32_t& work_bytes) {
  if (const auto error = lay_out_spectral(config, layout, work_bytes); error != SOTTO_FRONT_END_OK)
    return error;
  if (const auto error = check_mel(config); error != SOTTO_FRONT_END_OK) return error;
  const std::uint64_t length = config.fft_length;
  const std::uint64_t rate = config.sample_rate_hz;
  const auto first = static_cast<std::uint32_t>((config.lower_hz * length + rate - 1) / rate);
  const auto last = static_cast<std::uint32_t>(config.upper_hz * length / rate);
  if (last < first) return SOTTO_FRONT_END_MEL_RANGE;  // no bin lies in it
  layout.first_bin = static_cast<std::uint16_t>(first);
  layout.bins = static_cast<std::uint16_t>(last - first + 1);
  layout.bands = config.mel_bands;
  layout.magnitude = config.mel_input == SOTTO_MEL_MAGNITUDE ? 1 : 0;
  layout.gain_bits_max = gain_bits_max(config, layout);
  layout.mel_floor = take(layout.tables_bytes, sizeof(std::uint64_t));
  layout.edges = take(layout.tables_bytes, (layout.bands + 2u) * sizeof(std::uint16_t));
  layout.weights = take(layout.tables_bytes, layout.bins * sizeof(std::uint16_t));
  work_bytes += static_cast<std::uint32_t>(sizeof(Complex) + layout.bands * sizeof(std::int32_t));
  return SOTTO_FRONT_END_OK;
}

void build_mel(const sotto_front_end_config& config, const FrameLayout& layout, void* tables) {
  build_spectral(config, layout, tables);
  Scaled floor;
  std::int64_t fixed_floor = 0;
  (void)read_float(config.log_floor, floor);
  (void)to_fixed(floor, energy_bits(layout), 62, fixed_floor);
  *table<std::uint64_t>(tables, layout.mel_floor) = static_cast<std::uint64_t>(fixed_floor);

  const MelAxis axis(config);
  auto* edges = table<std::uint16_t>(tables, layout.edges);
  auto* weights = table<std::uint16_t>(tables, layout.weights);
  std::uint32_t bin = 0;
  std::int64_t low = axis.edge(0);
  for (std::uint32_t i = 0; i <= layout.bands; ++i) {
    edges[i] = static_cast<std::uint16_t>(bin);
    const std::int64_t high = axis.edge(i + 1);
    for (; bin < layout.bins; ++bin) {
      const std::int64_t place = axis.bin(layout.first_bin + bin);
      if (place >= high && i < layout.bands) break;
      weights[bin] = proportion(place, low, high);
    }
    low = high;
  }
  edges[layout.bands + 1] = static_cast<std::uint16_t>(layout.bins);
}

std::int32_t* extract_log2_mel(const FrameLayout& layout, const void* tables, const std::int16_t* samples,
                               std::int32_t* work) {
  const Spectrum spectrum = transform_frame(layout, tables, samples, work);
  spectrum.bins[layout.fft_length / 2u] = {spectrum.bins[0].imaginary, 0};
  spectrum.bins[0].imaginary = 0;
  const Complex* bins = spectrum.bins + layout.first_bin;
  const auto* edges = table<std::uint16_t>(tables, layout.edges);
  const auto* weights = table<std::uint16_t>(tables, layout.weights);
  const int gain_bits = layout.magnitude != 0 ? spectrum.gain_bits : 2 * spectrum.gain_bits;
  const std::uint64_t floor = *table<std::uint64_t>(tables, layout.mel_floor) << gain_bits;
  const std::int32_t full_scale = (energy_bits(layout) + gain_bits) << kLogFractionBits;
  std::int32_t* bands = work + layout.fft_length + 2;
  std::uint64_t rising = 0;
  for (std::uint32_t i = 0; i <= layout.bands; ++i) {
    const Segment segment = layout.magnitude != 0 ? sum_segment<true>(bins, weights, edges[i], edges[i + 1])
                                                  : sum_segment<false>(bins, weights, edges[i], edges[i + 1]);
    if (i > 0) bands[i - 1] = log2_of(rising + segment.falling + floor) - full_scale;
    rising = segment.rising;
  }
  return bands;
}

}  // namespace sotto::device::front_end
