// FULLY_CONNECTED, quantised per tensor or, as newer converters do, per channel.
#include "lower/lowering.h"
#include "lower/weights.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::model_compiler {
namespace {

// One multiplier, or one per output. A single scale is multiplied in single precision, as the reference does.
Result<std::vector<QuantizedMultiplier>> multipliers_of(const Lowering& lowering,
                                                        const LayerTensors& tensors) {
  const Quantization& q = lowering.tensor(tensors.weights).quantization;
  const float input_scale = scale_of(lowering.tensor(tensors.input));
  const double output_scale = scale_of(lowering.tensor(tensors.output));
  std::vector<QuantizedMultiplier> multipliers;
  for (std::uint32_t i = 0; i < q.scales.size(); ++i) {
    const double product = q.scales.size() == 1 ? static_cast<double>(input_scale * q.scales[0])
                                                : static_cast<double>(input_scale) * q.scales[i];
    const auto multiplier = layer_multiplier(lowering, tensors.weights, product / output_scale);
    if (!multiplier) return multiplier.error();
    multipliers.push_back(*multiplier);
  }
  return multipliers;
}

Status set_shape(device::FullyConnectedParameters& p, const Lowering& lowering, const LayerTensors& tensors) {
  const Tensor& input = lowering.tensor(tensors.input);
  const Tensor& weights = lowering.tensor(tensors.weights);
  const Tensor& output = lowering.tensor(tensors.output);
  if (weights.shape.size() != 2) return lowering.refuse(tensors.weights, "weights must have two dimensions");
  p.output_depth = weights.shape[0];
  p.input_depth = weights.shape[1];
  if (p.input_depth > device::kDotProductLengthMax) {
    return lowering.refuse(tensors.weights, "an output has more than 65536 weights");
  }
  if (input.elements % p.input_depth != 0) {
    return lowering.refuse(tensors.input, "its size is no multiple of the weights' columns");
  }
  p.rows = input.elements / p.input_depth;
  if (std::uint64_t{p.rows} * p.output_depth != output.elements) {
    return lowering.refuse(tensors.output, "its size is not rows of the input times rows of the weights");
  }
  return {};
}

}  // namespace

Status lower_fully_connected(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto tensors = layer_tensors(op, lowering);
  if (!tensors) return tensors.error();
  SOTTO_RETURN_IF_ERROR(check_weights(lowering, tensors->weights, 0));
  if (op.options.scalar<std::int8_t>(slot::kFullyConnectedWeightsFormat, 0) != 0) {
    return lowering.refuse(tensors->weights, "shuffled weights are not supported");
  }
  device::FullyConnectedParameters p{};
  SOTTO_RETURN_IF_ERROR(set_shape(p, lowering, *tensors));
  SOTTO_RETURN_IF_ERROR(set_quantization(p, op, slot::kFullyConnectedActivation, lowering, *tensors));
  const auto kernel = lowering.kernel(device::KernelKind::kFullyConnected);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  const std::span<const std::int8_t> values = int8_values(lowering.tensor(tensors->weights));
  const auto biases =
      folded_biases(lowering, *tensors, {values, p.output_depth, p.input_depth, p.input_depth, 1});
  if (!biases) return biases.error();
  const auto multipliers = multipliers_of(lowering, *tensors);
  if (!multipliers) return multipliers.error();
  p.per_channel = multipliers->size() > 1 ? 1 : 0;
  p.weights = add_weights(lowering, lowered, &p, values);
  p.requantization = add_requantization(lowering, lowered, *biases, *multipliers);
  Lowering::set_parameters(lowered, p);
  lowered.inputs = {lowering.arena_operand(tensors->input)};
  lowered.outputs = {lowering.arena_operand(tensors->output)};
  if (lowered.kernel->scratch_bytes != nullptr) lowered.scratch_bytes = lowered.kernel->scratch_bytes(&p);
  lowered.multiply_accumulates = saturated_product(lowering.tensor(tensors->output).elements, p.input_depth);
  return {};
}

}  // namespace sotto::model_compiler
