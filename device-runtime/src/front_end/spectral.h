// From a frame to its spectrum: what spectrum, log-mel and MFCC features begin with.
#pragma once

#include <cstdint>

#include "front_end/fourier.h"
#include "front_end/frame_layout.h"

namespace sotto::device::front_end {

// Checks fft_length and window, takes the blocks of the tables and sets work_bytes to what the transform
// needs.
[[nodiscard]] sotto_front_end_error lay_out_spectral(const sotto_front_end_config& config,
                                                     FrameLayout& layout, std::uint32_t& work_bytes);
void build_spectral(const sotto_front_end_config& config, const FrameLayout& layout, void* tables);

// A frame of -1 and 0, or of silence, leaves all bits below the sign unused.
inline constexpr int kGainBitsMax = 15;

struct Spectrum {
  Complex* bins;  // as transform_real() leaves them: values times 2^(fraction_bits + gain_bits)
  int gain_bits;
};

// The transform of the frame samples[i * channels] under its window, in `work`. The frame is first amplified
// by 2^gain_bits, so that its largest sample fills 16 bits or gain_bits is gain_bits_max, and quiet frames
// are as precise as loud ones.
[[nodiscard]] Spectrum transform_frame(const FrameLayout& layout, const void* tables,
                                       const std::int16_t* samples, std::int32_t* work);

// |value|^2, with twice the fraction bits.
[[nodiscard]] inline std::uint64_t power(Complex value) {
  return static_cast<std::uint64_t>(std::int64_t{value.real} * value.real +
                                    std::int64_t{value.imaginary} * value.imaginary);
}

// sqrt(value), within 2^-15 of it; value <= 2^62.
[[nodiscard]] std::uint32_t magnitude_of_power(std::uint64_t value);

}  // namespace sotto::device::front_end
