// Draws from the distributions the data sets need, replayable from a seed.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sotto/base/random.h"
#include "sotto/crypto/primitives.h"

namespace sotto::simulation {

// Which sequence of draws: equal values give equal draws, different ones independent draws.
struct Stream {
  std::uint64_t seed = 0;
  std::string_view purpose;
  std::uint64_t index = 0;
};

// Not thread-safe.
class Sampler final : public Random {
 public:
  explicit Sampler(const Stream& stream);

  void fill(MutableBytes out) override;
  using Random::uniform;
  [[nodiscard]] double uniform(double low, double high) { return low + (high - low) * uniform(); }
  // Mean 0, standard deviation 1.
  [[nodiscard]] double normal();
  // The logarithm of a Gamma(shape, 1) draw; the draw itself can be too small for a double. Requires shape >
  // 0.
  [[nodiscard]] double log_gamma(double shape);
  // `count` shares that add up to 1, from the symmetric Dirichlet distribution. Requires alpha > 0 and count
  // > 0.
  [[nodiscard]] std::vector<double> dirichlet(double alpha, std::size_t count);
  // Puts the indices into a uniformly random order.
  void shuffle(std::span<std::uint32_t> indices);

 private:
  static constexpr std::size_t kBlockBytes = 4096;

  crypto::SeededRandom source_;
  std::array<std::uint8_t, kBlockBytes> block_{};  // drawn ahead: one cipher call serves many draws
  std::size_t used_ = kBlockBytes;
  double spare_normal_ = 0;
  bool has_spare_normal_ = false;
};

}  // namespace sotto::simulation
