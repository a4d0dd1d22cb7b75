#include "plan/overlap.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace sotto::model_compiler {
namespace {

// Which bytes of the input the window of one output pixel reads, tap by tap.
std::set<std::int64_t> bytes_read(const WindowGeometry& g, std::uint32_t pixel) {
  std::set<std::int64_t> bytes;
  const std::uint32_t per_batch = g.output_height * g.output_width;
  const std::int64_t batch = pixel / per_batch;
  const std::int64_t top = std::int64_t{pixel % per_batch / g.output_width} * g.stride_height - g.padding_top;
  const std::int64_t left =
      std::int64_t{pixel % per_batch % g.output_width} * g.stride_width - g.padding_left;
  for (std::uint32_t i = 0; i < g.kernel_height; ++i) {
    for (std::uint32_t j = 0; j < g.kernel_width; ++j) {
      const std::int64_t y = top + i * g.dilation_height;
      const std::int64_t x = left + j * g.dilation_width;
      if (y < 0 || x < 0 || y >= g.input_height || x >= g.input_width) continue;
      const std::int64_t first = ((batch * g.input_height + y) * g.input_width + x) * g.input_channels;
      for (std::int64_t c = 0; c < g.input_channels; ++c) bytes.insert(first + c);
    }
  }
  return bytes;
}

std::int64_t input_bytes(const WindowGeometry& g) {
  return std::int64_t{g.batches} * g.input_height * g.input_width * g.input_channels;
}
std::int64_t output_bytes(const WindowGeometry& g) {
  return std::int64_t{g.batches} * g.output_height * g.output_width * g.output_channels;
}

// Runs the kernel's reads and writes with the input `distance` bytes behind the output:
// is anything read after it was written over?
bool is_clobbered(const WindowGeometry& g, std::uint32_t lag, bool descending, std::int64_t input_start) {
  const auto pixels = static_cast<std::uint32_t>(output_bytes(g) / g.output_channels);
  std::set<std::int64_t> written;
  for (std::uint32_t step = 0; step < pixels; ++step) {
    const std::uint32_t q = descending ? pixels - 1 - step : step;
    for (std::int64_t c = 0; c < g.output_channels; ++c)
      written.insert(std::int64_t{q} * g.output_channels + c);
    for (std::uint32_t later = step + 1 >= lag ? step + 1 - lag : 0; later < pixels; ++later) {
      for (const std::int64_t byte : bytes_read(g, descending ? pixels - 1 - later : later)) {
        if (written.contains(input_start + byte)) return true;
      }
    }
  }
  return false;
}

WindowGeometry random_geometry(std::mt19937& random) {
  const auto from_1_to = [&random](std::uint32_t max) {
    return 1 + static_cast<std::uint32_t>(random() % max);
  };
  WindowGeometry g{};
  g.batches = from_1_to(2);
  g.input_height = from_1_to(5);
  g.input_width = from_1_to(5);
  g.input_channels = from_1_to(3);
  g.output_channels = from_1_to(3);
  g.kernel_height = from_1_to(3);
  g.kernel_width = from_1_to(3);
  g.stride_height = from_1_to(2);
  g.stride_width = from_1_to(2);
  g.dilation_height = from_1_to(2);
  g.dilation_width = from_1_to(2);
  g.padding_top = static_cast<std::uint32_t>(random()) % ((g.kernel_height - 1) * g.dilation_height + 1);
  g.padding_left = static_cast<std::uint32_t>(random()) % ((g.kernel_width - 1) * g.dilation_width + 1);
  g.output_height = (g.input_height + g.padding_top - 1) / g.stride_height + 1;
  g.output_width = (g.input_width + g.padding_left - 1) / g.stride_width + 1;
  return g;
}

TEST(WindowOverlap, AtItsDistancesNothingIsWrittenOverBeforeItIsRead) {
  std::mt19937 random(11);
  for (int round = 0; round < 120; ++round) {
    const WindowGeometry g = random_geometry(random);
    const auto lag = static_cast<std::uint32_t>(random() % 3);
    const Overlap overlap = window_overlap(g, lag, true);
    EXPECT_FALSE(is_clobbered(g, lag, false, *overlap.ascending)) << round;
    EXPECT_FALSE(is_clobbered(g, lag, false, *overlap.ascending + 1)) << round;
    const std::int64_t start = output_bytes(g) - *overlap.descending - input_bytes(g);
    EXPECT_FALSE(is_clobbered(g, lag, true, start)) << round;
    EXPECT_FALSE(is_clobbered(g, lag, true, start - 1)) << round;
  }
}

TEST(WindowOverlap, OneByteLessIsTooLittle) {
  // 3x3, stride 1, padded: a row and a pixel ahead of the input.
  const WindowGeometry same{1, 6, 5, 4, 6, 5, 4, 3, 3, 1, 1, 1, 1, 1, 1};
  const Overlap overlap = window_overlap(same, 0, true);
  EXPECT_EQ(overlap.ascending, (5 + 1) * 4);
  EXPECT_EQ(overlap.descending, (5 + 1) * 4);
  EXPECT_TRUE(is_clobbered(same, 0, false, *overlap.ascending - 1));
  // 1x1 from 4 to 8 channels: the output grows ahead of the input.
  const WindowGeometry pointwise{1, 6, 5, 4, 6, 5, 8, 1, 1, 1, 1, 1, 1, 0, 0};
  EXPECT_EQ(window_overlap(pointwise, 0, false).ascending, 29 * 4);
  EXPECT_TRUE(is_clobbered(pointwise, 0, false, 29 * 4 - 1));
  EXPECT_FALSE(window_overlap(pointwise, 0, false).descending.has_value());
}

TEST(ElementwiseOverlap, WiderOutputsNeedRoomToGrow) {
  EXPECT_EQ(elementwise_overlap(10, 1, 1).ascending, 0);
  EXPECT_EQ(elementwise_overlap(10, 1, 4).ascending, 27);
  EXPECT_EQ(elementwise_overlap(10, 4, 1).ascending, -3);
}

}  // namespace
}  // namespace sotto::model_compiler
