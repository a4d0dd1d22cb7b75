// Operators of two tensors, element by element, which broadcast against each other.
#include <algorithm>

#include "lower/tensor_lowering.h"
#include "tensor/axes.h"

namespace sotto::model_compiler {
namespace {

constexpr std::size_t kBoth[] = {0, 1};
constexpr std::int32_t kAddLeftShift = 20;
constexpr std::int32_t kSquareLeftShift = 7;

device::ElementwiseOperation operation_of(std::int32_t code) {
  switch (code) {
    case builtin::kMul:
      return device::ElementwiseOperation::kMultiply;
    case builtin::kMaximum:
      return device::ElementwiseOperation::kMaximum;
    case builtin::kMinimum:
      return device::ElementwiseOperation::kMinimum;
    case builtin::kPrelu:
      return device::ElementwiseOperation::kPrelu;
    default:
      return device::ElementwiseOperation::kAdd;
  }
}

Status set_multiplier(device::ElementwiseParameters& p, int i, double real) {
  const auto multiplier = multiplier_of(real);
  if (!multiplier) return multiplier.error();
  if (p.operation == device::ElementwiseOperation::kAdd && multiplier->shift > 0)
    return invalid_argument("its scales are too far apart");
  p.multipliers[i] = multiplier->multiplier;
  p.shifts[i] = multiplier->shift;
  return {};
}

// In single precision where the reference kernels use it.
Status set_multipliers(device::ElementwiseParameters& p, std::int32_t code, float a, float b, float output) {
  p.operation = operation_of(code);
  switch (p.operation) {
    case device::ElementwiseOperation::kMultiply:
      return set_multiplier(p, 2, double{a * b / output});
    case device::ElementwiseOperation::kPrelu:
      SOTTO_RETURN_IF_ERROR(set_multiplier(p, 0, double{a / output}));
      return set_multiplier(p, 1, double{a * b / output});
    case device::ElementwiseOperation::kMaximum:
    case device::ElementwiseOperation::kMinimum:
      return {};
    case device::ElementwiseOperation::kAdd:
      break;
  }
  const double twice_max = 2 * double{std::max(a, b)};
  SOTTO_RETURN_IF_ERROR(set_multiplier(p, 0, a / twice_max));
  SOTTO_RETURN_IF_ERROR(set_multiplier(p, 1, b / twice_max));
  SOTTO_RETURN_IF_ERROR(set_multiplier(p, 2, twice_max / ((1 << kAddLeftShift) * double{output})));
  if (code == builtin::kSub) p.multipliers[1] = -p.multipliers[1];
  return {};
}

Status set_activation(device::ElementwiseParameters& p, const Operator& op, const Tensor& output) {
  const bool has_activation = op.code == builtin::kAdd || op.code == builtin::kSub ||
                              op.code == builtin::kMul || op.code == builtin::kDiv;
  static_assert(slot::kAddActivation == slot::kSubActivation &&
                slot::kAddActivation == slot::kMulActivation && slot::kAddActivation == slot::kDivActivation);
  const auto range = has_activation ? fused_activation(op, slot::kAddActivation, output) : ActivationRange{};
  if (!range) return range.error();
  p.activation_min = range->min;
  p.activation_max = range->max;
  return {};
}

Status set_axes(device::ElementwiseParameters& p, const Tensor& a, const Tensor& b, const Tensor& output) {
  const std::vector<device::Axis> axes = broadcast_axes(output.shape, a.shape, b.shape);
  p.rank = static_cast<std::uint8_t>(axes.size());
  std::copy(axes.begin(), axes.end(), p.axes);
  return {};
}

// The multipliers and the operation, which kernels of their own do not read.
using SetOperation = Status (*)(device::ElementwiseParameters& p, std::int32_t code, float a, float b,
                                float output);

Status lower_pairs(const Operator& op, Lowering& lowering, LoweredOperator& lowered, device::KernelKind kind,
                   SetOperation set_operation) {
  const auto operands = data_operands(op, lowering, kBoth);
  if (!operands) return operands.error();
  const std::uint32_t out = operands->outputs[0];
  SOTTO_RETURN_IF_ERROR(require_quantized(lowering, out));
  device::ElementwiseParameters p{};
  const bool raw = op.code == builtin::kMaximum || op.code == builtin::kMinimum;
  for (std::size_t i = 0; i < 2; ++i) {
    const std::uint32_t in = operands->inputs[i];
    SOTTO_RETURN_IF_ERROR(require_quantized(lowering, in));
    if (raw) SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, in, out));
    p.input_zero_points[i] = static_cast<std::int8_t>(zero_point_of(lowering.tensor(in)));
  }
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const Tensor& a = lowering.tensor(operands->inputs[0]);
  const Tensor& b = lowering.tensor(operands->inputs[1]);
  const Tensor& output = lowering.tensor(out);
  p.output_zero_point = static_cast<std::int8_t>(zero_point_of(output));
  SOTTO_RETURN_IF_ERROR(set_operation(p, op.code, scale_of(a), scale_of(b), scale_of(output)));
  SOTTO_RETURN_IF_ERROR(set_activation(p, op, output));
  SOTTO_RETURN_IF_ERROR(set_axes(p, a, b, output));
  // An input that is not broadcast is read once, in the output's order.
  for (const Tensor* input : {&a, &b}) {
    lowered.overlaps.push_back(input->elements == output.elements ? elementwise_overlap(output.elements, 1, 1)
                                                                  : Overlap{});
  }
  return set_kernel(lowering, lowered, kind, p, *operands);
}

}  // namespace

Status lower_broadcast(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  return lower_pairs(op, lowering, lowered, device::KernelKind::kElementwise, set_multipliers);
}

Status lower_squared_difference(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  return lower_pairs(
      op, lowering, lowered, device::KernelKind::kSquaredDifference,
      [](device::ElementwiseParameters& p, std::int32_t, float a, float b, float output) -> Status {
        const double twice_max = 2 * double{std::max(a, b)};
        SOTTO_RETURN_IF_ERROR(set_multiplier(p, 0, a / twice_max));
        SOTTO_RETURN_IF_ERROR(set_multiplier(p, 1, b / twice_max));
        // The product with the output's scale in single precision, as the reference kernel has it.
        const float fine = static_cast<float>(1 << 2 * kSquareLeftShift) * output;
        return set_multiplier(p, 2, twice_max * twice_max / double{fine});
      });
}

Status lower_divide(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  return lower_pairs(
      op, lowering, lowered, device::KernelKind::kDivide,
      [](device::ElementwiseParameters& p, std::int32_t, float a, float b, float output) -> Status {
        constexpr std::int32_t kShiftMax = 20;
        SOTTO_RETURN_IF_ERROR(set_multiplier(p, 2, double{a / (b * output)}));
        if (p.shifts[2] > kShiftMax) return invalid_argument("its scales are too far apart");
        return {};
      });
}

}  // namespace sotto::model_compiler
