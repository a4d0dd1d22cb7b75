#include "lower/weights.h"

#include <fmt/core.h>

#include <cmath>

#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::model_compiler {

std::span<const std::int8_t> int8_values(const Tensor& tensor) {
  return {reinterpret_cast<const std::int8_t*>(tensor.constant.data()), tensor.constant.size()};
}

Status check_weights(const Lowering& lowering, std::uint32_t index, std::int32_t channel_dimension) {
  const Tensor& weights = lowering.tensor(index);
  if (weights.type != TensorType::kInt8) {
    return lowering.refuse(index, std::string("weights of type ") + tensor_type_name(weights.type) +
                                      " are not supported, INT8 weights are");
  }
  if (!weights.is_constant()) return lowering.refuse(index, "weights that are computed are not supported");
  const Quantization& q = weights.quantization;
  const bool per_channel = q.scales.size() > 1;
  const auto dimension = static_cast<std::uint32_t>(channel_dimension);
  if (q.scales.empty() ||
      (per_channel && (q.dimension != channel_dimension || dimension >= weights.shape.size() ||
                       q.scales.size() != weights.shape[dimension]))) {
    return lowering.refuse(index, "its scales are neither one nor one per output channel");
  }
  for (std::uint32_t i = 0; i < q.scales.size(); ++i) {
    if (!(q.scales[i] >= 0) || !std::isfinite(q.scales[i])) {
      return lowering.refuse(index, fmt::format("scale {} is no number from 0 on", i));
    }
  }
  for (std::uint32_t i = 0; i < q.zero_points.size(); ++i) {
    if (q.zero_points[i] != 0)
      return lowering.refuse(index, "weights with a zero point other than 0 are not supported");
  }
  return {};
}

Status refuse_float_layer(const Lowering& lowering, std::uint32_t weights) {
  return lowering.refuse(weights,
                         "these weights are INT8, but the layer is computed in float32 (weight-only or "
                         "dynamic-range quantisation): convert the model with full integer quantisation");
}

Status check_bias_scale(const Lowering& lowering, const LayerTensors& tensors) {
  constexpr double kDifferenceMax = 0.02;  // of the output's scale
  if (!tensors.bias) return {};
  const FlatVector<float> biases = lowering.tensor(*tensors.bias).quantization.scales;
  const FlatVector<float> weights = lowering.tensor(tensors.weights).quantization.scales;
  if (biases.empty() || weights.empty()) return {};
  if (biases.size() > 1 && biases.size() != weights.size()) {
    return lowering.refuse(
        *tensors.bias, fmt::format("it has {} scales; the weights have {}", biases.size(), weights.size()));
  }
  const double input = scale_of(lowering.tensor(tensors.input));
  const double output = scale_of(lowering.tensor(tensors.output));
  for (std::uint32_t i = 0; i < biases.size(); ++i) {
    const double product = input * weights[i];
    if (std::abs(product - biases[i]) <= kDifferenceMax * output) continue;
    return lowering.refuse(
        *tensors.bias, fmt::format("its scale {} is {:.6g}; the scales of input and weights make {:.6g}", i,
                                   biases[i], product));
  }
  return {};
}

Result<LayerTensors> layer_tensors(const Operator& op, const Lowering& lowering) {
  LayerTensors tensors;
  const auto input = lowering.input(op, 0);
  const auto weights = lowering.input(op, 1);
  const auto output = lowering.output(op, 0);
  if (!input) return input.error();
  if (!weights) return weights.error();
  if (!output) return output.error();
  tensors.input = *input;
  tensors.weights = *weights;
  tensors.output = *output;
  if (lowering.tensor(tensors.input).type == TensorType::kFloat32 &&
      lowering.tensor(tensors.weights).type == TensorType::kInt8) {
    return refuse_float_layer(lowering, tensors.weights);
  }
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(tensors.input));
  SOTTO_RETURN_IF_ERROR(lowering.require_int8_activation(tensors.output));
  if (op.inputs.size() == 3 && op.inputs[2] != kAbsentTensor) {
    const auto bias = static_cast<std::uint32_t>(op.inputs[2]);
    const Tensor& t = lowering.tensor(bias);
    if (t.type != TensorType::kInt32 || !t.is_constant()) {
      return lowering.refuse(bias, "a bias must be constant INT32");
    }
    tensors.bias = bias;
  }
  return tensors;
}

Result<std::vector<std::int32_t>> folded_biases(const Lowering& lowering, const LayerTensors& tensors,
                                                const WeightMatrix& matrix) {
  std::vector<std::int32_t> biases(matrix.channels);
  if (tensors.bias) {
    const Bytes constant = lowering.tensor(*tensors.bias).constant;
    if (constant.size() != biases.size() * sizeof(std::int32_t)) {
      return lowering.refuse(*tensors.bias, "a bias must have one value per output channel");
    }
    std::memcpy(biases.data(), constant.data(), constant.size());
  }
  SOTTO_RETURN_IF_ERROR(check_bias_scale(lowering, tensors));
  const std::int32_t zero_point = zero_point_of(lowering.tensor(tensors.input));
  for (std::uint32_t channel = 0; channel < matrix.channels; ++channel) {
    std::int32_t sum = 0;  // at most 2^16 terms of 2^7
    const std::int8_t* weight = matrix.values.data() + channel * matrix.channel_stride;
    for (std::uint32_t i = 0; i < matrix.length; ++i) sum += weight[i * matrix.weight_stride];
    biases[channel] = device::wrapping_add(biases[channel], device::wrapping_multiply(-zero_point, sum));
  }
  return biases;
}

device::ChannelRequantization add_requantization(Lowering& lowering, LoweredOperator& lowered,
                                                 const std::vector<std::int32_t>& biases,
                                                 const std::vector<QuantizedMultiplier>& multipliers) {
  std::vector<std::int32_t> values;
  std::vector<std::int8_t> shifts;
  for (const QuantizedMultiplier& multiplier : multipliers) {
    values.push_back(multiplier.multiplier);
    shifts.push_back(static_cast<std::int8_t>(multiplier.shift));
  }
  lowered.constant_bytes += static_cast<std::uint32_t>(4 * biases.size() + 5 * multipliers.size());
  return {lowering.image.add(biases), lowering.image.add(values), lowering.image.add(shifts)};
}

Result<QuantizedMultiplier> layer_multiplier(const Lowering& lowering, std::uint32_t weights, double real) {
  if (!std::isfinite(real) || real < 0)
    return lowering.refuse(weights, "its scale gives no finite multiplier");
  const QuantizedMultiplier multiplier = quantize_multiplier(real);
  if (multiplier.shift > 30) return lowering.refuse(weights, "its scale is too large for the output's");
  return multiplier;
}

Result<std::vector<QuantizedMultiplier>> channel_multipliers(const Lowering& lowering,
                                                             const LayerTensors& tensors,
                                                             std::uint32_t channels) {
  const Tensor& weights = lowering.tensor(tensors.weights);
  const double input_scale = scale_of(lowering.tensor(tensors.input));
  const double output_scale = scale_of(lowering.tensor(tensors.output));
  std::vector<QuantizedMultiplier> multipliers;
  for (std::uint32_t channel = 0; channel < channels; ++channel) {
    const double weight_scale =
        weights.quantization.scales[weights.quantization.scales.size() > 1 ? channel : 0];
    const auto multiplier =
        layer_multiplier(lowering, tensors.weights, input_scale * weight_scale / output_scale);
    if (!multiplier) return multiplier.error();
    multipliers.push_back(*multiplier);
  }
  return multipliers;
}

std::uint32_t add_weights(Lowering& lowering, LoweredOperator& lowered, const void* parameters,
                          std::span<const std::int8_t> weights) {
  if (lowered.kernel->pack == nullptr) {
    lowered.constant_bytes += static_cast<std::uint32_t>(weights.size());
    return lowering.image.add(weights);
  }
  const std::vector<std::int8_t> packed = lowered.kernel->pack(parameters, weights);
  lowered.constant_bytes += static_cast<std::uint32_t>(packed.size());
  return lowering.image.add(packed);
}

}  // namespace sotto::model_compiler
