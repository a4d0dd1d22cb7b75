#include "data/signal/window_features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "sotto/base/check.h"

namespace sotto::simulation {
namespace {

// cosine[i] = cos(2 pi i / kWindowSamples), and the sine alike.
struct Circle {
  Circle() {
    for (std::size_t i = 0; i < kWindowSamples; ++i) {
      const double angle =
          2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(kWindowSamples);
      cosine[i] = std::cos(angle);
      sine[i] = std::sin(angle);
    }
  }
  std::array<double, kWindowSamples> cosine{};
  std::array<double, kWindowSamples> sine{};
};

void write_channel(const std::array<double, kWindowSamples>& signal, std::size_t stride, double* out) {
  static const Circle circle;
  constexpr double kCount = kWindowSamples;
  double sum = 0;
  double steps = 0;
  for (const double value : signal) sum += value;
  for (std::size_t i = 1; i < kWindowSamples; ++i) steps += std::abs(signal[i] - signal[i - 1]);
  const double mean = sum / kCount;
  double squares = 0;
  std::array<double, kWindowSamples> centred{};
  for (std::size_t i = 0; i < kWindowSamples; ++i) {
    centred[i] = signal[i] - mean;
    squares += centred[i] * centred[i];
  }
  out[0] = mean;
  out[stride] = std::sqrt(squares / kCount);
  out[2 * stride] = *std::ranges::min_element(signal);
  out[3 * stride] = *std::ranges::max_element(signal);
  out[4 * stride] = steps / (kCount - 1);
  for (std::size_t bin = 1; bin <= kWindowBins; ++bin) {
    double real = 0;
    double imaginary = 0;
    for (std::size_t i = 0; i < kWindowSamples; ++i) {
      const std::size_t turn = bin * i % kWindowSamples;
      real += centred[i] * circle.cosine[turn];
      imaginary += centred[i] * circle.sine[turn];
    }
    out[(4 + bin) * stride] = std::sqrt(real * real + imaginary * imaginary);
  }
}

}  // namespace

void append_window_features(std::span<const double> samples, std::size_t channels,
                            std::vector<double>& features) {
  SOTTO_CHECK(channels > 0 && samples.size() == kWindowSamples * channels);
  const std::size_t first = features.size();
  features.resize(first + kWindowBlocks * channels);
  std::array<double, kWindowSamples> signal{};
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::size_t i = 0; i < kWindowSamples; ++i) signal[i] = samples[i * channels + channel];
    write_channel(signal, channels, features.data() + first + channel);
  }
}

}  // namespace sotto::simulation
