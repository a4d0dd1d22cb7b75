// Names of the schema's numbers, for messages and reports.
#include "tflite/schema.h"

namespace sotto::model_compiler {
namespace {

#define SOTTO_BUILTIN_NAME(constant, name) name,
constexpr const char* kOperatorNames[] = {SOTTO_BUILTIN_OPERATORS(SOTTO_BUILTIN_NAME)};
#undef SOTTO_BUILTIN_NAME

}  // namespace

const char* builtin_operator_name(std::int32_t code) {
  constexpr auto kCount = static_cast<std::int32_t>(sizeof kOperatorNames / sizeof kOperatorNames[0]);
  return code >= 0 && code < kCount ? kOperatorNames[code] : "UNKNOWN";
}

const char* tensor_type_name(TensorType type) {
  switch (type) {
    case TensorType::kFloat32:
      return "FLOAT32";
    case TensorType::kFloat16:
      return "FLOAT16";
    case TensorType::kInt32:
      return "INT32";
    case TensorType::kUint8:
      return "UINT8";
    case TensorType::kInt64:
      return "INT64";
    case TensorType::kString:
      return "STRING";
    case TensorType::kBool:
      return "BOOL";
    case TensorType::kInt16:
      return "INT16";
    case TensorType::kInt8:
      return "INT8";
    case TensorType::kFloat64:
      return "FLOAT64";
    case TensorType::kInt4:
      return "INT4";
    case TensorType::kComplex64:
      return "COMPLEX64";
    case TensorType::kResource:
      return "RESOURCE";
    case TensorType::kVariant:
      return "VARIANT";
  }
  return "UNKNOWN";
}

std::uint32_t tensor_type_bytes(TensorType type) {
  switch (type) {
    case TensorType::kUint8:
    case TensorType::kBool:
    case TensorType::kInt8:
      return 1;
    case TensorType::kFloat16:
    case TensorType::kInt16:
      return 2;
    case TensorType::kFloat32:
    case TensorType::kInt32:
      return 4;
    case TensorType::kInt64:
    case TensorType::kFloat64:
    case TensorType::kComplex64:
      return 8;
    case TensorType::kString:
    case TensorType::kResource:
    case TensorType::kVariant:
    case TensorType::kInt4:
      break;
  }
  return 0;
}

}  // namespace sotto::model_compiler
