#include "reference.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <stdexcept>

namespace sotto::device::reference {
namespace {

constexpr double kPi = std::numbers::pi;

std::vector<double> statistics(const std::vector<double>& frame) {
  double sum = 0;
  for (const double x : frame) sum += x;
  const double mean = sum / static_cast<double>(frame.size());
  double squares = 0;
  for (const double x : frame) squares += (x - mean) * (x - mean);
  return {mean, std::sqrt(squares / static_cast<double>(frame.size())),
          *std::min_element(frame.begin(), frame.end()), *std::max_element(frame.begin(), frame.end())};
}

std::vector<double> windowed(const sotto_front_end_config& config, std::vector<double> frame) {
  for (std::size_t i = 0; i < frame.size(); ++i) {
    const double cosine = std::cos(2 * kPi * static_cast<double>(i) / static_cast<double>(frame.size()));
    if (config.window == SOTTO_WINDOW_HANN) frame[i] *= 0.5 - 0.5 * cosine;
    if (config.window == SOTTO_WINDOW_HAMMING) frame[i] *= 0.54 - 0.46 * cosine;
  }
  return frame;
}

double to_mel(bool slaney, double hz) {
  if (!slaney) return 2595 * std::log10(1 + hz / 700);
  return hz < 1000 ? hz * 3 / 200 : 15 + 27 * std::log(hz / 1000) / std::log(6.4);
}
double from_mel(bool slaney, double mel) {
  if (!slaney) return 700 * (std::pow(10.0, mel / 2595) - 1);
  return mel < 15 ? mel * 200 / 3 : 1000 * std::pow(6.4, (mel - 15) / 27);
}

// weights[band][bin]
std::vector<std::vector<double>> mel_bank(const sotto_front_end_config& config) {
  const std::size_t bins = config.fft_length / 2u + 1;
  const bool slaney = config.mel_scale == SOTTO_MEL_SLANEY;
  const double lowest = to_mel(slaney, config.lower_hz);
  const double step = (to_mel(slaney, config.upper_hz) - lowest) / (config.mel_bands + 1);
  const bool in_mel = config.mel_triangle == SOTTO_MEL_TRIANGLE_MEL;
  const auto edge = [&](std::size_t i) {
    const double mel = lowest + step * static_cast<double>(i);
    return in_mel ? mel : from_mel(slaney, mel);
  };
  std::vector<std::vector<double>> bank(config.mel_bands, std::vector<double>(bins));
  for (std::size_t band = 0; band < config.mel_bands; ++band) {
    for (std::size_t k = 0; k < bins; ++k) {
      const double hz = static_cast<double>(k) * config.sample_rate_hz / config.fft_length;
      const double place = in_mel ? to_mel(slaney, hz) : hz;
      const double rising = (place - edge(band)) / (edge(band + 1) - edge(band));
      const double falling = (edge(band + 2) - place) / (edge(band + 2) - edge(band + 1));
      bank[band][k] = std::max(0.0, std::min(rising, falling));
    }
  }
  return bank;
}

std::vector<double> log_mel(const sotto_front_end_config& config, const std::vector<double>& frame) {
  const std::vector<double> spectrum = magnitudes(windowed(config, frame), config.fft_length);
  std::vector<double> levels;
  for (const std::vector<double>& weights : mel_bank(config)) {
    double energy = 0;
    for (std::size_t k = 0; k < weights.size(); ++k) {
      const double magnitude = spectrum[k] / 32768;
      energy += weights[k] * (config.mel_input == SOTTO_MEL_POWER ? magnitude * magnitude : magnitude);
    }
    levels.push_back(std::log(energy + static_cast<double>(config.log_floor)));
  }
  return levels;
}

std::vector<double> mfcc(const sotto_front_end_config& config, const std::vector<double>& frame) {
  const std::vector<double> levels = log_mel(config, frame);
  const auto bands = static_cast<double>(levels.size());
  std::vector<double> coefficients;
  for (std::size_t k = 0; k < config.coefficients; ++k) {
    double sum = 0;
    for (std::size_t b = 0; b < levels.size(); ++b) {
      sum += levels[b] * std::cos(kPi * static_cast<double>(k) * (static_cast<double>(b) + 0.5) / bands);
    }
    coefficients.push_back(sum * std::sqrt((k == 0 ? 1 : 2) / bands));
  }
  return coefficients;
}

}  // namespace

std::vector<double> magnitudes(const std::vector<double>& samples, std::size_t length) {
  std::vector<std::complex<double>> rotations(length);
  for (std::size_t i = 0; i < length; ++i) {
    rotations[i] = std::polar(1.0, -2 * kPi * static_cast<double>(i) / static_cast<double>(length));
  }
  std::vector<double> result;
  for (std::size_t k = 0; k <= length / 2; ++k) {
    std::complex<double> sum = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) sum += samples[i] * rotations[i * k % length];
    result.push_back(std::abs(sum));
  }
  return result;
}

std::vector<double> features(const sotto_front_end_config& config, const std::vector<double>& frame) {
  if (config.kind == &sotto_sample_features) return frame;
  if (config.kind == &sotto_statistics_features) return statistics(frame);
  if (config.kind == &sotto_spectrum_features) return magnitudes(windowed(config, frame), config.fft_length);
  if (config.kind == &sotto_log_mel_features) return log_mel(config, frame);
  if (config.kind == &sotto_mfcc_features) return mfcc(config, frame);
  throw std::invalid_argument("unknown kind of features");
}

std::vector<std::vector<double>> outputs(const sotto_front_end_config& config,
                                         const std::vector<std::int16_t>& samples) {
  const std::size_t length = samples.size() / config.channels;
  std::vector<std::vector<double>> rows;
  for (std::size_t start = 0; start + config.frame_length <= length; start += config.hop_length) {
    std::vector<double> row;
    for (std::size_t channel = 0; channel < config.channels; ++channel) {
      std::vector<double> frame(config.frame_length);
      for (std::size_t i = 0; i < frame.size(); ++i)
        frame[i] = samples[(start + i) * config.channels + channel];
      const std::vector<double> values = features(config, frame);
      row.resize(values.size() * config.channels);
      for (std::size_t i = 0; i < values.size(); ++i) row[i * config.channels + channel] = values[i];
    }
    rows.push_back(row);
  }
  std::vector<std::vector<double>> result;
  for (std::size_t first = 0; first + config.rows <= rows.size(); first += config.row_hop) {
    result.emplace_back();
    for (std::size_t row = first; row < first + config.rows; ++row) {
      result.back().insert(result.back().end(), rows[row].begin(), rows[row].end());
    }
  }
  return result;
}

double quantised(const sotto_front_end_config& config, double value, std::size_t index) {
  double mean = 0;
  double deviation = 1;
  if (config.normalisation_count != 0) {
    mean = static_cast<double>(config.mean[index % config.normalisation_count]);
    deviation = static_cast<double>(config.deviation[index % config.normalisation_count]);
  }
  return config.zero_point + (value - mean) / (deviation * static_cast<double>(config.scale));
}

}  // namespace sotto::device::reference
