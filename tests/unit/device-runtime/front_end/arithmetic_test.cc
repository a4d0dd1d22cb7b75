// The integer arithmetic under front ends, against double precision.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "front_end/fixed_point.h"
#include "front_end/fourier.h"
#include "front_end/logarithm.h"
#include "front_end/scaled.h"
#include "front_end/spectral.h"
#include "reference.h"

namespace sotto::device::front_end {
namespace {

static_assert(square_root(0) == 0 && square_root(15) == 3 && square_root(16) == 4);
static_assert(log2_q32(1) == 0 && log2_q32(1 << 20) == std::int64_t{20} << 32);
static_assert(exp2_q16(0) == 1 << 16 && exp2_q16(std::uint64_t{9} << 32) == 512 << 16);
static_assert(sine_q31(0) == 0 && sine_q31(0x40000000) == INT32_MAX && sine_q31(0xc0000000) == -INT32_MAX);

TEST(FixedPoint, SineIsExactToTwoUnits) {
  for (std::uint64_t phase = 0; phase < std::uint64_t{1} << 32; phase += 9'999'991) {
    const double angle = 2 * std::numbers::pi * std::ldexp(static_cast<double>(phase), -32);
    const auto narrow = static_cast<std::uint32_t>(phase);
    ASSERT_NEAR(sine_q31(narrow), std::ldexp(std::sin(angle), 31), 3) << phase;
    ASSERT_NEAR(cosine_q31(narrow), std::ldexp(std::cos(angle), 31), 3) << phase;
  }
}

TEST(FixedPoint, PhasesOfWholeFractionsAreExact) {
  EXPECT_EQ(phase_of(1, 4), 0x40000000u);
  EXPECT_EQ(phase_of(1, 3), 0x55555555u);
  EXPECT_EQ(phase_of(479, 480), static_cast<std::uint32_t>(std::llround(479.0 / 480 * 4294967296.0)));
}

TEST(FixedPoint, LogarithmsAndPowersOfTwo) {
  for (std::uint32_t value = 1; value < 2'000'000'000; value += value / 7 + 1) {
    ASSERT_NEAR(std::ldexp(static_cast<double>(log2_q32(value)), -32), std::log2(value), 2e-9) << value;
  }
  for (double exponent = 0; exponent < 12; exponent += 0.0371) {
    const auto fixed = static_cast<std::uint64_t>(std::ldexp(exponent, 32));
    const double expected = std::ldexp(std::exp2(exponent), 16);
    ASSERT_NEAR(static_cast<double>(exp2_q16(fixed)), expected, 1 + expected * 2e-8) << exponent;
  }
}

TEST(FixedPoint, SquareRootsAreTheFloor) {
  std::mt19937_64 random(1);
  for (int bits = 1; bits <= 63; ++bits) {
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t value = random() >> (64 - bits);
      const std::uint64_t root = square_root(value);
      ASSERT_LE(root * root, value);
      ASSERT_GT((root + 1) * (root + 1), value);
    }
  }
}

TEST(Logarithm, IsWithinItsBoundEverywhere) {
  std::mt19937_64 random(2);
  for (int bits = 1; bits <= 64; ++bits) {
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t value = (random() | 0x8000000000000000) >> (64 - bits);
      const double off = std::ldexp(log2_of(value), -16) - std::log2(static_cast<double>(value));
      ASSERT_LE(off, 1e-6) << value;
      ASSERT_GE(off, -6e-5 - 1.0 / 65536) << value;
    }
  }
}

TEST(Spectral, MagnitudesAreWithinTheirBoundEverywhere) {
  std::mt19937_64 random(3);
  EXPECT_EQ(magnitude_of_power(0), 0u);
  for (int bits = 1; bits <= 63; ++bits) {
    for (int i = 0; i < 1000; ++i) {
      // Random ones, and those just below a power of two, where the root of the upper half is all ones.
      const std::uint64_t ones = ~std::uint64_t{0} >> (64 - bits);
      const std::uint64_t value =
          i < 500 ? random() & ones : ones - static_cast<std::uint64_t>(i - 500) % ones;
      const double root = std::sqrt(static_cast<double>(value));
      ASSERT_NEAR(magnitude_of_power(value), root, 1 + root / 32768) << value;
    }
  }
}

TEST(Scaled, ReadsFloats) {
  Scaled scaled;
  for (const float value : {1.0F, -1.0F, 0.5847029F, 1e-30F, -3e30F, 16777215.0F}) {
    ASSERT_TRUE(read_float(value, scaled));
    EXPECT_EQ(std::ldexp(static_cast<double>(scaled.mantissa), scaled.exponent), static_cast<double>(value));
    EXPECT_GE(std::abs(static_cast<double>(scaled.mantissa)), 1 << 30);
  }
  for (const float value : {0.0F, -0.0F, std::numeric_limits<float>::denorm_min()}) {
    ASSERT_TRUE(read_float(value, scaled));
    EXPECT_EQ(scaled.mantissa, 0);
  }
  EXPECT_FALSE(read_float(std::numeric_limits<float>::infinity(), scaled));
  EXPECT_FALSE(read_float(std::numeric_limits<float>::quiet_NaN(), scaled));
}

double real(Scaled value) { return std::ldexp(static_cast<double>(value.mantissa), value.exponent); }

TEST(Scaled, CalculatesToThirtyBits) {
  std::mt19937 random(4);
  std::uniform_real_distribution<float> any(-1000, 1000);
  for (int i = 0; i < 1000; ++i) {
    Scaled a;
    Scaled b;
    ASSERT_TRUE(read_float(any(random), a) && read_float(any(random), b));
    ASSERT_NEAR(real(multiply(a, b)) / (real(a) * real(b)), 1, 2e-9);
    ASSERT_NEAR(real(divide(a, b)) / (real(a) / real(b)), 1, 2e-9);
  }
  for (std::uint32_t n = 1; n <= 4096; n += 37) {
    EXPECT_NEAR(real(square_root_of_ratio(2, n)) / std::sqrt(2.0 / n), 1, 2e-8);
    EXPECT_NEAR(real(square_root_of_ratio(n, 3)) / std::sqrt(n / 3.0), 1, 2e-8);
  }
}

TEST(Scaled, RoundsToFixedPointWithinTheLimit) {
  Scaled value;
  std::int64_t fixed = 0;
  ASSERT_TRUE(read_float(-2.5F, value));
  EXPECT_TRUE(to_fixed(value, 0, 30, fixed));
  EXPECT_EQ(fixed, -3);
  EXPECT_TRUE(to_fixed(value, 16, 30, fixed));
  EXPECT_EQ(fixed, -163840);
  EXPECT_TRUE(to_fixed(value, -40, 30, fixed));
  EXPECT_EQ(fixed, 0);
  ASSERT_TRUE(read_float(1073741760.0F, value));  // the float below 2^30
  EXPECT_TRUE(to_fixed(value, 0, 30, fixed));
  EXPECT_EQ(fixed, 1073741760);
  EXPECT_FALSE(to_fixed(value, 1, 30, fixed));
}

// The transform of random samples at full scale, compared bin by bin: no more than half a count of error
// where the samples' own rounding gives sqrt(length / 12).
TEST(Fourier, EqualsTheDefinitionForEveryLength) {
  std::mt19937 random(5);
  std::uniform_int_distribution<int> any(-32768, 32767);
  for (int log2_length = 4; log2_length <= 11; ++log2_length) {
    const std::size_t length = std::size_t{1} << log2_length;
    std::vector<std::int32_t> sine(length / 4 + 1);
    build_sine_table(log2_length, sine.data());
    std::vector<double> samples(length);
    std::vector<Complex> values(length / 2);
    ReversedCounter counter(log2_length - 1);
    const int scale = input_fraction_bits(log2_length);
    for (std::size_t i = 0; i < length; i += 2, counter.advance()) {
      samples[i] = any(random);
      samples[i + 1] = any(random);
      values[counter.place()] = {static_cast<std::int32_t>(samples[i]) * (1 << scale),
                                 static_cast<std::int32_t>(samples[i + 1]) * (1 << scale)};
    }
    transform_real(log2_length, sine.data(), values.data());
    const std::vector<double> expected = reference::magnitudes(samples, length);
    const double unit = std::ldexp(1.0, -fraction_bits(log2_length));
    const double bound = std::sqrt(static_cast<double>(length) / 12) / 4;
    for (std::size_t k = 1; k < length / 2; ++k) {
      ASSERT_NEAR(std::hypot(values[k].real, values[k].imaginary) * unit, expected[k], bound)
          << length << ' ' << k;
    }
    EXPECT_NEAR(std::abs(values[0].real) * unit, expected.front(), bound);
    EXPECT_NEAR(std::abs(values[0].imaginary) * unit, expected.back(), bound);
  }
}

}  // namespace
}  // namespace sotto::device::front_end
