#include "head/judge.h"

#include "head/float_arithmetic.h"
#include "head/step.h"

namespace sotto::device::head {
namespace {

std::uint32_t to_units(float loss) {
  constexpr float kUnit = 1048576.0f;
  return loss > 0 ? static_cast<std::uint32_t>(to_integer(product(loss, kUnit))) : 0;
}

}  // namespace

Sample sample_of(const sotto_head& head, const sotto_head_samples& samples, std::uint32_t index) {
  const auto* from =
      static_cast<const std::uint8_t*>(samples.samples) + std::size_t{index} * head.layout.sample_bytes;
  return {reinterpret_cast<const std::int8_t*>(from), from + head.layout.features};
}

sotto_head_error check_samples(const sotto_head& head, const sotto_head_samples& samples) {
  if (samples.count > SOTTO_HEAD_ROUND_SAMPLES_MAX) return SOTTO_HEAD_SAMPLES;
  if (samples.count != 0 && samples.samples == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  for (std::uint32_t i = 0; head.learns_labels() && i < samples.count; ++i) {
    if (!head.takes_label(*sample_of(head, samples, i).target)) return SOTTO_HEAD_LABEL;
  }
  return SOTTO_HEAD_OK;
}

sotto_head_error judge(sotto_head& head, const Sample& sample, sotto_head_sums& sums) {
  float* outputs = head.at<float>(head.layout.errors);
  const sotto_head_error error = compute_outputs(head, sample.features, outputs);
  if (error != SOTTO_HEAD_OK) return error;
  const bool is_right = head.learns_labels() && label_of(head, outputs) == *sample.target;
  sums.loss += to_units(compute_errors(head, sample.target, outputs));
  ++sums.examples;
  sums.correct += is_right;
  return SOTTO_HEAD_OK;
}

}  // namespace sotto::device::head
