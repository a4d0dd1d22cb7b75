#include "head/parameters.h"

#include <cstring>

#include "core/model_state.h"
#include "head/float_arithmetic.h"
#include "sotto/device_runtime/kernels/requantize.h"

namespace sotto::device::head {

ImageWeights::ImageWeights(const ImageParts& parts)
    : places_(parts.op->layout, parts.layer->output_depth, parts.layer->input_depth),
      weights_(reinterpret_cast<const std::int8_t*>(parts.image + parts.layer->weights)),
      folded_biases_(reinterpret_cast<const std::int32_t*>(parts.image + parts.layer->requantization.biases)),
      scales_(reinterpret_cast<const float*>(parts.image + parts.head->weight_scales)),
      scale_count_(parts.head->weight_scale_count),
      columns_(parts.layer->input_depth),
      input_scale_(parts.head->features.scale),
      input_zero_point_(parts.head->features.zero_point) {}

float ImageWeights::bias(std::uint32_t row) const {
  std::int32_t sum = 0;  // at most 2^16 terms of 2^7
  for (std::uint32_t column = 0; column < columns_; ++column) sum += weight(row, column);
  const std::int32_t bias = wrapping_add(folded_biases_[row], wrapping_multiply(input_zero_point_, sum));
  return product(static_cast<float>(bias), product(input_scale_, scale(row)));
}

ImageParts parts_of(const sotto_head& head) {
  const sotto_model& model = *head.model.pointer;
  ImageParts parts{};
  parts.image = model.image;
  parts.header = &model.header();
  parts.head = reinterpret_cast<const ImageHead*>(model.image + parts.header->head);
  parts.op = &model.operators()[parts.head->operator_index];
  parts.layer = reinterpret_cast<const FullyConnectedParameters*>(model.image + parts.op->parameters);
  return parts;
}

void stop_moving(sotto_head& head) {
  if (head.layout.velocity == 0) return;
  std::memset(head.at<std::uint8_t>(head.layout.velocity), 0, head.layout.parameter_bytes);
}

void load_image(sotto_head& head) {
  const HeadLayout& layout = head.layout;
  const ImageWeights image(parts_of(head));
  const Parameters to = head.parameters();
  std::memset(head.at<std::uint8_t>(layout.parameters), 0, layout.parameter_bytes);
  for (std::uint32_t row = 0; row < layout.image_outputs; ++row) {
    to.biases[row] = image.bias(row);
    if (layout.form == SOTTO_HEAD_INT8) to.scales[row] = image.scale(row);
    for (std::uint32_t column = 0; column < layout.features; ++column) {
      const std::size_t place = std::size_t{row} * layout.features + column;
      const std::int8_t weight = image.weight(row, column);
      if (layout.form == SOTTO_HEAD_INT8) to.int8_weights[place] = weight;
      if (layout.form == SOTTO_HEAD_FLOAT32) to.weights[place] = product(weight, image.scale(row));
    }
  }
  // A row without weights takes its first ones in steps of the image's first row.
  for (std::uint32_t row = layout.image_outputs; layout.form == SOTTO_HEAD_INT8 && row < layout.outputs;
       ++row)
    to.scales[row] = image.scale(0);
  stop_moving(head);
}

void quantize_row(sotto_head& head, std::uint32_t row, const float* values) {
  const HeadLayout& layout = head.layout;
  const Parameters to = head.parameters();
  float largest = 0;
  for (std::uint32_t i = 0; i < layout.features; ++i) {
    if (magnitude(values[i]) > largest) largest = magnitude(values[i]);
  }
  constexpr float kLeastScale = 1e-15f;
  const float scale = largest / 127.0f;
  to.scales[row] = scale > kLeastScale ? scale : ImageWeights(parts_of(head)).scale(0);
  std::int8_t* weights = to.int8_weights + std::size_t{row} * layout.features;
  for (std::uint32_t i = 0; i < layout.features; ++i)
    weights[i] = static_cast<std::int8_t>(to_integer(values[i] / to.scales[row]));
}

void load_values(sotto_head& head, const float* values) {
  const HeadLayout& layout = head.layout;
  const Parameters to = head.parameters();
  const float* biases = values + std::size_t{layout.outputs} * layout.features;
  for (std::uint32_t row = 0; row < layout.outputs; ++row) {
    const float* weights = values + std::size_t{row} * layout.features;
    to.biases[row] = biases[row];
    if (layout.form == SOTTO_HEAD_INT8) quantize_row(head, row, weights);
    if (layout.form == SOTTO_HEAD_FLOAT32)
      std::memcpy(to.weights + std::size_t{row} * layout.features, weights, layout.features * sizeof(float));
  }
  stop_moving(head);
}

void read_row(const sotto_head& head, std::uint32_t offset, std::uint32_t row, float* to) {
  const HeadLayout& layout = head.layout;
  const ConstParameters from = head.copy(offset);
  const std::size_t first = std::size_t{row} * layout.features;
  if (layout.form == SOTTO_HEAD_FLOAT32) {
    std::memcpy(to, from.weights + first, layout.features * sizeof(float));
  } else if (layout.form == SOTTO_HEAD_INT8) {
    for (std::uint32_t i = 0; i < layout.features; ++i)
      to[i] = product(from.int8_weights[first + i], from.scales[row]);
  } else {
    const ImageWeights image(parts_of(head));
    for (std::uint32_t i = 0; i < layout.features; ++i)
      to[i] = product(image.weight(row, i), image.scale(row));
  }
}

}  // namespace sotto::device::head
