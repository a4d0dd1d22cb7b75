// Lowering of operators without weights, and what its files share.
#pragma once

#include "lower/lowering.h"
#include "tensor/lookup_tables.h"
#include "tensor/output_shapes.h"

namespace sotto::model_compiler {

// RELU, RELU6, RELU_N1_TO_1, RELU_0_TO_1, LEAKY_RELU, LOGISTIC, TANH, HARD_SWISH, GELU, ABS.
Status lower_lookup(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// Between float32 and 8 bits, and between 8-bit types.
Status lower_quantize(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_dequantize(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// ADD of tensors that broadcast, SUB, MUL, MAXIMUM, MINIMUM, PRELU.
Status lower_broadcast(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// What rearranged_blocks.h lists.
Status lower_rearrangement(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// MEAN, SUM, REDUCE_MAX, REDUCE_MIN.
Status lower_reduction(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// ARG_MAX, ARG_MIN.
Status lower_arg_max(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_resize_nearest(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_resize_bilinear(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_squared_difference(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_divide(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL.
Status lower_comparison(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_select(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_batch_matmul(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
// GATHER, GATHER_ND, EMBEDDING_LOOKUP.
Status lower_gather(const Operator& op, Lowering& lowering, LoweredOperator& lowered);
Status lower_l2_normalization(const Operator& op, Lowering& lowering, LoweredOperator& lowered);

// The operator's inputs that hold data (`count` of them from `first` on) and outputs, all there.
struct DataOperands {
  std::vector<std::uint32_t> inputs, outputs;
};
[[nodiscard]] Result<DataOperands> data_operands(const Operator& op, const Lowering& lowering,
                                                 std::span<const std::size_t> inputs);

// An 8-bit tensor with one scale and one zero point; a constant may be one.
[[nodiscard]] Status require_quantized(const Lowering& lowering, std::uint32_t tensor,
                                       bool unsigned_too = false);
[[nodiscard]] Status require_same_quantization(const Lowering& lowering, std::uint32_t input,
                                               std::uint32_t output);
// What the file says of the outputs is what their operator gives.
[[nodiscard]] Result<std::vector<Shape>> require_output_shapes(const Operator& op, const Lowering& lowering);

// Requires require_quantized().
[[nodiscard]] Affine affine_of(const Tensor& tensor);
// In the arena, or a constant, which is added to the image.
[[nodiscard]] LoweredOperand data_operand(const Lowering& lowering, LoweredOperator& lowered,
                                          std::uint32_t tensor);
// Kernel, parameters, and all inputs and outputs.
template <typename Parameters>
Status set_kernel(const Lowering& lowering, LoweredOperator& lowered, device::KernelKind kind,
                  const Parameters& parameters, const DataOperands& operands) {
  const auto kernel = lowering.kernel(kind);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  Lowering::set_parameters(lowered, parameters);
  for (const std::uint32_t tensor : operands.inputs)
    lowered.inputs.push_back(data_operand(lowering, lowered, tensor));
  for (const std::uint32_t tensor : operands.outputs)
    lowered.outputs.push_back(lowering.arena_operand(tensor));
  return {};
}

// A constant of the image, counted in the operator's report.
template <typename T>
std::uint32_t add_constant(const Lowering& lowering, LoweredOperator& lowered, const std::vector<T>& values) {
  lowered.constant_bytes += static_cast<std::uint32_t>(values.size() * sizeof(T));
  return lowering.image.add(values);
}

// The multiplier as int8 shift and int32; refused when the scales are too far apart for it.
struct Multiplier {
  std::int32_t multiplier = 0;
  std::int8_t shift = 0;
};
[[nodiscard]] Result<Multiplier> multiplier_of(double real);

}  // namespace sotto::model_compiler
