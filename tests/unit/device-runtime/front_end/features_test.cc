// Features against double precision. "Largest" is what a value is off beyond the half step of rounding.
#include <gmock/gmock.h>

#include "front_end_test_support.h"
#include "reference.h"

namespace sotto::device {
namespace {

struct Signal {
  const char* name;
  Samples samples;
};

std::vector<Signal> signals(std::size_t channels) {
  constexpr std::size_t kLength = 10'000;
  return {{"silence", silence(kLength, channels)},
          {"full-scale square wave", square_wave(kLength, 46, channels)},
          {"alternating full scale", square_wave(kLength, 2, channels)},
          {"constant", constant(kLength, 1234, channels)},
          {"-32768 throughout", constant(kLength, INT16_MIN, channels)},
          {"32767 throughout", constant(kLength, INT16_MAX, channels)},
          {"one impulse", impulse(kLength, 1000, channels)},
          {"full-scale noise", noise(kLength, INT16_MAX, 1, channels)},
          {"noise of one count", noise(kLength, 1, 2, channels)},
          {"chirp", chirp(kLength, 32767, channels)},
          {"quiet chirp", chirp(kLength, 20, channels)}};
}

// Bounds when the model's input range is just that of the signal: `steps` int8 steps, and `absolute` in the
// features' own unit, which matters for the faintest signals only.
struct Bounds {
  double steps;
  double absolute = 0;
};

void expect_close(sotto_front_end_config config, Bounds bounds, int dither = 0) {
  for (Signal& signal : signals(config.channels)) {
    const Samples added = noise(signal.samples.size(), dither, 9);
    for (std::size_t i = 0; i < added.size(); ++i) {
      signal.samples[i] = static_cast<std::int16_t>(std::clamp(signal.samples[i] + added[i], -32768, 32767));
    }
    calibrate(config, signal.samples);
    config.scale = std::max(config.scale, static_cast<float>(16 * bounds.absolute));
    const Difference off = difference(config, signal.samples);
    EXPECT_GT(off.values, 0u);
    EXPECT_LE(off.largest, bounds.steps + bounds.absolute / static_cast<double>(config.scale))
        << signal.name << ", scale " << config.scale;
    EXPECT_LE(off.rms, 0.5) << signal.name;
  }
}

TEST(FrontEndFeatures, SamplesAreExactToTheRoundingOfHalves) {
  sotto_front_end_config config = sample_config();
  const float mean[]{100, -200, 0.5F};
  const float deviation[]{1000, 0.25F, 3};
  config.mean = mean;
  config.deviation = deviation;
  config.normalisation_count = 3;
  config.rows = 1;
  config.row_hop = 1;
  expect_close(config, {1e-4});
}

TEST(FrontEndFeatures, StatisticsAreExact) {
  sotto_front_end_config config = statistics_config();
  for (const std::uint16_t length : std::initializer_list<std::uint16_t>{1, 2, 100, 333, 4096}) {
    config.frame_length = length;
    expect_close(config, {1e-4, 2e-5});
  }
}

TEST(FrontEndFeatures, SpectraOfEveryLength) {
  for (std::uint16_t length = 16; length <= 2048; length = static_cast<std::uint16_t>(2 * length)) {
    for (const std::uint16_t window : {SOTTO_WINDOW_RECTANGULAR, SOTTO_WINDOW_HANN, SOTTO_WINDOW_HAMMING}) {
      sotto_front_end_config config = spectrum_config();
      config.fft_length = length;
      config.frame_length =
          static_cast<std::uint16_t>(window == SOTTO_WINDOW_HANN ? length * 5 / 8 - 1 : length);
      config.hop_length = 1700;
      config.window = window;
      SCOPED_TRACE("length " + std::to_string(length) + ", window " + std::to_string(window));
      expect_close(config, {0.02, 0.5 * length / 32768});  // half of a raw step
    }
  }
}

TEST(FrontEndFeatures, SpectraOfSeveralChannelsAreThoseOfEach) {
  sotto_front_end_config config = spectrum_config();
  config.channels = 3;
  config.hop_length = 900;
  expect_close(config, {0.02, 0.5 * 128 / 32768});
}

sotto_front_end_config single_frames(sotto_front_end_config config) {
  config.rows = 1;
  config.row_hop = 1;
  config.hop_length = 1100;
  return config;
}

TEST(FrontEndFeatures, LogMelOfPower) {
  sotto_front_end_config config = single_frames(log_mel_config());
  for (const std::uint16_t triangle : {SOTTO_MEL_TRIANGLE_HZ, SOTTO_MEL_TRIANGLE_MEL}) {
    for (const std::uint16_t scale : {SOTTO_MEL_HTK, SOTTO_MEL_SLANEY}) {
      SCOPED_TRACE("triangle " + std::to_string(triangle) + ", scale " + std::to_string(scale));
      config.mel_triangle = triangle;
      config.mel_scale = scale;
      expect_close(config, {0.03});
    }
  }
}

// What MLPerf Tiny's anomaly detector was trained on, but for the height of its triangles.
TEST(FrontEndFeatures, LogMelOfManyNarrowBands) {
  sotto_front_end_config config = single_frames(log_mel_config());
  config.frame_length = 1024;
  config.fft_length = 1024;
  config.mel_bands = 128;
  config.mel_scale = SOTTO_MEL_SLANEY;
  config.mel_triangle = SOTTO_MEL_TRIANGLE_HZ;
  config.lower_hz = 0;
  config.upper_hz = 8000;
  expect_close(config, {0.03});
}

// A floor of 1e-6 of full scale is 1/30 of a count, far below what 16 bits can hold: only signals that no
// microphone gives, without any noise, have bands as quiet as that beside loud ones.
TEST(FrontEndFeatures, LogMelOfMagnitude) {
  sotto_front_end_config config = single_frames(log_mel_config());
  config.mel_input = SOTTO_MEL_MAGNITUDE;
  for (const std::uint16_t triangle : {SOTTO_MEL_TRIANGLE_HZ, SOTTO_MEL_TRIANGLE_MEL}) {
    config.mel_triangle = triangle;
    expect_close(config, {0.15}, 2);
  }
  config.log_floor = 1e-3F;
  expect_close(config, {0.15});
}

TEST(FrontEndFeatures, Mfcc) {
  for (const std::uint16_t bands : std::initializer_list<std::uint16_t>{40, 23, 1}) {
    sotto_front_end_config config = single_frames(mfcc_config());
    config.mel_bands = bands;
    config.coefficients = std::min<std::uint16_t>(bands, 13);
    SCOPED_TRACE(std::to_string(bands) + " bands");
    expect_close(config, {0.02});
  }
}

TEST(FrontEndFeatures, ValuesOutsideTheInputRangeSaturate) {
  sotto_front_end_config config = sample_config();
  config.channels = 1;
  config.rows = 4;
  config.row_hop = 4;
  EXPECT_THAT(OpenFrontEnd(config).run({-32768, -129, 128, 32767}),
              testing::ElementsAre(testing::ElementsAre(-128, -128, 127, 127)));
}

}  // namespace
}  // namespace sotto::device
