// RESIZE_BILINEAR as tables: which pixels each output row and column lies between, in Q10 as the reference
// kernel has it.
#include <algorithm>

#include "lower/tensor_lowering.h"
#include "sotto/device_runtime/kernels/tensor/further_operators.h"

namespace sotto::model_compiler {
namespace {

constexpr std::size_t kFirst[] = {0};
constexpr std::int64_t kOne = device::kBilinearOne;

struct Sampling {
  bool align_corners, half_pixel_centers;
};

// Nothing when the rounded step leads beyond the input, which only huge outputs do.
std::optional<std::vector<device::BilinearTap>> taps_of(std::int64_t input, std::int64_t output,
                                                        const Sampling& sampling) {
  std::int64_t step = (kOne * input + output / 2) / output;
  if (sampling.align_corners && output > 1) step = (kOne * (input - 1) + (output - 1) / 2) / (output - 1);
  std::vector<device::BilinearTap> taps;
  for (std::int64_t i = 0; i < output; ++i) {
    const std::int64_t at = i * step + (sampling.half_pixel_centers ? step / 2 - kOne / 2 : 0);
    const std::int64_t low = std::max<std::int64_t>(at / kOne, 0);
    const std::int64_t high = std::min((at + kOne - 1) / kOne, input - 1);
    if (low >= input || high < 0) return std::nullopt;
    // Between a pixel and itself it does not matter where.
    const std::int64_t weight = low == high ? 0 : at - kOne * low;
    if (weight < 0 || weight > kOne) return std::nullopt;
    taps.push_back({static_cast<std::uint16_t>(low), static_cast<std::uint16_t>(high),
                    static_cast<std::uint32_t>(weight)});
  }
  return taps;
}

}  // namespace

Status lower_resize_bilinear(const Operator& op, Lowering& lowering, LoweredOperator& lowered) {
  const auto operands = data_operands(op, lowering, kFirst);
  if (!operands) return operands.error();
  SOTTO_RETURN_IF_ERROR(require_quantized(lowering, operands->inputs[0]));
  SOTTO_RETURN_IF_ERROR(require_same_quantization(lowering, operands->inputs[0], operands->outputs[0]));
  const auto shapes = require_output_shapes(op, lowering);
  if (!shapes) return shapes.error();
  const Tensor& input = lowering.tensor(operands->inputs[0]);
  const Shape& output = (*shapes)[0];
  if (input.shape[1] > UINT16_MAX || input.shape[2] > UINT16_MAX)
    return lowering.refuse(operands->inputs[0], "it is larger than 65535 pixels along an axis");
  const Sampling sampling{op.options.scalar<std::uint8_t>(slot::kBilinearAlignCorners, 0) != 0,
                          op.options.scalar<std::uint8_t>(slot::kBilinearHalfPixelCenters, 0) != 0};
  if (sampling.align_corners && sampling.half_pixel_centers)
    return invalid_argument("aligned corners and half pixel centers exclude each other");
  const auto rows = taps_of(input.shape[1], output[1], sampling);
  const auto columns = taps_of(input.shape[2], output[2], sampling);
  if (!rows || !columns)
    return lowering.refuse(operands->outputs[0], "it is too large for steps of 1/1024 pixel");
  device::ResizeBilinearParameters p{};
  p.batches = input.shape[0];
  p.channels = input.shape[3];
  p.input_height = static_cast<std::uint16_t>(input.shape[1]);
  p.input_width = static_cast<std::uint16_t>(input.shape[2]);
  p.output_height = static_cast<std::uint16_t>(output[1]);
  p.output_width = static_cast<std::uint16_t>(output[2]);
  p.rows = add_constant(lowering, lowered, *rows);
  p.columns = add_constant(lowering, lowered, *columns);
  return set_kernel(lowering, lowered, device::KernelKind::kResizeBilinear, p, *operands);
}

}  // namespace sotto::model_compiler
