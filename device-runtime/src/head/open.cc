// Opening and resuming a head, its rates, its classes, its parameters as floats.
#include <cstring>

#include "core/model_state.h"
#include "head/float_arithmetic.h"
#include "head/head_state.h"
#include "head/parameters.h"
#include "head/replay.h"

namespace sotto::device::head {
namespace {

constexpr std::uint32_t kMagic = 0x31444853;  // "SHD1"
constexpr float kRateMax = 1000;

// Whether the model, the options and the memory make a head.
sotto_head_error check_memory(const sotto_model& model, const sotto_head_options& options, const void* memory,
                              std::size_t memory_bytes, HeadLayout& layout) {
  ImageParts parts;
  const sotto_head_error error =
      make_head_layout(model.image, model.header().image_bytes, options, parts, layout);
  if (error != SOTTO_HEAD_OK) return error;
  if (reinterpret_cast<std::uintptr_t>(memory) % SOTTO_ALIGNMENT != 0) return SOTTO_HEAD_MISALIGNED;
  return memory_bytes < layout.bytes ? SOTTO_HEAD_MEMORY_TOO_SMALL : SOTTO_HEAD_OK;
}

// What follows from the model alone.
void connect(sotto_head& head, sotto_model& model) {
  head.model = {};
  head.model.pointer = &model;
  const ImageParts parts = parts_of(head);
  head.input_scale = parts.head->features.scale;
  head.input_zero_point = parts.head->features.zero_point;
}

bool is_rate(float rate) { return rate >= 0 && rate <= kRateMax; }

sotto_head_error check_rates(const HeadLayout& layout, const sotto_head_rates& rates) {
  if (!is_rate(rates.learning_rate)) return SOTTO_HEAD_LEARNING_RATE;
  if (!(rates.momentum >= 0 && rates.momentum < 1)) return SOTTO_HEAD_MOMENTUM;
  if (!is_rate(rates.weight_decay) || product(rates.learning_rate, rates.weight_decay) > 1)
    return SOTTO_HEAD_WEIGHT_DECAY;
  if (!is_rate(rates.proximal) || product(rates.learning_rate, rates.proximal) > 1)
    return SOTTO_HEAD_PROXIMAL;
  if (rates.momentum > 0 && layout.velocity == 0) return SOTTO_HEAD_NO_MOMENTUM;
  return rates.proximal > 0 && layout.anchor == 0 ? SOTTO_HEAD_NO_ANCHOR : SOTTO_HEAD_OK;
}

bool are_moderate(const float* values, std::size_t count) {
  bool moderate = true;
  for (std::size_t i = 0; i < count; ++i) moderate &= is_moderate(values[i]);
  return moderate;
}

bool parameters_are_sound(const sotto_head& head, std::uint32_t offset) {
  if (offset == 0) return true;
  const HeadLayout& layout = head.layout;
  const ConstParameters copy = head.copy(offset);
  if (!are_moderate(copy.biases, layout.outputs)) return false;
  for (std::uint32_t i = 0; layout.form == SOTTO_HEAD_INT8 && i < layout.outputs; ++i) {
    if (!(copy.scales[i] > 0 && is_moderate(copy.scales[i]))) return false;
  }
  return copy.weights == nullptr || are_moderate(copy.weights, std::size_t{layout.outputs} * layout.features);
}

bool classes_are_sound(const sotto_head& head) {
  std::uint32_t present = 0;
  for (std::uint32_t row = 0; row < head.layout.outputs; ++row) {
    const std::uint8_t flag = head.at<std::uint8_t>(head.layout.present)[row];
    if (flag > 1) return false;
    present += flag;
  }
  return present >= 1 && present == head.present_count;
}

// Whether kept memory, whose layout is that of the options, can be gone on with.
bool is_sound(sotto_head& head) {
  const HeadLayout& layout = head.layout;
  return classes_are_sound(head) && check_rates(layout, head.rates) == SOTTO_HEAD_OK &&
         !head.generator.is_stuck() && parameters_are_sound(head, layout.parameters) &&
         parameters_are_sound(head, layout.velocity) && parameters_are_sound(head, layout.anchor) &&
         replay_is_sound(head);
}

}  // namespace
}  // namespace sotto::device::head

using namespace sotto::device::head;

sotto_head_error sotto_head_open(sotto_model* model, const sotto_head_options* options, uint64_t seed,
                                 void* memory, size_t memory_bytes, sotto_head** head) {
  if (head == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  *head = nullptr;
  if (model == nullptr || options == nullptr || memory == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  HeadLayout layout;
  const sotto_head_error error = check_memory(*model, *options, memory, memory_bytes, layout);
  if (error != SOTTO_HEAD_OK) return error;
  std::memset(memory, 0, layout.bytes);
  auto* state = static_cast<sotto_head*>(memory);
  state->magic = kMagic;
  state->layout = layout;
  std::memcpy(state->image_sha256, model->header().sha256, sizeof state->image_sha256);
  connect(*state, *model);
  state->generator.seed(seed);
  state->present_count = layout.image_outputs;
  std::memset(state->at<std::uint8_t>(layout.present), 1, layout.image_outputs);
  load_image(*state);
  if (layout.anchor != 0) (void)sotto_head_set_anchor(state);
  *head = state;
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_resume(sotto_model* model, const sotto_head_options* options, void* memory,
                                   size_t memory_bytes, sotto_head** head) {
  if (head == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  *head = nullptr;
  if (model == nullptr || options == nullptr || memory == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  HeadLayout layout;
  const sotto_head_error error = check_memory(*model, *options, memory, memory_bytes, layout);
  if (error != SOTTO_HEAD_OK) return error;
  auto* state = static_cast<sotto_head*>(memory);
  if (state->magic != kMagic || std::memcmp(&state->layout, &layout, sizeof layout) != 0 ||
      std::memcmp(state->image_sha256, model->header().sha256, sizeof state->image_sha256) != 0 ||
      !is_sound(*state))
    return SOTTO_HEAD_NOT_THIS_HEAD;
  connect(*state, *model);
  *head = state;
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_sizes_of(const sotto_head* head, sotto_head_sizes* sizes) {
  if (head == nullptr || sizes == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  *sizes = sizes_of(head->layout);
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_set_rates(sotto_head* head, const sotto_head_rates* rates) {
  if (head == nullptr || rates == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  const sotto_head_error error = check_rates(head->layout, *rates);
  if (error == SOTTO_HEAD_OK) head->rates = *rates;
  return error;
}

sotto_head_error sotto_head_read(const sotto_head* head, float* parameters, size_t count) {
  if (head == nullptr || parameters == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  const HeadLayout& layout = head->layout;
  if (count != sizes_of(layout).parameters) return SOTTO_HEAD_COUNT;
  for (std::uint32_t row = 0; row < layout.outputs; ++row)
    read_row(*head, layout.parameters, row, parameters + std::size_t{row} * layout.features);
  std::memcpy(parameters + std::size_t{layout.outputs} * layout.features, head->parameters().biases,
              layout.outputs * sizeof(float));
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_write(sotto_head* head, const float* parameters, size_t count) {
  if (head == nullptr || parameters == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (count != sizes_of(head->layout).parameters) return SOTTO_HEAD_COUNT;
  if (!are_moderate(parameters, count)) return SOTTO_HEAD_VALUE;
  load_values(*head, parameters);
  if (head->layout.anchor != 0) (void)sotto_head_set_anchor(head);
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_set_anchor(sotto_head* head) {
  if (head == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  const HeadLayout& layout = head->layout;
  if (layout.anchor == 0) return SOTTO_HEAD_NO_ANCHOR;
  std::memcpy(head->at<std::uint8_t>(layout.anchor), head->at<std::uint8_t>(layout.parameters),
              layout.parameter_bytes);
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_go_back(sotto_head* head) {
  if (head == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  const HeadLayout& layout = head->layout;
  if (layout.anchor == 0) return SOTTO_HEAD_NO_ANCHOR;
  std::memcpy(head->at<std::uint8_t>(layout.parameters), head->at<std::uint8_t>(layout.anchor),
              layout.parameter_bytes);
  stop_moving(*head);
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_difference(const sotto_head* head, float* difference, size_t count) {
  if (head == nullptr || difference == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  const HeadLayout& layout = head->layout;
  if (layout.anchor == 0) return SOTTO_HEAD_NO_ANCHOR;
  if (count != sizes_of(layout).parameters) return SOTTO_HEAD_COUNT;
  const ConstParameters now = head->parameters();
  const ConstParameters before = head->copy(layout.anchor);
  for (std::uint32_t row = 0; row < layout.outputs; ++row) {
    const std::size_t first = std::size_t{row} * layout.features;
    for (std::uint32_t i = 0; i < layout.features; ++i) {
      float& value = difference[first + i];
      value = 0;
      if (layout.form == SOTTO_HEAD_FLOAT32)
        value = rounded(now.weights[first + i] - before.weights[first + i]);
      if (layout.form == SOTTO_HEAD_INT8) {
        value = product(now.int8_weights[first + i], now.scales[row]) -
                product(before.int8_weights[first + i], before.scales[row]);
      }
    }
    difference[std::size_t{layout.outputs} * layout.features + row] =
        rounded(now.biases[row] - before.biases[row]);
  }
  return SOTTO_HEAD_OK;
}
