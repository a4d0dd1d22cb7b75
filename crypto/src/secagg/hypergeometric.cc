#include "secagg/hypergeometric.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sotto/base/check.h"

namespace sotto::secagg {
namespace {

// Terms this far below the tail asked for cannot change which x is the quantile: there are fewer than 2^16 of
// them.
constexpr double kNegligible = 0x1p-80;

}  // namespace

double log_factorial(std::uint32_t value) {
  constexpr std::uint32_t kStirlingFrom = 32;
  if (value < kStirlingFrom) {
    double sum = 0;
    for (std::uint32_t i = 2; i <= value; ++i) sum += std::log(i);
    return sum;
  }
  // Stirling's series; the first term left out is below 1e-14 from kStirlingFrom on.
  const double x = value;
  const double inverse_square = 1 / (x * x);
  const double correction = (1.0 / 12 - (1.0 / 360 - inverse_square / 1260) * inverse_square) / x;
  return (x + 0.5) * std::log(x) - x + 0.5 * std::log(2 * std::numbers::pi) + correction;
}

Hypergeometric::Hypergeometric(std::uint32_t population, std::uint32_t marked, std::uint32_t sample)
    : population_(population),
      marked_(marked),
      sample_(sample),
      least_(sample > population - marked ? sample - (population - marked) : 0),
      most_(std::min(sample, marked)),
      mode_(0) {
  SOTTO_CHECK(marked <= population && sample <= population);
  const std::uint64_t mode =
      (std::uint64_t{sample} + 1) * (std::uint64_t{marked} + 1) / (std::uint64_t{population} + 2);
  mode_ = std::clamp(static_cast<std::uint32_t>(mode), least_, most_);
}

double Hypergeometric::probability(std::uint32_t x) const {
  const auto log_choose = [](std::uint32_t n, std::uint32_t k) {
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
  };
  return std::exp(log_choose(marked_, x) + log_choose(population_ - marked_, sample_ - x) -
                  log_choose(population_, sample_));
}

double Hypergeometric::ratio_up(std::uint32_t x) const {
  const double up = static_cast<double>(marked_ - x) * static_cast<double>(sample_ - x);
  const double down =
      static_cast<double>(x + 1) * static_cast<double>(population_ - marked_ + x + 1 - sample_);
  return up / down;
}

// Both quantiles walk from the mode, where the probability is far from underflow, into the tail, then add up
// from the tail's small end, which loses no digits.
std::uint32_t Hypergeometric::upper_quantile(double tail) const {
  std::uint32_t x = mode_;
  double term = probability(x);
  for (; x < most_ && term > tail * kNegligible; ++x) term *= ratio_up(x);
  for (double sum = term; x > mode_ && sum <= tail; sum += term) {
    --x;
    term /= ratio_up(x);
  }
  return x;
}

std::uint32_t Hypergeometric::lower_quantile(double tail) const {
  std::uint32_t x = mode_;
  double term = probability(x);
  for (; x > least_ && term > tail * kNegligible; --x) term /= ratio_up(x - 1);
  for (double sum = term; x < mode_ && sum < tail; sum += term) {
    term *= ratio_up(x);
    ++x;
  }
  return x;
}

}  // namespace sotto::secagg
