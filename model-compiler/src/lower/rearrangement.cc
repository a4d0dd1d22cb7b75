// Operators that only move bytes.
#include "lower/tensor_lowering.h"
#include "tensor/operands.h"
#include "tensor/rearranged_blocks.h"

namespace sotto::model_compiler {
namespace {

// What padding holds: zero, or the constant of PADV2, which must be on the output's scale.
Result<std::int8_t> fill_of(const Operator& op, const Lowering& lowering, std::uint32_t output) {
  const Tensor& tensor = lowering.tensor(output);
  const bool is_byte = tensor.type == TensorType::kInt8 || tensor.type == TensorType::kUint8;
  if (op.code != builtin::kPadV2) return static_cast<std::int8_t>(is_byte ? zero_point_of(tensor) : 0);
  const auto value = lowering.input(op, 2);
  if (!value) return value.error();
  const Tensor& constant = lowering.tensor(*value);
  if (!is_byte || !constant.is_constant() || constant.bytes != 1)
    return lowering.refuse(*value, "the value to pad with must be an 8-bit constant");
  SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, *value, output));
  return static_cast<std::int8_t>(constant.constant[0]);
}

Status lower_plain_copy(Lowering& lowering, LoweredOperator& lowered, const DataOperands& operands) {
  const std::uint32_t bytes = lowering.tensor(operands.outputs[0]).bytes;
  lowered.overlaps = {elementwise_overlap(bytes, 1, 1)};
  lowered.in_place = true;
  return set_kernel(lowering, lowered, device::KernelKind::kCopy, device::CopyParameters{bytes}, operands);
}

}  // namespace

Status lower_rearrangement(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const auto moves = rearranged(lowering.graph, op, *shapes);
  if (!moves) return moves.error();
  const auto operands = data_operands(op, lowering, moves->data_inputs);
  if (!operands) return operands.error();
  for (const std::uint32_t input : operands->inputs) {
    for (const std::uint32_t output : operands->outputs)
      SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, input, output));
  }
  const Tensor& output = lowering.tensor(operands->outputs[0]);
  if (tensor_type_bytes(output.type) == 0)
    return lowering.refuse(operands->outputs[0], "elements of its type are no whole bytes");
  // The beginning of a tensor is no copy of it.
  const Tensor& first = lowering.tensor(operands->inputs[0]);
  const bool whole =
      operands->outputs.size() == 1 && !first.is_constant() && first.elements == output.elements;
  if (whole && is_plain_copy(moves->blocks, output.elements))
    return lower_plain_copy(lowering, lowered, *operands);
  const auto words = encode(moves->blocks, tensor_type_bytes(output.type));
  if (!words) return invalid_argument("it moves through more dimensions than are supported");
  const auto lead = ascending_lead(moves->blocks, tensor_type_bytes(output.type));
  if (lead && operands->outputs.size() == 1 && operands->inputs.size() == 1) {
    Overlap overlap;
    overlap.ascending = *lead;
    lowered.overlaps = {overlap};
  }
  device::RearrangeParameters p{};
  p.block_count = static_cast<std::uint32_t>(moves->blocks.size());
  p.block_bytes = static_cast<std::uint32_t>(words->size() * sizeof(std::uint32_t));
  p.blocks = add_constant(lowering, lowered, *words);
  if (moves->fills) {
    const auto fill = fill_of(op, lowering, operands->outputs[0]);
    if (!fill) return fill.error();
    p.fill = *fill;
    p.fills = 1;
  }
  const bool pads = op.code == builtin::kPad || op.code == builtin::kPadV2;
  return set_kernel(lowering, lowered, pads ? device::KernelKind::kPad : device::KernelKind::kRearrange, p,
                    *operands);
}

}  // namespace sotto::model_compiler
