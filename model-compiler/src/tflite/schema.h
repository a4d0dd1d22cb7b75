// The numbers of the .tflite schema (version 3) that the compiler reads: enumerations, and the slots of table
// fields.
#pragma once

#include <cstdint>

#include "tflite/builtin_operators.h"

namespace sotto::model_compiler {

enum class TensorType : std::int8_t {
  kFloat32 = 0,
  kFloat16 = 1,
  kInt32 = 2,
  kUint8 = 3,
  kInt64 = 4,
  kString = 5,
  kBool = 6,
  kInt16 = 7,
  kComplex64 = 8,
  kInt8 = 9,
  kFloat64 = 10,
  kResource = 13,
  kVariant = 14,
  kInt4 = 17,
};

// FLOAT32; UNKNOWN for a number without a name.
[[nodiscard]] const char* tensor_type_name(TensorType type);
// Bytes of one element; 0 when elements have no whole number of bytes.
[[nodiscard]] std::uint32_t tensor_type_bytes(TensorType type);

enum class Activation : std::int8_t { kNone = 0, kRelu = 1, kReluN1To1 = 2, kRelu6 = 3 };
enum class Padding : std::int8_t { kSame = 0, kValid = 1 };

namespace builtin {
#define SOTTO_BUILTIN_CODE(constant, name) constant,
enum : std::int32_t { SOTTO_BUILTIN_OPERATORS(SOTTO_BUILTIN_CODE) };
#undef SOTTO_BUILTIN_CODE

}  // namespace builtin

// CONV_2D; UNKNOWN for a number without a name.
[[nodiscard]] const char* builtin_operator_name(std::int32_t code);

// Which table an operator's options are.
inline constexpr std::uint8_t kFullyConnectedOptions = 8, kSoftmaxOptions = 9;

namespace slot {
// Model
inline constexpr std::uint32_t kModelVersion = 0, kModelOperatorCodes = 1, kModelSubgraphs = 2,
                               kModelDescription = 3, kModelBuffers = 4;
// OperatorCode
inline constexpr std::uint32_t kCodeDeprecatedBuiltin = 0, kCodeCustom = 1, kCodeVersion = 2,
                               kCodeBuiltin = 3;
// SubGraph
inline constexpr std::uint32_t kGraphTensors = 0, kGraphInputs = 1, kGraphOutputs = 2, kGraphOperators = 3;
// Tensor
inline constexpr std::uint32_t kTensorShape = 0, kTensorType = 1, kTensorBuffer = 2, kTensorName = 3,
                               kTensorQuantization = 4, kTensorIsVariable = 5, kTensorSparsity = 6,
                               kTensorShapeSignature = 7;
// SparsityParameters
inline constexpr std::uint32_t kSparsityOrder = 0, kSparsityBlockMap = 1, kSparsityDimensions = 2;
// DimensionMetadata; the types of segments and indices stand in the slots before
inline constexpr std::uint32_t kSparseFormat = 0, kSparseDenseSize = 1, kSparseSegments = 3,
                               kSparseIndices = 5;
// QuantizationParameters
inline constexpr std::uint32_t kQuantizationScale = 2, kQuantizationZeroPoint = 3, kQuantizationDimension = 6;
// Buffer
inline constexpr std::uint32_t kBufferData = 0, kBufferOffset = 1;
// Operator
inline constexpr std::uint32_t kOperatorCode = 0, kOperatorInputs = 1, kOperatorOutputs = 2,
                               kOperatorOptionsType = 3, kOperatorOptions = 4, kOperatorCustomOptions = 5;
// Conv2DOptions
inline constexpr std::uint32_t kConvPadding = 0, kConvStrideWidth = 1, kConvStrideHeight = 2,
                               kConvActivation = 3, kConvDilationWidth = 4, kConvDilationHeight = 5;
// DepthwiseConv2DOptions
inline constexpr std::uint32_t kDepthwisePadding = 0, kDepthwiseStrideWidth = 1, kDepthwiseStrideHeight = 2,
                               kDepthwiseMultiplier = 3, kDepthwiseActivation = 4,
                               kDepthwiseDilationWidth = 5, kDepthwiseDilationHeight = 6;
// Pool2DOptions
inline constexpr std::uint32_t kPoolPadding = 0, kPoolStrideWidth = 1, kPoolStrideHeight = 2,
                               kPoolFilterWidth = 3, kPoolFilterHeight = 4, kPoolActivation = 5;
// Where the options of an operator with windows keep them; kNoSlot where it has no such option.
struct Window {
  std::uint32_t padding, stride_height, stride_width, dilation_height, dilation_width;
};
inline constexpr std::uint32_t kNoSlot = UINT32_MAX;
inline constexpr Window kConvWindow{kConvPadding, kConvStrideHeight, kConvStrideWidth, kConvDilationHeight,
                                    kConvDilationWidth};
inline constexpr Window kDepthwiseWindow{kDepthwisePadding, kDepthwiseStrideHeight, kDepthwiseStrideWidth,
                                         kDepthwiseDilationHeight, kDepthwiseDilationWidth};
inline constexpr Window kPoolWindow{kPoolPadding, kPoolStrideHeight, kPoolStrideWidth, kNoSlot, kNoSlot};
// FullyConnectedOptions
inline constexpr std::uint32_t kFullyConnectedActivation = 0, kFullyConnectedWeightsFormat = 1,
                               kFullyConnectedKeepDimensions = 2;
// SoftmaxOptions
inline constexpr std::uint32_t kSoftmaxBeta = 0;
// AddOptions, MulOptions, SubOptions
inline constexpr std::uint32_t kAddActivation = 0, kMulActivation = 0, kSubActivation = 0;
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
// ResizeBilinearOptions
inline constexpr std::uint32_t kBilinearAlignCorners = 2, kBilinearHalfPixelCenters = 3;
// TransposeConvOptions
inline constexpr std::uint32_t kTransposeConvPadding = 0, kTransposeConvStrideWidth = 1,
                               kTransposeConvStrideHeight = 2, kTransposeConvActivation = 3;
// BatchMatMulOptions
inline constexpr std::uint32_t kMatmulTransposeA = 0, kMatmulTransposeB = 1;
// L2NormOptions, DivOptions
inline constexpr std::uint32_t kL2NormActivation = 0, kDivActivation = 0;
// SVDFOptions
inline constexpr std::uint32_t kSvdfRank = 0;
// UnidirectionalSequenceLSTMOptions
inline constexpr std::uint32_t kLstmActivation = 0, kLstmCellClip = 1, kLstmProjectionClip = 2,
                               kLstmTimeMajor = 3;
// CallOnceOptions
inline constexpr std::uint32_t kCallOnceSubgraph = 0;
// VarHandleOptions
inline constexpr std::uint32_t kVariableContainer = 0, kVariableName = 1;
// ReshapeOptions, SqueezeOptions
inline constexpr std::uint32_t kReshapeShape = 0, kSqueezeDimensions = 0;
}  // namespace slot

}  // namespace sotto::model_compiler
