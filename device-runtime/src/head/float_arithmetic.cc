#include "head/float_arithmetic.h"

namespace sotto::device::head {
namespace {

// ln 2 in two parts: a few multiples of the first are exact.
constexpr float kLn2High = 0.693359375f;
constexpr float kLn2Low = -2.12194440e-4f;

float power_of_two(std::int32_t exponent) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23);
}

template <std::size_t kCount>
float polynomial(const float (&coefficients)[kCount], float x) {
  float sum = coefficients[0];
  for (std::size_t i = 1; i < kCount; ++i) sum = product(sum, x) + coefficients[i];
  return sum;
}

}  // namespace

float exponential(float x) {
  constexpr float kCoefficients[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                     4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
  if (x < -86.0f) return 0;
  const auto n = static_cast<std::int32_t>(product(x, 1.44269504088896341f) - 0.5f);
  const auto multiple = static_cast<float>(n);
  const float r = x - product(multiple, kLn2High) - product(multiple, kLn2Low);
  const float sum = product(polynomial(kCoefficients, r), product(r, r)) + r + 1.0f;
  return product(sum, power_of_two(n));
}

float logarithm(float x) {
  constexpr float kCoefficients[] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                                     -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                                     2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
  const auto bits = std::bit_cast<std::uint32_t>(x);
  auto exponent = static_cast<std::int32_t>(bits >> 23) - 126;
  float fraction = std::bit_cast<float>((bits & 0x007FFFFF) | 0x3F000000);  // [0.5, 1)
  if (fraction < 0.707106781186547524f) {
    --exponent;
    fraction = fraction + fraction;
  }
  const float r = fraction - 1.0f;
  const float square = product(r, r);
  const auto multiple = static_cast<float>(exponent);
  float sum = product(product(polynomial(kCoefficients, r), r), square);
  sum = sum + product(multiple, kLn2Low);
  sum = sum - product(0.5f, square);
  return r + sum + product(multiple, kLn2High);
}

float sigmoid(float x) {
  const float e = exponential(x < 0 ? x : -x);
  const float small = e / (1.0f + e);
  return x < 0 ? small : 1.0f - small;
}

}  // namespace sotto::device::head
