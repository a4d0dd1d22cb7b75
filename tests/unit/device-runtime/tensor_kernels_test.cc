#include <cmath>
#include <limits>
#include <numeric>

#include <gtest/gtest.h>

#include "kernel_bench.h"
#include "sotto/device_runtime/kernels/tensor/tensor_operators.h"

namespace sotto::device {
namespace {

using Bytes = std::vector<std::int8_t>;

Bytes counting(std::size_t count, int first = 0) {
  Bytes values(count);
  std::iota(values.begin(), values.end(), static_cast<std::int8_t>(first));
  return values;
}

// RearrangeBlocks with their axes, as the image holds them.
struct Blocks {
  std::vector<std::uint32_t> words;

  void add(const RearrangeBlock& block, const std::vector<Axis>& axes) {
    words.insert(words.end(), {block.input | std::uint32_t{block.output} << 16, block.input_offset,
                               block.output_offset, block.rank});
    for (const Axis& axis : axes) {
      words.insert(words.end(), {axis.count, static_cast<std::uint32_t>(axis.strides[0]),
                                 static_cast<std::uint32_t>(axis.strides[1])});
    }
  }
};

std::optional<Bytes> rearranged(const std::vector<Bytes>& inputs, const Blocks& blocks, std::uint32_t count,
                                std::uint32_t output_count, int fill = -1) {
  KernelBench bench;
  for (const Bytes& input : inputs) bench.input(input);
  const RearrangeParameters parameters{
      bench.constant(blocks.words),   count,     static_cast<std::uint32_t>(blocks.words.size() * 4),
      static_cast<std::int8_t>(fill), fill >= 0, {}};
  return bench.run(sotto_portable_rearrange, parameters, output_count);
}

TEST(Lookup, EveryByteHasItsEntry) {
  KernelBench bench;
  Bytes table(256);
  for (int i = 0; i < 256; ++i) table[static_cast<std::size_t>(i)] = static_cast<std::int8_t>(i * 7 + 3);
  bench.input(counting(256, -128));
  const auto out = bench.run(sotto_portable_lookup, LookupParameters{256, bench.constant(table)}, 256);
  ASSERT_TRUE(out);
  for (int q = -128; q < 128; ++q) {
    EXPECT_EQ((*out)[static_cast<std::size_t>(q + 128)],
              static_cast<std::int8_t>(static_cast<std::uint8_t>(q) * 7 + 3))
        << q;
  }
}

TEST(Lookup, ATableThatLeavesTheImageIsRefused) {
  KernelBench bench;
  bench.input(counting(4));
  EXPECT_FALSE(bench.run(sotto_portable_lookup, LookupParameters{4, bench.constant(Bytes(255))}, 4));
}

// [2][1][3] with [1][2][1]: multiplier 1/2, zero points 1, 0 and 5.
ElementwiseParameters product() {
  ElementwiseParameters p{};
  p.operation = ElementwiseOperation::kMultiply;
  p.rank = 3;
  p.activation_min = -128;
  p.activation_max = 20;
  p.input_zero_points[0] = 1;
  p.output_zero_point = 5;
  p.multipliers[2] = 1 << 30;
  p.axes[0] = {2, {3, 0}};
  p.axes[1] = {2, {0, 1}};
  p.axes[2] = {3, {1, 0}};
  return p;
}

TEST(Elementwise, InputsBroadcastBothWays) {
  KernelBench bench;
  bench.input(Bytes{1, 3, 5, 7, 9, 11});
  bench.input(Bytes{2, -4});
  const auto out = bench.run(sotto_portable_elementwise, product(), 12);
  EXPECT_EQ(out, (Bytes{5, 7, 9, 5, 1, -3, 11, 13, 15, -7, -11, -15}));
}

TEST(Elementwise, ResultsAreClampedToTheActivation) {
  KernelBench bench;
  bench.input(Bytes{100, 3, 5, 7, 9, -128});
  bench.input(Bytes{2, 127});
  const auto out = bench.run(sotto_portable_elementwise, product(), 12);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->front(), 20);
  EXPECT_EQ(out->back(), -128);
}

TEST(Elementwise, OperationsTakeTheRightOperands) {
  const auto run = [](ElementwiseOperation operation) {
    KernelBench bench;
    bench.input(Bytes{-8, 8});
    bench.input(Bytes{3, 3});
    ElementwiseParameters p{};
    p.operation = operation;
    p.rank = 1;
    p.activation_min = -128;
    p.activation_max = 127;
    p.multipliers[0] = p.multipliers[2] = 1 << 30;
    p.multipliers[1] = -(1 << 30);
    p.shifts[2] = operation == ElementwiseOperation::kAdd ? std::int8_t{-18} : std::int8_t{0};
    p.axes[0] = {2, {1, 1}};
    return bench.run(sotto_portable_elementwise, p, 2);
  };
  EXPECT_EQ(run(ElementwiseOperation::kMaximum), (Bytes{3, 8}));
  EXPECT_EQ(run(ElementwiseOperation::kMinimum), (Bytes{-8, 3}));
  EXPECT_EQ(run(ElementwiseOperation::kAdd), (Bytes{-11, 5}));   // a - b
  EXPECT_EQ(run(ElementwiseOperation::kPrelu), (Bytes{12, 4}));  // a * b * -1/2 below zero, a / 2 above
}

TEST(Elementwise, LoopsThatLeaveAnInputAreRefused) {
  const auto refused = [](auto change) {
    KernelBench bench;
    bench.input(Bytes(6));
    bench.input(Bytes(2));
    ElementwiseParameters p = product();
    change(p);
    return !bench.run(sotto_portable_elementwise, p, 12);
  };
  EXPECT_FALSE(refused([](ElementwiseParameters&) {}));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.axes[0].strides[0] = 4; }));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.axes[0].strides[0] = -1; }));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.axes[1].strides[1] = INT32_MAX; }));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.axes[1].count = 3; }));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.axes[1].count = 0; }));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.rank = 0; }));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.rank = 7; }));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.shifts[1] = 31; }));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.operation = ElementwiseOperation{6}; }));
  EXPECT_TRUE(refused([](ElementwiseParameters& p) { p.activation_min = 21; }));
}

TEST(Rearrange, BlocksMoveBetweenAnyStrides) {
  Blocks transpose;
  transpose.add({0, 0, 0, 0, 2}, {{3, {1, 2}}, {2, {3, 1}}});
  EXPECT_EQ(rearranged({Bytes{1, 2, 3, 4, 5, 6}}, transpose, 1, 6), (Bytes{1, 4, 2, 5, 3, 6}));

  Blocks reverse;
  reverse.add({0, 0, 4, 0, 1}, {{5, {-1, 1}}});
  EXPECT_EQ(rearranged({Bytes{1, 2, 3, 4, 5}}, reverse, 1, 5), (Bytes{5, 4, 3, 2, 1}));
}

TEST(Rearrange, SeveralInputsShareAnOutputAndTheRestIsFilled) {
  Blocks blocks;
  blocks.add({0, 0, 0, 1, 2}, {{2, {2, 6}}, {2, {1, 1}}});
  blocks.add({1, 0, 0, 3, 2}, {{2, {1, 6}}, {1, {1, 1}}});
  EXPECT_EQ(rearranged({Bytes{1, 2, 3, 4}, Bytes{8, 9}}, blocks, 2, 12, 7),
            (Bytes{7, 1, 2, 8, 7, 7, 7, 3, 4, 9, 7, 7}));
}

TEST(Pad, FillsWhatLiesBeforeBetweenAndBehindTheBlock) {
  const auto padded = [](const Bytes& input, const RearrangeBlock& block, const std::vector<Axis>& axes) {
    KernelBench bench;
    bench.input(input);
    Blocks blocks;
    blocks.add(block, axes);
    const auto bytes = static_cast<std::uint32_t>(blocks.words.size() * 4);
    return bench.run(sotto_portable_pad,
                     RearrangeParameters{bench.constant(blocks.words), 1, bytes, 7, 1, {}}, 12);
  };
  EXPECT_EQ(padded({1, 2, 3, 4}, {0, 0, 0, 1, 2}, {{2, {2, 6}}, {2, {1, 1}}}),
            (Bytes{7, 1, 2, 7, 7, 7, 7, 3, 4, 7, 7, 7}));
  EXPECT_EQ(padded({1, 2, 3, 4}, {0, 0, 0, 2, 1}, {{4, {1, 3}}}),
            (Bytes{7, 7, 1, 7, 7, 2, 7, 7, 3, 7, 7, 4}));
}

TEST(Rearrange, HostileBlocksAreRefused) {
  const auto refused = [](const RearrangeBlock& block, const std::vector<Axis>& axes,
                          std::uint32_t count = 1) {
    Blocks blocks;
    blocks.add(block, axes);
    return !rearranged({Bytes(6)}, blocks, count, 6);
  };
  EXPECT_FALSE(refused({0, 0, 0, 0, 1}, {{6, {1, 1}}}));
  EXPECT_TRUE(refused({0, 0, 1, 0, 1}, {{6, {1, 1}}})) << "past the input";
  EXPECT_TRUE(refused({0, 0, 0, 1, 1}, {{6, {1, 1}}})) << "past the output";
  EXPECT_TRUE(refused({0, 0, 0, 0, 1}, {{6, {-1, 1}}})) << "before the input";
  EXPECT_TRUE(refused({0, 0, UINT32_MAX, 0, 1}, {{6, {1, 1}}})) << "offset";
  EXPECT_TRUE(refused({1, 0, 0, 0, 1}, {{6, {1, 1}}})) << "no such input";
  EXPECT_TRUE(refused({0, 1, 0, 0, 1}, {{6, {1, 1}}})) << "no such output";
  EXPECT_TRUE(refused({0, 0, 0, 0, 2}, {{7, {0, 0}}, {1, {0, 0}}})) << "writes more than there is";
  EXPECT_TRUE(refused({0, 0, 0, 0, 2}, {{UINT32_MAX, {0, 0}}, {UINT32_MAX, {0, 0}}})) << "no end";
  EXPECT_TRUE(refused({0, 0, 0, 0, 0}, {})) << "no axis";
  EXPECT_TRUE(refused({0, 0, 0, 0, 8}, {{6, {1, 1}}})) << "too many axes";
  EXPECT_TRUE(refused({0, 0, 0, 0, 2}, {{6, {1, 1}}})) << "axes behind the end";
  EXPECT_TRUE(refused({0, 0, 0, 0, 1}, {{6, {1, 1}}}, 2)) << "blocks behind the end";
}

// [2][3][2], the middle reduced.
ReduceParameters middle(ReduceOperation operation) {
  ReduceParameters p{};
  p.operation = operation;
  p.kept_rank = 2;
  p.reduced_rank = 1;
  p.kept[0] = {2, {6, 0}};
  p.kept[1] = {2, {1, 0}};
  p.reduced[0] = {3, {2, 0}};
  return p;
}

TEST(Reduce, SumsAreScaledAndOthersAreRaw) {
  const auto run = [](const ReduceParameters& p) {
    KernelBench bench;
    bench.input(Bytes{1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -50, -60});
    return bench.run(sotto_portable_reduce, p, 4);
  };
  EXPECT_EQ(run(middle(ReduceOperation::kMaximum)), (Bytes{5, 6, -1, -2}));
  EXPECT_EQ(run(middle(ReduceOperation::kMinimum)), (Bytes{1, 2, -50, -60}));
  ReduceParameters mean = middle(ReduceOperation::kSum);
  mean.bias = -3 * 10;  // zero point 10
  mean.multiplier = 715827883;
  mean.shift = 0;
  mean.output_zero_point = 10;
  EXPECT_EQ(run(mean), (Bytes{3, 4, -18, -22}));
}

TEST(Reduce, LoopsThatLeaveTheInputAreRefused) {
  const auto refused = [](auto change) {
    KernelBench bench;
    bench.input(Bytes(12));
    ReduceParameters p = middle(ReduceOperation::kSum);
    change(p);
    return !bench.run(sotto_portable_reduce, p, 4);
  };
  EXPECT_FALSE(refused([](ReduceParameters&) {}));
  EXPECT_FALSE(refused([](ReduceParameters& p) { p.reduced[0].strides[1] = INT32_MIN; }))
      << "which nothing reads";
  EXPECT_TRUE(refused([](ReduceParameters& p) { p.reduced[0].count = 4; }));
  EXPECT_TRUE(refused([](ReduceParameters& p) { p.reduced[0] = {UINT32_MAX, {0, 0}}; }));
  EXPECT_TRUE(refused([](ReduceParameters& p) { p.reduced[0].strides[0] = -2; }));
  EXPECT_TRUE(refused([](ReduceParameters& p) { p.kept[0].count = 3; }));
  EXPECT_TRUE(refused([](ReduceParameters& p) { p.kept_rank = 4; }));
  EXPECT_TRUE(refused([](ReduceParameters& p) { p.shift = -32; }));
}

TEST(ArgMax, OfEqualValuesTheFirstIsTaken) {
  const auto run = [](auto width, std::uint8_t of_minimum) {
    KernelBench bench;
    bench.input(Bytes{5, 0, 7, -3, 7, -3});  // [1][3][2]
    return bench.run<decltype(width)>(sotto_portable_arg_max,
                                      ArgMaxParameters{1, 3, 2, sizeof width, of_minimum, {}}, 2);
  };
  EXPECT_EQ(run(std::int32_t{}, 0), (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(run(std::int64_t{}, 1), (std::vector<std::int64_t>{0, 1}));
  EXPECT_FALSE(run(std::int16_t{}, 0));
}

TEST(ResizeNearest, PixelsAreTakenFromTheTables) {
  const auto run = [](std::vector<std::uint16_t> rows) {
    KernelBench bench;
    bench.input(Bytes{1, 2, 3, 4, 5, 6, 7, 8});  // [1][2][2][2]
    return bench.run(sotto_portable_resize_nearest,
                     ResizeNearestParameters{1, 2, 2, 2, 3, 1, bench.constant(rows),
                                             bench.constant(std::vector<std::uint16_t>{1})},
                     6);
  };
  EXPECT_EQ(run({0, 1, 1}), (Bytes{3, 4, 7, 8, 7, 8}));
  EXPECT_FALSE(run({0, 1, 2})) << "no such row";
}

TEST(Quantize, RoundsHalvesAwayFromZeroAndSaturates) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values{0.25f, 0.24f,     -0.25f,        0.75f, -0.75f,
                                  1e30f, -infinity, std::nanf(""), 63.0f, -64.6f};
  KernelBench bench;
  bench.input(values);
  EXPECT_EQ(bench.run(sotto_portable_quantize, QuantizeParameters{10, 0.5f, 1, 0}, 10),
            (Bytes{2, 1, 0, 3, -1, 127, -128, -128, 127, -128}));
  EXPECT_EQ(bench.run<std::uint8_t>(sotto_portable_quantize, QuantizeParameters{10, 0.5f, 128, 1}, 10),
            (std::vector<std::uint8_t>{129, 128, 127, 130, 126, 255, 0, 0, 254, 0}));
  EXPECT_FALSE(bench.run(sotto_portable_quantize, QuantizeParameters{10, 0.5f, 128, 0}, 10))
      << "zero point of another type";
  EXPECT_FALSE(bench.run(sotto_portable_quantize, QuantizeParameters{10, 0.0f, 0, 0}, 10)) << "scale";
}

TEST(Dequantize, IsScaleTimesDistanceFromZero) {
  KernelBench bench;
  bench.input(Bytes{-128, 0, 127});
  EXPECT_EQ(bench.run<float>(sotto_portable_dequantize, QuantizeParameters{3, 0.5f, -1, 0}, 3),
            (std::vector<float>{-63.5f, 0.5f, 64.0f}));
  EXPECT_EQ(bench.run<float>(sotto_portable_dequantize, QuantizeParameters{3, 0.5f, 100, 1}, 3),
            (std::vector<float>{14.0f, -50.0f, 13.5f}));
}

}  // namespace
}  // namespace sotto::device
