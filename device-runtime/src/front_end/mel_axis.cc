#include "front_end/mel_axis.h"

#include "front_end/fixed_point.h"

namespace sotto::device::front_end {
namespace {

// HTK: mel is proportional to log2(1 + Hz / 700), which is used instead.
constexpr std::uint32_t kHtkCornerHz = 700;

// Slaney: 3 / 200 mel per Hz up to 1000 Hz, then 27 mel for every factor of 6.4.
constexpr std::uint32_t kSlaneyCornerHz = 1000;
constexpr std::int64_t kSlaneyCornerMel = std::int64_t{15} << 32;
constexpr std::int64_t kSlaneyMelPerOctaveQ20 = 10571618;  // 27 / log2(6.4) * 2^20

std::uint32_t corner_hz(bool slaney) { return slaney ? kSlaneyCornerHz : kHtkCornerHz; }

}  // namespace

MelAxis::MelAxis(const sotto_front_end_config& config)
    : slaney_(config.mel_scale == SOTTO_MEL_SLANEY),
      in_mel_(config.mel_triangle == SOTTO_MEL_TRIANGLE_MEL),
      bands_(config.mel_bands),
      rate_(config.sample_rate_hz),
      length_(config.fft_length),
      bins_log2_corner_(log2_q32(corner_hz(slaney_) * length_)),
      lower_(to_mel({config.lower_hz, 1, log2_q32(corner_hz(slaney_))})),
      upper_(to_mel({config.upper_hz, 1, log2_q32(corner_hz(slaney_))})) {}

std::int64_t MelAxis::edge(std::uint32_t i) const {
  const std::int64_t mel = lower_ + (upper_ - lower_) * i / (bands_ + 1);
  return in_mel_ ? mel : to_hz(mel);
}

std::int64_t MelAxis::bin(std::uint32_t k) const {
  if (in_mel_) return to_mel({k * rate_, length_, bins_log2_corner_});
  return static_cast<std::int64_t>((std::uint64_t{k} * rate_ << 16) / length_);
}

// multiple is at most 1024 * 10^6, divisor at most 2048: sums and products below stay within 32 bits.
std::int64_t MelAxis::to_mel(const Hz& hz) const {
  if (!slaney_) return log2_q32(kHtkCornerHz * hz.divisor + hz.multiple) - hz.log2_corner;
  if (hz.multiple < kSlaneyCornerHz * hz.divisor) {
    return static_cast<std::int64_t>((std::uint64_t{3} * hz.multiple << 32) /
                                     (std::uint64_t{200} * hz.divisor));
  }
  const std::int64_t octaves = log2_q32(hz.multiple) - hz.log2_corner;
  return kSlaneyCornerMel + ((octaves * kSlaneyMelPerOctaveQ20) >> 20);
}

std::int64_t MelAxis::to_hz(std::int64_t mel) const {
  const auto power = [](std::int64_t octaves) { return exp2_q16(static_cast<std::uint64_t>(octaves)); };
  if (!slaney_) return static_cast<std::int64_t>(kHtkCornerHz * (power(mel) - (1 << 16)));
  if (mel < kSlaneyCornerMel) return ((mel * 200) >> 16) / 3;
  return static_cast<std::int64_t>(kSlaneyCornerHz *
                                   power(((mel - kSlaneyCornerMel) << 20) / kSlaneyMelPerOctaveQ20));
}

}  // namespace sotto::device::front_end
