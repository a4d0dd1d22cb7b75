// The number of marked members in a uniform sample without replacement, and its far tails.
#pragma once

#include <cstdint>

namespace sotto::secagg {

// ln(value!), relative error below 1e-14. Unlike lgamma it touches no global state.
[[nodiscard]] double log_factorial(std::uint32_t value);

class Hypergeometric {
 public:
  // `sample` members drawn from `population`, of which `marked` count. Requires marked, sample <= population.
  Hypergeometric(std::uint32_t population, std::uint32_t marked, std::uint32_t sample);

  // The smallest x with Pr[X > x] <= tail. 0 < tail < 1/2.
  [[nodiscard]] std::uint32_t upper_quantile(double tail) const;
  // The largest x with Pr[X < x] < tail. 0 < tail < 1/2.
  [[nodiscard]] std::uint32_t lower_quantile(double tail) const;

 private:
  [[nodiscard]] double probability(std::uint32_t x) const;
  // Pr[X = x + 1] / Pr[X = x].
  [[nodiscard]] double ratio_up(std::uint32_t x) const;

  std::uint32_t population_;
  std::uint32_t marked_;
  std::uint32_t sample_;
  std::uint32_t least_;
  std::uint32_t most_;
  std::uint32_t mode_;
};

}  // namespace sotto::secagg
