#include "front_end_cases.h"

#include <array>

#include "sotto/device_runtime/crc32.h"

namespace sotto::board {
namespace {

constexpr std::uint32_t kChunkSamples = 50;
constexpr std::size_t kChannelsMax = 3;
constexpr std::size_t kOutputBytesMax = 2048;

// What a model would have: means and deviations of the features, and its input's quantisation.
constexpr float kMotionMeans[]{120.5F, -33.25F, 7340};
constexpr float kMotionDeviations[]{2100, 1775.5F, 905.75F};
constexpr float kCepstraMeans[]{-52.5F, 8.5F, 0.25F, 3.75F, -1.5F, 0.5F, -2.25F, -0.75F, -1.25F, 0.625F};
constexpr float kCepstraDeviations[]{18.5F, 6.25F, 3.5F, 2.75F, 2.5F, 2.25F, 2, 1.75F, 1.5F, 1.25F};

constexpr sotto_front_end_config motion_windows() {
  sotto_front_end_config config{};
  config.kind = &sotto_sample_features;
  config.channels = 3;
  config.frame_length = 1;
  config.hop_length = 1;
  config.rows = 128;
  config.row_hop = 64;
  config.mean = kMotionMeans;
  config.deviation = kMotionDeviations;
  config.normalisation_count = 3;
  config.scale = 0.0314F;
  config.zero_point = -3;
  return config;
}

constexpr sotto_front_end_config motion_statistics() {
  sotto_front_end_config config = motion_windows();
  config.kind = &sotto_statistics_features;
  config.frame_length = 128;
  config.hop_length = 64;
  config.rows = 1;
  config.row_hop = 1;
  return config;
}

constexpr sotto_front_end_config spectrum(std::uint16_t length, std::uint16_t frame, std::uint16_t window) {
  sotto_front_end_config config{};
  config.kind = &sotto_spectrum_features;
  config.channels = 1;
  config.frame_length = frame;
  config.hop_length = static_cast<std::uint16_t>(frame / 2);
  config.rows = 1;
  config.row_hop = 1;
  config.fft_length = length;
  config.window = window;
  config.scale = 900.5F;
  config.zero_point = -128;
  return config;
}

constexpr sotto_front_end_config wake_word() {
  sotto_front_end_config config = spectrum(512, 480, SOTTO_WINDOW_HANN);
  config.kind = &sotto_log_mel_features;
  config.hop_length = 320;
  config.rows = 30;
  config.row_hop = 3;
  config.mel_bands = 40;
  config.mel_triangle = SOTTO_MEL_TRIANGLE_MEL;
  config.sample_rate_hz = 16000;
  config.lower_hz = 125;
  config.upper_hz = 7500;
  config.log_floor = 1e-6F;
  config.scale = 0.0721F;
  config.zero_point = 75;
  return config;
}

// What MLPerf Tiny's keyword spotter hears.
constexpr sotto_front_end_config keywords() {
  sotto_front_end_config config = wake_word();
  config.kind = &sotto_mfcc_features;
  config.rows = 10;
  config.row_hop = 10;
  config.mel_input = SOTTO_MEL_MAGNITUDE;
  config.lower_hz = 20;
  config.upper_hz = 4000;
  config.coefficients = 10;
  config.scale = 0.5847029F;
  config.zero_point = 83;
  return config;
}

constexpr sotto_front_end_config spoken_digits() {
  sotto_front_end_config config = keywords();
  config.frame_length = 320;
  config.hop_length = 160;
  config.rows = 49;
  config.row_hop = 5;
  config.mel_input = SOTTO_MEL_POWER;
  config.mel_triangle = SOTTO_MEL_TRIANGLE_HZ;
  config.sample_rate_hz = 8000;
  config.mean = kCepstraMeans;
  config.deviation = kCepstraDeviations;
  config.normalisation_count = 10;
  config.scale = 0.0321F;
  config.zero_point = -5;
  return config;
}

constexpr FrontEndCase kCases[]{
    {"samples-128x3", motion_windows(), {0x7ca984c5, 0x3f89a97a}},
    {"statistics-128x3", motion_statistics(), {0xf5e073bf, 0xdd6a25dc}},
    {"spectrum-64", spectrum(64, 64, SOTTO_WINDOW_RECTANGULAR), {0x14dce43e, 0xcfaaa68c}},
    {"spectrum-128", spectrum(128, 128, SOTTO_WINDOW_HANN), {0xfb361dcf, 0xe1dd9784}},
    {"spectrum-1024", spectrum(1024, 1000, SOTTO_WINDOW_HAMMING), {0x7470c801, 0x809d2877}},
    {"log-mel-30x40", wake_word(), {0x4d0102af, 0x023636c6}},
    {"mfcc-10x10", keywords(), {0x06f4ea88, 0x039d52ed}},
    {"mfcc-49x10", spoken_digits(), {0x1465040a, 0x3afd6d71}},
};

}  // namespace

std::span<const FrontEndCase> front_end_cases() { return kCases; }

std::int16_t TestSignal::sample() {
  const std::uint32_t section = place_ / kSectionSamples;
  const std::uint32_t within = place_ % kSectionSamples;
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  phase_ += within << 18;  // a sweep from nothing to a tenth of the sample rate
  const auto noise = static_cast<std::int16_t>(random_ >> 16);
  switch (section) {
    case 0:
      return noise;
    case 1:
      return 0;
    case 2:
      return static_cast<std::int16_t>(noise >> 13);
    case 3:
      return within / 23 % 2 == 0 ? INT16_MAX : INT16_MIN;
    case 4:
      return INT16_MIN;
    case 5:
      return within == 700 ? INT16_MAX : 0;
    case 6:
      return static_cast<std::int16_t>((phase_ >> 16) - 32768);
    default:
      return static_cast<std::int16_t>((noise >> 4) + ((phase_ >> 18) - 8192));
  }
}

void TestSignal::next(std::span<std::int16_t> samples) {
  for (std::int16_t& value : samples) {
    if (ended()) return;
    value = sample();
    ++place_;
  }
}

sotto_front_end_error run_front_end_case(const FrontEndCase& tested, std::span<std::uint8_t> arena,
                                         FrontEndBits* bits) {
  static std::array<std::int8_t, kOutputBytesMax> output;
  std::array<std::int16_t, kChunkSamples * kChannelsMax> samples;
  sotto_front_end_sizes sizes;
  sotto_front_end* front_end = nullptr;
  *bits = {};
  auto error = sotto_front_end_measure(&tested.config, &sizes);
  if (error != SOTTO_FRONT_END_OK) return error;
  if (sizes.output_bytes > output.size()) return SOTTO_FRONT_END_OUTPUT_BYTES;
  error = sotto_front_end_build_tables(&tested.config, arena.data(), arena.size());
  if (error != SOTTO_FRONT_END_OK) return error;
  bits->tables = device::crc32(arena.data(), sizes.tables_bytes);
  error = sotto_front_end_open(&tested.config, nullptr, arena.data(), arena.size(), &front_end);
  if (error != SOTTO_FRONT_END_OK) return error;
  for (TestSignal signal; !signal.ended();) {
    signal.next(std::span(samples).first(kChunkSamples * tested.config.channels));
    for (std::uint32_t taken = 0; taken < kChunkSamples;) {
      taken += static_cast<std::uint32_t>(sotto_front_end_push(
          front_end, samples.data() + taken * tested.config.channels, kChunkSamples - taken));
      if (sotto_front_end_ready(front_end) == 0) continue;
      error = sotto_front_end_read(front_end, output.data(), sizes.output_bytes);
      if (error != SOTTO_FRONT_END_OK) return error;
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(output.data());
      bits->outputs = device::crc32(bytes, sizes.output_bytes, bits->outputs);
    }
  }
  return SOTTO_FRONT_END_OK;
}

}  // namespace sotto::board
