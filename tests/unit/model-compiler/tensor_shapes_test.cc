// Shapes, moves and tables of operators without weights, as the compiler works them out. Their values are
// held against the official interpreter in tests/device/operators;
// here is what it must refuse, and what must hold for any shape.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

#include "operators.h"
#include "tensor/axes.h"
#include "tensor/float_bridges.h"
#include "tensor/lookup_tables.h"
#include "tensor/output_shapes.h"
#include "tensor/rearrangement.h"
#include "tensor/shape_folding.h"
#include "tflite/schema.h"

namespace sotto::model_compiler {
namespace {

using Integers = std::vector<std::int32_t>;

// A graph without a file: options are all absent, so they read as their defaults.
class TestGraph {
 public:
  TestGraph() { graph.file = std::make_unique<FlatBuffer>(Bytes{}); }

  std::int32_t tensor(const Shape& shape, TensorType type = TensorType::kInt8) {
    Tensor made;
    made.type = type;
    made.shape = shape;
    made.elements = element_count(shape);
    made.bytes = made.elements * tensor_type_bytes(type);
    graph.tensors.push_back(made);
    return static_cast<std::int32_t>(graph.tensors.size() - 1);
  }

  std::int32_t integers(const Integers& values) {
    const std::int32_t index = tensor({static_cast<std::uint32_t>(values.size())}, TensorType::kInt32);
    graph.folded.emplace_back(values.size() * sizeof(std::int32_t));
    std::memcpy(graph.folded.back().data(), values.data(), graph.folded.back().size());
    graph.tensors.back().constant = graph.folded.back();
    return index;
  }

  // `outputs` tensors of no shape yet.
  Operator& add(std::int32_t code, const Integers& inputs, std::size_t outputs = 1,
                TensorType type = TensorType::kInt8) {
    Operator op;
    op.index = static_cast<std::uint32_t>(graph.operators.size());
    op.code = code;
    op.inputs = inputs;
    for (std::size_t i = 0; i < outputs; ++i) {
      op.outputs.push_back(tensor({1}, type));
      graph.tensors.back().open_dimensions = 1;
    }
    graph.operators.push_back(op);
    return graph.operators.back();
  }

  Shapes shapes_of_last() const { return output_shapes(graph, graph.operators.back()); }

  Graph graph;
};

// The output's shape, or nothing when it is refused.
std::optional<Shape> shape_of(std::int32_t code, const Shape& input, const std::vector<Integers>& constants) {
  TestGraph graph;
  Integers inputs = {graph.tensor(input)};
  for (const Integers& values : constants) inputs.push_back(graph.integers(values));
  graph.add(code, inputs);
  const Shapes shapes = graph.shapes_of_last();
  if (!shapes) return std::nullopt;
  return shapes->front();
}

TEST(OutputShapes, ReshapeFindsTheOpenDimension) {
  EXPECT_EQ(shape_of(builtin::kReshape, {2, 3, 4}, {{-1, 8}}), (Shape{3, 8}));
  EXPECT_EQ(shape_of(builtin::kReshape, {2, 3, 4}, {{24}}), (Shape{24}));
  EXPECT_EQ(shape_of(builtin::kReshape, {2, 3, 4}, {{-1, 5}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kReshape, {2, 3, 4}, {{-1, -1}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kReshape, {2, 3, 4}, {{12}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kReshape, {2, 3, 4}, {{0, 24}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kReshape, {2, 3, 4}, {{-2, 12}}), std::nullopt);
}

TEST(OutputShapes, TransposeTakesEveryDimensionOnce) {
  EXPECT_EQ(shape_of(builtin::kTranspose, {2, 3, 4}, {{2, -3, 1}}), (Shape{4, 2, 3}));
  EXPECT_EQ(shape_of(builtin::kTranspose, {2, 3, 4}, {{0, 1}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kTranspose, {2, 3, 4}, {{0, 1, 1}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kTranspose, {2, 3, 4}, {{0, 1, 3}}), std::nullopt);
}

TEST(OutputShapes, SlicesStayInside) {
  EXPECT_EQ(shape_of(builtin::kSlice, {4, 5}, {{1, 2}, {-1, 2}}), (Shape{3, 2}));
  EXPECT_EQ(shape_of(builtin::kSlice, {4, 5}, {{1, 2}, {4, 2}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kSlice, {4, 5}, {{-1, 2}, {1, 2}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kSlice, {4, 5}, {{1}, {1}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kStridedSlice, {4, 5}, {{-9, 4}, {9, -9}, {1, -2}}), (Shape{4, 3}));
  EXPECT_EQ(shape_of(builtin::kStridedSlice, {4, 5}, {{2}, {3}, {1}}), (Shape{1, 5}));
  EXPECT_EQ(shape_of(builtin::kStridedSlice, {4, 5}, {{2}, {2}, {1}}), std::nullopt) << "empty";
  EXPECT_EQ(shape_of(builtin::kStridedSlice, {4, 5}, {{2}, {3}, {0}}), std::nullopt) << "stride 0";
  EXPECT_EQ(shape_of(builtin::kStridedSlice, {4, 5}, {{0, 0, 0}, {1, 1, 1}, {1, 1, 1}}), std::nullopt)
      << "three dimensions";
}

TEST(OutputShapes, BlocksDivideWhatTheyCut) {
  EXPECT_EQ(shape_of(builtin::kSpaceToBatchNd, {1, 5, 3}, {{3}, {1, 0}}), (Shape{3, 2, 3}));
  EXPECT_EQ(shape_of(builtin::kSpaceToBatchNd, {1, 5, 3}, {{3}, {0, 0}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kSpaceToBatchNd, {1, 5, 3}, {{0}, {0, 0}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kSpaceToBatchNd, {1, 5, 3}, {{3}, {-1, 2}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kBatchToSpaceNd, {6, 2, 3}, {{3}, {1, 2}}), (Shape{2, 3, 3}));
  EXPECT_EQ(shape_of(builtin::kBatchToSpaceNd, {5, 2, 3}, {{3}, {0, 0}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kBatchToSpaceNd, {6, 2, 3}, {{3}, {3, 3}}), std::nullopt) << "nothing left";
}

TEST(OutputShapes, GrowthIsBounded) {
  EXPECT_EQ(shape_of(builtin::kPad, {2, 3}, {{1, 0, 0, 2}}), (Shape{3, 5}));
  EXPECT_EQ(shape_of(builtin::kPad, {2, 3}, {{1, 0, 0, -1}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kPad, {2, 3}, {{INT32_MAX, INT32_MAX, 0, 0}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kTile, {2, 3}, {{2, 1}}), (Shape{4, 3}));
  EXPECT_EQ(shape_of(builtin::kTile, {2, 3}, {{0, 1}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kTile, {2, 3}, {{65536, 65536}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kResizeNearestNeighbor, {1, 2, 3, 4}, {{5, 6}}), (Shape{1, 5, 6, 4}));
  EXPECT_EQ(shape_of(builtin::kResizeNearestNeighbor, {1, 2, 3, 4}, {{5, 65536}}), std::nullopt);
}

TEST(OutputShapes, DimensionsThatAreNotThereAreRefused) {
  EXPECT_EQ(shape_of(builtin::kMean, {2, 3, 4}, {{-1, 0}}), (Shape{3}));
  EXPECT_EQ(shape_of(builtin::kMean, {2, 3, 4}, {{3}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kArgMax, {2, 3, 4}, {{1}}), (Shape{2, 4}));
  EXPECT_EQ(shape_of(builtin::kArgMax, {2, 3, 4}, {{-4}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kExpandDims, {2, 3}, {{-1}}), (Shape{2, 3, 1}));
  EXPECT_EQ(shape_of(builtin::kExpandDims, {2, 3}, {{3}}), std::nullopt);
  EXPECT_EQ(shape_of(builtin::kExpandDims, {1, 1, 1, 1, 1, 1}, {{0}}), std::nullopt) << "seven dimensions";
}

TEST(OutputShapes, ShapesThatDoNotFitAreRefused) {
  TestGraph graph;
  const std::int32_t a = graph.tensor({2, 3});
  const std::int32_t b = graph.tensor({2, 4});
  const std::int32_t row = graph.tensor({1, 3});
  graph.add(builtin::kMul, {a, b});
  EXPECT_FALSE(graph.shapes_of_last());
  graph.add(builtin::kMul, {row, a});
  EXPECT_THAT(*graph.shapes_of_last(), testing::ElementsAre(Shape{2, 3}));
  graph.add(builtin::kConcatenation, {a, b});
  EXPECT_FALSE(graph.shapes_of_last());
  graph.add(builtin::kConcatenation, {a, row});
  EXPECT_THAT(*graph.shapes_of_last(), testing::ElementsAre(Shape{3, 3}));
  graph.add(builtin::kPack, {a, row});
  EXPECT_FALSE(graph.shapes_of_last());
  graph.add(builtin::kSplit, {graph.integers({1}), a}, 2);
  EXPECT_FALSE(graph.shapes_of_last());
  graph.add(builtin::kSplitV, {a, graph.integers({1, -1}), graph.integers({1})}, 2);
  EXPECT_THAT(*graph.shapes_of_last(), testing::ElementsAre(Shape{2, 1}, Shape{2, 2}));
  graph.add(builtin::kSplitV, {a, graph.integers({1, 1}), graph.integers({1})}, 2);
  EXPECT_FALSE(graph.shapes_of_last());
  graph.add(builtin::kReshape, {a, b});
  EXPECT_FALSE(graph.shapes_of_last()) << "a shape that is computed";
}

TEST(Broadcast, IsOfTheLastDimensionsAndOfDimensionsOfOne) {
  EXPECT_EQ(broadcast(Shape{2, 3}, Shape{2, 3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast(Shape{2, 3}, Shape{3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast(Shape{3}, Shape{2, 3}), (Shape{2, 3}));
  EXPECT_EQ(broadcast(Shape{4, 1, 3}, Shape{2, 1}), (Shape{4, 2, 3}));
  EXPECT_EQ(broadcast(Shape{}, Shape{5, 1}), (Shape{5, 1}));
  EXPECT_EQ(broadcast(Shape{}, Shape{}), Shape{});
  EXPECT_EQ(broadcast(Shape{2, 3}, Shape{2}), std::nullopt);
  EXPECT_EQ(broadcast(Shape{2, 3}, Shape{3, 3}), std::nullopt);
}

TEST(Broadcast, AnInputStandsStillAlongDimensionsThatItHasNot) {
  using device::Axis;
  const auto axes = [](const Shape& output, const Shape& a, const Shape& b) {
    std::vector<std::vector<std::int32_t>> found;
    for (const Axis& axis : broadcast_axes(output, a, b)) {
      found.push_back({static_cast<std::int32_t>(axis.count), axis.strides[0], axis.strides[1]});
    }
    return found;
  };
  using Found = std::vector<std::vector<std::int32_t>>;
  EXPECT_EQ(axes({2, 3}, {2, 3}, {2, 3}), (Found{{6, 1, 1}}));
  EXPECT_EQ(axes({2, 3}, {2, 3}, {3}), (Found{{2, 3, 0}, {3, 1, 1}}));
  EXPECT_EQ(axes({2, 3}, {2, 1}, {2, 3}), (Found{{2, 1, 3}, {3, 0, 1}}));
  EXPECT_EQ(axes({4, 2, 3}, {4, 1, 3}, {2, 1}), (Found{{4, 3, 0}, {2, 0, 1}, {3, 1, 0}}));
  EXPECT_EQ(axes({1, 1}, {1}, {1, 1}), (Found{{1, 0, 0}})) << "no axis is left to walk, and one must be";
  EXPECT_EQ(axes({2, 3, 4}, {1}, {1}), (Found{{24, 0, 0}}));
}

// An operator that is right, and each of whose operands its shape depends on.
struct Whole {
  std::int32_t code;
  std::vector<Shape> tensors;
  std::vector<Integers> constants;  // after them
};

TEST(OutputShapes, OperandsThatAreNotThereAreNamed) {
  for (const Whole& whole : {
           Whole{builtin::kRelu, {{2, 3}}, {}},
           Whole{builtin::kMul, {{2, 3}, {1, 3}}, {}},
           Whole{builtin::kFullyConnected, {{2, 3}, {4, 3}}, {}},
           Whole{builtin::kConcatenation, {{2, 3}, {1, 3}}, {}},
           Whole{builtin::kPack, {{2, 3}, {2, 3}}, {}},
           Whole{builtin::kExpandDims, {{2, 3}}, {{0}}},
           Whole{builtin::kSqueeze, {{1, 3}}, {}},
           Whole{builtin::kMean, {{2, 3}}, {{0}}},
           Whole{builtin::kArgMax, {{2, 3}}, {{0}}},
           Whole{builtin::kTranspose, {{2, 3}}, {{1, 0}}},
           Whole{builtin::kSlice, {{4, 5}}, {{1, 2}, {-1, 2}}},
           Whole{builtin::kStridedSlice, {{4, 5}}, {{2}, {3}, {1}}},
           Whole{builtin::kSpaceToBatchNd, {{1, 5, 3}}, {{3}, {1, 0}}},
           Whole{builtin::kBatchToSpaceNd, {{6, 2, 3}}, {{3}, {1, 2}}},
           Whole{builtin::kPad, {{2, 3}}, {{1, 0, 0, 2}}},
           Whole{builtin::kTile, {{2, 3}}, {{2, 1}}},
           Whole{builtin::kResizeNearestNeighbor, {{1, 2, 3, 4}}, {{5, 6}}},
           Whole{builtin::kSplitV, {{2, 3}}, {{3}, {1}}},
           Whole{builtin::kReshape, {{2, 3}}, {{3, 2}}},
       }) {
    TestGraph graph;
    Integers inputs;
    for (const Shape& shape : whole.tensors) inputs.push_back(graph.tensor(shape));
    for (const Integers& values : whole.constants) inputs.push_back(graph.integers(values));
    graph.add(whole.code, inputs);
    EXPECT_TRUE(graph.shapes_of_last()) << whole.code;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::string name = "input " + std::to_string(i) + " is absent";
      Integers without = inputs;
      without[i] = kAbsentTensor;
      graph.add(whole.code, without);
      EXPECT_EQ(graph.shapes_of_last().status().message(), name) << whole.code;
      // What joins any number of tensors, or may name its shape in its options, goes on with fewer.
      if (find_operator(whole.code)->inputs.hold(i)) continue;
      graph.add(whole.code, {inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(i)});
      EXPECT_EQ(graph.shapes_of_last().status().message(), name) << whole.code;
    }
  }
}

TEST(OutputShapes, ASplitNeedsItsDimensionAndItsInput) {
  TestGraph graph;
  const std::int32_t in = graph.tensor({2, 3});
  const std::int32_t axis = graph.integers({1});
  graph.add(builtin::kSplit, {axis, in}, 3);
  EXPECT_THAT(*graph.shapes_of_last(), testing::ElementsAre(Shape{2, 1}, Shape{2, 1}, Shape{2, 1}));
  graph.add(builtin::kSplit, {kAbsentTensor, in}, 3);
  EXPECT_EQ(graph.shapes_of_last().status().message(), "input 0 is absent");
  graph.add(builtin::kSplit, {axis, kAbsentTensor}, 3);
  EXPECT_EQ(graph.shapes_of_last().status().message(), "input 1 is absent");
}

TEST(OutputShapes, WindowsNeedTheirInputAndWeights) {
  for (const std::int32_t code : {std::int32_t{builtin::kConv2d}, std::int32_t{builtin::kDepthwiseConv2d}}) {
    TestGraph graph;
    const std::int32_t in = graph.tensor({1, 5, 5, 2});
    const std::int32_t weights = graph.tensor({1, 3, 3, 2});
    for (const Integers& inputs : {Integers{kAbsentTensor, weights}, Integers{}}) {
      graph.add(code, inputs);
      EXPECT_EQ(graph.shapes_of_last().status().message(), "input 0 is absent") << code;
    }
    for (const Integers& inputs : {Integers{in, kAbsentTensor}, Integers{in}}) {
      graph.add(code, inputs);
      EXPECT_EQ(graph.shapes_of_last().status().message(), "input 1 is absent") << code;
    }
  }
  for (const std::int32_t code : {std::int32_t{builtin::kAveragePool2d}, std::int32_t{builtin::kMaxPool2d},
                                  std::int32_t{builtin::kDepthToSpace}, std::int32_t{builtin::kSpaceToDepth},
                                  std::int32_t{builtin::kUnpack}}) {
    TestGraph graph;
    for (const Integers& inputs : {Integers{kAbsentTensor}, Integers{}}) {
      graph.add(code, inputs);
      EXPECT_EQ(graph.shapes_of_last().status().message(), "input 0 is absent") << code;
    }
  }
}

std::vector<std::uint8_t> moved(const std::vector<Block>& blocks, const std::vector<std::uint8_t>& input,
                                std::size_t output_bytes) {
  std::vector<std::vector<std::uint8_t>> outputs = {std::vector<std::uint8_t>(output_bytes, 0xEE)};
  const Bytes inputs[] = {input};
  EXPECT_TRUE(apply(blocks, 1, inputs, outputs));
  return outputs[0];
}

TEST(Rearrangement, SpaceToBatchAndBackIsTheSame) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const auto below = [&random](std::uint32_t limit) { return std::uint32_t(random() % limit); };
    SpaceToBatch geometry;
    geometry.space = {1 + below(2), 1 + below(9), 1 + below(9), 1 + below(3)};
    for (std::size_t i = 0; i < 2; ++i) {
      const std::uint32_t size = 1 + below(4);
      const std::uint32_t before = below(4);
      geometry.block_shape.push_back(size);
      geometry.before.push_back(before);
      geometry.batched_spatial.push_back((geometry.space[i + 1] + before + size - 1) / size + below(2));
    }
    std::vector<std::uint8_t> space(element_count(geometry.space));
    std::iota(space.begin(), space.end(), std::uint8_t{0});
    const std::uint32_t batched = element_count(geometry.block_shape) *
                                  element_count(geometry.batched_spatial) * geometry.space[0] *
                                  geometry.space[3];
    EXPECT_EQ(moved(batch_to_space(geometry), moved(space_to_batch(geometry), space, batched), space.size()),
              space);
  }
}

TEST(Rearrangement, ATransposeOfATransposeIsTheSame) {
  const Shape shape = {2, 3, 4, 5};
  std::vector<std::uint8_t> values(element_count(shape));
  std::iota(values.begin(), values.end(), std::uint8_t{0});
  std::vector<std::uint32_t> permutation = {0, 1, 2, 3};
  do {
    Shape turned;
    std::vector<std::uint32_t> inverse(4);
    for (std::uint32_t i = 0; i < 4; ++i) {
      turned.push_back(shape[permutation[i]]);
      inverse[permutation[i]] = i;
    }
    const auto there = moved({transpose(shape, permutation)}, values, values.size());
    EXPECT_EQ(moved({transpose(turned, inverse)}, there, values.size()), values);
  } while (std::next_permutation(permutation.begin(), permutation.end()));
}

TEST(Rearrangement, LoopsAreMergedWhereTheyStepAsOne) {
  const auto words = encode(std::vector<Block>{transpose(Shape{1, 6, 5, 4}, Shape{0, 1, 2, 3})}, 4);
  ASSERT_TRUE(words);
  EXPECT_THAT(*words, testing::ElementsAre(0, 0, 0, 1, 480, 1, 1));
  EXPECT_TRUE(is_plain_copy(std::vector<Block>{transpose(Shape{6, 1, 4}, Shape{1, 0, 2})}, 24));
  EXPECT_FALSE(is_plain_copy(std::vector<Block>{transpose(Shape{6, 4}, Shape{1, 0})}, 24));
}

TEST(Rearrangement, PaddingAndSlicesAscendThroughBothTensors) {
  const auto lead = [](const Block& block, std::uint32_t element_bytes = 1) {
    return ascending_lead(std::vector<Block>{block}, element_bytes);
  };
  // The last row of three begins at place 11 and was at 3.
  const Block padding = place_at(Shape{2, 3}, Shape{4, 5}, Shape{1, 1});
  EXPECT_EQ(lead(padding), 8);
  EXPECT_EQ(lead(padding, 2), 16);
  EXPECT_EQ(lead(gather_range(Shape{4, 5}, {{1, 1}, {1, 1}, {2, 3}})), -6);
  EXPECT_EQ(lead(gather_range(Shape{10}, {{0}, {2}, {5}})), 0);
  EXPECT_EQ(lead(gather_range(Shape{10}, {{9}, {-1}, {10}})), std::nullopt) << "backwards";
  EXPECT_EQ(lead(transpose(Shape{2, 3}, Shape{1, 0})), std::nullopt);
  EXPECT_EQ(lead(tile(Shape{3}, Shape{2})), std::nullopt) << "reads its input twice";
  EXPECT_EQ(ascending_lead(std::vector<Block>{padding, padding}, 1), std::nullopt);
}

TEST(ShapeFolding, TheShapesOfAFlattenAreWorkedOut) {
  TestGraph graph;
  const std::int32_t x = graph.tensor({1, 3, 4});
  graph.graph.inputs = {static_cast<std::uint32_t>(x)};
  const std::int32_t shape = graph.add(builtin::kShape, {x}, 1, TensorType::kInt32).outputs[0];
  const std::int32_t batch =
      graph
          .add(builtin::kStridedSlice, {shape, graph.integers({0}), graph.integers({1}), graph.integers({1})},
               1, TensorType::kInt32)
          .outputs[0];
  const std::int32_t wanted =
      graph.add(builtin::kConcatenation, {batch, graph.integers({-1})}, 1, TensorType::kInt32).outputs[0];
  const std::int32_t flat = graph.add(builtin::kReshape, {x, wanted}).outputs[0];
  ASSERT_TRUE(fold_shapes(graph.graph).ok());
  ASSERT_EQ(graph.graph.operators.size(), 1u);
  EXPECT_EQ(graph.graph.operators[0].index, 3u) << "as it was in the file";
  EXPECT_EQ(graph.graph.tensors[static_cast<std::size_t>(flat)].shape, (Shape{1, 12}));
  EXPECT_EQ(graph.graph.tensors[static_cast<std::size_t>(flat)].bytes, 12u);
}

TEST(ShapeFolding, OnlyTheBatchMayBeOpen) {
  TestGraph graph;
  graph.graph.inputs = {static_cast<std::uint32_t>(graph.tensor({1, 3, 4}))};
  graph.graph.tensors[0].open_dimensions = 1;
  EXPECT_TRUE(fold_shapes(graph.graph).ok());
  graph.graph.tensors[0].open_dimensions = 5;
  const Status status = fold_shapes(graph.graph);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), testing::HasSubstr("dimension 2"));
}

TEST(ShapeFolding, WhatIsLargeOrComputedStays) {
  TestGraph graph;
  const std::int32_t values = graph.integers({1, 2});
  graph.add(builtin::kTile, {values, graph.integers({100000})}, 1, TensorType::kInt32);
  graph.add(builtin::kMul, {graph.tensor({2}, TensorType::kInt32), values}, 1, TensorType::kInt32);
  graph.add(builtin::kMul, {graph.integers({INT32_MAX}), graph.integers({INT32_MAX})}, 1, TensorType::kInt32);
  ASSERT_TRUE(fold_shapes(graph.graph).ok());
  EXPECT_EQ(graph.graph.operators.size(), 3u);
}

TEST(ShapeFolding, ConstantsHaveALimitTogether) {
  // 64 KiB each; 256 of them are 16 MiB.
  const auto left = [](int count) {
    TestGraph graph;
    const std::int32_t values = graph.integers(Integers(16 * 1024, 7));
    for (int i = 0; i < count; ++i)
      graph.add(builtin::kReshape, {values, graph.integers({-1, 128})}, 1, TensorType::kInt32);
    EXPECT_TRUE(fold_shapes(graph.graph).ok());
    return graph.graph.operators.size();
  };
  EXPECT_EQ(left(256), 0u);
  EXPECT_EQ(left(257), 1u);
}

// The value of an operator on constants, or nothing when it stays.
std::optional<Integers> folded(std::int32_t code, const std::vector<Integers>& inputs,
                               TensorType type = TensorType::kInt32) {
  TestGraph graph;
  Integers operands;
  for (const Integers& values : inputs) operands.push_back(graph.integers(values));
  const auto output = static_cast<std::size_t>(graph.add(code, operands, 1, type).outputs[0]);
  EXPECT_TRUE(fold_shapes(graph.graph).ok());
  if (!graph.graph.operators.empty()) return std::nullopt;
  const Tensor& tensor = graph.graph.tensors[output];
  Integers values(tensor.elements);
  for (std::size_t i = 0; i < values.size(); ++i)
    std::memcpy(&values[i], tensor.constant.data() + i * (tensor.bytes / tensor.elements), sizeof values[i]);
  return values;
}

TEST(ShapeFolding, ArithmeticIsOfVectorsOrOfOneValue) {
  EXPECT_EQ(folded(builtin::kAdd, {{1, 2}, {3, 5}}), (Integers{4, 7}));
  EXPECT_EQ(folded(builtin::kSub, {{1, 2}, {3, 5}}), (Integers{-2, -3}));
  EXPECT_EQ(folded(builtin::kMul, {{1, 2}, {3}}), (Integers{3, 6}));
  EXPECT_EQ(folded(builtin::kMul, {{3}, {1, 2}}), (Integers{3, 6}));
  EXPECT_EQ(folded(builtin::kMaximum, {{1, 7}, {3, 5}}), (Integers{3, 7}));
  EXPECT_EQ(folded(builtin::kMinimum, {{1, 7}, {3, 5}}), (Integers{1, 5}));
  EXPECT_EQ(folded(builtin::kAdd, {{1, 2}, {3, 5, 7}}), std::nullopt);
  EXPECT_EQ(folded(builtin::kAdd, {{1, 2}, {3}}, TensorType::kInt64), (Integers{4, 5}));
  EXPECT_EQ(folded(builtin::kAdd, {{1, 2}, {3}}, TensorType::kFloat32), std::nullopt);
}

TEST(ShapeFolding, WhatDoesNotFitStays) {
  EXPECT_EQ(folded(builtin::kAdd, {{INT32_MAX}, {0}}), (Integers{INT32_MAX}));
  EXPECT_EQ(folded(builtin::kAdd, {{INT32_MAX}, {1}}), std::nullopt);
  EXPECT_EQ(folded(builtin::kSub, {{-INT32_MAX}, {1}}), (Integers{INT32_MIN}));
  EXPECT_EQ(folded(builtin::kSub, {{-INT32_MAX}, {2}}), std::nullopt);
  EXPECT_EQ(folded(builtin::kAdd, {{INT32_MIN}, {1}}), std::nullopt);
}

TEST(ShapeFolding, ProductsAndEntriesAreOfVectors) {
  EXPECT_EQ(folded(builtin::kReduceProd, {{2, 3, 7}, {0}}), (Integers{42}));
  EXPECT_EQ(folded(builtin::kReduceProd, {{1 << 16, 1 << 15}, {0}}), std::nullopt);
  EXPECT_EQ(folded(builtin::kReduceProd, {{2, 3, 7}, {0, 0}}), std::nullopt);
  EXPECT_EQ(folded(builtin::kGather, {{2, 3, 7}, {2, 0}}), (Integers{7, 2}));
  EXPECT_EQ(folded(builtin::kGather, {{2, 3, 7}, {3}}), std::nullopt);
  EXPECT_EQ(folded(builtin::kGather, {{2, 3, 7}, {-1}}), std::nullopt);
  EXPECT_EQ(folded(builtin::kCast, {{2, 3}}, TensorType::kInt64), (Integers{2, 3}));
}

// int8 DEQUANTIZE float ELU float QUANTIZE int8; which operators are left.
std::vector<std::int32_t> left_of_a_bridge(bool float_is_output) {
  TestGraph graph;
  const std::int32_t x = graph.tensor({4});
  const std::int32_t real = graph.add(builtin::kDequantize, {x}, 1, TensorType::kFloat32).outputs[0];
  const std::int32_t elu_of_it = graph.add(builtin::kElu, {real}, 1, TensorType::kFloat32).outputs[0];
  const std::int32_t y = graph.add(builtin::kQuantize, {elu_of_it}).outputs[0];
  graph.graph.outputs = {static_cast<std::uint32_t>(float_is_output ? elu_of_it : y)};
  fold_float_bridges(graph.graph);
  std::vector<std::int32_t> codes;
  for (const Operator& op : graph.graph.operators) codes.push_back(op.code);
  EXPECT_EQ(graph.graph.operators.front().inputs[0], x);
  if (!float_is_output) {
    EXPECT_EQ(graph.graph.operators.front().outputs[0], y);
  }
  return codes;
}

TEST(FloatBridges, AreOneOperatorWhereNothingElseReadsTheFloats) {
  EXPECT_THAT(left_of_a_bridge(false), testing::ElementsAre(builtin::kElu));
  EXPECT_THAT(left_of_a_bridge(true),
              testing::ElementsAre(builtin::kDequantize, builtin::kElu, builtin::kQuantize));
}

TEST(LookupTables, ScalesTooFarApartAreTold) {
  EXPECT_TRUE(can_rescale({1.0f}, {1.0f}));
  EXPECT_TRUE(can_rescale({1.0f}, {1.0f}, 0.0f));
  EXPECT_FALSE(can_rescale({1e30f}, {1e-30f})) << "infinite in single precision";
  EXPECT_FALSE(can_rescale({1.0f}, {1e-10f}));
  EXPECT_FALSE(can_rescale({1e-10f}, {1.0f}));
}

// Whether a table is HARD_SWISH to within a step of its output.
void expect_hard_swish(const Affine& input, const Affine& output) {
  const LookupTable table = hard_swish_table(input, output);
  for (int q = -128; q <= 127; ++q) {
    const double x = double{input.scale} * (q - input.zero_point);
    const double y = x * std::clamp(x + 3, 0.0, 6.0) / 6;
    const double wanted = std::clamp(y / output.scale + output.zero_point, -128.0, 127.0);
    EXPECT_NEAR(table[static_cast<std::uint8_t>(q)], wanted, 1.01)
        << q << ", scales " << input.scale << " and " << output.scale;
  }
}

// Their multipliers of 31 bits are all ones, of which 15 bits cannot be rounded up.
TEST(LookupTables, AHardSwishOfScalesJustBelowAPowerOfTwoApartIsExact) {
  constexpr float kJustBelowOne = 1 - 0x1p-20f;
  for (const float power : {0x1p-6f, 0x1p-5f, 0x1p-4f}) {
    expect_hard_swish({0x1p-5f}, {power / kJustBelowOne, -10});
    expect_hard_swish({3 * power * kJustBelowOne / 4}, {0x1p-5f, 5});
  }
}

TEST(LookupTables, AnyScaleSaturatesAHardSwish) {
  const LookupTable wide = hard_swish_table({1e20f}, {1e20f});
  EXPECT_EQ(wide[100], 100) << "x far above 3 stays";
  EXPECT_EQ(wide[static_cast<std::uint8_t>(-100)], 0) << "x far below -3 vanishes";
}

}  // namespace
}  // namespace sotto::model_compiler
