// Measuring, opening, tables: every wrong field has its error, every arena size is an arena or an error.
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "front_end_test_support.h"

namespace sotto::device {
namespace {

using Change = std::function<void(sotto_front_end_config&)>;

sotto_front_end_error measure(const sotto_front_end_config& config) {
  sotto_front_end_sizes sizes;
  return sotto_front_end_measure(&config, &sizes);
}

struct Mistake {
  const char* name;
  sotto_front_end_config (*config)();
  Change change;
  sotto_front_end_error error;
};

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kOne[10]{1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
constexpr float kZero[10]{};
constexpr float kSecondIsInfinite[10]{1, kInfinity};
constexpr float kSecondIsNegative[10]{1, -1};
constexpr float kHuge[10]{1e30F};

Change normalise(std::uint32_t count, const float* mean, const float* deviation) {
  return [=](sotto_front_end_config& config) {
    config.normalisation_count = count;
    config.mean = mean;
    config.deviation = deviation;
  };
}

using Config = sotto_front_end_config;
const Mistake kMistakes[]{
    {"NoKind", mfcc_config, [](Config& c) { c.kind = nullptr; }, SOTTO_FRONT_END_NULL_ARGUMENT},
    {"NoChannel", mfcc_config, [](Config& c) { c.channels = 0; }, SOTTO_FRONT_END_CHANNELS},
    {"TooManyChannels", mfcc_config, [](Config& c) { c.channels = 65; }, SOTTO_FRONT_END_CHANNELS},
    {"EmptyFrame", statistics_config, [](Config& c) { c.frame_length = 0; }, SOTTO_FRONT_END_FRAME_LENGTH},
    {"LongFrame", statistics_config, [](Config& c) { c.frame_length = 4097; }, SOTTO_FRONT_END_FRAME_LENGTH},
    {"FrameBeyondTransform", mfcc_config, [](Config& c) { c.frame_length = 513; },
     SOTTO_FRONT_END_FRAME_LENGTH},
    {"SampleFrame", sample_config, [](Config& c) { c.frame_length = 2; }, SOTTO_FRONT_END_FRAME_LENGTH},
    {"SampleHop", sample_config, [](Config& c) { c.hop_length = 2; }, SOTTO_FRONT_END_HOP_LENGTH},
    {"NoHop", mfcc_config, [](Config& c) { c.hop_length = 0; }, SOTTO_FRONT_END_HOP_LENGTH},
    {"NoRow", mfcc_config, [](Config& c) { c.rows = 0; }, SOTTO_FRONT_END_ROWS},
    {"TooManyRows", mfcc_config, [](Config& c) { c.rows = 4097; }, SOTTO_FRONT_END_ROWS},
    {"NoRowHop", mfcc_config, [](Config& c) { c.row_hop = 0; }, SOTTO_FRONT_END_ROW_HOP},
    {"NoTransform", spectrum_config, [](Config& c) { c.fft_length = 0; }, SOTTO_FRONT_END_FFT_LENGTH},
    {"ShortTransform", spectrum_config, [](Config& c) { c.fft_length = 8; }, SOTTO_FRONT_END_FFT_LENGTH},
    {"LongTransform", spectrum_config, [](Config& c) { c.fft_length = 4096; }, SOTTO_FRONT_END_FFT_LENGTH},
    {"OddTransform", spectrum_config, [](Config& c) { c.fft_length = 384; }, SOTTO_FRONT_END_FFT_LENGTH},
    {"Window", spectrum_config, [](Config& c) { c.window = 3; }, SOTTO_FRONT_END_WINDOW},
    {"NoBand", log_mel_config, [](Config& c) { c.mel_bands = 0; }, SOTTO_FRONT_END_MEL_BANDS},
    {"TooManyBands", log_mel_config, [](Config& c) { c.mel_bands = 129; }, SOTTO_FRONT_END_MEL_BANDS},
    {"MelInput", log_mel_config, [](Config& c) { c.mel_input = 2; }, SOTTO_FRONT_END_MEL_OPTION},
    {"MelTriangle", log_mel_config, [](Config& c) { c.mel_triangle = 2; }, SOTTO_FRONT_END_MEL_OPTION},
    {"MelScale", log_mel_config, [](Config& c) { c.mel_scale = 2; }, SOTTO_FRONT_END_MEL_OPTION},
    {"ScaleOfSpectrum", spectrum_config, [](Config& c) { c.mel_scale = 1; }, SOTTO_FRONT_END_UNUSED_FIELD},
    {"NoRate", log_mel_config, [](Config& c) { c.sample_rate_hz = 0; }, SOTTO_FRONT_END_SAMPLE_RATE},
    {"HighRate", log_mel_config, [](Config& c) { c.sample_rate_hz = 1'000'001; },
     SOTTO_FRONT_END_SAMPLE_RATE},
    {"EmptyRange", log_mel_config, [](Config& c) { c.lower_hz = c.upper_hz; }, SOTTO_FRONT_END_MEL_RANGE},
    {"RangeBeyondNyquist", log_mel_config, [](Config& c) { c.upper_hz = 8001; }, SOTTO_FRONT_END_MEL_RANGE},
    {"RangeWithoutBin", log_mel_config, [](Config& c) { c.lower_hz = 1, c.upper_hz = 20; },
     SOTTO_FRONT_END_MEL_RANGE},
    // Bin 1 is at 1.998 Hz, bin 2 at 3.996 Hz.
    {"RangeBetweenTwoBins", log_mel_config,
     [](Config& c) { c.sample_rate_hz = 1023, c.lower_hz = 2, c.upper_hz = 3; }, SOTTO_FRONT_END_MEL_RANGE},
    {"NoFloor", log_mel_config, [](Config& c) { c.log_floor = 0; }, SOTTO_FRONT_END_LOG_FLOOR},
    {"NegativeFloor", log_mel_config, [](Config& c) { c.log_floor = -1; }, SOTTO_FRONT_END_LOG_FLOOR},
    {"HighFloor", log_mel_config, [](Config& c) { c.log_floor = 1.5F; }, SOTTO_FRONT_END_LOG_FLOOR},
    {"UndefinedFloor", log_mel_config, [](Config& c) { c.log_floor = kNan; }, SOTTO_FRONT_END_LOG_FLOOR},
    {"NoCoefficient", mfcc_config, [](Config& c) { c.coefficients = 0; }, SOTTO_FRONT_END_COEFFICIENTS},
    {"TooManyCoefficients", mfcc_config, [](Config& c) { c.coefficients = 41; },
     SOTTO_FRONT_END_COEFFICIENTS},
    {"CoefficientsOfLogMel", log_mel_config, [](Config& c) { c.coefficients = 1; },
     SOTTO_FRONT_END_UNUSED_FIELD},
    {"BandsOfSpectrum", spectrum_config, [](Config& c) { c.mel_bands = 1; }, SOTTO_FRONT_END_UNUSED_FIELD},
    {"FloorOfSpectrum", spectrum_config, [](Config& c) { c.log_floor = 1; }, SOTTO_FRONT_END_UNUSED_FIELD},
    {"TransformOfStatistics", statistics_config, [](Config& c) { c.fft_length = 128; },
     SOTTO_FRONT_END_UNUSED_FIELD},
    {"WindowOfSamples", sample_config, [](Config& c) { c.window = 1; }, SOTTO_FRONT_END_UNUSED_FIELD},
    {"NormalisationCount", mfcc_config, normalise(9, kZero, kOne), SOTTO_FRONT_END_NORMALISATION_COUNT},
    {"NoMeans", mfcc_config, normalise(10, nullptr, kOne), SOTTO_FRONT_END_NULL_ARGUMENT},
    {"NoDeviations", mfcc_config, normalise(10, kZero, nullptr), SOTTO_FRONT_END_NULL_ARGUMENT},
    {"InfiniteMean", mfcc_config, normalise(10, kSecondIsInfinite, kOne), SOTTO_FRONT_END_NORMALISATION},
    {"InfiniteDeviation", mfcc_config, normalise(10, kZero, kSecondIsInfinite),
     SOTTO_FRONT_END_NORMALISATION},
    {"ZeroDeviation", mfcc_config, normalise(10, kZero, kZero), SOTTO_FRONT_END_NORMALISATION},
    {"NegativeDeviation", mfcc_config, normalise(10, kZero, kSecondIsNegative),
     SOTTO_FRONT_END_NORMALISATION},
    {"HugeMean", mfcc_config, normalise(1, kHuge, kOne), SOTTO_FRONT_END_NORMALISATION},
    {"HugeDeviation", mfcc_config, normalise(1, kZero, kHuge), SOTTO_FRONT_END_NORMALISATION},
    {"TinyScale", mfcc_config, [](Config& c) { c.scale = 1e-30F; }, SOTTO_FRONT_END_NORMALISATION},
    {"NoScale", mfcc_config, [](Config& c) { c.scale = 0; }, SOTTO_FRONT_END_SCALE},
    {"NegativeScale", mfcc_config, [](Config& c) { c.scale = -1; }, SOTTO_FRONT_END_SCALE},
    {"UndefinedScale", mfcc_config, [](Config& c) { c.scale = kNan; }, SOTTO_FRONT_END_SCALE},
    {"LowZeroPoint", mfcc_config, [](Config& c) { c.zero_point = -129; }, SOTTO_FRONT_END_ZERO_POINT},
    {"HighZeroPoint", mfcc_config, [](Config& c) { c.zero_point = 128; }, SOTTO_FRONT_END_ZERO_POINT},
};

class FrontEndMistake : public testing::TestWithParam<Mistake> {};

TEST_P(FrontEndMistake, IsRefusedWithItsError) {
  sotto_front_end_config config = GetParam().config();
  ASSERT_EQ(measure(config), SOTTO_FRONT_END_OK);
  GetParam().change(config);
  EXPECT_EQ(measure(config), GetParam().error);
  alignas(8) std::uint8_t memory[65536];
  auto* front_end = reinterpret_cast<sotto_front_end*>(memory);
  EXPECT_EQ(sotto_front_end_open(&config, nullptr, memory, sizeof memory, &front_end), GetParam().error);
  EXPECT_EQ(front_end, nullptr);
  EXPECT_EQ(sotto_front_end_build_tables(&config, memory, sizeof memory), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(Every, FrontEndMistake, testing::ValuesIn(kMistakes),
                         [](const testing::TestParamInfo<Mistake>& tested) { return tested.param.name; });

// The last value that is taken, on each side of a limit.
struct Limit {
  const char* name;
  sotto_front_end_config (*config)();
  Change change;
};

const Limit kLimits[]{
    {"Channels", sample_config, [](Config& c) { c.channels = 64; }},
    {"OneChannel", statistics_config, [](Config& c) { c.channels = 1; }},
    {"Frame", statistics_config, [](Config& c) { c.frame_length = 4096; }},
    {"FrameOfOne", statistics_config, [](Config& c) { c.frame_length = 1; }},
    {"FrameOfTheTransform", mfcc_config, [](Config& c) { c.frame_length = 512; }},
    {"HopOfOne", mfcc_config, [](Config& c) { c.hop_length = 1; }},
    {"Hop", mfcc_config, [](Config& c) { c.hop_length = 65535; }},
    {"Rows", mfcc_config, [](Config& c) { c.rows = 4096; }},
    {"OneRow", mfcc_config, [](Config& c) { c.rows = 1; }},
    {"RowHopOfOne", mfcc_config, [](Config& c) { c.row_hop = 1; }},
    {"RowHop", mfcc_config, [](Config& c) { c.row_hop = 65535; }},
    {"ShortTransform", spectrum_config, [](Config& c) { c.fft_length = 16, c.frame_length = 16; }},
    {"LongTransform", spectrum_config, [](Config& c) { c.fft_length = 2048; }},
    {"Window", spectrum_config, [](Config& c) { c.window = 2; }},
    {"OneBand", log_mel_config, [](Config& c) { c.mel_bands = 1; }},
    {"Bands", log_mel_config, [](Config& c) { c.mel_bands = 128; }},
    {"MelOptions", log_mel_config, [](Config& c) { c.mel_input = c.mel_triangle = c.mel_scale = 1; }},
    {"HighRate", log_mel_config,
     [](Config& c) { c.sample_rate_hz = 1'000'000, c.lower_hz = 20'000, c.upper_hz = 400'000; }},
    {"Nyquist", log_mel_config, [](Config& c) { c.upper_hz = 8000; }},
    {"OddRate", log_mel_config, [](Config& c) { c.sample_rate_hz = 16'001, c.upper_hz = 8000; }},
    {"FromZero", log_mel_config, [](Config& c) { c.lower_hz = 0; }},
    {"HighFloor", log_mel_config, [](Config& c) { c.log_floor = 1; }},
    {"LowFloor", log_mel_config, [](Config& c) { c.log_floor = 1e-11F; }},
    {"OneCoefficient", mfcc_config, [](Config& c) { c.coefficients = 1; }},
    {"Coefficients", mfcc_config, [](Config& c) { c.coefficients = c.mel_bands; }},
    {"LowZeroPoint", mfcc_config, [](Config& c) { c.zero_point = -128; }},
    {"HighZeroPoint", mfcc_config, [](Config& c) { c.zero_point = 127; }},
    {"OneEntry", mfcc_config, normalise(1, kZero, kOne)},
    {"AnEntryForEach", mfcc_config, normalise(10, kZero, kOne)},
};

class FrontEndLimit : public testing::TestWithParam<Limit> {};

TEST_P(FrontEndLimit, IsWithinIt) {
  sotto_front_end_config config = GetParam().config();
  GetParam().change(config);
  EXPECT_EQ(measure(config), SOTTO_FRONT_END_OK);
}

INSTANTIATE_TEST_SUITE_P(Every, FrontEndLimit, testing::ValuesIn(kLimits),
                         [](const testing::TestParamInfo<Limit>& tested) { return tested.param.name; });

TEST(FrontEnd, FloorsBelowTheLeastAreRefused) {
  sotto_front_end_config config = log_mel_config();
  config.log_floor = 0.9e-11F;
  EXPECT_EQ(measure(config), SOTTO_FRONT_END_LOG_FLOOR);
}

TEST(FrontEnd, OutputsAreReadOnceAndWhole) {
  const sotto_front_end_config config = statistics_config();
  sotto_front_end_sizes sizes;
  ASSERT_EQ(sotto_front_end_measure(&config, &sizes), SOTTO_FRONT_END_OK);
  std::vector<std::uint64_t> memory(sizes.arena_with_tables_bytes / 8);
  sotto_front_end* front_end = nullptr;
  ASSERT_EQ(sotto_front_end_open(&config, nullptr, memory.data(), memory.size() * 8, &front_end),
            SOTTO_FRONT_END_OK);
  std::vector<std::int8_t> output(sizes.output_bytes + 1);
  const auto read = [&](std::size_t bytes) { return sotto_front_end_read(front_end, output.data(), bytes); };
  EXPECT_EQ(read(sizes.output_bytes), SOTTO_FRONT_END_NOT_READY);
  const Samples samples = noise(20'000, 9000, 1, config.channels);
  const std::size_t count = samples.size() / config.channels;
  EXPECT_LT(sotto_front_end_push(front_end, samples.data(), count), count);
  EXPECT_EQ(read(sizes.output_bytes - 1), SOTTO_FRONT_END_OUTPUT_BYTES);
  EXPECT_EQ(read(sizes.output_bytes + 1), SOTTO_FRONT_END_OUTPUT_BYTES);
  EXPECT_EQ(sotto_front_end_read(front_end, nullptr, sizes.output_bytes), SOTTO_FRONT_END_NULL_ARGUMENT);
  EXPECT_EQ(sotto_front_end_read(nullptr, output.data(), sizes.output_bytes), SOTTO_FRONT_END_NULL_ARGUMENT);
  EXPECT_EQ(sotto_front_end_ready(front_end), 1);
  EXPECT_EQ(read(sizes.output_bytes), SOTTO_FRONT_END_OK);
  EXPECT_EQ(read(sizes.output_bytes), SOTTO_FRONT_END_NOT_READY);
}

TEST(FrontEnd, EveryErrorHasItsOwnSentence) {
  std::vector<std::string> texts;
  for (int error = SOTTO_FRONT_END_OK; error <= SOTTO_FRONT_END_OUTPUT_BYTES; ++error) {
    texts.emplace_back(sotto_front_end_error_text(static_cast<sotto_front_end_error>(error)));
    EXPECT_GT(texts.back().size(), 5u);
  }
  std::sort(texts.begin(), texts.end());
  EXPECT_EQ(std::adjacent_find(texts.begin(), texts.end()), texts.end());
  EXPECT_STREQ(sotto_front_end_error_text(static_cast<sotto_front_end_error>(31)), "unknown error");
}

TEST(FrontEnd, NullPointersAreRefused) {
  const sotto_front_end_config config = mfcc_config();
  alignas(8) std::uint8_t memory[16384];
  sotto_front_end* front_end = nullptr;
  sotto_front_end_sizes sizes{1, 1, 1, 1, 1};
  EXPECT_EQ(sotto_front_end_measure(nullptr, &sizes), SOTTO_FRONT_END_NULL_ARGUMENT);
  EXPECT_EQ(sizes.arena_bytes, 0u);
  EXPECT_EQ(sotto_front_end_measure(&config, nullptr), SOTTO_FRONT_END_NULL_ARGUMENT);
  EXPECT_EQ(sotto_front_end_open(nullptr, nullptr, memory, sizeof memory, &front_end),
            SOTTO_FRONT_END_NULL_ARGUMENT);
  EXPECT_EQ(sotto_front_end_open(&config, nullptr, nullptr, sizeof memory, &front_end),
            SOTTO_FRONT_END_NULL_ARGUMENT);
  EXPECT_EQ(sotto_front_end_open(&config, nullptr, memory, sizeof memory, nullptr),
            SOTTO_FRONT_END_NULL_ARGUMENT);
  EXPECT_EQ(sotto_front_end_build_tables(nullptr, memory, sizeof memory), SOTTO_FRONT_END_NULL_ARGUMENT);
  EXPECT_EQ(sotto_front_end_build_tables(&config, nullptr, sizeof memory), SOTTO_FRONT_END_NULL_ARGUMENT);
}

TEST(FrontEnd, EveryArenaThatIsTooSmallIsRefusedAndTheMeasuredOneOpens) {
  for (const sotto_front_end_config& config : all_configs()) {
    sotto_front_end_sizes sizes;
    ASSERT_EQ(sotto_front_end_measure(&config, &sizes), SOTTO_FRONT_END_OK);
    std::vector<std::uint64_t> memory(sizes.arena_with_tables_bytes / 8);
    std::vector<std::uint64_t> tables(sizes.tables_bytes / 8);
    ASSERT_EQ(sotto_front_end_build_tables(&config, tables.data(), sizes.tables_bytes), SOTTO_FRONT_END_OK);
    sotto_front_end* front_end = nullptr;
    for (std::size_t bytes = 0; bytes < sizes.arena_with_tables_bytes; ++bytes) {
      ASSERT_EQ(sotto_front_end_open(&config, nullptr, memory.data(), bytes, &front_end),
                SOTTO_FRONT_END_ARENA_TOO_SMALL);
      ASSERT_EQ(front_end, nullptr);
    }
    for (std::size_t bytes = 0; bytes < sizes.arena_bytes; ++bytes) {
      ASSERT_EQ(sotto_front_end_open(&config, tables.data(), memory.data(), bytes, &front_end),
                SOTTO_FRONT_END_ARENA_TOO_SMALL);
    }
    for (std::size_t bytes = 0; bytes < sizes.tables_bytes; ++bytes) {
      ASSERT_EQ(sotto_front_end_build_tables(&config, memory.data(), bytes),
                SOTTO_FRONT_END_TABLES_TOO_SMALL);
    }
    EXPECT_EQ(memory, std::vector<std::uint64_t>(memory.size())) << "a refused arena was written to";
    EXPECT_EQ(
        sotto_front_end_open(&config, nullptr, memory.data(), sizes.arena_with_tables_bytes, &front_end),
        SOTTO_FRONT_END_OK);
    EXPECT_EQ(sotto_front_end_open(&config, tables.data(), memory.data(), sizes.arena_bytes, &front_end),
              SOTTO_FRONT_END_OK);
  }
}

TEST(FrontEnd, MisalignedMemoryIsRefused) {
  const sotto_front_end_config config = mfcc_config();
  alignas(8) std::uint8_t memory[16384];
  alignas(8) std::uint8_t tables[16384];
  ASSERT_EQ(sotto_front_end_build_tables(&config, tables, sizeof tables), SOTTO_FRONT_END_OK);
  sotto_front_end* front_end = nullptr;
  for (const std::size_t off : {1u, 2u, 4u}) {
    EXPECT_EQ(sotto_front_end_open(&config, nullptr, memory + off, sizeof memory - off, &front_end),
              SOTTO_FRONT_END_MISALIGNED);
    EXPECT_EQ(sotto_front_end_open(&config, tables + off, memory, sizeof memory, &front_end),
              SOTTO_FRONT_END_MISALIGNED);
    EXPECT_EQ(sotto_front_end_build_tables(&config, tables + off, sizeof tables - off),
              SOTTO_FRONT_END_MISALIGNED);
  }
}

TEST(FrontEnd, TablesThatWereBuiltAheadGiveTheSameOutputs) {
  for (const sotto_front_end_config& config : all_configs()) {
    const Samples samples = noise(20'000, 9000, 1, config.channels);
    const Outputs expected = OpenFrontEnd(config).run(samples);
    ASSERT_FALSE(expected.empty());
    sotto_front_end_sizes sizes;
    ASSERT_EQ(sotto_front_end_measure(&config, &sizes), SOTTO_FRONT_END_OK);
    std::vector<std::uint64_t> arena(sizes.arena_bytes / 8);
    std::vector<std::uint64_t> tables(sizes.tables_bytes / 8);
    ASSERT_EQ(sotto_front_end_build_tables(&config, tables.data(), sizes.tables_bytes), SOTTO_FRONT_END_OK);
    sotto_front_end* front_end = nullptr;
    ASSERT_EQ(sotto_front_end_open(&config, tables.data(), arena.data(), sizes.arena_bytes, &front_end),
              SOTTO_FRONT_END_OK);
    (void)sotto_front_end_push(front_end, samples.data(), samples.size() / config.channels);
    std::vector<std::int8_t> output(sizes.output_bytes);
    ASSERT_EQ(sotto_front_end_read(front_end, output.data(), output.size()), SOTTO_FRONT_END_OK);
    EXPECT_EQ(output, expected.front());
  }
}

TEST(FrontEnd, DamagedTablesAreRefused) {
  const sotto_front_end_config config = mfcc_config();
  sotto_front_end_sizes sizes;
  ASSERT_EQ(sotto_front_end_measure(&config, &sizes), SOTTO_FRONT_END_OK);
  std::vector<std::uint64_t> arena(sizes.arena_bytes / 8);
  std::vector<std::uint64_t> tables(sizes.tables_bytes / 8);
  ASSERT_EQ(sotto_front_end_build_tables(&config, tables.data(), sizes.tables_bytes), SOTTO_FRONT_END_OK);
  auto* bytes = reinterpret_cast<std::uint8_t*>(tables.data());
  sotto_front_end* front_end = nullptr;
  for (std::size_t i = 0; i < sizes.tables_bytes; ++i) {
    bytes[i] ^= 0x10;
    ASSERT_EQ(sotto_front_end_open(&config, tables.data(), arena.data(), sizes.arena_bytes, &front_end),
              SOTTO_FRONT_END_TABLES_DIFFER)
        << "byte " << i;
    bytes[i] ^= 0x10;
  }
}

TEST(FrontEnd, TablesOfAnotherConfigurationAreRefused) {
  const float mean[]{1};
  const float other_mean[]{2};
  const float deviation[]{3};
  sotto_front_end_config config = mfcc_config();
  normalise(1, mean, deviation)(config);
  alignas(8) std::uint8_t tables[16384];
  ASSERT_EQ(sotto_front_end_build_tables(&config, tables, sizeof tables), SOTTO_FRONT_END_OK);
  const Change changes[]{[](Config& c) { c.window = SOTTO_WINDOW_HAMMING; },
                         [](Config& c) { c.sample_rate_hz = 8001; },
                         [](Config& c) { c.lower_hz = 21; },
                         [](Config& c) { c.log_floor = 2e-6F; },
                         [](Config& c) { c.scale = 2; },
                         [](Config& c) { c.zero_point = 1; },
                         [](Config& c) { c.mel_triangle = 1; },
                         [](Config& c) { c.mel_input = 1; },
                         [](Config& c) { c.mel_scale = 1; },
                         [](Config& c) { c.hop_length = 161; },
                         [](Config& c) { c.coefficients = 9; },
                         normalise(1, other_mean, deviation),
                         normalise(1, mean, other_mean),
                         normalise(0, nullptr, nullptr)};
  for (const Change& change : changes) {
    sotto_front_end_config other = config;
    change(other);
    alignas(8) std::uint8_t memory[16384];
    sotto_front_end* front_end = nullptr;
    EXPECT_EQ(sotto_front_end_open(&other, tables, memory, sizeof memory, &front_end),
              SOTTO_FRONT_END_TABLES_DIFFER);
  }
}

}  // namespace
}  // namespace sotto::device
