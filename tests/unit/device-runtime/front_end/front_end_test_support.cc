#include "front_end_test_support.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "reference.h"

namespace sotto::device {
namespace {

constexpr std::uint64_t kGuard = 0xa5a5a5a5a5a5a5a5;
constexpr std::size_t kGuardWords = 8;

sotto_front_end_config frames(const sotto_feature_kind& kind, std::uint16_t length, std::uint16_t hop) {
  sotto_front_end_config config{};
  config.kind = &kind;
  config.channels = 1;
  config.frame_length = length;
  config.hop_length = hop;
  config.rows = 1;
  config.row_hop = 1;
  config.scale = 1;
  return config;
}

template <typename Value>
Samples generate(std::size_t length, std::size_t channels, Value value) {
  Samples samples;
  for (std::size_t i = 0; i < length; ++i) {
    for (std::size_t channel = 0; channel < channels; ++channel) {
      samples.push_back(static_cast<std::int16_t>(value(i, channel)));
    }
  }
  return samples;
}

}  // namespace

sotto_front_end_config sample_config() {
  sotto_front_end_config config = frames(sotto_sample_features, 1, 1);
  config.channels = 3;
  config.rows = 128;
  config.row_hop = 64;
  return config;
}

sotto_front_end_config statistics_config() {
  sotto_front_end_config config = frames(sotto_statistics_features, 100, 50);
  config.channels = 2;
  return config;
}

sotto_front_end_config spectrum_config() {
  sotto_front_end_config config = frames(sotto_spectrum_features, 128, 64);
  config.fft_length = 128;
  config.window = SOTTO_WINDOW_HANN;
  config.scale = 1000;
  return config;
}

sotto_front_end_config log_mel_config() {
  sotto_front_end_config config = frames(sotto_log_mel_features, 480, 320);
  config.rows = 30;
  config.row_hop = 5;
  config.fft_length = 512;
  config.window = SOTTO_WINDOW_HANN;
  config.mel_bands = 40;
  config.mel_triangle = SOTTO_MEL_TRIANGLE_MEL;
  config.sample_rate_hz = 16000;
  config.lower_hz = 20;
  config.upper_hz = 7600;
  config.log_floor = 1e-6F;
  return config;
}

sotto_front_end_config mfcc_config() {
  sotto_front_end_config config = frames(sotto_mfcc_features, 320, 160);
  config.rows = 49;
  config.row_hop = 49;
  config.fft_length = 512;
  config.window = SOTTO_WINDOW_HANN;
  config.mel_bands = 40;
  config.sample_rate_hz = 8000;
  config.lower_hz = 20;
  config.upper_hz = 4000;
  config.log_floor = 1e-6F;
  config.coefficients = 10;
  return config;
}

std::vector<sotto_front_end_config> all_configs() {
  return {sample_config(), statistics_config(), spectrum_config(), log_mel_config(), mfcc_config()};
}

OpenFrontEnd::OpenFrontEnd(const sotto_front_end_config& config) : config_(config) {
  EXPECT_EQ(sotto_front_end_measure(&config, &sizes_), SOTTO_FRONT_END_OK);
  const std::size_t words = sizes_.arena_with_tables_bytes / sizeof(std::uint64_t);
  memory_.assign(words + 2 * kGuardWords, kGuard);
  EXPECT_EQ(sotto_front_end_open(&config, nullptr, memory_.data() + kGuardWords,
                                 sizes_.arena_with_tables_bytes, &front_end_),
            SOTTO_FRONT_END_OK);
}

OpenFrontEnd::~OpenFrontEnd() {
  for (std::size_t i = 0; i < kGuardWords; ++i) {
    EXPECT_EQ(memory_[i], kGuard) << "written before the arena";
    EXPECT_EQ(memory_[memory_.size() - 1 - i], kGuard) << "written behind the arena";
  }
}

Outputs OpenFrontEnd::run(const Samples& samples, std::size_t chunk) {
  Outputs outputs;
  const std::size_t length = samples.size() / config_.channels;
  for (std::size_t done = 0; done < length;) {
    const std::size_t count = std::min(chunk, length - done);
    done += sotto_front_end_push(front_end_, samples.data() + done * config_.channels, count);
    if (sotto_front_end_ready(front_end_) != 0) {
      outputs.emplace_back(sizes_.output_bytes);
      EXPECT_EQ(sotto_front_end_read(front_end_, outputs.back().data(), sizes_.output_bytes),
                SOTTO_FRONT_END_OK);
    }
  }
  return outputs;
}

Samples silence(std::size_t length, std::size_t channels) { return constant(length, 0, channels); }

Samples constant(std::size_t length, std::int16_t value, std::size_t channels) {
  return Samples(length * channels, value);
}

Samples square_wave(std::size_t length, std::size_t period, std::size_t channels) {
  return generate(length, channels, [&](std::size_t i, std::size_t channel) {
    return (i + channel) % period < period / 2 ? INT16_MAX : INT16_MIN;
  });
}

Samples impulse(std::size_t length, std::size_t place, std::size_t channels) {
  return generate(length, channels, [&](std::size_t i, std::size_t) { return i == place ? INT16_MIN : 0; });
}

Samples noise(std::size_t length, int amplitude, std::uint32_t seed, std::size_t channels) {
  std::uint32_t state = seed * 2654435761U + 1;
  return generate(length, channels, [&](std::size_t, std::size_t) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return static_cast<int>(state >> 8) % (2 * amplitude + 1) - amplitude;
  });
}

Samples chirp(std::size_t length, double amplitude, std::size_t channels) {
  return generate(length, channels, [&](std::size_t i, std::size_t channel) {
    const double along = static_cast<double>(i) / static_cast<double>(length);
    const double phase =
        std::numbers::pi * along * 0.45 * static_cast<double>(i) + static_cast<double>(channel);
    return std::lround(amplitude * std::sin(phase));
  });
}

void calibrate(sotto_front_end_config& config, const Samples& samples) {
  double lowest = 0;
  double highest = 0;
  bool first = true;
  config.scale = 1;
  config.zero_point = 0;
  for (const std::vector<double>& output : reference::outputs(config, samples)) {
    for (std::size_t i = 0; i < output.size(); ++i) {
      const double value = reference::quantised(config, output[i], i);
      lowest = first ? value : std::min(lowest, value);
      highest = first ? value : std::max(highest, value);
      first = false;
    }
  }
  // As converters do: zero must be a value of the range.
  lowest = std::min(lowest, 0.0);
  highest = std::max(highest, 0.0);
  config.scale = highest > lowest ? static_cast<float>((highest - lowest) / 255) : 1.0F;
  config.zero_point =
      static_cast<std::int32_t>(std::lround(-128 - lowest / static_cast<double>(config.scale)));
}

Difference difference(const sotto_front_end_config& config, const Samples& samples) {
  const Outputs outputs = OpenFrontEnd(config).run(samples);
  const std::vector<std::vector<double>> expected = reference::outputs(config, samples);
  EXPECT_EQ(outputs.size(), expected.size());
  Difference result;
  double squares = 0;
  for (std::size_t output = 0; output < std::min(outputs.size(), expected.size()); ++output) {
    EXPECT_EQ(outputs[output].size(), expected[output].size());
    for (std::size_t i = 0; i < outputs[output].size(); ++i) {
      const double wanted = std::clamp(reference::quantised(config, expected[output][i], i), -128.0, 127.0);
      const double off = std::abs(outputs[output][i] - wanted);
      result.largest = std::max(result.largest, off - 0.5);
      squares += off * off;
      ++result.values;
    }
  }
  if (result.values > 0) result.rms = std::sqrt(squares / static_cast<double>(result.values));
  return result;
}

}  // namespace sotto::device
