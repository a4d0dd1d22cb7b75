#include "lower/variable_tensors.h"

#include <fmt/core.h>

#include <cstring>

#include "lower/tensor_lowering.h"
#include "lower/weights.h"

namespace sotto::model_compiler {

Result<std::uint32_t> state_operand(const Operator& op, const Lowering& lowering, std::uint32_t i,
                                    TensorType type, std::uint32_t elements) {
  const auto state = lowering.input(op, i);
  if (!state) return state;
  const Tensor& tensor = lowering.tensor(*state);
  if (!tensor.is_variable) return lowering.refuse(*state, "a state must be a variable");
  if (tensor.type != type || tensor.elements != elements) {
    return lowering.refuse(*state,
                           fmt::format("a state of {} {} is expected", elements, tensor_type_name(type)));
  }
  if (type == TensorType::kInt8) {
    SOTTO_RETURN_IF_ERROR(require_quantized(lowering, *state));
  } else if (tensor.quantization.scales.size() != 1 || !(scale_of(tensor) > 0) ||
             zero_point_of(tensor) != 0) {
    return lowering.refuse(*state, "it must have one positive scale and zero point 0");
  }
  return state;
}

Result<std::uint32_t> matrix_operand(const Operator& op, const Lowering& lowering, std::uint32_t i,
                                     std::uint32_t rows, std::uint32_t columns) {
  const auto weights = lowering.input(op, i);
  if (!weights) return weights;
  SOTTO_RETURN_IF_ERROR(check_weights(lowering, *weights, 0));
  const Tensor& tensor = lowering.tensor(*weights);
  if (tensor.quantization.scales.size() != 1) return lowering.refuse(*weights, "it must have one scale");
  if (tensor.shape != std::vector<std::uint32_t>{rows, columns})
    return lowering.refuse(*weights, fmt::format("its shape must be {}x{}", rows, columns));
  return weights;
}

Result<std::vector<std::int32_t>> bias_operand(const Operator& op, const Lowering& lowering, std::uint32_t i,
                                               std::uint32_t count) {
  std::vector<std::int32_t> biases(count);
  if (i >= op.inputs.size() || op.inputs[i] == kAbsentTensor) return biases;
  const auto index = static_cast<std::uint32_t>(op.inputs[i]);
  const Tensor& tensor = lowering.tensor(index);
  if (tensor.type != TensorType::kInt32 || tensor.constant.size() != count * sizeof(std::int32_t))
    return lowering.refuse(index, fmt::format("a bias must be {} constants of INT32", count));
  std::memcpy(biases.data(), tensor.constant.data(), tensor.constant.size());
  return biases;
}

}  // namespace sotto::model_compiler
