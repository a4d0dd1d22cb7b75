#include "head/step.h"

#include "head/float_arithmetic.h"
#include "head/parameters.h"

namespace sotto::device::head {
namespace {

// The features as numbers of the form, in layout.inputs.
void convert(sotto_head& head, const std::int8_t* features) {
  const std::uint32_t count = head.layout.features;
  const std::int32_t zero_point = head.input_zero_point;
  if (head.layout.form == SOTTO_HEAD_FLOAT32) {
    auto* inputs = head.at<float>(head.layout.inputs);
    for (std::uint32_t i = 0; i < count; ++i)
      inputs[i] = product(static_cast<float>(features[i] - zero_point), head.input_scale);
  } else {
    auto* inputs = head.at<std::int16_t>(head.layout.inputs);
    for (std::uint32_t i = 0; i < count; ++i) inputs[i] = static_cast<std::int16_t>(features[i] - zero_point);
  }
}

// Four partial sums, added in pairs; what is left of the count goes to the first.
float dot(const float* weights, const float* inputs, std::uint32_t count) {
  float a = 0, b = 0, c = 0, d = 0;
  const float* const end = weights + count / 4 * 4;
  for (; weights != end; weights += 4, inputs += 4) {
    a += product(weights[0], inputs[0]);
    b += product(weights[1], inputs[1]);
    c += product(weights[2], inputs[2]);
    d += product(weights[3], inputs[3]);
  }
  for (std::uint32_t i = 0; i < count % 4; ++i) a += product(weights[i], inputs[i]);
  return (a + b) + (c + d);
}

// A row's output without its bias.
float output_of(const sotto_head& head, std::uint32_t row) {
  const HeadLayout& layout = head.layout;
  const ConstParameters parameters = head.parameters();
  const std::size_t first = std::size_t{row} * layout.features;
  if (layout.form == SOTTO_HEAD_FLOAT32)
    return dot(parameters.weights + first, head.at<float>(layout.inputs), layout.features);
  const auto* inputs = head.at<std::int16_t>(layout.inputs);
  if (layout.form == SOTTO_HEAD_INT8) {
    const std::int32_t sum = int8_dot(parameters.int8_weights + first, inputs, layout.features);
    return product(static_cast<float>(sum), product(head.input_scale, parameters.scales[row]));
  }
  const ImageWeights image(parts_of(head));
  std::int32_t sum = 0;
  for (std::uint32_t i = 0; i < layout.features; ++i) sum += image.weight(row, i) * inputs[i];
  return product(static_cast<float>(sum), product(head.input_scale, image.scale(row)));
}

float softmax_errors(const sotto_head& head, std::uint32_t label, float* outputs) {
  const std::uint32_t count = head.layout.outputs;
  float largest = -2 * kMagnitudeMax;
  for (std::uint32_t row = 0; row < count; ++row) {
    if (head.is_present(row) && outputs[row] > largest) largest = outputs[row];
  }
  const float of_label = outputs[label] - largest;
  float sum = 0;
  for (std::uint32_t row = 0; row < count; ++row) {
    if (!head.is_present(row)) continue;
    outputs[row] = exponential(outputs[row] - largest);
    sum += outputs[row];
  }
  const float reciprocal = 1.0f / sum;
  for (std::uint32_t row = 0; row < count; ++row) outputs[row] = product(outputs[row], reciprocal);
  outputs[label] = outputs[label] - 1.0f;
  return logarithm(sum) - of_label;
}

float logistic_errors(const sotto_head& head, std::uint32_t label, float* outputs) {
  float loss = 0;
  for (std::uint32_t row = 0; row < head.layout.outputs; ++row) {
    if (!head.is_present(row)) continue;
    const bool is_one = head.layout.outputs == 1 ? label == 1 : label == row;
    const float output = outputs[row];
    // ln(1 + e^-|z|), and what is left of it on the wrong side
    loss += logarithm(1.0f + exponential(-magnitude(output)));
    if (is_one ? output < 0 : output > 0) loss += magnitude(output);
    outputs[row] = sigmoid(output) - (is_one ? 1.0f : 0.0f);
  }
  return loss;
}

float squared_errors(const sotto_head& head, const std::int8_t* targets, float* outputs) {
  const ImageTensor& scores = parts_of(head).head->scores;
  float loss = 0;
  for (std::uint32_t row = 0; row < head.layout.outputs; ++row) {
    const float target = product(static_cast<float>(targets[row] - scores.zero_point), scores.scale);
    outputs[row] = rounded(outputs[row] - target);
    loss += product(product(outputs[row], outputs[row]), 0.5f);
  }
  return loss;
}

// By how much each bias moves: the errors are learning rate times derivatives already.
void update_biases(sotto_head& head, std::uint32_t count) {
  const HeadLayout& layout = head.layout;
  const sotto_head_rates& rates = head.rates;
  float* biases = head.parameters().biases;
  float* velocities = layout.velocity != 0 ? head.copy(layout.velocity).biases : nullptr;
  const float* errors = head.at<float>(layout.errors);
  const float pull = product(rates.learning_rate, rates.proximal);
  for (std::uint32_t row = 0; row < layout.outputs; ++row) {
    float change = errors[row];
    for (std::uint32_t i = 1; i < count; ++i) change += errors[i * layout.outputs + row];
    if (pull > 0) change += product(pull, biases[row] - head.copy(layout.anchor).biases[row]);
    if (velocities != nullptr) {
      change = product(rates.momentum, velocities[row]) + change;
      velocities[row] = change;
    }
    biases[row] = rounded(biases[row] - change);
  }
}

}  // namespace

sotto_head_error compute_outputs(sotto_head& head, const std::int8_t* features, float* outputs) {
  const HeadLayout& layout = head.layout;
  const float* biases = head.parameters().biases;
  convert(head, features);
  bool moderate = true;
  for (std::uint32_t row = 0; row < layout.outputs; ++row) {
    outputs[row] = 0;
    if (!head.is_present(row)) continue;
    outputs[row] = output_of(head, row) + biases[row];
    moderate &= is_moderate(outputs[row]);
  }
  return moderate ? SOTTO_HEAD_OK : SOTTO_HEAD_DIVERGED;
}

float compute_errors(const sotto_head& head, const std::uint8_t* target, float* outputs) {
  switch (head.layout.loss) {
    case SOTTO_LOSS_SOFTMAX:
      return softmax_errors(head, *target, outputs);
    case SOTTO_LOSS_LOGISTIC:
      return logistic_errors(head, *target, outputs);
    default:
      return squared_errors(head, reinterpret_cast<const std::int8_t*>(target), outputs);
  }
}

sotto_head_error learn(sotto_head& head, const Sample* samples, std::uint32_t count, float* loss) {
  const HeadLayout& layout = head.layout;
  const auto divisor = static_cast<float>(count);
  const float rate = head.rates.learning_rate / divisor;
  float sum = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    float* errors = head.at<float>(layout.errors) + std::size_t{i} * layout.outputs;
    const sotto_head_error error = compute_outputs(head, samples[i].features, errors);
    if (error != SOTTO_HEAD_OK) return error;
    sum += compute_errors(head, samples[i].target, errors);
    for (std::uint32_t row = 0; row < layout.outputs; ++row) errors[row] = product(errors[row], rate);
  }
  if (layout.form == SOTTO_HEAD_FLOAT32) update_float32(head, samples, count);
  if (layout.form == SOTTO_HEAD_INT8) update_int8(head, samples, count);
  update_biases(head, count);
  *loss = sum / divisor;
  return SOTTO_HEAD_OK;
}

}  // namespace sotto::device::head

using namespace sotto::device::head;

sotto_head_error sotto_head_step(sotto_head* head, const int8_t* features, const void* target, float* loss) {
  if (head == nullptr || features == nullptr || target == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  const Sample sample{features, static_cast<const std::uint8_t*>(target)};
  if (head->learns_labels() && !head->takes_label(*sample.target)) return SOTTO_HEAD_LABEL;
  float of_step = 0;
  const sotto_head_error error = learn(*head, &sample, 1, &of_step);
  if (error == SOTTO_HEAD_OK && loss != nullptr) *loss = of_step;
  return error;
}

sotto_head_error sotto_head_train(sotto_head* head, uint32_t steps, float* loss) {
  if (head == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (head->layout.replay_samples == 0) return SOTTO_HEAD_NO_REPLAY;
  if (head->remembered == 0) return SOTTO_HEAD_REPLAY_EMPTY;
  float sum = 0;
  for (std::uint32_t step = 0; step < steps; ++step) {
    Sample samples[SOTTO_HEAD_BATCH_MAX];
    for (std::uint32_t i = 0; i < head->layout.batch; ++i) samples[i] = next_of_pass(*head);
    float of_step = 0;
    const sotto_head_error error = learn(*head, samples, head->layout.batch, &of_step);
    if (error != SOTTO_HEAD_OK) return error;
    sum += of_step;
  }
  if (loss != nullptr) *loss = steps == 0 ? 0 : sum / static_cast<float>(steps);
  return SOTTO_HEAD_OK;
}
