// RESIZE_NEAREST_NEIGHBOR: the nearest pixel along each axis, in the reference kernel's single precision.
#include <algorithm>
#include <cmath>

#include "lower/tensor_lowering.h"

namespace sotto::model_compiler {
namespace {

struct Sampling {
  bool align_corners, half_pixel_centers;
};

std::vector<std::uint16_t> nearest_indices(std::uint32_t input, std::uint32_t output,
                                           const Sampling& sampling) {
  const float scale = sampling.align_corners && output > 1
                          ? static_cast<float>(input - 1) / static_cast<float>(output - 1)
                          : static_cast<float>(input) / static_cast<float>(output);
  const float offset = sampling.half_pixel_centers ? 0.5f : 0.0f;
  std::vector<std::uint16_t> indices;
  for (std::uint32_t i = 0; i < output; ++i) {
    const float position = (static_cast<float>(i) + offset) * scale;
    const float nearest = sampling.align_corners ? std::round(position) : std::floor(position);
    indices.push_back(static_cast<std::uint16_t>(std::min(static_cast<std::uint32_t>(nearest), input - 1)));
  }
  return indices;
}

}  // namespace

Status lower_resize_nearest(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  constexpr std::size_t kFirst[] = {0};
  const auto operands = data_operands(op, lowering, kFirst);
  if (!operands) return operands.error();
  SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, operands->inputs[0], operands->outputs[0]));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const Tensor& input = lowering.tensor(operands->inputs[0]);
  const Shape& output = (*shapes)[0];
  if (tensor_type_bytes(input.type) == 0 || input.shape[1] > UINT16_MAX || input.shape[2] > UINT16_MAX) {
    return lowering.refuse(operands->inputs[0],
                           "it is larger than 65535 pixels along an axis, or of no usable type");
  }
  const Sampling sampling{op.options.scalar<std::uint8_t>(slot::kResizeAlignCorners, 0) != 0,
                          op.options.scalar<std::uint8_t>(slot::kResizeHalfPixelCenters, 0) != 0};
  device::ResizeNearestParameters p{};
  p.batches = input.shape[0];
  p.pixel_bytes = input.shape[3] * tensor_type_bytes(input.type);
  p.input_height = static_cast<std::uint16_t>(input.shape[1]);
  p.input_width = static_cast<std::uint16_t>(input.shape[2]);
  p.output_height = static_cast<std::uint16_t>(output[1]);
  p.output_width = static_cast<std::uint16_t>(output[2]);
  p.rows = add_constant(lowering, lowered, nearest_indices(p.input_height, p.output_height, sampling));
  p.columns = add_constant(lowering, lowered, nearest_indices(p.input_width, p.output_width, sampling));
  return set_kernel(lowering, lowered, device::KernelKind::kResizeNearest, p, *operands);
}

}  // namespace sotto::model_compiler
