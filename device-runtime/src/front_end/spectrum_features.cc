// |X[k]|: raw steps of 2^-fraction_bits.
#include "front_end/spectral.h"

namespace sotto::device::front_end {
namespace {

sotto_front_end_error lay_out_spectrum(const sotto_front_end_config& config, FrameLayout& layout,
                                       std::uint32_t& work_bytes) {
  if (has_mel_fields(config)) return SOTTO_FRONT_END_UNUSED_FIELD;
  if (const auto error = lay_out_spectral(config, layout, work_bytes); error != SOTTO_FRONT_END_OK)
    return error;
  layout.features = static_cast<std::uint16_t>(config.fft_length / 2 + 1);
  return SOTTO_FRONT_END_OK;
}

Scaled spectrum_unit(const FrameLayout& layout) { return {1 << 30, -30 - fraction_bits(layout.fft_log2)}; }

// magnitude / 2^bits, rounded.
std::int32_t scaled_down(std::uint32_t magnitude, int bits) {
  return static_cast<std::int32_t>((magnitude + ((std::uint32_t{1} << bits) >> 1)) >> bits);
}

// In place: magnitude k takes the first half of bin k / 2, which has been read by then.
const std::int32_t* extract_spectrum(const FrameLayout& layout, const void* tables,
                                     const std::int16_t* samples, std::int32_t* work) {
  const Spectrum spectrum = transform_frame(layout, tables, samples, work);
  const std::uint32_t half = layout.fft_length / 2u;
  const Complex ends = spectrum.bins[0];
  const auto magnitude = [&](Complex bin) {
    return scaled_down(magnitude_of_power(power(bin)), spectrum.gain_bits);
  };
  work[0] = magnitude({ends.real, 0});
  for (std::uint32_t k = 1; k < half; ++k) work[k] = magnitude(spectrum.bins[k]);
  work[half] = magnitude({ends.imaginary, 0});
  return work;
}

}  // namespace
}  // namespace sotto::device::front_end

using namespace sotto::device::front_end;
const sotto_feature_kind sotto_spectrum_features{lay_out_spectrum, build_spectral, spectrum_unit,
                                                 extract_spectrum};
