// What a head answers while it learns.
#include "head/float_arithmetic.h"
#include "head/replay.h"
#include "head/step.h"

namespace sotto::device::head {

std::uint32_t label_of(const sotto_head& head, const float* outputs) {
  if (head.layout.outputs == 1 && head.layout.loss == SOTTO_LOSS_LOGISTIC) return outputs[0] > 0 ? 1 : 0;
  std::uint32_t best = head.layout.outputs;
  for (std::uint32_t row = 0; row < head.layout.outputs; ++row) {
    if (head.is_present(row) && (best == head.layout.outputs || outputs[row] > outputs[best])) best = row;
  }
  return best;
}

}  // namespace sotto::device::head

using namespace sotto::device::head;

sotto_head_error sotto_head_predict(sotto_head* head, const int8_t* features, float* outputs) {
  if (head == nullptr || features == nullptr || outputs == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  const sotto_head_error error = compute_outputs(*head, features, outputs);
  if (error != SOTTO_HEAD_OK) return error;
  for (std::uint32_t row = 0; row < head->layout.outputs; ++row) {
    if (!head->is_present(row)) outputs[row] = std::bit_cast<float>(0xFF800000u);  // -infinity
  }
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_classify(sotto_head* head, const int8_t* features, uint32_t* label) {
  if (head == nullptr || features == nullptr || label == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (!head->learns_labels()) return SOTTO_HEAD_NOT_CLASSES;
  float* outputs = head->at<float>(head->layout.errors);
  const sotto_head_error error = compute_outputs(*head, features, outputs);
  if (error == SOTTO_HEAD_OK) *label = label_of(*head, outputs);
  return error;
}

sotto_head_error sotto_head_check(sotto_head* head, uint32_t* right) {
  if (head == nullptr || right == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (!head->learns_labels()) return SOTTO_HEAD_NOT_CLASSES;
  if (head->layout.replay_samples == 0) return SOTTO_HEAD_NO_REPLAY;
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < head->remembered; ++i) {
    const Sample sample = sample_at(*head, i);
    std::uint32_t label = 0;
    const sotto_head_error error = sotto_head_classify(head, sample.features, &label);
    if (error != SOTTO_HEAD_OK) return error;
    count += label == *sample.target;
  }
  *right = count;
  return SOTTO_HEAD_OK;
}
