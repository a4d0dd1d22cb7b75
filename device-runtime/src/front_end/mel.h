// Logarithms of the energies in mel bands: log-mel features, and what MFCC begin with.
#pragma once

#include <cstdint>

#include "front_end/frame_layout.h"

namespace sotto::device::front_end {

// lay_out_spectral() and the mel fields except `coefficients`.
[[nodiscard]] sotto_front_end_error lay_out_mel(const sotto_front_end_config& config, FrameLayout& layout,
                                                std::uint32_t& work_bytes);
void build_mel(const sotto_front_end_config& config, const FrameLayout& layout, void* tables);

// layout.bands values of log2(energy of the band + floor), samples counting as fractions of full scale, in
// steps of 2^-16. They lie in `work`.
std::int32_t* extract_log2_mel(const FrameLayout& layout, const void* tables, const std::int16_t* samples,
                               std::int32_t* work);

}  // namespace sotto::device::front_end
