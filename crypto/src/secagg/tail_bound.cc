#include "secagg/tail_bound.h"

#include <algorithm>
#include <bit>

namespace sotto::secagg {

void ProbabilityBound::multiply(Number& number, std::uint32_t factor, bool up) {
  const std::uint64_t product = std::uint64_t{number.mantissa} * factor;
  const auto high = static_cast<std::uint32_t>(product >> 32);
  const auto low = static_cast<std::uint32_t>(product);
  if (high == 0) return;  // the factor is 1
  const int left = std::countl_zero(high);
  std::uint32_t kept = high << left;
  std::uint32_t lost = low;
  if (left != 0) {
    kept |= low >> (32 - left);
    lost <<= left;
  }
  number.exponent += 32 - left;
  if (up && lost != 0 && ++kept == 0) {
    kept = std::uint32_t{1} << 31;
    ++number.exponent;
  }
  number.mantissa = kept;
}

// Pr[exactly `least` of the drawn count] =   C(sample, least) * [marked falling least] * [unmarked falling
// sample - least] / [population falling sample]
void ProbabilityBound::times_tail(std::uint32_t population, std::uint32_t marked, std::uint32_t sample,
                                  std::uint32_t least) {
  const std::uint32_t unmarked = population - marked;
  if (least + unmarked <= sample || least == 0) return;
  if (least > std::min(marked, sample)) {
    zero_ = true;
    return;
  }
  const std::uint32_t up = (marked - least) * (sample - least);
  const std::uint32_t down = (least + 1) * (unmarked + least + 1 - sample);
  if (up >= down) return;
  multiply(above_, down, true);
  multiply(below_, down - up, false);
  for (std::uint32_t i = 0; i < sample; ++i) {
    multiply(below_, population - i, false);
    if (i >= least) {
      multiply(above_, unmarked - (i - least), true);
    } else {
      multiply(above_, sample - i, true);
      multiply(above_, marked - i, true);
      multiply(below_, i + 1, false);
    }
  }
}

bool ProbabilityBound::at_most_power(int exponent) const {
  const int power = above_.exponent - below_.exponent - exponent;
  return zero_ || power < 0 || (power == 0 && above_.mantissa <= below_.mantissa);
}

}  // namespace sotto::secagg
