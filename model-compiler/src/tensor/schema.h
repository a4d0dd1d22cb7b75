// The .tflite schema's numbers for operators without weights; those of the others are in tflite/schema.h.
#pragma once

#include <cstdint>

namespace sotto::model_compiler {

namespace builtin {
inline constexpr std::int32_t kConcatenation = 2, kDepthToSpace = 5, kDequantize = 6, kLogistic = 14,
                              kMul = 18, kRelu = 19, kReluN1To1 = 20, kRelu6 = 21, kSpaceToDepth = 26,
                              kTanh = 28, kPad = 34, kGather = 36, kBatchToSpaceNd = 37, kSpaceToBatchNd = 38,
                              kTranspose = 39, kMean = 40, kSub = 41, kSqueeze = 43, kStridedSlice = 45,
                              kSplit = 49, kCast = 53, kPrelu = 54, kMaximum = 55, kArgMax = 56,
                              kMinimum = 57, kPadV2 = 60, kSlice = 65, kTile = 69, kExpandDims = 70,
                              kSum = 74, kShape = 77, kArgMin = 79, kReduceProd = 81, kReduceMax = 82,
                              kPack = 83, kUnpack = 88, kReduceMin = 89, kResizeNearestNeighbor = 97,
                              kLeakyRelu = 98, kAbs = 101, kSplitV = 102, kQuantize = 114, kElu = 111,
                              kHardSwish = 117, kGelu = 150, kRelu0To1 = 152;
}  // namespace builtin

namespace slot {
// MulOptions, SubOptions
inline constexpr std::uint32_t kMulActivation = 0, kSubActivation = 0;
// ConcatenationOptions
inline constexpr std::uint32_t kConcatenationAxis = 0, kConcatenationActivation = 1;
// LeakyReluOptions, GeluOptions
inline constexpr std::uint32_t kLeakyReluAlpha = 0, kGeluApproximate = 0;
// ReducerOptions
inline constexpr std::uint32_t kReducerKeepDimensions = 0;
// PackOptions, UnpackOptions
inline constexpr std::uint32_t kPackAxis = 1, kUnpackAxis = 1;
// GatherOptions
inline constexpr std::uint32_t kGatherAxis = 0, kGatherBatchDimensions = 1;
// StridedSliceOptions
inline constexpr std::uint32_t kSliceBeginMask = 0, kSliceEndMask = 1, kSliceEllipsisMask = 2,
                               kSliceNewAxisMask = 3, kSliceShrinkAxisMask = 4, kSliceOffset = 5;
// ResizeNearestNeighborOptions
inline constexpr std::uint32_t kResizeAlignCorners = 0, kResizeHalfPixelCenters = 1;
// SpaceToDepthOptions, DepthToSpaceOptions
inline constexpr std::uint32_t kBlockSize = 0;
// ReshapeOptions, SqueezeOptions
inline constexpr std::uint32_t kReshapeShape = 0, kSqueezeDimensions = 0;
// FullyConnectedOptions
inline constexpr std::uint32_t kFullyConnectedKeepDimensions = 2;
}  // namespace slot

}  // namespace sotto::model_compiler
