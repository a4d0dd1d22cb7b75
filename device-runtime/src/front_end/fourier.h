// The discrete Fourier transform of a real frame, in 32-bit integers.
//
// Scaling is fixed: 16-bit values enter with so many fraction bits that not even full-scale input can
// overflow, and every multiplication by a sine halves. A transform of length n comes out with
// fraction_bits(n) = 15 - log2(n) of them, so its rounding errors stay below the quantisation noise of 16-bit
// values.
#pragma once

#include <cstdint>

namespace sotto::device::front_end {

// X[k] of a transform of length 2^log2_length holds the real value times 2^fraction_bits; |X[k]| <= 2^30.
[[nodiscard]] constexpr int fraction_bits(int log2_length) { return 15 - log2_length; }

// The fraction bits that samples need on the way in.
[[nodiscard]] constexpr int input_fraction_bits(int log2_length) {
  // Stages of radix 4 with sines; the first of an even number has none.
  const int halvings = (log2_length - 2) / 2;
  return fraction_bits(log2_length) + halvings;
}

// A quarter period: sine[j] = sin(2 pi j / length) * 2^31 for j = 0 .. length / 4.
void build_sine_table(int log2_length, std::int32_t* sine);

struct Complex {
  std::int32_t real;
  std::int32_t imaginary;
};

// The place of index i of `1 << bits` when its bits run backwards, one after the other.
class ReversedCounter {
 public:
  explicit ReversedCounter(int bits) : top_(std::uint32_t{1} << bits) {}
  [[nodiscard]] std::uint32_t place() const { return place_; }
  void advance() {
    std::uint32_t bit = top_ >> 1;
    while (place_ & bit) {
      place_ ^= bit;
      bit >>= 1;
    }
    place_ |= bit;
  }

 private:
  std::uint32_t top_;
  std::uint32_t place_ = 0;
};

// values: length / 2 pairs (x[2n], x[2n + 1]) with input_fraction_bits, pair n at the place that
// ReversedCounter gives to n -> X[k] at values[k] for 0 < k < length / 2; values[0] = {X[0], X[length / 2]},
// both real. 4 <= log2_length <= 11.
void transform_real(int log2_length, const std::int32_t* sine, Complex* values);

}  // namespace sotto::device::front_end
