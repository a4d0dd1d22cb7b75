#include "operators.h"

#include <algorithm>

#include "lower/recurrent.h"
#include "lower/tensor_lowering.h"
#include "tensor/rearranged_shapes.h"
#include "tensor/shape_rules.h"

namespace sotto::model_compiler {
namespace {

using device::KernelKind;

constexpr OperandCounts kNone{0, 0}, kOne{1, 1}, kTwo{2, 2}, kThree{3, 3}, kFour{4, 4};
constexpr OperandCounts kFive{5, 5}, kLstmInputs{20, 24}, kTransposeConvInputs{3, 4};
constexpr OperandCounts kOneOrTwo{1, 2};
constexpr OperandCounts kBiasOptional{2, 3};
constexpr OperandCounts kAny{1, SIZE_MAX};

constexpr KernelKinds only(KernelKind kind) { return {kind, {}}; }
constexpr KernelKinds kCopyOrRearrange{KernelKind::kCopy, KernelKind::kRearrange};
constexpr KernelKinds kCopyOrPad{KernelKind::kCopy, KernelKind::kPad};
constexpr KernelKinds kAddOrElementwise{KernelKind::kAdd, KernelKind::kElementwise};
constexpr KernelKinds kConvolutions{KernelKind::kConv2d, KernelKind::kPointwiseConv2d,
                                    KernelKind::kGroupedConv2d};
constexpr KernelKinds kQuantizers{KernelKind::kQuantize, KernelKind::kLookup, KernelKind::kRequantize};
constexpr KernelKinds kVariables{KernelKind::kCopy, KernelKind::kStates};
constexpr KernelKinds kSoftmaxes{KernelKind::kSoftmax, KernelKind::kSoftmaxToInt16};

// A row of its own.
constexpr OperatorRow layer(std::int32_t code, std::int32_t version_max, OperandCounts inputs,
                            ShapeRule shapes, LowerFunction lower, KernelKinds kernels) {
  return {code, version_max, inputs, kOne, shapes, lower, kernels, nullptr, nullptr};
}

// Rows of families.
constexpr OperatorRow table(std::int32_t code, std::int32_t version_max) {
  return layer(code, version_max, kOne, unchanged_shapes, lower_lookup, only(KernelKind::kLookup));
}
// `padded`: with a PAD in front.
constexpr OperatorRow pool(std::int32_t code, std::int32_t version_max, KernelKind kind, KernelKind padded) {
  return layer(code, version_max, kOne, pool_2d_shapes, lower_pool_2d, {kind, padded});
}
constexpr OperatorRow reduced(std::int32_t code, std::int32_t version_max) {
  return layer(code, version_max, kTwo, reduced_shapes, lower_reduction, only(KernelKind::kReduce));
}
constexpr OperatorRow arg_max(std::int32_t code, std::int32_t version_max) {
  return layer(code, version_max, kTwo, arg_max_shapes, lower_arg_max, only(KernelKind::kArgMax));
}
constexpr OperatorRow pairwise(std::int32_t code, std::int32_t version_max, LowerFunction lower,
                               KernelKinds kernels, EvaluateRule evaluate) {
  return {code, version_max, kTwo, kOne, broadcast_shapes, lower, kernels, nullptr, evaluate};
}
constexpr OperatorRow broadcast(std::int32_t code, std::int32_t version_max, EvaluateRule evaluate) {
  return pairwise(code, version_max, lower_broadcast, only(KernelKind::kElementwise), evaluate);
}
constexpr OperatorRow reshaped(std::int32_t code, std::int32_t version_max, OperandCounts inputs,
                               ShapeRule shapes) {
  constexpr KernelKinds kernels = only(KernelKind::kCopy);
  return {code, version_max, inputs, kOne, shapes, lower_reshape, kernels, nullptr, evaluate_unchanged};
}
constexpr OperatorRow moved(std::int32_t code, std::int32_t version_max, OperandCounts inputs,
                            OperandCounts outputs, ShapeRule shapes, BlocksRule blocks) {
  constexpr LowerFunction lower = lower_rearrangement;
  constexpr EvaluateRule evaluate = evaluate_rearrangement;
  return {code, version_max, inputs, outputs, shapes, lower, kCopyOrRearrange, blocks, evaluate};
}
constexpr OperatorRow padded(std::int32_t code, std::int32_t version_max, OperandCounts inputs) {
  return {code,       version_max,           inputs, kOne, pad_shapes, lower_rearrangement, kCopyOrPad,
          pad_blocks, evaluate_rearrangement};
}
constexpr OperatorRow computed(std::int32_t code, OperandCounts inputs, EvaluateRule evaluate) {
  return {code, 0, inputs, kOne, nullptr, nullptr, {}, nullptr, evaluate};
}
constexpr OperatorRow comparison(std::int32_t code, std::int32_t version_max) {
  return pairwise(code, version_max, lower_comparison, only(KernelKind::kCompare), nullptr);
}
constexpr OperatorRow selected(std::int32_t code, std::int32_t version_max) {
  return layer(code, version_max, kThree, select_shapes, lower_select, only(KernelKind::kSelect));
}
constexpr OperatorRow chosen(std::int32_t code, std::int32_t version_max, EvaluateRule evaluate) {
  constexpr KernelKinds kernels = only(KernelKind::kGather);
  return {code, version_max, kTwo, kOne, gather_shapes, lower_gather, kernels, nullptr, evaluate};
}
// What fold_variables() takes away, or leaves as a copy.
constexpr OperatorRow variable(std::int32_t code, OperandCounts inputs, OperandCounts outputs) {
  return {code, 1, inputs, outputs, nullptr, lower_variable, kVariables, nullptr, nullptr};
}

constexpr OperatorRow kOperators[] = {
    table(builtin::kAbs, 5),
    pairwise(builtin::kAdd, 5, lower_add, kAddOrElementwise, evaluate_arithmetic),
    arg_max(builtin::kArgMax, 3),
    arg_max(builtin::kArgMin, 3),
    variable(builtin::kAssignVariable, kTwo, kNone),
    pool(builtin::kAveragePool2d, 3, KernelKind::kAveragePool2d, KernelKind::kPaddedAveragePool2d),
    layer(builtin::kBatchMatmul, 4, kTwo, batch_matmul_shapes, lower_batch_matmul,
          only(KernelKind::kBatchMatmul)),
    moved(builtin::kBatchToSpaceNd, 4, kThree, kOne, batch_to_space_shapes, batch_to_space_blocks),
    variable(builtin::kCallOnce, kNone, kNone),
    computed(builtin::kCast, kOne, evaluate_cast),
    moved(builtin::kConcatenation, 4, kAny, kOne, concatenation_shapes, concatenation_blocks),
    layer(builtin::kConv2d, 8, kBiasOptional, conv_2d_shapes, lower_conv_2d, kConvolutions),
    table(builtin::kCos, 1),
    computed(builtin::kDensify, kOne, evaluate_densify),
    moved(builtin::kDepthToSpace, 2, kOne, kOne, depth_to_space_shapes, depth_to_space_blocks),
    layer(builtin::kDepthwiseConv2d, 7, kBiasOptional, depthwise_conv_2d_shapes, lower_depthwise_conv_2d,
          only(KernelKind::kDepthwiseConv2d)),
    layer(builtin::kDequantize, 6, kOne, unchanged_shapes, lower_dequantize, only(KernelKind::kDequantize)),
    pairwise(builtin::kDiv, 2, lower_divide, only(KernelKind::kDivide), nullptr),
    table(builtin::kElu, 1),
    chosen(builtin::kEmbeddingLookup, 3, nullptr),
    comparison(builtin::kEqual, 4),
    table(builtin::kExp, 2),
    reshaped(builtin::kExpandDims, 1, kTwo, expand_dims_shapes),
    table(builtin::kFloor, 1),
    layer(builtin::kFullyConnected, 14, kBiasOptional, fully_connected_shapes, lower_fully_connected,
          only(KernelKind::kFullyConnected)),
    chosen(builtin::kGather, 4, evaluate_gather),
    chosen(builtin::kGatherNd, 3, nullptr),
    table(builtin::kGelu, 2),
    comparison(builtin::kGreater, 2),
    comparison(builtin::kGreaterEqual, 3),
    table(builtin::kHardSwish, 1),
    comparison(builtin::kLess, 3),
    comparison(builtin::kLessEqual, 3),
    layer(builtin::kL2Normalization, 2, kOne, unchanged_shapes, lower_l2_normalization,
          only(KernelKind::kL2Normalization)),
    table(builtin::kLeakyRelu, 2),
    table(builtin::kLog, 2),
    table(builtin::kLogistic, 3),
    broadcast(builtin::kMaximum, 4, evaluate_arithmetic),
    pool(builtin::kMaxPool2d, 3, KernelKind::kMaxPool2d, KernelKind::kPaddedMaxPool2d),
    reduced(builtin::kMean, 3),
    broadcast(builtin::kMinimum, 4, evaluate_arithmetic),
    broadcast(builtin::kMul, 7, evaluate_arithmetic),
    table(builtin::kNeg, 1),
    comparison(builtin::kNotEqual, 3),
    moved(builtin::kPack, 4, kAny, kOne, pack_shapes, pack_blocks),
    padded(builtin::kPad, 4, kTwo),
    padded(builtin::kPadV2, 4, kThree),
    broadcast(builtin::kPrelu, 1, nullptr),
    layer(builtin::kQuantize, 4, kOne, unchanged_shapes, lower_quantize, kQuantizers),
    variable(builtin::kReadVariable, kOne, kOne),
    reduced(builtin::kReduceMax, 3),
    reduced(builtin::kReduceMin, 3),
    computed(builtin::kReduceProd, kTwo, evaluate_product),
    table(builtin::kRelu, 3),
    table(builtin::kRelu0To1, 1),
    table(builtin::kRelu6, 3),
    table(builtin::kReluN1To1, 3),
    reshaped(builtin::kReshape, 1, kOneOrTwo, reshape_shapes),
    layer(builtin::kResizeBilinear, 4, kTwo, resized_shapes, lower_resize_bilinear,
          only(KernelKind::kResizeBilinear)),
    layer(builtin::kResizeNearestNeighbor, 4, kTwo, resized_shapes, lower_resize_nearest,
          only(KernelKind::kResizeNearest)),
    table(builtin::kRsqrt, 3),
    selected(builtin::kSelect, 4),
    selected(builtin::kSelectV2, 2),
    computed(builtin::kShape, kOne, evaluate_shape),
    table(builtin::kSin, 1),
    moved(builtin::kSlice, 6, kThree, kOne, slice_shapes, slice_blocks),
    layer(builtin::kSoftmax, 3, kOne, unchanged_shapes, lower_softmax, kSoftmaxes),
    moved(builtin::kSpaceToBatchNd, 4, kThree, kOne, space_to_batch_shapes, space_to_batch_blocks),
    moved(builtin::kSpaceToDepth, 2, kOne, kOne, space_to_depth_shapes, space_to_depth_blocks),
    moved(builtin::kSplit, 4, kTwo, kAny, split_shapes, split_blocks),
    moved(builtin::kSplitV, 2, kThree, kAny, split_v_shapes, split_v_blocks),
    table(builtin::kSqrt, 1),
    table(builtin::kSquare, 1),
    pairwise(builtin::kSquaredDifference, 3, lower_squared_difference, only(KernelKind::kSquaredDifference),
             nullptr),
    reshaped(builtin::kSqueeze, 2, kOne, squeeze_shapes),
    moved(builtin::kStridedSlice, 8, kFour, kOne, strided_slice_shapes, strided_slice_blocks),
    broadcast(builtin::kSub, 5, evaluate_arithmetic),
    reduced(builtin::kSum, 2),
    layer(builtin::kSvdf, 4, kFive, svdf_shapes, lower_svdf, only(KernelKind::kSvdf)),
    table(builtin::kTanh, 3),
    moved(builtin::kTile, 3, kTwo, kOne, tile_shapes, tile_blocks),
    moved(builtin::kTranspose, 6, kTwo, kOne, transpose_shapes, transpose_blocks),
    layer(builtin::kUnidirectionalSequenceLstm, 4, kLstmInputs, lstm_shapes, lower_lstm,
          only(KernelKind::kLstm)),
    layer(builtin::kTransposeConv, 5, kTransposeConvInputs, transpose_conv_shapes, lower_transpose_conv,
          only(KernelKind::kTransposeConv2d)),
    moved(builtin::kUnpack, 4, kOne, kAny, unpack_shapes, unpack_blocks),
    variable(builtin::kVarHandle, kNone, kOne),
};

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

const OperatorRow* find_operator(std::int32_t code) {
  const auto* const row = std::find_if(std::begin(kOperators), std::end(kOperators),
                                       [code](const OperatorRow& known) { return known.code == code; });
  return row == std::end(kOperators) ? nullptr : row;
}

Status check_operands(const OperatorRow& row, const Operator& op) {
  if (!row.inputs.hold(op.inputs.size()))
    return invalid_argument("it cannot have " + counted(op.inputs.size(), "input"));
  if (!row.outputs.hold(op.outputs.size()))
    return invalid_argument("it cannot have " + counted(op.outputs.size(), "output"));
  return {};
}

}  // namespace sotto::model_compiler
