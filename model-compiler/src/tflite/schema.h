// The numbers of the .tflite schema (version 3) that the compiler reads: enumerations, and the slots of table
// fields.
#pragma once

#include <cstdint>

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
  kInt8 = 9,
  kFloat64 = 10,
  kInt4 = 17,
};

// FLOAT32; UNKNOWN for a number without a name.
[[nodiscard]] const char* tensor_type_name(TensorType type);
// Bytes of one element; 0 when elements have no whole number of bytes.
[[nodiscard]] std::uint32_t tensor_type_bytes(TensorType type);

enum class Activation : std::int8_t { kNone = 0, kRelu = 1, kReluN1To1 = 2, kRelu6 = 3 };
enum class Padding : std::int8_t { kSame = 0, kValid = 1 };

namespace builtin {
inline constexpr std::int32_t kAdd = 0;
inline constexpr std::int32_t kAveragePool2d = 1;
inline constexpr std::int32_t kConv2d = 3;
inline constexpr std::int32_t kDepthwiseConv2d = 4;
inline constexpr std::int32_t kFullyConnected = 9;
inline constexpr std::int32_t kMaxPool2d = 17;
inline constexpr std::int32_t kReshape = 22;
inline constexpr std::int32_t kSoftmax = 25;
inline constexpr std::int32_t kCustom = 32;
}  // namespace builtin

// CONV_2D; UNKNOWN for a number without a name.
[[nodiscard]] const char* builtin_operator_name(std::int32_t code);

namespace slot {
// Model
inline constexpr std::uint32_t kModelVersion = 0, kModelOperatorCodes = 1, kModelSubgraphs = 2,
                               kModelBuffers = 4;
// OperatorCode
inline constexpr std::uint32_t kCodeDeprecatedBuiltin = 0, kCodeCustom = 1, kCodeVersion = 2,
                               kCodeBuiltin = 3;
// SubGraph
inline constexpr std::uint32_t kGraphTensors = 0, kGraphInputs = 1, kGraphOutputs = 2, kGraphOperators = 3;
// Tensor
inline constexpr std::uint32_t kTensorShape = 0, kTensorType = 1, kTensorBuffer = 2, kTensorName = 3,
                               kTensorQuantization = 4, kTensorIsVariable = 5, kTensorSparsity = 6,
                               kTensorShapeSignature = 7;
// QuantizationParameters
inline constexpr std::uint32_t kQuantizationScale = 2, kQuantizationZeroPoint = 3, kQuantizationDimension = 6;
// Buffer
inline constexpr std::uint32_t kBufferData = 0, kBufferOffset = 1;
// Operator
inline constexpr std::uint32_t kOperatorCode = 0, kOperatorInputs = 1, kOperatorOutputs = 2,
                               kOperatorOptions = 4;
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
// FullyConnectedOptions
inline constexpr std::uint32_t kFullyConnectedActivation = 0, kFullyConnectedWeightsFormat = 1;
// AddOptions
inline constexpr std::uint32_t kAddActivation = 0;
// SoftmaxOptions
inline constexpr std::uint32_t kSoftmaxBeta = 0;
}  // namespace slot

}  // namespace sotto::model_compiler
