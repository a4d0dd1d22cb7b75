// Samples in, outputs out: overlap, gaps, pieces of any length, readiness.
#include <gmock/gmock.h>

#include <numeric>

#include "front_end_test_support.h"

namespace sotto::device {
namespace {

using testing::ElementsAre;

sotto_front_end_config raw_windows(std::uint16_t rows, std::uint16_t row_hop, std::uint16_t channels = 1) {
  sotto_front_end_config config = sample_config();
  config.rows = rows;
  config.row_hop = row_hop;
  config.channels = channels;
  return config;
}

Samples counting(std::size_t length) {
  Samples samples(length);
  std::iota(samples.begin(), samples.end(), std::int16_t{0});
  return samples;
}

TEST(FrontEndStream, WindowsOverlapByWhatTheHopLeaves) {
  EXPECT_THAT(OpenFrontEnd(raw_windows(4, 2)).run(counting(9)),
              ElementsAre(ElementsAre(0, 1, 2, 3), ElementsAre(2, 3, 4, 5), ElementsAre(4, 5, 6, 7)));
  EXPECT_THAT(OpenFrontEnd(raw_windows(3, 1)).run(counting(5)),
              ElementsAre(ElementsAre(0, 1, 2), ElementsAre(1, 2, 3), ElementsAre(2, 3, 4)));
}

TEST(FrontEndStream, AHopBeyondTheWindowSkipsSamples) {
  EXPECT_THAT(OpenFrontEnd(raw_windows(2, 5)).run(counting(12)),
              ElementsAre(ElementsAre(0, 1), ElementsAre(5, 6), ElementsAre(10, 11)));
}

TEST(FrontEndStream, ChannelsStayInterleaved) {
  EXPECT_THAT(OpenFrontEnd(raw_windows(2, 2, 3)).run(counting(12)),
              ElementsAre(ElementsAre(0, 1, 2, 3, 4, 5), ElementsAre(6, 7, 8, 9, 10, 11)));
}

TEST(FrontEndStream, FramesMayOverlapOrLeaveGaps) {
  sotto_front_end_config config = statistics_config();
  config.channels = 1;
  config.frame_length = 3;
  for (const std::uint16_t hop : std::initializer_list<std::uint16_t>{1, 2, 3, 7}) {
    config.hop_length = hop;
    const Outputs outputs = OpenFrontEnd(config).run(counting(30));
    ASSERT_EQ(outputs.size(), (30u - 3) / hop + 1);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const int start = static_cast<int>(i) * hop;
      EXPECT_THAT(outputs[i], ElementsAre(start + 1, 1, start, start + 2)) << "hop " << hop;
    }
  }
}

TEST(FrontEndStream, PiecesOfAnyLengthGiveTheSameOutputs) {
  for (sotto_front_end_config config : all_configs()) {
    for (const std::uint16_t hop : {config.hop_length, std::uint16_t{700}}) {
      if (config.kind != &sotto_sample_features) config.hop_length = hop;
      const Samples samples = noise(40'000, 12'000, hop, config.channels);
      const Outputs expected = OpenFrontEnd(config).run(samples);
      ASSERT_FALSE(expected.empty());
      for (const std::size_t chunk : {1u, 7u, 160u, 1000u}) {
        ASSERT_EQ(OpenFrontEnd(config).run(samples, chunk), expected) << "in pieces of " << chunk;
      }
    }
  }
}

TEST(FrontEndStream, PushStopsWhereAnOutputIsReady) {
  OpenFrontEnd front_end(raw_windows(4, 2));
  const Samples samples = counting(10);
  EXPECT_EQ(sotto_front_end_push(front_end.get(), samples.data(), 3), 3u);
  EXPECT_EQ(sotto_front_end_ready(front_end.get()), 0);
  EXPECT_EQ(sotto_front_end_push(front_end.get(), samples.data() + 3, 7), 1u);
  EXPECT_EQ(sotto_front_end_ready(front_end.get()), 1);
}

TEST(FrontEndStream, ReadingNeedsAnOutputAndItsSize) {
  OpenFrontEnd front_end(raw_windows(4, 2));
  const Samples samples = counting(10);
  std::int8_t output[4];
  EXPECT_EQ(sotto_front_end_read(front_end.get(), output, 4), SOTTO_FRONT_END_NOT_READY);
  (void)sotto_front_end_push(front_end.get(), samples.data(), 4);
  EXPECT_EQ(sotto_front_end_read(front_end.get(), output, 3), SOTTO_FRONT_END_OUTPUT_BYTES);
  EXPECT_EQ(sotto_front_end_read(front_end.get(), output, 5), SOTTO_FRONT_END_OUTPUT_BYTES);
  EXPECT_EQ(sotto_front_end_read(front_end.get(), nullptr, 4), SOTTO_FRONT_END_NULL_ARGUMENT);
  EXPECT_EQ(sotto_front_end_read(front_end.get(), output, 4), SOTTO_FRONT_END_OK);
  EXPECT_THAT(output, ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(sotto_front_end_read(front_end.get(), output, 4), SOTTO_FRONT_END_NOT_READY);
}

TEST(FrontEndStream, AnOutputThatIsNotReadIsDropped) {
  OpenFrontEnd front_end(raw_windows(4, 2));
  const Samples samples = counting(10);
  EXPECT_EQ(sotto_front_end_push(front_end.get(), samples.data(), 10), 4u);
  EXPECT_EQ(sotto_front_end_push(front_end.get(), samples.data() + 4, 6), 2u);
  std::int8_t output[4];
  EXPECT_EQ(sotto_front_end_read(front_end.get(), output, 4), SOTTO_FRONT_END_OK);
  EXPECT_THAT(output, ElementsAre(2, 3, 4, 5));
}

TEST(FrontEndStream, ResetForgetsEverySample) {
  for (const sotto_front_end_config& config : all_configs()) {
    OpenFrontEnd front_end(config);
    const Samples samples = noise(20'000, 12'000, 3, config.channels);
    const Outputs expected = front_end.run(samples);
    (void)sotto_front_end_push(front_end.get(), samples.data(), 77);
    sotto_front_end_reset(front_end.get());
    EXPECT_EQ(sotto_front_end_ready(front_end.get()), 0);
    EXPECT_EQ(front_end.run(samples), expected);
  }
}

}  // namespace
}  // namespace sotto::device
