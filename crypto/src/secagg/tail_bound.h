// Upper bounds of products of small probabilities in whole numbers: no floating point, no division, the same
// on every machine, and never too low. Freestanding, no heap; small, because boards carry it.
#pragma once

#include <cstdint>

namespace sotto::secagg {

// Begins as 1 and is multiplied. A fraction of two products of whole numbers, each kept to 32 significant
// bits and rounded so that the fraction never falls: by less than one part in 2^31 for each factor.
class ProbabilityBound {
 public:
  // 1 <= factor.
  void times(std::uint32_t factor) { multiply(above_, factor, true); }
  // Of `population` members, of whom `marked` count, `sample` are drawn without replacement: times a bound of
  // Pr[at least `least` of the drawn count]. Exact where the probability is 0 or 1. From the mode on it is
  //   p(least) / (1 - p(least + 1) / p(least)),
  // the geometric series that bounds the tail, because these ratios fall; below the mode it is 1.
  // Requires marked, sample <= population <= 2^14.
  void times_tail(std::uint32_t population, std::uint32_t marked, std::uint32_t sample, std::uint32_t least);

  // Whether it is at most 2^exponent.
  [[nodiscard]] bool at_most_power(int exponent) const;

 private:
  // mantissa * 2^exponent, the mantissa's top bit set.
  struct Number {
    std::uint32_t mantissa = std::uint32_t{1} << 31;
    int exponent = -31;
  };
  static void multiply(Number& number, std::uint32_t factor, bool up);

  Number above_;
  Number below_;
  bool zero_ = false;
};

}  // namespace sotto::secagg
