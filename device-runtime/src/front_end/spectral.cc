#include "front_end/spectral.h"

#include <bit>

#include "front_end/fixed_point.h"

namespace sotto::device::front_end {
namespace {

// Windows are symmetric about frame_length / 2, so half of them is kept: taper[i], i < taper_length(), in
// 2^-31. With 16 bits the rounding of a window would leak as much from a loud band into silent ones as 16-bit
// samples' own noise.
std::uint32_t taper_length(std::uint32_t frame_length) { return (frame_length + 1) / 2 + 1; }

std::int32_t taper_at(std::uint32_t window, std::uint32_t i, std::uint32_t length) {
  const std::int64_t cosine = cosine_q31(phase_of(i, length));
  // In hundredths: 50 - 50 cos, or 54 - 46 cos.
  const std::int64_t constant = window == SOTTO_WINDOW_HANN ? 50 : 54;
  const std::int64_t value = (constant << 31) - (100 - constant) * cosine;
  const std::int64_t rounded = (value + 50) / 100;
  return static_cast<std::int32_t>(rounded < INT32_MAX ? rounded : INT32_MAX);
}

// The gain that fills the bits which the samples leave unused below their sign.
int gain_bits_of(const FrameLayout& layout, const std::int16_t* samples) {
  std::uint32_t used = 0;
#pragma GCC unroll 4
  for (std::uint32_t i = 0; i < layout.frame_length; ++i) {
    const std::int32_t sample = *samples;
    samples += layout.channels;
    used |= static_cast<std::uint32_t>(sample ^ (sample >> 31));
  }
  const int unused = std::countl_zero(used) - 17;
  return unused < layout.gain_bits_max ? unused : layout.gain_bits_max;
}

// Samples under the window, with the fraction bits that transform_real() takes; zeros behind the frame.
class FrameLoader {
 public:
  FrameLoader(const FrameLayout& layout, const void* tables, const std::int16_t* samples, int gain_bits)
      : samples_(samples),
        channels_(layout.channels),
        length_(layout.frame_length),
        scale_(input_fraction_bits(layout.fft_log2) + gain_bits),
        taper_(layout.taper == 0 ? nullptr : table<std::int32_t>(tables, layout.taper)) {}

  // Four from `i`: the pair of the first two and that of the others.
  void load(std::uint32_t i, Complex& first, Complex& second) const {
    const bool rising = i + 4 <= length_ / 2;
    if (i + 4 > length_ || taper_ == nullptr || (!rising && i < length_ / 2)) {
      first = {at(i), at(i + 1)};
      second = {at(i + 2), at(i + 3)};
      return;
    }
    const std::int32_t* taper = taper_ + (rising ? i : length_ - i);
    const std::ptrdiff_t step = rising ? 1 : -1;
    const std::int16_t* sample = samples_ + std::size_t{i} * channels_;
    const auto next = [&] {
      const std::int32_t value = tapered(*sample, *taper);
      sample += channels_;
      taper += step;
      return value;
    };
    first.real = next();
    first.imaginary = next();
    second.real = next();
    second.imaginary = next();
  }

 private:
  [[nodiscard]] std::int32_t tapered(std::int32_t sample, std::int32_t taper) const {
    return multiply_high(sample * (2 << scale_), taper);
  }
  [[nodiscard]] std::int32_t at(std::uint32_t i) const {
    if (i >= length_) return 0;
    const std::int32_t sample = samples_[i * channels_];
    if (taper_ == nullptr) return sample * (1 << scale_);
    return tapered(sample, taper_[i <= length_ / 2 ? i : length_ - i]);
  }

  const std::int16_t* samples_;
  std::uint32_t channels_;
  std::uint32_t length_;
  int scale_;
  const std::int32_t* taper_;
};

}  // namespace

sotto_front_end_error lay_out_spectral(const sotto_front_end_config& config, FrameLayout& layout,
                                       std::uint32_t& work_bytes) {
  const std::uint32_t length = config.fft_length;
  if (length < SOTTO_FRONT_END_FFT_LENGTH_MIN || length > SOTTO_FRONT_END_FFT_LENGTH_MAX ||
      !std::has_single_bit(length)) {
    return SOTTO_FRONT_END_FFT_LENGTH;
  }
  if (config.frame_length > length) return SOTTO_FRONT_END_FRAME_LENGTH;
  if (config.window > SOTTO_WINDOW_HAMMING) return SOTTO_FRONT_END_WINDOW;
  layout.fft_length = config.fft_length;
  layout.gain_bits_max = kGainBitsMax;
  layout.fft_log2 = static_cast<std::uint16_t>(std::countr_zero(length));
  layout.sine = take(layout.tables_bytes, (length / 4 + 1) * sizeof(std::int32_t));
  if (config.window != SOTTO_WINDOW_RECTANGULAR) {
    layout.taper = take(layout.tables_bytes, taper_length(config.frame_length) * sizeof(std::int32_t));
  }
  work_bytes = length * sizeof(std::int32_t);
  return SOTTO_FRONT_END_OK;
}

void build_spectral(const sotto_front_end_config& config, const FrameLayout& layout, void* tables) {
  build_sine_table(layout.fft_log2, table<std::int32_t>(tables, layout.sine));
  if (layout.taper == 0) return;
  auto* taper = table<std::int32_t>(tables, layout.taper);
  for (std::uint32_t i = 0; i < taper_length(layout.frame_length); ++i) {
    taper[i] = taper_at(config.window, i, layout.frame_length);
  }
}

Spectrum transform_frame(const FrameLayout& layout, const void* tables, const std::int16_t* samples,
                         std::int32_t* work) {
  auto* pairs = reinterpret_cast<Complex*>(work);
  const int gain_bits = gain_bits_of(layout, samples);
  const FrameLoader loader(layout, tables, samples, gain_bits);
  // Pair 2m goes to the place of m among half as many, and pair 2m + 1 half of all places behind it.
  const std::uint32_t half = layout.fft_length / 4u;
  ReversedCounter counter(layout.fft_log2 - 2);
  for (std::uint32_t i = 0; i < layout.fft_length; i += 4) {
    loader.load(i, pairs[counter.place()], pairs[counter.place() + half]);
    counter.advance();
  }
  transform_real(layout.fft_log2, table<std::int32_t>(tables, layout.sine), pairs);
  return {pairs, gain_bits};
}

std::uint32_t magnitude_of_power(std::uint64_t value) {
  if (value == 0) return 0;
  const int shift = std::countl_zero(value) & ~1;
  const auto top = static_cast<std::uint32_t>((value << shift) >> 32);  // in [2^30, 2^32)
  // A straight line within 7 % of the root, then Newton's step twice.
  std::uint32_t root = (((top >> 16) * 3) >> 2) + 20480;
  root = (root + top / root) >> 1;
  root = (root + top / root) >> 1;
  if (root > 0xffff) root = 0xffff;
  return (root << 16) >> (shift / 2);
}

}  // namespace sotto::device::front_end
