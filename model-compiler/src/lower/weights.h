// Constant weights and biases of convolutions and fully connected layers, checked, folded and put into the
// image.
#pragma once

#include "lower/lowering.h"

namespace sotto::model_compiler {

// A layer's weights as kernels see them: for each output channel where its weights are.
struct WeightMatrix {
  std::span<const std::int8_t> values;
  std::uint32_t channels = 0;
  std::uint32_t length = 0;          // weights of one channel
  std::uint32_t channel_stride = 0;  // from a channel's weight to the next channel's
  std::uint32_t weight_stride = 0;   // from one weight of a channel to the next
};

// The bytes of an int8 constant.
[[nodiscard]] std::span<const std::int8_t> int8_values(const Tensor& tensor);

// int8 constants, symmetric (zero point 0), finite scales: one, or one per index of `channel_dimension`.
[[nodiscard]] Status check_weights(const Lowering& lowering, std::uint32_t tensor,
                                   std::int32_t channel_dimension);

struct LayerTensors {
  std::uint32_t input = 0, weights = 0, output = 0;
  std::optional<std::uint32_t> bias;
};
// The operands 0 to 2 and the output of such a layer; activations int8, bias int32 constants, one per
// channel.
[[nodiscard]] Result<LayerTensors> layer_tensors(const Operator& op, const Lowering& lowering);

// Zero points and the range of the fused activation, an option at `slot`, in a layer's parameters.
template <typename Parameters>
[[nodiscard]] Status set_quantization(Parameters& p, const Operator& op, std::uint32_t slot,
                                      const Lowering& lowering, const LayerTensors& tensors) {
  const Tensor& output = lowering.tensor(tensors.output);
  const auto range = fused_activation(op, slot, output);
  if (!range) return range.error();
  p.input_zero_point = static_cast<std::int8_t>(zero_point_of(lowering.tensor(tensors.input)));
  p.output_zero_point = static_cast<std::int8_t>(zero_point_of(output));
  p.activation_min = range->min;
  p.activation_max = range->max;
  return {};
}

// Real multiplier of each channel of a convolution, as int32 and shift.
[[nodiscard]] Result<std::vector<QuantizedMultiplier>> channel_multipliers(const Lowering& lowering,
                                                                           const LayerTensors& tensors,
                                                                           std::uint32_t channels);

// Weights in INT8 whose layer is computed in float32: weight-only or dynamic-range quantisation.
[[nodiscard]] Status refuse_float_layer(const Lowering& lowering, std::uint32_t weights);

// A bias is on the scale of its layer's products. Refused where the two differ by more than 0.02 of the
// output's scale, the bound that the official interpreter has for fully connected layers.
[[nodiscard]] Status check_bias_scale(const Lowering& lowering, const LayerTensors& tensors);

// bias[c] - input zero point * sum of the channel's weights, modulo 2^32.
[[nodiscard]] Result<std::vector<std::int32_t>> folded_biases(const Lowering& lowering,
                                                              const LayerTensors& tensors,
                                                              const WeightMatrix& matrix);

// Biases, multipliers and shifts in the image. `multipliers` of all channels or, for a per-tensor layer, one.
[[nodiscard]] device::ChannelRequantization add_requantization(
    Lowering& lowering, LoweredOperator& lowered, const std::vector<std::int32_t>& biases,
    const std::vector<QuantizedMultiplier>& multipliers);

// quantize_multiplier() of a layer's real multiplier, with the shift's range checked.
[[nodiscard]] Result<QuantizedMultiplier> layer_multiplier(const Lowering& lowering, std::uint32_t weights,
                                                           double real);

// The weights in the kernel's layout, in the image; counts them in `lowered`.
[[nodiscard]] std::uint32_t add_weights(Lowering& lowering, LoweredOperator& lowered, const void* parameters,
                                        std::span<const std::int8_t> weights);

}  // namespace sotto::model_compiler
