#include "head_cases.h"

#include <array>
#include <cstring>

#include "sotto/device_runtime/crc32.h"
#include "sotto/device_runtime/head_round.h"
#include "sotto/device_runtime/head_watch.h"

namespace sotto::board {
namespace {

constexpr std::uint64_t kSeed = 0x5EED5EED5EED5EED;
constexpr std::uint32_t kSteps = 40;
constexpr std::uint32_t kShown = 60;  // to the replay, more than it keeps
constexpr std::uint32_t kRemoved = 3;

constexpr sotto_head_options options_of(sotto_head_form form, sotto_head_loss loss, std::uint32_t batch,
                                        std::uint32_t momentum, std::uint32_t anchor) {
  sotto_head_options options{};
  options.form = form;
  options.loss = loss;
  options.replay_samples = 24;
  options.batch = batch;
  options.momentum = momentum;
  options.anchor = anchor;
  options.layer = 1;
  return options;
}

constexpr HeadCase kCases[] = {
    {"float32",
     options_of(SOTTO_HEAD_FLOAT32, SOTTO_LOSS_SOFTMAX, 1, 0, 0),
     {0.01f, 0, 0, 0},
     {0x085bfb90, 0x574f2536, 0xe90fdc93, 0x8801a575}},
    {"float32-momentum",
     options_of(SOTTO_HEAD_FLOAT32, SOTTO_LOSS_SOFTMAX, 1, 1, 0),
     {0.003f, 0.9f, 0, 0},
     {0xb7681da3, 0x871e345b, 0x11026a0b, 0x0dc3890c}},
    {"float32-everything",
     options_of(SOTTO_HEAD_FLOAT32, SOTTO_LOSS_SOFTMAX, 4, 1, 1),
     {0.01f, 0.8f, 0.01f, 0.1f},
     {0xb8594f77, 0x498ec153, 0x11e3e31e, 0xa69ee2fc}},
    {"float32-logistic",
     options_of(SOTTO_HEAD_FLOAT32, SOTTO_LOSS_LOGISTIC, 1, 0, 0),
     {0.02f, 0, 0, 0},
     {0xda23d033, 0xc7563614, 0x7446af52, 0x21c23f14}},
    {"float32-values",
     options_of(SOTTO_HEAD_FLOAT32, SOTTO_LOSS_SQUARED, 1, 0, 0),
     {0.0002f, 0, 0, 0},
     {0x1aeba23c, 0xafe7286d, 0x95f9f43e, 0x52eccb24}},
    {"int8",
     options_of(SOTTO_HEAD_INT8, SOTTO_LOSS_SOFTMAX, 1, 0, 0),
     {0.01f, 0, 0, 0},
     {0x89c5d325, 0xc59bbd85, 0x468d0857, 0}},
    {"int8-everything",
     options_of(SOTTO_HEAD_INT8, SOTTO_LOSS_SOFTMAX, 4, 0, 1),
     {0.01f, 0, 0.01f, 0.1f},
     {0x1249300c, 0x90e24ac1, 0xe5319356, 0x300b8dcf}},
    {"biases",
     options_of(SOTTO_HEAD_BIASES, SOTTO_LOSS_SOFTMAX, 1, 1, 0),
     {0.05f, 0.5f, 0, 0},
     {0x579478ef, 0xd7e76650, 0x4be1e8d4, 0xf8dd57d5}},
};

bool learns_labels(const HeadCase& tested) { return tested.options.loss != SOTTO_LOSS_SQUARED; }

// The labels of the examples: some classes more often than others, so that a replay has something to balance.
std::uint32_t label_of(std::uint32_t number) {
  const std::uint32_t label = number * 7 % 19 % kHeadClasses;
  return label == kRemoved ? 0 : label;
}

// One example after the other, to `take(features, target)`.
template <typename Take>
sotto_head_error for_examples(const HeadCase& tested, std::uint32_t count, HeadExamples& examples,
                              Take take) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::uint8_t>(label_of(i));
    examples.next(label);
    const void* target = learns_labels(tested) ? static_cast<const void*>(&label) : examples.targets();
    const sotto_head_error error = take(examples.features(), target);
    if (error != SOTTO_HEAD_OK) return error;
  }
  return SOTTO_HEAD_OK;
}

sotto_head_error exchange_class(const HeadCase& tested, sotto_head* head) {
  if (!learns_labels(tested)) return SOTTO_HEAD_OK;
  std::uint32_t label = 0;
  sotto_head_error error = sotto_head_remove_class(head, kRemoved);
  if (error == SOTTO_HEAD_OK) error = sotto_head_add_class(head, &label);
  return error == SOTTO_HEAD_OK && label != kRemoved ? SOTTO_HEAD_LABEL : error;
}

sotto_head_error train(const HeadCase& tested, sotto_head* head) {
  HeadExamples examples;
  sotto_head_error error = sotto_head_set_rates(head, &tested.rates);
  const auto step = [head](const std::int8_t* features, const void* target) {
    return sotto_head_step(head, features, target, nullptr);
  };
  const auto remember = [head](const std::int8_t* features, const void* target) {
    return sotto_head_remember(head, features, target);
  };
  if (error == SOTTO_HEAD_OK) error = for_examples(tested, kSteps, examples, step);
  if (error == SOTTO_HEAD_OK) error = exchange_class(tested, head);
  if (error == SOTTO_HEAD_OK) error = for_examples(tested, kShown, examples, remember);
  return error == SOTTO_HEAD_OK ? sotto_head_train(head, kSteps, nullptr) : error;
}

std::array<float, (kHeadFeatures + 1) * kHeadClasses> parameters;

sotto_head_error read_bits(const sotto_head* head, const sotto_head_sizes& sizes, HeadBits* bits) {
  const sotto_head_error error = sotto_head_read(head, parameters.data(), sizes.parameters);
  bits->parameters = device::crc32(reinterpret_cast<const std::uint8_t*>(parameters.data()),
                                   sizes.parameters * sizeof(float));
  // Without the state, which has a pointer, and the layer, which is laid out for a kernel.
  const auto* memory = reinterpret_cast<const std::uint8_t*>(head);
  bits->kept = device::crc32(memory + sizes.state_bytes, sizes.bytes - sizes.state_bytes - sizes.layer_bytes);
  return error;
}

sotto_head_error run_model(sotto_head* head, sotto_model* model, HeadBits* bits) {
  const sotto_head_error error = sotto_head_apply(head);
  HeadExamples examples;
  for (std::uint32_t i = 0; i < kSteps && error == SOTTO_HEAD_OK; ++i) {
    examples.next(i % kHeadClasses);
    std::memcpy(sotto_model_input(model, 0).data, examples.features(), kHeadFeatures);
    (void)sotto_model_invoke(model);
    const sotto_tensor output = sotto_model_output(model, 0);
    bits->outputs = device::crc32(static_cast<const std::uint8_t*>(output.data), output.bytes, bits->outputs);
  }
  sotto_head_withdraw(head);
  return error;
}

// What the head answers to all that it remembers, beside a reference of the first of it, and whether it stays
// after the round.
sotto_head_error run_watch(const HeadCase& tested, sotto_head* head, const sotto_head_round& round,
                           HeadBits* bits) {
  constexpr sotto_head_watch_options kOptions{.confidence_min = 500,
                                              .fail_safe = SOTTO_HEAD_NO_ANSWER,
                                              .fall_max = 0,
                                              .held_out_min = 1,
                                              .deviations_max = 1};
  constexpr std::uint32_t kReference = 8;
  sotto_head_watch watch;
  sotto_head_error error = sotto_head_watch_begin(&watch, head, &kOptions);
  const sotto_head_samples kept = sotto_head_replay(head);
  const std::size_t sample_bytes = kHeadFeatures + (learns_labels(tested) ? 1 : kHeadClasses);
  for (std::uint32_t i = 0; error == SOTTO_HEAD_OK && i < kept.count; ++i) {
    const auto* features = static_cast<const std::int8_t*>(kept.samples) + i * sample_bytes;
    sotto_head_answer answer{};
    if (i < kReference) error = sotto_head_watch_learn(&watch, head, features);
    if (error == SOTTO_HEAD_OK && learns_labels(tested))
      error = sotto_head_watch_answer(&watch, head, features, &answer);
    bits->round = device::crc32(reinterpret_cast<const std::uint8_t*>(&answer), sizeof answer, bits->round);
  }
  bits->round =
      device::crc32(reinterpret_cast<const std::uint8_t*>(&watch.counts), sizeof watch.counts, bits->round);
  for (const std::int64_t sum :
       {watch.level_sum, watch.level_squares, watch.spread_sum, watch.spread_squares})
    bits->round = device::crc32(reinterpret_cast<const std::uint8_t*>(&sum), sizeof sum, bits->round);
  if (error != SOTTO_HEAD_OK || tested.options.anchor == 0) return error;
  sotto_head_verdict verdict = SOTTO_HEAD_UNJUDGED;
  error = sotto_head_watch_judge(&watch, head, &round.before, &round.after, &verdict);
  bits->round = device::crc32(reinterpret_cast<const std::uint8_t*>(&verdict), 1, bits->round);
  return error;
}

// Passes over the replay less its first examples, which are held out, in calls of any length. int8 heads
// without an anchor have no rounds.
sotto_head_error run_round(const HeadCase& tested, sotto_head* head, HeadBits* bits) {
  if (tested.options.form == SOTTO_HEAD_INT8 && tested.options.anchor == 0) return SOTTO_HEAD_OK;
  constexpr std::uint32_t kHeldOut = 5;
  const sotto_head_samples kept = sotto_head_replay(head);
  const std::size_t sample_bytes = kHeadFeatures + (learns_labels(tested) ? 1 : kHeadClasses);
  const sotto_head_samples examples = {
      static_cast<const std::uint8_t*>(kept.samples) + kHeldOut * sample_bytes, kept.count - kHeldOut};
  sotto_head_training training{tested.rates.learning_rate, tested.rates.momentum,
                               tested.rates.proximal,      3,
                               tested.options.batch,       kSeed};
  sotto_head_round round;
  sotto_head_error error = sotto_head_read(head, parameters.data(), parameters.size());
  if (error == SOTTO_HEAD_OK) {
    error = sotto_head_round_begin(head, &round, &training, examples, {kept.samples, kHeldOut},
                                   parameters.data(), parameters.size());
  }
  for (std::uint32_t length = 1; error == SOTTO_HEAD_OK && !round.is_done; ++length)
    error = sotto_head_round_advance(head, &round, length % 7);
  if (error == SOTTO_HEAD_OK)
    error = sotto_head_round_finish(head, &round, parameters.data(), parameters.size());
  bits->round = device::crc32(reinterpret_cast<const std::uint8_t*>(parameters.data()),
                              sizeof(float) * parameters.size());
  for (const sotto_head_sums& sums : {round.received, round.before, round.after})
    bits->round = device::crc32(reinterpret_cast<const std::uint8_t*>(&sums), sizeof sums, bits->round);
  return error == SOTTO_HEAD_OK ? run_watch(tested, head, round, bits) : error;
}

}  // namespace

std::span<const HeadCase> head_cases() { return kCases; }

void HeadExamples::next(std::uint32_t label) {
  const auto draw = [this] {
    random_ = random_ * 1664525 + 1013904223;
    return random_ >> 24;
  };
  for (std::uint32_t i = 0; i < kHeadFeatures; ++i) {
    const std::uint32_t pattern = ((i * 2654435761u + label * 40503u * (i + 7)) >> 7) % 80;
    features_[i] = static_cast<std::int8_t>(pattern + draw() / 6 - 61);
  }
  for (std::int8_t& target : targets_) target = static_cast<std::int8_t>(draw());
}

sotto_head_error run_head_case(const HeadCase& tested, sotto_model* model, std::span<std::uint8_t> memory,
                               HeadBits* bits) {
  *bits = {};
  sotto_head* head = nullptr;
  const auto half = memory.size() / 2 / SOTTO_ALIGNMENT * SOTTO_ALIGNMENT;
  sotto_head_error error = sotto_head_open(model, &tested.options, kSeed, memory.data(), half, &head);
  if (error != SOTTO_HEAD_OK) return error;
  error = train(tested, head);
  if (error != SOTTO_HEAD_OK) return error;
  std::memcpy(memory.data() + half, memory.data(), half);
  error = sotto_head_resume(model, &tested.options, memory.data() + half, half, &head);
  if (error == SOTTO_HEAD_OK) error = sotto_head_train(head, kSteps, nullptr);
  sotto_head_sizes sizes{};
  if (error == SOTTO_HEAD_OK) error = sotto_head_sizes_of(head, &sizes);
  if (error == SOTTO_HEAD_OK) error = read_bits(head, sizes, bits);
  if (error == SOTTO_HEAD_OK) error = run_model(head, model, bits);
  return error == SOTTO_HEAD_OK ? run_round(tested, head, bits) : error;
}

}  // namespace sotto::board
