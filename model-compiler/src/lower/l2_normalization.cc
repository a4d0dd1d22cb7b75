// L2_NORMALIZATION.
#include "lower/tensor_lowering.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"

namespace sotto::model_compiler {

Status lower_l2_normalization(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  constexpr std::size_t kFirst[] = {0};
  constexpr std::uint32_t kDepthMax = 32767;
  const auto operands = data_operands(op, lowering, kFirst);
  if (!operands) return operands.error();
  const std::uint32_t in = operands->inputs[0];
  const std::uint32_t out = operands->outputs[0];
  for (const std::uint32_t tensor : {in, out}) SOTTO_RETURN_IF_ERROR(require_quantized(lowering, tensor));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const Tensor& input = lowering.tensor(in);
  const Tensor& output = lowering.tensor(out);
  if (scale_of(output) != 1.0f / 128 || zero_point_of(output) != 0)
    return lowering.refuse(out, "the output of L2_NORMALIZATION must have scale 1/128 and zero point 0");
  if (input.shape.empty() || input.shape.back() > kDepthMax)
    return lowering.refuse(in, "L2_NORMALIZATION over more than 32767 values is not supported");
  if (op.options.scalar<std::int8_t>(slot::kL2NormActivation, 0) != 0)
    return invalid_argument("its fused activation is not supported");
  const std::uint32_t depth = input.shape.back();
  const device::L2NormalizationParameters p{input.elements / depth, depth, zero_point_of(input)};
  lowered.overlaps = {elementwise_overlap(input.elements, 1, 1)};
  return set_kernel(lowering, lowered, device::KernelKind::kL2Normalization, p, *operands);
}

}  // namespace sotto::model_compiler
