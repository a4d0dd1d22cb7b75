// CONV_2D and DEPTHWISE_CONV_2D.
#include "lower/constant_channels.h"
#include "lower/lowering.h"
#include "lower/sliding_window.h"
#include "lower/weights.h"
#include "sotto/device_runtime/kernels/parameter_checks.h"

namespace sotto::model_compiler {
namespace {

void set_window(device::ConvParameters& p, const SlidingWindow& window) {
  p.batches = window.batches;
  p.input_height = window.height.input;
  p.input_width = window.width.input;
  p.input_channels = window.input_channels;
  p.output_height = window.height.output;
  p.output_width = window.width.output;
  p.output_channels = window.output_channels;
  p.kernel_height = window.height.kernel;
  p.kernel_width = window.width.kernel;
  p.stride_height = window.height.stride;
  p.stride_width = window.width.stride;
  p.dilation_height = window.height.dilation;
  p.dilation_width = window.width.dilation;
  p.padding_top = window.height.padding;
  p.padding_left = window.width.padding;
}

// What both operators do once the parameters but the constants are there.
Status finish(Lowering& lowering, const LayerTensors& tensors, device::KernelKind kind,
              const WeightMatrix& matrix, device::ConvParameters& p, LoweredOperator& lowered) {
  if (matrix.length > device::kDotProductLengthMax) {
    return lowering.refuse(tensors.weights, "a channel has more than 65536 weights");
  }
  const auto kernel = lowering.kernel(kind);
  if (!kernel) return kernel.error();
  lowered.kernel = *kernel;
  const auto biases = folded_biases(lowering, tensors, matrix);
  if (!biases) return biases.error();
  const auto multipliers = channel_multipliers(lowering, tensors, matrix.channels);
  if (!multipliers) return multipliers.error();
  LayerConstants constants{{matrix.values.begin(), matrix.values.end()}, *biases, *multipliers};
  settle_constant_channels(p, matrix, constants);
  p.weights = add_weights(lowering, lowered, &p, constants.weights);
  p.requantization = add_requantization(lowering, lowered, constants.biases, constants.multipliers);
  set_window_kernel(lowering, lowered, p, tensors.input, tensors.output);
  lowered.multiply_accumulates = saturated_product(lowering.tensor(tensors.output).elements, matrix.length);
  return {};
}

bool is_pointwise(const device::ConvParameters& p) {
  return p.kernel_height == 1 && p.kernel_width == 1 && p.stride_height == 1 && p.stride_width == 1 &&
         p.input_height == p.output_height && p.input_width == p.output_width;
}

// Where the two operators keep their options, and which dimension of the weights is the output's channels.
struct ConvolutionForm {
  slot::Window window;
  std::uint32_t activation;
  std::int32_t channel_dimension;
};
constexpr ConvolutionForm kConv2d{slot::kConvWindow, slot::kConvActivation, 0};
constexpr ConvolutionForm kDepthwiseConv2d{slot::kDepthwiseWindow, slot::kDepthwiseActivation, 3};

// An operator whose weights and window are known to be sound.
struct Convolution {
  LayerTensors tensors;
  SlidingWindow window;
  device::ConvParameters parameters{};
};

Result<Convolution> read_convolution(const Operator& op, const Lowering& lowering,
                                     const ConvolutionForm& form) {
  const auto tensors = layer_tensors(op, lowering);
  if (!tensors) return tensors.error();
  SOTTO_RETURN_IF_ERROR(check_weights(lowering, tensors->weights, form.channel_dimension));
  const std::vector<std::uint32_t>& weights = lowering.tensor(tensors->weights).shape;
  if (weights.size() != 4) return lowering.refuse(tensors->weights, "weights must have four dimensions");
  const auto window = sliding_window(lowering, tensors->input, tensors->output,
                                     window_options(op, form.window), {weights[1], weights[2]});
  if (!window) return window.error();
  Convolution convolution{*tensors, *window};
  set_window(convolution.parameters, *window);
  SOTTO_RETURN_IF_ERROR(set_quantization(convolution.parameters, op, form.activation, lowering, *tensors));
  return convolution;
}

}  // namespace

Status lower_conv_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  auto convolution = read_convolution(op, lowering, kConv2d);
  if (!convolution) return convolution.error();
  const auto& [tensors, window, parameters] = *convolution;
  const Tensor& weights = lowering.tensor(tensors.weights);
  if (window.input_channels % weights.shape[3] != 0 || weights.shape[0] != window.output_channels ||
      weights.shape[0] % (window.input_channels / weights.shape[3]) != 0) {
    return lowering.refuse(tensors.weights, "its channels are not those of input and output");
  }
  // Fewer channels than the input's are those of one group.
  const std::uint32_t groups = window.input_channels / weights.shape[3];
  convolution->parameters.depth_multiplier = static_cast<std::uint16_t>(groups);
  const std::uint32_t length = weights.elements / weights.shape[0];
  const WeightMatrix matrix{int8_values(weights), weights.shape[0], length, length, 1};
  const auto kind = groups > 1                 ? device::KernelKind::kGroupedConv2d
                    : is_pointwise(parameters) ? device::KernelKind::kPointwiseConv2d
                                               : device::KernelKind::kConv2d;
  return finish(lowering, tensors, kind, matrix, convolution->parameters, lowered);
}

Status lower_depthwise_conv_2d(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  auto convolution = read_convolution(op, lowering, kDepthwiseConv2d);
  if (!convolution) return convolution.error();
  const auto& [tensors, window, parameters] = *convolution;
  const Tensor& weights = lowering.tensor(tensors.weights);
  const std::uint32_t channels = weights.shape[3];
  if (weights.shape[0] != 1 || channels != window.output_channels || channels % window.input_channels != 0) {
    return lowering.refuse(tensors.weights,
                           "its first dimension is not 1, or its channels are no multiple of the input's, or "
                           "not the output's");
  }
  convolution->parameters.depth_multiplier = static_cast<std::uint16_t>(channels / window.input_channels);
  const WeightMatrix matrix{int8_values(weights), channels, weights.elements / channels, 1, channels};
  return finish(lowering, tensors, device::KernelKind::kDepthwiseConv2d, matrix, convolution->parameters,
                lowered);
}

}  // namespace sotto::model_compiler
