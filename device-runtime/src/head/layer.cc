// A head as a fully connected layer of int8 weights, each row with its own scale, in memory: parameters and
// constants as an image has them, with offsets from the layer's start.
#include <cstring>

#include "core/model_state.h"
#include "head/float_arithmetic.h"
#include "head/multiplier.h"
#include "head/parameters.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::head {
namespace {

constexpr std::int32_t kShiftMax = 30;  // of a kernel
// A quarter of this is below every output.
constexpr std::int32_t kAbsentBias = -(1 << 30);

// Rows of a head as int8 weights with a scale, and biases in steps of the input's scale times that one.
class RowQuantizer {
 public:
  explicit RowQuantizer(const sotto_head& head)
      : head_(head), layout_(head.layout), parameters_(head.parameters()), image_(parts_of(head)) {}

  // The step of the row's weights: of float32 ones so that the largest is 127; and wide enough for the bias
  // to be a number of steps.
  [[nodiscard]] float scale_of(std::uint32_t row) const {
    if (layout_.form == SOTTO_HEAD_INT8) return parameters_.scales[row];
    if (layout_.form == SOTTO_HEAD_BIASES) return image_.scale(row);
    const float* weights = parameters_.weights + std::size_t{row} * layout_.features;
    float largest = 0;
    for (std::uint32_t i = 0; i < layout_.features; ++i) {
      if (magnitude(weights[i]) > largest) largest = magnitude(weights[i]);
    }
    float scale = largest / 127.0f;
    const float of_bias = magnitude(parameters_.biases[row]) / product(head_.input_scale, 536870912.0f);
    if (of_bias > scale) scale = of_bias;
    constexpr float kLeast = 1e-15f;
    return scale > kLeast ? scale : kLeast;
  }

  [[nodiscard]] std::int8_t weight_of(std::uint32_t row, std::uint32_t column, float scale) const {
    const std::size_t place = std::size_t{row} * layout_.features + column;
    if (layout_.form == SOTTO_HEAD_INT8) return parameters_.int8_weights[place];
    if (layout_.form == SOTTO_HEAD_BIASES) return image_.weight(row, column);
    return static_cast<std::int8_t>(to_integer(parameters_.weights[place] / scale));
  }

  [[nodiscard]] std::int32_t bias_of(std::uint32_t row, float scale) const {
    return to_integer(parameters_.biases[row] / product(head_.input_scale, scale));
  }

 private:
  const sotto_head& head_;
  const HeadLayout& layout_;
  ConstParameters parameters_;
  ImageWeights image_;
};

class LayerWriter {
 public:
  explicit LayerWriter(sotto_head& head)
      : head_(head),
        layout_(head.layout),
        parts_(parts_of(head)),
        places_(parts_.op->layout, layout_.outputs, layout_.features),
        rows_(head),
        base_(layout_.layer) {}

  sotto_head_error write() {
    if (layout_.form == SOTTO_HEAD_BIASES) {
      write_biases();
      return SOTTO_HEAD_OK;
    }
    // Nothing is written before all of it is known to be expressible.
    for (std::uint32_t row = 0; row < layout_.outputs; ++row) {
      if (head_.is_present(row) && multiplier_of(rows_.scale_of(row)).shift > kShiftMax)
        return SOTTO_HEAD_SCALE;
    }
    std::memset(head_.at<std::uint8_t>(base_), 0, layout_.layer_bytes);
    FullyConnectedParameters p = *parts_.layer;
    p.per_channel = 1;
    p.weights = layout_.weights;
    p.requantization = {layout_.biases, layout_.multipliers, layout_.shifts};
    std::memcpy(head_.at<std::uint8_t>(base_), &p, sizeof p);
    for (std::uint32_t row = 0; row < layout_.outputs; ++row) {
      if (head_.is_present(row)) {
        write_row(row);
      } else {
        write_scale(row, kAbsentBias, {1 << 30, -1});
      }
    }
    return SOTTO_HEAD_OK;
  }

 private:
  // A single scale is multiplied in single precision, as the reference and the model compiler do.
  Multiplier multiplier_of(float scale) const {
    const float divisor = parts_.head->scores.scale;
    if (layout_.outputs == 1) return quantize_ratio(product(head_.input_scale, scale), 1, divisor);
    return quantize_ratio(head_.input_scale, scale, divisor);
  }

  // The weights are the image's, with their multipliers.
  void write_biases() {
    const ImageWeights image(parts_);
    for (std::uint32_t row = 0; row < layout_.outputs; ++row) {
      std::int32_t sum = 0;
      for (std::uint32_t column = 0; column < layout_.features; ++column) sum += image.weight(row, column);
      write_bias(row, head_.is_present(row) ? folded_bias(row, image.scale(row), sum) : kAbsentBias);
    }
  }

  [[nodiscard]] std::int32_t folded_bias(std::uint32_t row, float scale, std::int32_t sum_of_weights) const {
    return wrapping_add(rows_.bias_of(row, scale),
                        wrapping_multiply(-head_.input_zero_point, sum_of_weights));
  }

  void write_bias(std::uint32_t row, std::int32_t bias) {
    head_.at<std::int32_t>(base_ + layout_.biases)[row] = bias;
  }

  void write_row(std::uint32_t row) {
    const float scale = rows_.scale_of(row);
    auto* weights = head_.at<std::int8_t>(base_ + layout_.weights);
    std::int32_t sum = 0;  // at most 2^16 terms of 2^7
    for (std::uint32_t column = 0; column < layout_.features; ++column) {
      const std::int8_t weight = rows_.weight_of(row, column, scale);
      weights[places_.at(row, column)] = weight;
      sum += weight;
    }
    write_scale(row, folded_bias(row, scale, sum), multiplier_of(scale));
  }

  void write_scale(std::uint32_t row, std::int32_t bias, const Multiplier& multiplier) {
    write_bias(row, bias);
    head_.at<std::int32_t>(base_ + layout_.multipliers)[row] = multiplier.multiplier;
    head_.at<std::int8_t>(base_ + layout_.shifts)[row] = static_cast<std::int8_t>(multiplier.shift);
  }

  sotto_head& head_;
  const HeadLayout& layout_;
  ImageParts parts_;
  WeightPlaces places_;
  RowQuantizer rows_;
  std::uint32_t base_;
};

}  // namespace
}  // namespace sotto::device::head

using namespace sotto::device::head;

sotto_head_error sotto_head_apply(sotto_head* head) {
  if (head == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (head->layout.layer == 0) return SOTTO_HEAD_NO_LAYER;
  const sotto_head_error error = LayerWriter(*head).write();
  if (error != SOTTO_HEAD_OK) return error;
  sotto_model& model = *head->model.pointer;
  const bool is_biases = head->layout.form == SOTTO_HEAD_BIASES;
  model.head_layer = is_biases ? nullptr : head->at<std::uint8_t>(head->layout.layer);
  model.head_biases = is_biases ? head->at<std::int32_t>(head->layout.layer) : nullptr;
  return SOTTO_HEAD_OK;
}

void sotto_head_withdraw(sotto_head* head) {
  if (head == nullptr || head->layout.layer == 0) return;
  sotto_model& model = *head->model.pointer;
  if (model.head_layer == head->at<std::uint8_t>(head->layout.layer)) model.head_layer = nullptr;
  if (model.head_biases == head->at<std::int32_t>(head->layout.layer)) model.head_biases = nullptr;
}

sotto_head_error sotto_head_quantized_row(const sotto_head* head, uint32_t row, int8_t* weights, float* scale,
                                          int32_t* bias) {
  if (head == nullptr || weights == nullptr || scale == nullptr || bias == nullptr)
    return SOTTO_HEAD_NULL_ARGUMENT;
  if (row >= head->layout.outputs || !head->is_present(row)) return SOTTO_HEAD_LABEL;
  const RowQuantizer rows(*head);
  *scale = rows.scale_of(row);
  for (std::uint32_t column = 0; column < head->layout.features; ++column)
    weights[column] = rows.weight_of(row, column, *scale);
  *bias = rows.bias_of(row, *scale);
  return SOTTO_HEAD_OK;
}
