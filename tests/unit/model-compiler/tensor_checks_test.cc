// What the kernels without weights refuse to run: every field at its limit and one beyond, in an operator
// that is right in every other respect, so that no other check refuses it first.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "checked_operator.h"
#include "sotto/device_runtime/kernels/tensor/strided_loop.h"

namespace sotto::device {
namespace {

TEST(CopyCheck, OperandsHaveItsSize) {
  const auto sized = [](std::uint32_t a, std::uint32_t b, std::uint32_t inputs = 1,
                        std::uint32_t outputs = 1) {
    CheckedOperator op;
    op.set_operands({a, b});
    op.input_count = inputs;
    op.output_count = outputs;
    return op.is_sound(sotto_portable_copy, CopyParameters{8});
  };
  EXPECT_TRUE(sized(8, 8));
  EXPECT_FALSE(sized(7, 8));
  EXPECT_FALSE(sized(9, 8));
  EXPECT_FALSE(sized(8, 7));
  EXPECT_FALSE(sized(8, 9));
  EXPECT_FALSE(sized(8, 8, 2, 1));
  EXPECT_FALSE(sized(8, 8, 1, 2));
}

TEST(LookupCheck, OperandsAndTableAreThere) {
  const auto sound = [](std::uint32_t a, std::uint32_t b, std::uint32_t image, std::uint32_t inputs = 1,
                        std::uint32_t outputs = 1) {
    CheckedOperator op;
    op.set_operands({a, b});
    op.image_bytes = image;
    op.input_count = inputs;
    op.output_count = outputs;
    return op.is_sound(sotto_portable_lookup, LookupParameters{8, 1024});
  };
  EXPECT_TRUE(sound(8, 8, 1280));
  EXPECT_FALSE(sound(8, 8, 1279));
  EXPECT_FALSE(sound(7, 8, 1280));
  EXPECT_FALSE(sound(9, 8, 1280));
  EXPECT_FALSE(sound(8, 7, 1280));
  EXPECT_FALSE(sound(8, 9, 1280));
  EXPECT_FALSE(sound(8, 8, 1280, 2, 1));
  EXPECT_FALSE(sound(8, 8, 1280, 1, 2));
}

TEST(PositionCount, IsTheProductUpToItsLimit) {
  const Axis axes[] = {{3, {}}, {5, {}}, {0, {}}};
  EXPECT_EQ(position_count(axes, 2, 15), 15u);
  EXPECT_EQ(position_count(axes, 2, 14), 0u);
  EXPECT_EQ(position_count(axes, 1, 3), 3u);
  EXPECT_EQ(position_count(axes, 1, 2), 0u);
  EXPECT_EQ(position_count(axes, 3, 15), 0u);
  EXPECT_EQ(position_count(axes, 0, 1), 1u);
  EXPECT_EQ(position_count(axes, 0, 0), 0u);
  const Axis huge[] = {{65535, {}}, {65537, {}}, {UINT32_MAX, {}}, {UINT32_MAX, {}}};
  EXPECT_EQ(position_count(huge, 2, UINT64_MAX), UINT32_MAX);
  EXPECT_EQ(position_count(huge, 3, UINT64_MAX), 0u);
  EXPECT_EQ(position_count(huge, 4, UINT64_MAX), 0u) << "which wraps to 1";
}

TEST(StaysInside, BothEndsCount) {
  const auto inside = [](std::uint32_t count, std::int32_t stride, std::uint32_t start, std::uint32_t bytes) {
    const Axis axes[] = {{2, {0, 0}}, {count, {7777, stride}}};
    return stays_inside(axes, 2, 1, start, bytes);
  };
  EXPECT_TRUE(inside(4, 3, 1, 11));
  EXPECT_FALSE(inside(4, 3, 1, 10));
  EXPECT_TRUE(inside(4, -3, 9, 10));
  EXPECT_FALSE(inside(4, -3, 8, 10));
  EXPECT_FALSE(inside(4, -3, 10, 10)) << "where it starts";
  EXPECT_TRUE(inside(4, 0, 9, 10));
  EXPECT_FALSE(inside(4, 0, 10, 10));
  constexpr std::uint32_t kReach = 1u << 27;
  EXPECT_TRUE(inside(kReach, 1, 0, UINT32_MAX));
  EXPECT_FALSE(inside(kReach + 1, 1, 0, UINT32_MAX));
  EXPECT_TRUE(inside(kReach, -1, kReach, UINT32_MAX));
  EXPECT_FALSE(inside(kReach + 1, -1, 2 * kReach, UINT32_MAX));
}

// With room for one axis too many, which the record has not.
struct LongElementwise {
  ElementwiseParameters p{};
  Axis seventh{1, {0, 0}};
};

bool elementwise_is_sound(const std::function<void(ElementwiseParameters&, CheckedOperator&)>& change) {
  LongElementwise record;
  record.p.operation = ElementwiseOperation::kMultiply;
  record.p.rank = 2;
  record.p.activation_min = -100, record.p.activation_max = 100;
  for (Axis& axis : record.p.axes) axis = {1, {0, 0}};
  record.p.axes[0] = {2, {4, 0}};
  record.p.axes[1] = {4, {1, 1}};
  CheckedOperator op;
  op.input_count = 2;
  op.set_operands({8, 4, 8});
  change(record.p, op);
  return op.check(sotto_portable_elementwise, &record);
}

bool elementwise_is_sound(const std::function<void(ElementwiseParameters&)>& change) {
  return elementwise_is_sound([&](ElementwiseParameters& p, CheckedOperator&) { change(p); });
}

TEST(ElementwiseCheck, OperationsAndRanksHaveLimits) {
  for (int operation = 0; operation <= 6; ++operation) {
    EXPECT_EQ(elementwise_is_sound([=](ElementwiseParameters& p) {
                p.operation = static_cast<ElementwiseOperation>(operation);
              }),
              operation >= 1 && operation <= 5)
        << operation;
  }
  EXPECT_TRUE(elementwise_is_sound([](ElementwiseParameters& p) { p.rank = 6; }));
  EXPECT_FALSE(elementwise_is_sound([](ElementwiseParameters& p) { p.rank = 7; }));
  EXPECT_FALSE(elementwise_is_sound([](ElementwiseParameters& p, CheckedOperator& op) {
    p.rank = 0;
    op.set_operands({1, 1, 1});
  }));
}

TEST(ElementwiseCheck, HasTwoInputsAndOneOutput) {
  EXPECT_FALSE(elementwise_is_sound([](ElementwiseParameters&, CheckedOperator& op) {
    op.set_operands({8, 8, 8});
    op.input_count = 1;
  }));
  EXPECT_FALSE(
      elementwise_is_sound([](ElementwiseParameters&, CheckedOperator& op) { op.output_count = 2; }));
}

TEST(ElementwiseCheck, ShiftsAreInReachOfTheArithmetic) {
  for (const int which : {0, 1, 2}) {
    const auto shifted = [which](int shift, ElementwiseOperation operation) {
      return elementwise_is_sound([=](ElementwiseParameters& p) {
        p.operation = operation;
        p.shifts[which] = static_cast<std::int8_t>(shift);
      });
    };
    for (const auto operation : {ElementwiseOperation::kAdd, ElementwiseOperation::kPrelu}) {
      const int limit = operation == ElementwiseOperation::kAdd ? 0 : 30;
      EXPECT_TRUE(shifted(-31, operation)) << which;
      EXPECT_FALSE(shifted(-32, operation)) << which;
      EXPECT_TRUE(shifted(limit, operation)) << which;
      EXPECT_FALSE(shifted(limit + 1, operation)) << which;
    }
  }
}

TEST(ElementwiseCheck, TheActivationRangeIsNotEmpty) {
  EXPECT_TRUE(elementwise_is_sound([](ElementwiseParameters& p) { p.activation_min = 100; }));
  EXPECT_FALSE(elementwise_is_sound([](ElementwiseParameters& p) { p.activation_min = 101; }));
}

TEST(ElementwiseCheck, LoopsFillTheOutputAndStayInTheInputs) {
  const auto sized = [](std::uint64_t a, std::uint64_t b, std::uint64_t out) {
    return elementwise_is_sound([=](ElementwiseParameters&, CheckedOperator& op) {
      op.set_operands({a, b, out});
    });
  };
  EXPECT_TRUE(sized(8, 4, 8));
  EXPECT_FALSE(sized(7, 4, 8));
  EXPECT_FALSE(sized(8, 3, 8));
  EXPECT_FALSE(sized(8, 4, 7));
  EXPECT_FALSE(sized(8, 4, 9));
  EXPECT_FALSE(elementwise_is_sound([](ElementwiseParameters& p, CheckedOperator& op) {
    p.axes[0].count = 0;
    op.set_operands({8, 4, 0});
  }));
}

// Blocks as the image holds them, at its offset 1024.
struct Blocks {
  std::vector<std::uint32_t> words;
  Blocks& add(const RearrangeBlock& block, const std::vector<Axis>& axes) {
    words.insert(words.end(), {block.input | std::uint32_t{block.output} << 16, block.input_offset,
                               block.output_offset, block.rank});
    for (const Axis& axis : axes) {
      words.insert(words.end(), {axis.count, static_cast<std::uint32_t>(axis.strides[0]),
                                 static_cast<std::uint32_t>(axis.strides[1])});
    }
    return *this;
  }
};

// Of two inputs and two outputs of six bytes each.
bool rearrangement_is_sound(const Blocks& blocks, std::uint32_t count,
                            const std::function<void(RearrangeParameters&, CheckedOperator&)>& change = {}) {
  CheckedOperator op;
  op.write(1024, blocks.words);
  op.set_operands({6, 6, 6, 6});
  op.input_count = op.output_count = 2;
  RearrangeParameters p{};
  p.blocks = 1024;
  p.block_count = count;
  p.block_bytes = static_cast<std::uint32_t>(blocks.words.size() * 4);
  if (change) change(p, op);
  return op.is_sound(sotto_portable_rearrange, p);
}

bool block_is_sound(const RearrangeBlock& block, const std::vector<Axis>& axes) {
  return rearrangement_is_sound(Blocks().add(block, axes), 1);
}

TEST(RearrangeCheck, BlocksNameOperands) {
  EXPECT_TRUE(block_is_sound({1, 1, 0, 0, 1}, {{6, {1, 1}}}));
  EXPECT_FALSE(block_is_sound({2, 1, 0, 0, 1}, {{0, {1, 1}}}));
  EXPECT_FALSE(block_is_sound({2, 0, 0, 0, 1}, {{6, {1, 1}}}));  // the first output
  EXPECT_FALSE(rearrangement_is_sound(Blocks().add({0, 2, 0, 0, 1}, {{6, {1, 1}}}), 1,
                                      [](RearrangeParameters&, CheckedOperator& op) {
                                        op.set_operands({6, 6, 6, 6, 6});
                                      }));
}

TEST(RearrangeCheck, BlocksStayInTheirOperands) {
  EXPECT_TRUE(block_is_sound({0, 1, 1, 0, 1}, {{5, {1, 1}}}));
  EXPECT_FALSE(block_is_sound({0, 1, 2, 0, 1}, {{5, {1, 1}}}));
  EXPECT_TRUE(block_is_sound({0, 1, 0, 1, 1}, {{5, {1, 1}}}));
  EXPECT_FALSE(block_is_sound({0, 1, 0, 2, 1}, {{5, {1, 1}}}));
}

TEST(RearrangeCheck, ABlockHasOneToSevenAxes) {
  std::vector<Axis> axes(7, {1, {1, 1}});
  EXPECT_TRUE(block_is_sound({0, 0, 0, 0, 7}, axes));
  axes.push_back({1, {1, 1}});
  EXPECT_FALSE(block_is_sound({0, 0, 0, 0, 8}, axes));
  EXPECT_FALSE(block_is_sound({0, 0, 0, 0, 0}, axes));
  EXPECT_FALSE(block_is_sound({0, 0, 0, 0, 1}, {{0, {1, 1}}}));
}

TEST(RearrangeCheck, TheListEndsWhereItSays) {
  const Blocks two =
      Blocks().add({0, 0, 0, 0, 1}, {{3, {1, 1}}}).add({1, 1, 0, 0, 2}, {{3, {1, 1}}, {2, {0, 0}}});
  const auto of_bytes = [&](std::uint32_t bytes, std::uint32_t count) {
    return rearrangement_is_sound(two, count,
                                  [=](RearrangeParameters& p, CheckedOperator&) { p.block_bytes = bytes; });
  };
  EXPECT_TRUE(of_bytes(68, 2));
  EXPECT_FALSE(of_bytes(67, 2)) << "the last axis";
  EXPECT_FALSE(of_bytes(56, 2)) << "the last axis";
  EXPECT_FALSE(of_bytes(43, 2)) << "the second block itself";
  EXPECT_FALSE(of_bytes(28, 2));
  EXPECT_TRUE(of_bytes(28, 1));
  EXPECT_FALSE(of_bytes(27, 1));
  EXPECT_FALSE(of_bytes(15, 1));
  EXPECT_TRUE(of_bytes(0, 0));
  EXPECT_TRUE(rearrangement_is_sound(
      two, 2, [](RearrangeParameters&, CheckedOperator& op) { op.image_bytes = 1024 + 68; }));
  EXPECT_FALSE(rearrangement_is_sound(
      two, 2, [](RearrangeParameters&, CheckedOperator& op) { op.image_bytes = 1024 + 67; }));
  EXPECT_FALSE(rearrangement_is_sound(two, 2, [](RearrangeParameters& p, CheckedOperator& op) {
    op.write(1032, Blocks().add({0, 0, 0, 0, 1}, {{3, {1, 1}}}).words);
    p.blocks = 1032;
    p.block_count = 1;
    p.block_bytes = 28;
  })) << "alignment";
}

TEST(RearrangeCheck, NoMoreIsWrittenThanTheOutputsHold) {
  Blocks blocks;
  blocks.add({0, 0, 0, 0, 2}, {{6, {1, 1}}, {1, {0, 0}}}).add({0, 0, 0, 0, 1}, {{6, {1, 1}}});
  EXPECT_TRUE(rearrangement_is_sound(blocks, 2));
  blocks.add({0, 0, 0, 0, 1}, {{1, {1, 1}}});
  EXPECT_FALSE(rearrangement_is_sound(blocks, 3));
}

TEST(PadCheck, OneBlockOfOneInputIsPadded) {
  const auto is_sound = [](std::uint32_t inputs, std::uint32_t count, const Axis& axis) {
    Blocks blocks;
    for (std::uint32_t i = 0; i < count; ++i) blocks.add({0, 0, 0, 1, 1}, {axis});
    CheckedOperator op;
    op.write(1024, blocks.words);
    op.set_operands(inputs == 1 ? std::vector<std::uint64_t>{3, 9} : std::vector<std::uint64_t>{3, 3, 9});
    op.input_count = inputs;
    RearrangeParameters p{};
    p.blocks = 1024;
    p.block_count = count;
    p.block_bytes = static_cast<std::uint32_t>(blocks.words.size() * 4);
    return op.is_sound(sotto_portable_pad, p);
  };
  EXPECT_TRUE(is_sound(1, 1, {3, {1, 3}}));
  EXPECT_FALSE(is_sound(1, 1, {3, {1, 4}})) << "the last ends at 10";
  EXPECT_FALSE(is_sound(1, 0, {3, {1, 3}}));
  EXPECT_FALSE(is_sound(1, 2, {3, {1, 3}}));
  EXPECT_FALSE(is_sound(2, 1, {3, {1, 3}}));
}

struct LongReduce {
  ReduceParameters p{};
  Axis fourth{1, {0, 0}};
};

// [2][3][2] with the middle reduced.
bool reduction_is_sound(const std::function<void(ReduceParameters&, CheckedOperator&)>& change) {
  LongReduce record;
  for (Axis& axis : record.p.kept) axis = {1, {0, 0}};
  for (Axis& axis : record.p.reduced) axis = {1, {0, 0}};
  record.p.operation = ReduceOperation::kSum;
  record.p.kept_rank = 2, record.p.reduced_rank = 1;
  record.p.kept[0] = {2, {6, 0}};
  record.p.kept[1] = {2, {1, 0}};
  record.p.reduced[0] = {3, {2, 0}};
  CheckedOperator op;
  op.set_operands({12, 4});
  change(record.p, op);
  return op.check(sotto_portable_reduce, &record);
}

bool reduction_is_sound(const std::function<void(ReduceParameters&)>& change) {
  return reduction_is_sound([&](ReduceParameters& p, CheckedOperator&) { change(p); });
}

TEST(ReduceCheck, OperationsRanksAndShiftsHaveLimits) {
  for (int operation = 0; operation <= 4; ++operation) {
    EXPECT_EQ(reduction_is_sound(
                  [=](ReduceParameters& p) { p.operation = static_cast<ReduceOperation>(operation); }),
              operation >= 1 && operation <= 3)
        << operation;
  }
  EXPECT_TRUE(reduction_is_sound([](ReduceParameters& p) { p.kept_rank = 3; }));
  EXPECT_FALSE(reduction_is_sound([](ReduceParameters& p) {
    p.kept_rank = 4;  // the fourth would be the first reduced one
    p.reduced[0] = {1, {0, 0}};
  }));
  EXPECT_TRUE(reduction_is_sound([](ReduceParameters& p) { p.reduced_rank = 3; }));
  EXPECT_FALSE(reduction_is_sound([](ReduceParameters& p) { p.reduced_rank = 4; }));
  EXPECT_TRUE(reduction_is_sound([](ReduceParameters& p) { p.shift = -31; }));
  EXPECT_FALSE(reduction_is_sound([](ReduceParameters& p) { p.shift = -32; }));
  EXPECT_TRUE(reduction_is_sound([](ReduceParameters& p) { p.shift = 30; }));
  EXPECT_FALSE(reduction_is_sound([](ReduceParameters& p) { p.shift = 31; }));
}

TEST(ReduceCheck, LoopsFillTheOutputAndStayInTheInput) {
  const auto sized = [](std::uint64_t in, std::uint64_t out, std::uint32_t inputs = 1,
                        std::uint32_t outputs = 1) {
    return reduction_is_sound([=](ReduceParameters&, CheckedOperator& op) {
      op.set_operands({in, out});
      op.input_count = inputs;
      op.output_count = outputs;
    });
  };
  EXPECT_TRUE(sized(12, 4));
  EXPECT_FALSE(sized(11, 4));
  EXPECT_FALSE(sized(12, 3));
  EXPECT_FALSE(sized(12, 5));
  EXPECT_FALSE(sized(12, 4, 1, 2));
  EXPECT_FALSE(sized(12, 4, 2, 1));
  EXPECT_FALSE(reduction_is_sound([](ReduceParameters& p, CheckedOperator& op) {
    p.kept[0].count = 0;
    op.set_operands({12, 0});
  }));
  EXPECT_FALSE(reduction_is_sound([](ReduceParameters& p) { p.reduced[0].count = 0; }));
}

TEST(ReduceCheck, NoMoreIsReadThanTheInputHoldsNorThanASumHasRoomFor) {
  const auto repeated = [](std::uint32_t count, std::uint64_t in) {
    return reduction_is_sound([=](ReduceParameters& p, CheckedOperator& op) {
      p.kept_rank = 0;
      p.reduced[0] = {count, {0, 0}};
      op.set_operands({in, 1});
    });
  };
  EXPECT_TRUE(repeated(16, 16));
  EXPECT_FALSE(repeated(16, 15));
  EXPECT_TRUE(repeated(1u << 23, UINT32_MAX));
  EXPECT_FALSE(repeated((1u << 23) + 1, UINT32_MAX));
}

bool arg_max_is_sound(const ArgMaxParameters& p, std::uint64_t in, std::uint64_t out,
                      std::uint32_t inputs = 1, std::uint32_t outputs = 1) {
  CheckedOperator op;
  op.set_operands({in, out});
  op.input_count = inputs;
  op.output_count = outputs;
  return op.is_sound(sotto_portable_arg_max, p);
}

TEST(ArgMaxCheck, OperandsHaveItsSizes) {
  EXPECT_TRUE(arg_max_is_sound({2, 3, 5, 4, 1, {}}, 30, 40));
  EXPECT_TRUE(arg_max_is_sound({2, 3, 5, 8, 0, {}}, 30, 80));
  EXPECT_FALSE(arg_max_is_sound({2, 3, 5, 4, 2, {}}, 30, 40));
  EXPECT_FALSE(arg_max_is_sound({2, 3, 5, 5, 1, {}}, 30, 50));
  EXPECT_FALSE(arg_max_is_sound({2, 3, 5, 4, 1, {}}, 29, 40));
  EXPECT_FALSE(arg_max_is_sound({2, 3, 5, 4, 1, {}}, 31, 40));
  EXPECT_FALSE(arg_max_is_sound({2, 3, 5, 4, 1, {}}, 30, 39));
  EXPECT_FALSE(arg_max_is_sound({2, 3, 5, 4, 1, {}}, 30, 41));
  EXPECT_FALSE(arg_max_is_sound({2, 3, 5, 4, 1, {}}, 30, 40, 2, 1));
  EXPECT_FALSE(arg_max_is_sound({2, 3, 5, 4, 1, {}}, 30, 40, 1, 2));
}

TEST(ArgMaxCheck, NothingIsEmptyAndNothingWraps) {
  EXPECT_FALSE(arg_max_is_sound({0, 3, 5, 4, 0, {}}, 0, 0));
  EXPECT_FALSE(arg_max_is_sound({2, 3, 0, 4, 0, {}}, 0, 0));
  EXPECT_FALSE(arg_max_is_sound({2, 0, 5, 4, 0, {}}, 0, 40));
  EXPECT_FALSE(arg_max_is_sound({1u << 31, 4, 1u << 31, 4, 0, {}}, 0, 0)) << "2^64 bytes";
}

// 2 images of 3x5 pixels of 2 bytes to 4x7.
bool resize_is_sound(const std::function<void(ResizeNearestParameters&, CheckedOperator&)>& change) {
  ResizeNearestParameters p{};
  p.batches = 2, p.pixel_bytes = 2;
  p.input_height = 3, p.input_width = 5, p.output_height = 4, p.output_width = 7;
  p.rows = 1024, p.columns = 1040;
  CheckedOperator op;
  op.write(1024, std::vector<std::uint16_t>{0, 2, 0, 2});
  op.write(1040, std::vector<std::uint16_t>{0, 0, 0, 0, 0, 0, 4});
  op.set_operands({60, 112});
  change(p, op);
  return op.is_sound(sotto_portable_resize_nearest, p);
}

TEST(ResizeNearestCheck, OperandsHaveItsSizes) {
  const auto sized = [](std::uint64_t in, std::uint64_t out, std::uint32_t inputs = 1,
                        std::uint32_t outputs = 1) {
    return resize_is_sound([=](ResizeNearestParameters&, CheckedOperator& op) {
      op.set_operands({in, out});
      op.input_count = inputs;
      op.output_count = outputs;
    });
  };
  EXPECT_TRUE(sized(60, 112));
  EXPECT_FALSE(sized(59, 112));
  EXPECT_FALSE(sized(61, 112));
  EXPECT_FALSE(sized(60, 111));
  EXPECT_FALSE(sized(60, 113));
  EXPECT_FALSE(sized(60, 112, 2, 1));
  EXPECT_FALSE(sized(60, 112, 1, 2));
}

TEST(ResizeNearestCheck, NothingIsEmptyAndNothingWraps) {
  EXPECT_FALSE(resize_is_sound([](ResizeNearestParameters& p, CheckedOperator& op) {
    p.batches = 0;
    op.set_operands({0, 0});
  }));
  EXPECT_FALSE(resize_is_sound([](ResizeNearestParameters& p, CheckedOperator& op) {
    p.pixel_bytes = 0;
    op.set_operands({0, 0});
  }));
  EXPECT_FALSE(resize_is_sound([](ResizeNearestParameters& p, CheckedOperator& op) {
    p.pixel_bytes = 1u << 31;
    p.batches = 1u << 31;
    p.input_height = p.input_width = p.output_height = p.output_width = 4;
    op.set_operands({0, 0});  // 2^66 bytes
  }));
}

TEST(ResizeNearestCheck, IndicesNamePixels) {
  const auto index = [](std::uint32_t table, std::uint16_t value) {
    return resize_is_sound([=](ResizeNearestParameters&, CheckedOperator& op) {
      op.write(table, std::vector<std::uint16_t>{value});
    });
  };
  EXPECT_TRUE(index(1024, 2));
  EXPECT_FALSE(index(1024, 3));
  EXPECT_FALSE(index(1024 + 3 * 2, 3)) << "the last row";
  EXPECT_TRUE(index(1024 + 4 * 2, 3)) << "behind it";
  EXPECT_TRUE(index(1040, 4));
  EXPECT_FALSE(index(1040, 5));
  EXPECT_FALSE(index(1040 + 6 * 2, 5)) << "the last column";
  EXPECT_TRUE(index(1040 + 7 * 2, 5)) << "behind it";
}

TEST(ResizeNearestCheck, TablesLieInTheImage) {
  const auto ending = [](std::uint32_t bytes) {
    return resize_is_sound([=](ResizeNearestParameters&, CheckedOperator& op) { op.image_bytes = bytes; });
  };
  EXPECT_TRUE(ending(1040 + 14));
  EXPECT_FALSE(ending(1040 + 13));
  EXPECT_FALSE(resize_is_sound([](ResizeNearestParameters& p, CheckedOperator& op) {
    p.columns = 0;
    op.image_bytes = 1024 + 7;
  }));
}

TEST(QuantizeCheck, OperandsAndScalesAreThoseOfTheirTypes) {
  for (const bool to_float : {false, true}) {
    const sotto_kernel& kernel = to_float ? sotto_portable_dequantize : sotto_portable_quantize;
    const auto sound = [&](const QuantizeParameters& p, std::uint32_t bytes8 = 3, std::uint32_t bytes32 = 12,
                           std::uint32_t inputs = 1, std::uint32_t outputs = 1) {
      CheckedOperator op;
      op.set_operands({to_float ? bytes8 : bytes32, to_float ? bytes32 : bytes8});
      op.input_count = inputs;
      op.output_count = outputs;
      return op.is_sound(kernel, p);
    };
    EXPECT_TRUE(sound({3, 0.5f, -128, 0}));
    EXPECT_FALSE(sound({3, 0.5f, -129, 0}));
    EXPECT_TRUE(sound({3, 0.5f, 127, 0}));
    EXPECT_FALSE(sound({3, 0.5f, 128, 0}));
    EXPECT_TRUE(sound({3, 0.5f, 0, 1}));
    EXPECT_FALSE(sound({3, 0.5f, -1, 1}));
    EXPECT_TRUE(sound({3, 0.5f, 255, 1}));
    EXPECT_FALSE(sound({3, 0.5f, 256, 1}));
    EXPECT_FALSE(sound({3, 0.5f, 0, 2}));
    EXPECT_FALSE(sound({3, 0.0f, 0, 0}));
    EXPECT_FALSE(sound({3, -1.0f, 0, 0}));
    EXPECT_FALSE(sound({3, std::nanf(""), 0, 0}));
    EXPECT_FALSE(sound({3, 0.5f, 0, 0}, 2, 12));
    EXPECT_FALSE(sound({3, 0.5f, 0, 0}, 4, 12));
    EXPECT_FALSE(sound({3, 0.5f, 0, 0}, 3, 11));
    EXPECT_FALSE(sound({3, 0.5f, 0, 0}, 3, 13));
    EXPECT_FALSE(sound({3, 0.5f, 0, 0}, 3, 12, 2, 1));
    EXPECT_FALSE(sound({3, 0.5f, 0, 0}, 3, 12, 1, 2));
    EXPECT_FALSE(sound({1u << 30, 0.5f, 0, 0}, 1u << 30, 0)) << "2^32 bytes";
  }
}

}  // namespace
}  // namespace sotto::device
