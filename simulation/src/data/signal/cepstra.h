// The cepstra of a short recording, as a keyword spotter on a microcontroller would compute them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace sotto::simulation {

inline constexpr int kCepstraSampleHz = 8000;
// One second; shorter recordings are followed by silence.
inline constexpr std::size_t kCepstraSamples = 8000;
inline constexpr std::size_t kCepstraFrames = 49;
inline constexpr std::size_t kCepstraPerFrame = 10;
inline constexpr std::size_t kCepstra = kCepstraFrames * kCepstraPerFrame;

// Frames of 320 samples every 160 under a Hann window, power spectrum of 512 points, 40 triangular mel bands
// from 20 to 4000 Hz with unit peaks, natural logarithm, orthonormal DCT-II. Not thread-safe.
class CepstraExtractor {
 public:
  CepstraExtractor();
  ~CepstraExtractor();

  // Row-major [frame][coefficient]. What lies beyond the first second is cut off.
  [[nodiscard]] std::array<double, kCepstra> extract(std::span<const std::int16_t> recording);

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace sotto::simulation
