#include "front_end/fourier.h"

#include "front_end/fixed_point.h"

namespace sotto::device::front_end {
namespace {

// exp(-i angle) = cosine - i sine, times 2^31.
struct Rotation {
  std::int32_t cosine;
  std::int32_t sine;
};

class Rotations {
 public:
  Rotations(int log2_length, const std::int32_t* sine) : quarter_(1u << (log2_length - 2)), sine_(sine) {}

  // exp(-2 pi i index / length) for index < length / 4, / 2, * 3/4.
  [[nodiscard]] Rotation in_quarter(std::uint32_t index) const {
    return {sine_[quarter_ - index], sine_[index]};
  }
  [[nodiscard]] Rotation in_half(std::uint32_t index) const {
    if (index < quarter_) return in_quarter(index);
    const Rotation rest = in_quarter(index - quarter_);
    return {-rest.sine, rest.cosine};
  }
  [[nodiscard]] Rotation in_three_quarters(std::uint32_t index) const {
    if (index < 2 * quarter_) return in_half(index);
    const Rotation rest = in_quarter(index - 2 * quarter_);
    return {-rest.cosine, -rest.sine};
  }

 private:
  std::uint32_t quarter_;
  const std::int32_t* sine_;
};

// Half of value * rotation.
Complex rotate_half(Complex value, Rotation by) {
  return {static_cast<std::int32_t>(
              (std::int64_t{value.real} * by.cosine + std::int64_t{value.imaginary} * by.sine) >> 32),
          static_cast<std::int32_t>(
              (std::int64_t{value.imaginary} * by.cosine + std::int64_t{value.real} * -by.sine) >> 32)};
}

Complex operator+(Complex a, Complex b) { return {a.real + b.real, a.imaginary + b.imaginary}; }
Complex operator-(Complex a, Complex b) { return {a.real - b.real, a.imaginary - b.imaginary}; }
Complex times_minus_i(Complex a) { return {a.imaginary, -a.real}; }

// Four transforms of length `step` become one, at one output index. Input in reversed order lies as 0, 2,
// 1, 3.
void butterfly(Complex* values, std::uint32_t step, Complex part0, Complex part1, Complex part2,
               Complex part3) {
  const Complex even_sum = part0 + part2;
  const Complex even_difference = part0 - part2;
  const Complex odd_sum = part1 + part3;
  const Complex odd_difference = times_minus_i(part1 - part3);
  values[0] = even_sum + odd_sum;
  values[step] = even_difference + odd_difference;
  values[2 * step] = even_sum - odd_sum;
  values[3 * step] = even_difference - odd_difference;
}

void first_radix2(Complex* values, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; i += 2) {
    const Complex even = values[i];
    const Complex odd = values[i + 1];
    values[i] = even + odd;
    values[i + 1] = even - odd;
  }
}

void first_radix4(Complex* values, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; i += 4) {
    butterfly(values + i, 1, values[i], values[i + 2], values[i + 1], values[i + 3]);
  }
}

// Transforms of length `step` -> of length 4 step, halved.
void radix4(Complex* values, std::uint32_t count, std::uint32_t step, const Rotations& rotations) {
  const std::uint32_t stride = count / (2 * step);  // of rotations: their table is of length 2 count
  for (std::uint32_t k = 0; k < step; ++k) {
    const Rotation once = rotations.in_quarter(k * stride);
    const Rotation twice = rotations.in_half(2 * k * stride);
    const Rotation thrice = rotations.in_three_quarters(3 * k * stride);
    for (Complex* group = values + k; group < values + count; group += 4 * std::size_t{step}) {
      const Complex part0{group[0].real >> 1, group[0].imaginary >> 1};
      const Complex part1 = rotate_half(group[2 * step], once);
      const Complex part2 = rotate_half(group[step], twice);
      const Complex part3 = rotate_half(group[3 * step], thrice);
      butterfly(group, step, part0, part1, part2, part3);
    }
  }
}

// The transform Z of the pairs as complex numbers -> X. With W = exp(-2 pi i k / length) and ' for
// conjugation, X[k] = (Z[k] + Z'[count-k]) / 2 - i W (Z[k] - Z'[count-k]) / 2.
void separate(Complex* values, std::uint32_t count, const Rotations& rotations) {
  values[0] = {values[0].real + values[0].imaginary, values[0].real - values[0].imaginary};
  for (std::uint32_t k = 1; k < count / 2; ++k) {
    const Complex low = values[k];
    const Complex high{values[count - k].real, -values[count - k].imaginary};
    const Complex sum = low + high;
    const Complex even{sum.real >> 1, sum.imaginary >> 1};
    const Complex odd = rotate_half(times_minus_i(low - high), rotations.in_quarter(k));
    values[k] = even + odd;
    values[count - k] = {even.real - odd.real, odd.imaginary - even.imaginary};
  }
  values[count / 2].imaginary = -values[count / 2].imaginary;
}

}  // namespace

void build_sine_table(int log2_length, std::int32_t* sine) {
  const std::uint32_t length = 1u << log2_length;
  for (std::uint32_t j = 0; j <= length / 4; ++j) sine[j] = sine_q31(phase_of(j, length));
}

void transform_real(int log2_length, const std::int32_t* sine, Complex* values) {
  const Rotations rotations(log2_length, sine);
  const std::uint32_t count = 1u << (log2_length - 1);
  std::uint32_t step = 0;
  if (log2_length % 2 == 0) {
    first_radix2(values, count);
    step = 2;
  } else {
    first_radix4(values, count);
    step = 4;
  }
  for (; step < count; step *= 4) radix4(values, count, step, rotations);
  separate(values, count, rotations);
}

}  // namespace sotto::device::front_end
