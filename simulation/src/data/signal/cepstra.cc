#include "data/signal/cepstra.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <unsupported/Eigen/FFT>
#include <vector>

namespace sotto::simulation {
namespace {

constexpr std::size_t kFrameSamples = 320;
constexpr std::size_t kHopSamples = 160;
constexpr std::size_t kTransformPoints = 512;
constexpr std::size_t kBins = kTransformPoints / 2 + 1;
constexpr std::size_t kBands = 40;
constexpr double kLowestHz = 20;
constexpr double kHighestHz = 4000;
constexpr double kPowerFloor = 1e-6;
static_assert((kCepstraFrames - 1) * kHopSamples + kFrameSamples == kCepstraSamples);

double to_mel(double hz) { return 2595 * std::log10(1 + hz / 700); }
double from_mel(double mel) { return 700 * (std::pow(10.0, mel / 2595) - 1); }

}  // namespace

struct CepstraExtractor::Tables {
  std::array<double, kFrameSamples> window{};
  std::array<std::array<double, kBins>, kBands> bands{};
  std::array<std::array<double, kBands>, kCepstraPerFrame> cosines{};
  Eigen::FFT<double> transform;
  std::vector<double> frame = std::vector<double>(kTransformPoints);
  std::vector<std::complex<double>> spectrum;
};

CepstraExtractor::CepstraExtractor() : tables_(std::make_unique<Tables>()) {
  constexpr double kPi = std::numbers::pi;
  Tables& tables = *tables_;
  for (std::size_t i = 0; i < kFrameSamples; ++i) {
    tables.window[i] = 0.5 - 0.5 * std::cos(2 * kPi * static_cast<double>(i) / kFrameSamples);
  }
  const double mel_step = (to_mel(kHighestHz) - to_mel(kLowestHz)) / (kBands + 1);
  const auto edge = [&](std::size_t i) {
    return from_mel(to_mel(kLowestHz) + mel_step * static_cast<double>(i));
  };
  for (std::size_t band = 0; band < kBands; ++band) {
    const double low = edge(band);
    const double peak = edge(band + 1);
    const double high = edge(band + 2);
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      const double hz = static_cast<double>(bin) * kCepstraSampleHz / kTransformPoints;
      tables.bands[band][bin] =
          std::max(0.0, std::min((hz - low) / (peak - low), (high - hz) / (high - peak)));
    }
  }
  for (std::size_t i = 0; i < kCepstraPerFrame; ++i) {
    const double norm = std::sqrt((i == 0 ? 1.0 : 2.0) / kBands);
    for (std::size_t band = 0; band < kBands; ++band) {
      tables.cosines[i][band] =
          norm * std::cos(kPi * (static_cast<double>(band) + 0.5) * static_cast<double>(i) / kBands);
    }
  }
  tables.transform.SetFlag(Eigen::FFT<double>::HalfSpectrum);
}

CepstraExtractor::~CepstraExtractor() = default;

std::array<double, kCepstra> CepstraExtractor::extract(std::span<const std::int16_t> recording) {
  Tables& tables = *tables_;
  std::array<double, kCepstra> cepstra{};
  for (std::size_t frame = 0; frame < kCepstraFrames; ++frame) {
    for (std::size_t i = 0; i < kFrameSamples; ++i) {
      const std::size_t sample = frame * kHopSamples + i;
      tables.frame[i] = sample < recording.size() ? recording[sample] / 32768.0 * tables.window[i] : 0;
    }
    tables.transform.fwd(tables.spectrum, tables.frame);
    std::array<double, kBands> levels{};
    for (std::size_t band = 0; band < kBands; ++band) {
      double power = 0;
      for (std::size_t bin = 0; bin < kBins; ++bin)
        power += tables.bands[band][bin] * std::norm(tables.spectrum[bin]);
      levels[band] = std::log(power + kPowerFloor);
    }
    for (std::size_t i = 0; i < kCepstraPerFrame; ++i) {
      double sum = 0;
      for (std::size_t band = 0; band < kBands; ++band) sum += tables.cosines[i][band] * levels[band];
      cepstra[frame * kCepstraPerFrame + i] = sum;
    }
  }
  return cepstra;
}

}  // namespace sotto::simulation
