// A head is judged by counts of right answers, its features by two integers of each example: nothing here
// depends on the order in which a board met them.
#include "sotto/device_runtime/head_watch.h"

#include "head/float_arithmetic.h"
#include "head/judge.h"
#include "head/step.h"

namespace sotto::device::head {
namespace {

constexpr std::uint32_t kThousand = 1000;
constexpr std::uint32_t kDeviationsMax = 16;

// Of one example: its features' mean in sixteenths and the mean of their squares, both rounded towards zero.
// At most 2^11 and 2^14, so that no sum below leaves 63 bits.
struct Figures {
  std::int64_t level, spread;
};

Figures figures_of(const sotto_head& head, const std::int8_t* features) {
  std::int64_t sum = 0, squares = 0;
  for (std::uint32_t i = 0; i < head.layout.features; ++i) {
    sum += features[i];
    squares += features[i] * features[i];
  }
  const std::int64_t count = head.layout.features;
  return {sum * 16 / count, squares / count};
}

// Whether `value` is further than `deviations` from the mean of `count` values with these sums. A deviation
// counts as 1 at least: a figure that never changed may move by that.
bool is_far(std::int64_t value, std::int64_t sum, std::int64_t squares, std::int64_t count,
            std::int64_t deviations) {
  const std::int64_t distance = value * count - sum;
  std::int64_t variance = squares * count - sum * sum;
  if (variance < count * count) variance = count * count;
  return distance * distance > deviations * deviations * variance;
}

bool is_strange(const sotto_head_watch& watch, const Figures& figures) {
  if (watch.reference < 2) return false;
  const std::uint32_t deviations = watch.options.deviations_max;
  return is_far(figures.level, watch.level_sum, watch.level_squares, watch.reference, deviations) ||
         is_far(figures.spread, watch.spread_sum, watch.spread_squares, watch.reference, deviations);
}

// The probability of the greatest output, in thousandths.
std::uint32_t confidence_of(const sotto_head& head, const float* outputs, std::uint32_t label) {
  if (head.layout.loss == SOTTO_LOSS_LOGISTIC) {
    const float output = head.layout.outputs == 1 ? magnitude(outputs[0]) : outputs[label];
    return static_cast<std::uint32_t>(product(sigmoid(output), 1000.0f));
  }
  float sum = 0;
  for (std::uint32_t row = 0; row < head.layout.outputs; ++row) {
    if (head.is_present(row)) sum = rounded(sum + exponential(rounded(outputs[row] - outputs[label])));
  }
  return static_cast<std::uint32_t>(rounded(1000.0f / sum));
}

std::uint32_t fail_safe_of(const sotto_head_watch& watch, const sotto_head& head) {
  const std::uint32_t label = watch.options.fail_safe;
  return label != SOTTO_HEAD_NO_ANSWER && head.takes_label(label) ? label : SOTTO_HEAD_NO_ANSWER;
}

void count_up(std::uint32_t& counter, bool is_one) {
  if (is_one && counter != UINT32_MAX) ++counter;
}

bool fell(const sotto_head& head, const sotto_head_sums& before, const sotto_head_sums& after,
          std::uint32_t fall_max) {
  if (!head.learns_labels()) return after.loss * kThousand > before.loss * (kThousand + fall_max);
  const auto allowed = std::uint64_t{fall_max} * before.examples;
  return std::uint64_t{before.correct} * kThousand > std::uint64_t{after.correct} * kThousand + allowed;
}

}  // namespace
}  // namespace sotto::device::head

using namespace sotto::device::head;

sotto_head_error sotto_head_watch_begin(sotto_head_watch* watch, const sotto_head* head,
                                        const sotto_head_watch_options* options) {
  if (watch == nullptr || head == nullptr || options == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (options->confidence_min > kThousand) return SOTTO_HEAD_CONFIDENCE;
  if (options->fall_max > kThousand) return SOTTO_HEAD_FALL;
  if (options->held_out_min == 0) return SOTTO_HEAD_HELD_OUT;
  if (options->deviations_max == 0 || options->deviations_max > kDeviationsMax) return SOTTO_HEAD_DEVIATIONS;
  const bool has_answer = options->fail_safe != SOTTO_HEAD_NO_ANSWER;
  if (has_answer && !(head->learns_labels() && head->takes_label(options->fail_safe)))
    return SOTTO_HEAD_LABEL;
  *watch = {};
  watch->options = *options;
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_watch_learn(sotto_head_watch* watch, const sotto_head* head,
                                        const int8_t* features) {
  if (watch == nullptr || head == nullptr || features == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  if (watch->reference >= SOTTO_HEAD_REFERENCE_MAX) return SOTTO_HEAD_OK;
  const Figures figures = figures_of(*head, features);
  ++watch->reference;
  watch->level_sum += figures.level;
  watch->level_squares += figures.level * figures.level;
  watch->spread_sum += figures.spread;
  watch->spread_squares += figures.spread * figures.spread;
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_watch_answer(sotto_head_watch* watch, sotto_head* head, const int8_t* features,
                                         sotto_head_answer* answer) {
  if (watch == nullptr || head == nullptr || features == nullptr || answer == nullptr)
    return SOTTO_HEAD_NULL_ARGUMENT;
  if (!head->learns_labels()) return SOTTO_HEAD_NOT_CLASSES;
  float* outputs = head->at<float>(head->layout.errors);
  const bool has_outputs = compute_outputs(*head, features, outputs) == SOTTO_HEAD_OK;
  sotto_head_answer given{};
  given.label = has_outputs ? label_of(*head, outputs) : SOTTO_HEAD_NO_ANSWER;
  given.confidence = has_outputs ? confidence_of(*head, outputs, given.label) : 0;
  given.is_unsure = !has_outputs || given.confidence < watch->options.confidence_min;
  given.is_strange = is_strange(*watch, figures_of(*head, features));
  if (given.is_unsure) given.label = fail_safe_of(*watch, *head);
  count_up(watch->counts.answers, true);
  count_up(watch->counts.unsure, given.is_unsure != 0);
  count_up(watch->counts.strange, given.is_strange != 0);
  *answer = given;
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_watch_clear(sotto_head_watch* watch) {
  if (watch == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  watch->counts = {};
  return SOTTO_HEAD_OK;
}

sotto_head_error sotto_head_evaluate(sotto_head* head, sotto_head_samples samples, sotto_head_sums* sums) {
  if (head == nullptr || sums == nullptr) return SOTTO_HEAD_NULL_ARGUMENT;
  sotto_head_error error = check_samples(*head, samples);
  sotto_head_sums counted{};
  for (std::uint32_t i = 0; error == SOTTO_HEAD_OK && i < samples.count; ++i)
    error = judge(*head, sample_of(*head, samples, i), counted);
  if (error == SOTTO_HEAD_OK) *sums = counted;
  return error;
}

sotto_head_error sotto_head_watch_judge(const sotto_head_watch* watch, sotto_head* head,
                                        const sotto_head_sums* before, const sotto_head_sums* after,
                                        sotto_head_verdict* verdict) {
  if (watch == nullptr || head == nullptr || before == nullptr || after == nullptr || verdict == nullptr)
    return SOTTO_HEAD_NULL_ARGUMENT;
  if (before->examples != after->examples) return SOTTO_HEAD_SAMPLES;
  if (head->layout.anchor == 0) return SOTTO_HEAD_NO_ANCHOR;
  if (after->examples < watch->options.held_out_min) {
    *verdict = SOTTO_HEAD_UNJUDGED;
    return SOTTO_HEAD_OK;
  }
  if (!fell(*head, *before, *after, watch->options.fall_max)) {
    *verdict = SOTTO_HEAD_STAYED;
    return SOTTO_HEAD_OK;
  }
  const sotto_head_error error = sotto_head_go_back(head);
  if (error == SOTTO_HEAD_OK) *verdict = SOTTO_HEAD_WENT_BACK;
  return error;
}
