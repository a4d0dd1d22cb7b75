#include "tflite/options_types.h"

#include <algorithm>
#include <iterator>

#include "tflite/builtin_operators.h"
#include "tflite/schema.h"

namespace sotto::model_compiler {
namespace {

struct Row {
  std::int32_t code;
  std::uint8_t type;
};

constexpr Row kRows[] = {
    {builtin::kAdd, 11},
    {builtin::kAveragePool2d, 5},
    {builtin::kConcatenation, 10},
    {builtin::kConv2d, 1},
    {builtin::kDepthwiseConv2d, 2},
    {builtin::kDepthToSpace, 94},
    {builtin::kDequantize, 38},
    {builtin::kEmbeddingLookup, 0},
    {builtin::kFullyConnected, 8},
    {builtin::kL2Normalization, 12},
    {builtin::kLogistic, 0},
    {builtin::kMaxPool2d, 5},
    {builtin::kMul, 21},
    {builtin::kRelu, 0},
    {builtin::kReluN1To1, 0},
    {builtin::kRelu6, 0},
    {builtin::kRelu0To1, 0},
    {builtin::kReshape, 17},
    {builtin::kResizeBilinear, 15},
    {builtin::kSoftmax, 9},
    {builtin::kSpaceToDepth, 19},
    {builtin::kSvdf, 6},
    {builtin::kTanh, 0},
    {builtin::kPad, 22},
    {builtin::kGather, 23},
    {builtin::kBatchToSpaceNd, 24},
    {builtin::kSpaceToBatchNd, 25},
    {builtin::kTranspose, 26},
    {builtin::kMean, 27},
    {builtin::kSub, 28},
    {builtin::kDiv, 29},
    {builtin::kSqueeze, 30},
    {builtin::kUnidirectionalSequenceLstm, 71},
    {builtin::kStridedSlice, 32},
    {builtin::kExp, 33},
    {builtin::kSplit, 35},
    {builtin::kCast, 37},
    {builtin::kPrelu, 0},
    {builtin::kMaximum, 39},
    {builtin::kMinimum, 39},
    {builtin::kArgMax, 40},
    {builtin::kLess, 41},
    {builtin::kNeg, 42},
    {builtin::kPadV2, 43},
    {builtin::kGreater, 44},
    {builtin::kGreaterEqual, 45},
    {builtin::kLessEqual, 46},
    {builtin::kSelect, 47},
    {builtin::kSlice, 48},
    {builtin::kTransposeConv, 49},
    {builtin::kTile, 51},
    {builtin::kExpandDims, 52},
    {builtin::kEqual, 53},
    {builtin::kNotEqual, 54},
    {builtin::kLog, 0},
    {builtin::kSum, 27},
    {builtin::kSqrt, 0},
    {builtin::kRsqrt, 0},
    {builtin::kShape, 55},
    {builtin::kArgMin, 57},
    {builtin::kReduceProd, 27},
    {builtin::kReduceMax, 27},
    {builtin::kPack, 59},
    {builtin::kUnpack, 64},
    {builtin::kReduceMin, 27},
    {builtin::kResizeNearestNeighbor, 74},
    {builtin::kLeakyRelu, 75},
    {builtin::kSquaredDifference, 76},
    {builtin::kAbs, 78},
    {builtin::kSplitV, 79},
    {builtin::kElu, 0},
    {builtin::kQuantize, 89},
    {builtin::kHardSwish, 91},
    {builtin::kSelectV2, 98},
    {builtin::kDensify, 99},
    {builtin::kBatchMatmul, 101},
    {builtin::kCumsum, 102},
    {builtin::kCallOnce, 103},
    {builtin::kVarHandle, 111},
    {builtin::kReadVariable, 112},
    {builtin::kAssignVariable, 113},
    {builtin::kGelu, 116},
    {builtin::kGatherNd, 83},
    {builtin::kCustom, 0},
};

}  // namespace

std::optional<std::uint8_t> builtin_options_type(std::int32_t code) {
  const auto* const row = std::find_if(std::begin(kRows), std::end(kRows),
                                       [code](const Row& known) { return known.code == code; });
  if (row == std::end(kRows)) return std::nullopt;
  return row->type;
}

}  // namespace sotto::model_compiler
