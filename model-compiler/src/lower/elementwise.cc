// ADD, RESHAPE and SOFTMAX: operators that go through their elements in order.
#include <algorithm>
#include <cmath>

#include "lower/lowering.h"
#include "lower/tensor_lowering.h"

namespace sotto::model_compiler {
namespace {

// quantize_multiplier() of a number below 1: a multiplication and a shift to the right.
Result<QuantizedMultiplier> fraction_multiplier(double real) {
  const QuantizedMultiplier result = quantize_multiplier(real);
  if (!(real > 0) || result.shift > 0) return invalid_argument("its scales are too far apart");
  return result;
}

constexpr std::int32_t kAddLeftShift = 20;

Status set_add_multipliers(device::AddParameters& p, double first, double second, double output) {
  const double twice_max = 2 * std::max(first, second);
  const auto a = fraction_multiplier(first / twice_max);
  const auto b = fraction_multiplier(second / twice_max);
  const auto out = fraction_multiplier(twice_max / ((1 << kAddLeftShift) * output));
  if (!a) return a.error();
  if (!b) return b.error();
  if (!out) return out.error();
  p.left_shift = kAddLeftShift;
  p.input_multiplier[0] = a->multiplier;
  p.input_shift[0] = static_cast<std::int8_t>(a->shift);
  p.input_multiplier[1] = b->multiplier;
  p.input_shift[1] = static_cast<std::int8_t>(b->shift);
  p.output_multiplier = out->multiplier;
  p.output_shift = static_cast<std::int8_t>(out->shift);
  return {};
}

// Every value from 0 to 1 that the type has room for.
Status check_probabilities(const Lowering& lowering, std::uint32_t index) {
  const Tensor& output = lowering.tensor(index);
  if (output.type == TensorType::kInt8) {
    if (scale_of(output) == 1.0f / 256 && zero_point_of(output) == -128) return {};
    return lowering.refuse(index, "the output of SOFTMAX must have scale 1/256 and zero point -128");
  }
  const bool fits = output.quantization.scales.size() == 1 &&
                    std::abs(scale_of(output) - 1.0f / 65536) <= 0.001f / 65536 &&
                    zero_point_of(output) == -32768;
  if (fits) return {};
  return lowering.refuse(index, "an INT16 output of SOFTMAX must have scale 1/65536 and zero point -32768");
}

}  // namespace

Status lower_add(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto a = lowering.input(op, 0);
  const auto b = lowering.input(op, 1);
  const auto out = lowering.output(op, 0);
  if (!a) return a.error();
  if (!b) return b.error();
  if (!out) return out.error();
  const Tensor& output = lowering.tensor(*out);
  for (const std::uint32_t tensor : {*a, *b}) {
    const Tensor& input = lowering.tensor(tensor);
    if (input.is_constant() || input.shape != output.shape) return lower_broadcast(op, lowering, lowered);
  }
  for (const std::uint32_t tensor : {*a, *b, *out})
    SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(tensor));
  device::AddParameters p{};
  SOTTO_RETURN_IF_ERROR(
      set_add_multipliers(p, scale_of(lowering.tensor(*a)), scale_of(lowering.tensor(*b)), scale_of(output)));
  const auto range = fused_activation(op, slot::kAddActivation, output);
  if (!range) return range.error();
  p.count = output.elements;
  p.input_zero_point[0] = static_cast<std::int8_t>(zero_point_of(lowering.tensor(*a)));
  p.input_zero_point[1] = static_cast<std::int8_t>(zero_point_of(lowering.tensor(*b)));
  p.output_zero_point = static_cast<std::int8_t>(zero_point_of(output));
  p.activation_min = range->min;
  p.activation_max = range->max;
  const auto kernel = lowering.kernel(device::KernelKind::kAdd);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  Lowering::set_parameters(lowered, p);
  lowered.inputs = {lowering.arena_operand(*a), lowering.arena_operand(*b)};
  lowered.outputs = {lowering.arena_operand(*out)};
  lowered.overlaps.assign(2, elementwise_overlap(p.count, 1, 1));
  return {};
}

Status lower_reshape(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto in = lowering.input(op, 0);
  const auto out = lowering.output(op, 0);
  if (!in) return in.error();
  if (!out) return out.error();
  const Tensor& input = lowering.tensor(*in);
  const Tensor& output = lowering.tensor(*out);
  if (input.type != output.type || input.elements != output.elements || input.bytes == 0) {
    return lowering.refuse(*out, "it does not hold the elements of the operator's input");
  }
  if (input.is_constant())
    return lowering.refuse(*in, "it is a constant where a computed tensor is expected");
  const auto kernel = lowering.kernel(device::KernelKind::kCopy);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  Lowering::set_parameters(lowered, device::CopyParameters{input.bytes});
  lowered.inputs = {lowering.arena_operand(*in)};
  lowered.outputs = {lowering.arena_operand(*out)};
  lowered.overlaps = {elementwise_overlap(input.bytes, 1, 1)};
  lowered.in_place = true;
  return {};
}

Status lower_variable(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto in = lowering.input(op, 0);
  const auto out = lowering.output(op, 0);
  if (!in) return in.error();
  if (!out) return out.error();
  const std::uint32_t bytes = lowering.tensor(*out).bytes;
  if (bytes == 0 || bytes != lowering.tensor(*in).bytes)
    return lowering.refuse(*out, "it has not the bytes of its variable");
  const auto kernel = lowering.kernel(device::KernelKind::kCopy);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  Lowering::set_parameters(lowered, device::CopyParameters{bytes});
  lowered.inputs = {data_operand(lowering, lowered, *in)};
  lowered.outputs = {lowering.arena_operand(*out)};
  lowered.overlaps = {elementwise_overlap(bytes, 1, 1)};
  return {};
}

Status lower_softmax(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  constexpr int kDifferenceIntegerBits = 5;
  const auto in = lowering.input(op, 0);
  const auto out = lowering.output(op, 0);
  if (!in) return in.error();
  if (!out) return out.error();
  const Tensor& input = lowering.tensor(*in);
  const Tensor& output = lowering.tensor(*out);
  const bool to_int16 = output.type == TensorType::kInt16;
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*in));
  if (!to_int16) SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*out));
  if (input.shape != output.shape || input.shape.empty())
    return lowering.refuse(*out, "its shape is not the input's");
  SOTTO_RETURN_IF_ERROR(check_probabilities(lowering, *out));
  const float beta = op.options.scalar<float>(slot::kSoftmaxBeta, 0);
  const double real =
      std::min(static_cast<double>(beta) * scale_of(input) * (1 << (31 - kDifferenceIntegerBits)),
               static_cast<double>((std::int64_t{1} << 31) - 1));
  if (!(real > 1)) return lowering.refuse(*in, "its scale times beta is too small for SOFTMAX");
  const QuantizedMultiplier multiplier = quantize_multiplier(real);
  device::SoftmaxParameters p{};
  p.depth = input.shape.back();
  p.rows = input.elements / p.depth;
  if (p.depth > 4095) return lowering.refuse(*in, "SOFTMAX over more than 4095 values is not supported");
  p.input_multiplier = multiplier.multiplier;
  p.input_left_shift = multiplier.shift;
  if (p.input_left_shift > 30) return lowering.refuse(*in, "its scale times beta is too large for SOFTMAX");
  const double radius = static_cast<double>((1 << kDifferenceIntegerBits) - 1) *
                        static_cast<double>(std::int64_t{1} << (31 - kDifferenceIntegerBits)) /
                        static_cast<double>(std::int64_t{1} << p.input_left_shift);
  p.difference_min = -static_cast<std::int32_t>(std::floor(radius));
  const auto kernel =
      lowering.kernel(to_int16 ? device::KernelKind::kSoftmaxToInt16 : device::KernelKind::kSoftmax);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  Lowering::set_parameters(lowered, p);
  lowered.inputs = {lowering.arena_operand(*in)};
  lowered.outputs = {lowering.arena_operand(*out)};
  lowered.overlaps = {elementwise_overlap(input.elements, 1, to_int16 ? 2 : 1)};
  return {};
}

}  // namespace sotto::model_compiler
