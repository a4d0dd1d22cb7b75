// Whether bytes look uniform. Fixed seeds make every verdict repeatable; the bounds say how rare a wrong
// alarm is among seeds.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "sotto/base/bytes.h"

namespace sotto::assurance {

// Pearson's statistic of the byte values; chi-square with 255 degrees of freedom when the bytes are uniform.
inline double chi_square(Bytes bytes) {
  std::array<double, 256> counts{};
  for (const std::uint8_t byte : bytes) ++counts[byte];
  const double expected = static_cast<double>(bytes.size()) / 256;
  double sum = 0;
  for (const double count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

// Within six standard deviations on either side by Wilson and Hilferty's cube root: uniform bytes fall
// outside with probability 2e-9. Below the range is as suspicious as above: too even is not random either.
inline bool looks_uniform(Bytes bytes) {
  constexpr double kFreedom = 255;
  constexpr double kDeviations = 6;
  const double spread = 2 / (9 * kFreedom);
  const double deviation = (std::cbrt(chi_square(bytes) / kFreedom) - (1 - spread)) / std::sqrt(spread);
  return std::abs(deviation) < kDeviations;
}

}  // namespace sotto::assurance
