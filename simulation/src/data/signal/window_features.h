// What a classifier is told about one window of a multi-channel signal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sotto::simulation {

inline constexpr std::size_t kWindowSamples = 128;
inline constexpr std::size_t kWindowBins = 16;  // discrete Fourier bins 1 .. 16 of 128 samples
inline constexpr std::size_t kWindowBlocks = 5 + kWindowBins;

// Appends kWindowBlocks * channels values: blocks mean, standard deviation, minimum, maximum, mean absolute
// difference of neighbours, then the magnitude of each bin (of the signal less its mean); within a block one
// value per channel. `samples` is [kWindowSamples][channels].
void append_window_features(std::span<const double> samples, std::size_t channels,
                            std::vector<double>& features);

}  // namespace sotto::simulation
