// SVDF.
#include <fmt/core.h>

#include "lower/recurrent.h"
#include "lower/tensor_lowering.h"
#include "lower/variable_tensors.h"
#include "sotto/device_runtime/kernels/recurrent/recurrent_operators.h"
#include "tensor/operands.h"

namespace sotto::model_compiler {
namespace {

enum SvdfInput : std::uint32_t { kInput, kFeatureWeights, kTimeWeights, kBias, kActivationState };

constexpr std::uint32_t kSizeMax = 65535;

// Weights over time are as wide as the state.
Result<std::uint32_t> time_weights(const Operator& op, const Lowering& lowering, std::uint32_t filters) {
  const auto weights = lowering.input(op, kTimeWeights);
  if (!weights) return weights;
  const Tensor& tensor = lowering.tensor(*weights);
  const bool fits = tensor.type == TensorType::kInt8 || tensor.type == TensorType::kInt16;
  if (!fits || !tensor.is_constant() || tensor.shape.size() != 2 || tensor.shape[0] != filters ||
      tensor.shape[1] > kSizeMax) {
    return lowering.refuse(
        *weights, fmt::format("weights over time must be {} rows of INT8 or INT16 constants", filters));
  }
  if (tensor.quantization.scales.size() != 1 || !(scale_of(tensor) > 0) || zero_point_of(tensor) != 0)
    return lowering.refuse(*weights, "it must have one positive scale and zero point 0");
  return weights;
}

struct SvdfTensors {
  std::uint32_t input, feature_weights, time_weights, state, output;
};

Result<SvdfTensors> svdf_tensors(const Operator& op, const Lowering& lowering) {
  const auto input = lowering.input(op, kInput);
  const auto output = lowering.output(op, 0);
  const auto features = lowering.input(op, kFeatureWeights);
  if (!input) return input.error();
  if (!output) return output.error();
  if (!features) return features.error();
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*input));
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(*output));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const std::vector<std::uint32_t>& in = lowering.tensor(*input).shape;
  const std::uint32_t filters = lowering.tensor(*features).shape[0];  // output_shapes() has looked
  if (in[0] > kSizeMax || in[1] > kSizeMax || filters > kSizeMax)
    return lowering.refuse(*input, "SVDF with more than 65535 batches, inputs or filters is not supported");
  const auto matrix = matrix_operand(op, lowering, kFeatureWeights, filters, in[1]);
  if (!matrix) return matrix.error();
  const auto times = time_weights(op, lowering, filters);
  if (!times) return times.error();
  const Tensor& tensor = lowering.tensor(*times);
  const auto state = state_operand(op, lowering, kActivationState, tensor.type, in[0] * tensor.elements);
  if (!state) return state.error();
  return SvdfTensors{*input, *matrix, *times, *state, *output};
}

}  // namespace

Shapes svdf_shapes(const Graph& graph, const Operator& op) {
  const auto in = input_shape(graph, op);
  const auto weights = input_shape(graph, op, kFeatureWeights);
  if (!in) return in.error();
  if (!weights) return weights.error();
  const auto rank = op.options.scalar<std::int32_t>(slot::kSvdfRank, 0);
  if ((*in)->size() != 2 || (*weights)->size() != 2)
    return invalid_argument("its input or its weights have not two dimensions");
  if (rank < 1 || (**weights)[0] % static_cast<std::uint32_t>(rank) != 0)
    return invalid_argument("its rank does not divide its filters");
  return std::vector<Shape>{{(**in)[0], (**weights)[0] / static_cast<std::uint32_t>(rank)}};
}

Status lower_svdf(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto tensors = svdf_tensors(op, lowering);
  if (!tensors) return tensors.error();
  const Tensor& input = lowering.tensor(tensors->input);
  const Tensor& features = lowering.tensor(tensors->feature_weights);
  const Tensor& times = lowering.tensor(tensors->time_weights);
  const Tensor& state = lowering.tensor(tensors->state);
  const Tensor& output = lowering.tensor(tensors->output);
  device::SvdfParameters p{};
  p.batches = input.shape[0];
  p.input_depth = input.shape[1];
  p.filters = features.shape[0];
  p.rank = p.filters / output.shape[1];
  p.memory = times.shape[1];
  const auto biases = bias_operand(op, lowering, kBias, output.shape[1]);
  if (!biases) return biases.error();
  // In single precision, as the reference kernel has it.
  const auto feature = multiplier_of(double{scale_of(input) * scale_of(features) / scale_of(state)});
  const auto time = multiplier_of(double{scale_of(state) * scale_of(times) / scale_of(output)});
  if (!feature) return feature.error();
  if (!time) return time.error();
  p.feature_multiplier = feature->multiplier;
  p.feature_shift = feature->shift;
  p.time_multiplier = time->multiplier;
  p.time_shift = time->shift;
  p.input_zero_point = static_cast<std::int8_t>(zero_point_of(input));
  p.output_zero_point = static_cast<std::int8_t>(zero_point_of(output));
  p.state_zero_point = static_cast<std::int8_t>(zero_point_of(state));
  p.state_bytes = static_cast<std::uint8_t>(tensor_type_bytes(state.type));
  const auto bytes = [](const Tensor& t) {
    return std::vector<std::uint8_t>(t.constant.begin(), t.constant.end());
  };
  p.feature_weights = add_constant(lowering, lowered, bytes(features));
  p.time_weights = add_constant(lowering, lowered, bytes(times));
  p.biases = add_constant(lowering, lowered, *biases);
  lowered.multiply_accumulates =
      saturated_product(p.batches, saturated_product(p.filters, p.input_depth + p.memory));
  return set_kernel(lowering, lowered, device::KernelKind::kSvdf, p,
                    {{tensors->input}, {tensors->output, tensors->state}});
}

}  // namespace sotto::model_compiler
