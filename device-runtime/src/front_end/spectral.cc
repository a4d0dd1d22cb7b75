#include "front_end/spectral.h"

#include <bit>

#include "front_end/fixed_point.h"

namespace sotto::device::front_end {
namespace {

// Windows are symmetric about frame_length / 2, so half of them is kept: taper[i], i <= frame_length / 2, in
// 2^-31. With 16 bits the rounding of a window would leak as much from a loud band into silent ones as 16-bit
// samples' own noise.
std::int32_t taper_at(std::uint32_t window, std::uint32_t i, std::uint32_t length) {
  const std::int64_t cosine = cosine_q31(phase_of(i, length));
  // In hundredths: 50 - 50 cos, or 54 - 46 cos.
  const std::int64_t constant = window == SOTTO_WINDOW_HANN ? 50 : 54;
  const std::int64_t value = (constant << 31) - (100 - constant) * cosine;
  const std::int64_t rounded = (value + 50) / 100;
  return static_cast<std::int32_t>(rounded < INT32_MAX ? rounded : INT32_MAX);
}

// The gain that fills the bits which the samples leave unused below their sign.
int gain_bits_of(const Plan& plan, const std::int16_t* samples) {
  std::uint32_t used = 0;
  for (std::uint32_t i = 0; i < plan.frame_length; ++i) {
    const std::int32_t sample = *samples;
    samples += plan.channels;
    used |= static_cast<std::uint32_t>(sample ^ (sample >> 31));
  }
  const int unused = std::countl_zero(used) - 17;
  return unused < plan.gain_bits_max ? unused : plan.gain_bits_max;
}

}  // namespace

sotto_front_end_error plan_spectral(const sotto_front_end_config& config, Plan& plan,
                                    std::uint32_t& work_bytes) {
  const std::uint32_t length = config.fft_length;
  if (length < SOTTO_FRONT_END_FFT_LENGTH_MIN || length > SOTTO_FRONT_END_FFT_LENGTH_MAX ||
      !std::has_single_bit(length)) {
    return SOTTO_FRONT_END_FFT_LENGTH;
  }
  if (config.frame_length > length) return SOTTO_FRONT_END_FRAME_LENGTH;
  if (config.window > SOTTO_WINDOW_HAMMING) return SOTTO_FRONT_END_WINDOW;
  plan.fft_length = config.fft_length;
  plan.gain_bits_max = kGainBitsMax;
  plan.fft_log2 = static_cast<std::uint16_t>(std::countr_zero(length));
  plan.sine = take(plan.tables_bytes, (length / 4 + 1) * sizeof(std::int32_t));
  if (config.window != SOTTO_WINDOW_RECTANGULAR) {
    plan.taper = take(plan.tables_bytes, (config.frame_length / 2 + 1) * sizeof(std::int32_t));
  }
  work_bytes = length * sizeof(std::int32_t);
  return SOTTO_FRONT_END_OK;
}

void build_spectral(const sotto_front_end_config& config, const Plan& plan, void* tables) {
  build_sine_table(plan.fft_log2, table<std::int32_t>(tables, plan.sine));
  if (plan.taper == 0) return;
  auto* taper = table<std::int32_t>(tables, plan.taper);
  for (std::uint32_t i = 0; i <= plan.frame_length / 2u; ++i) {
    taper[i] = taper_at(config.window, i, plan.frame_length);
  }
}

Spectrum transform_frame(const Plan& plan, const void* tables, const std::int16_t* samples,
                         std::int32_t* work) {
  auto* pairs = reinterpret_cast<Complex*>(work);
  const std::int32_t* taper = plan.taper == 0 ? nullptr : table<std::int32_t>(tables, plan.taper);
  const std::uint32_t length = plan.frame_length;
  const int gain_bits = gain_bits_of(plan, samples);
  const int scale = input_fraction_bits(plan.fft_log2) + gain_bits;
  const auto scaled = [&](std::uint32_t i) -> std::int32_t {
    if (i >= length) return 0;
    const std::int32_t sample = samples[i * plan.channels] * (1 << scale);
    return taper == nullptr ? sample : multiply_high(2 * sample, taper[i <= length / 2 ? i : length - i]);
  };
  ReversedCounter counter(plan.fft_log2 - 1);
  for (std::uint32_t i = 0; i < plan.fft_length; i += 2) {
    pairs[counter.place()] = {scaled(i), scaled(i + 1)};
    counter.advance();
  }
  transform_real(plan.fft_log2, table<std::int32_t>(tables, plan.sine), pairs);
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
