// What the tests of front ends share: configurations, a front end in an arena of exactly its size, signals.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sotto/device_runtime/front_end.h"

namespace sotto::device {

using Samples = std::vector<std::int16_t>;
using Outputs = std::vector<std::vector<std::int8_t>>;

// Every config is valid; the mean and deviation are not set, the scale is 1.
[[nodiscard]] sotto_front_end_config sample_config();      // windows of 128 samples every 64, 3 channels
[[nodiscard]] sotto_front_end_config statistics_config();  // frames of 100 every 50, 2 channels
[[nodiscard]] sotto_front_end_config spectrum_config();    // 128 points under a Hann window, every 64
[[nodiscard]] sotto_front_end_config log_mel_config();     // 16 kHz, 30 ms every 20 ms, 40 bands, 30 rows
[[nodiscard]] sotto_front_end_config mfcc_config();        // 8 kHz, 40 ms every 20 ms, 40 bands, 49 x 10
[[nodiscard]] std::vector<sotto_front_end_config> all_configs();

// A front end in memory of exactly the measured size between guard bytes. Opening must succeed.
class OpenFrontEnd {
 public:
  explicit OpenFrontEnd(const sotto_front_end_config& config);
  ~OpenFrontEnd();
  OpenFrontEnd(const OpenFrontEnd&) = delete;
  OpenFrontEnd& operator=(const OpenFrontEnd&) = delete;

  [[nodiscard]] sotto_front_end* get() const { return front_end_; }
  [[nodiscard]] const sotto_front_end_sizes& sizes() const { return sizes_; }
  // Pushes everything, at most `chunk` samples of each channel at a time, and reads every output.
  [[nodiscard]] Outputs run(const Samples& samples, std::size_t chunk = SIZE_MAX);

 private:
  sotto_front_end_config config_;
  sotto_front_end_sizes sizes_{};
  std::vector<std::uint64_t> memory_;
  sotto_front_end* front_end_ = nullptr;
};

// `length` samples of each of `channels`, interleaved; the same on every machine but for sines and noise's
// shape.
[[nodiscard]] Samples silence(std::size_t length, std::size_t channels = 1);
[[nodiscard]] Samples constant(std::size_t length, std::int16_t value, std::size_t channels = 1);
[[nodiscard]] Samples square_wave(std::size_t length, std::size_t period, std::size_t channels = 1);
[[nodiscard]] Samples impulse(std::size_t length, std::size_t place, std::size_t channels = 1);
[[nodiscard]] Samples noise(std::size_t length, int amplitude, std::uint32_t seed, std::size_t channels = 1);
[[nodiscard]] Samples chirp(std::size_t length, double amplitude, std::size_t channels = 1);

// Sets scale and zero point so that the reference's values over `samples` just fill the int8 range, as
// calibrating a model's input does.
void calibrate(sotto_front_end_config& config, const Samples& samples);

struct Difference {
  double largest = 0;  // int8 steps beyond what rounding to the nearest step explains
  double rms = 0;      // of all differences from the unrounded reference; rounding alone gives about 0.29
  std::size_t values = 0;
};
// The front end's outputs for `samples` against the reference's.
[[nodiscard]] Difference difference(const sotto_front_end_config& config, const Samples& samples);

}  // namespace sotto::device
