#include "head_learner.h"

#include <algorithm>
#include <cstring>

#include "enrolment.h"
#include "sotto/device_runtime/model_image.h"
#include "sotto/secagg/sum_units.h"

namespace sotto::board {
namespace {

constexpr std::string_view kCorrect = "correct";
constexpr std::string_view kLoss = "loss";
constexpr std::string_view kUnsureSum = "unsure";
constexpr std::string_view kStrangeSum = "strange";

// No answer is safe for every product: whoever knows one that is has it here.
constexpr sotto_head_watch_options kWatch{.confidence_min = SOTTO_HEAD_CONFIDENCE_USUAL,
                                          .fail_safe = SOTTO_HEAD_NO_ANSWER,
                                          .fall_max = HeadLearner::kFallMax,
                                          .held_out_min = HeadLearner::kHeldOutMin,
                                          .deviations_max = SOTTO_HEAD_DEVIATIONS_USUAL};

// Values that belong to one model begin with the CRC-32 of its .tflite file.
constexpr std::uint32_t kOwnerBytes = 4;

class Owned final : public ValueSource {
 public:
  Owned(std::uint32_t source_crc32, Bytes value) : value_(value) { store_le(owner_.data(), source_crc32); }
  [[nodiscard]] std::uint32_t size() const override {
    return kOwnerBytes + static_cast<std::uint32_t>(value_.size());
  }
  [[nodiscard]] bool next(MutableBytes out) override {
    for (std::uint8_t& byte : out) {
      byte = at_ < kOwnerBytes ? owner_[at_] : value_[at_ - kOwnerBytes];
      ++at_;
    }
    return true;
  }

 private:
  std::array<std::uint8_t, kOwnerBytes> owner_{};
  const Bytes value_;
  std::size_t at_ = 0;
};

sotto_head_options options_of(std::uint32_t replay_samples) {
  // As the trainer of hosts has it: what is learned is the same.
  sotto_head_options options{};
  options.loss = SOTTO_LOSS_SOFTMAX;
  options.batch = SOTTO_HEAD_BATCH_MAX;
  options.replay_samples = replay_samples;
  options.momentum = 1;
  options.anchor = 1;
  return options;
}

}  // namespace

const char* HeadLearner::open(const sotto_kernel_table& kernels, std::span<float> scratch) {
  if (sotto_model_open(image_.data(), image_.size(), arena_.data(), arena_.size(), &kernels, &model_) !=
      SOTTO_OK) {
    return "the model slot holds no model for this board";
  }
  const sotto_head_options options = options_of(1);
  const sotto_head_error error = sotto_head_measure(image_.data(), image_.size(), &options, &sizes_);
  if (error != SOTTO_HEAD_OK) return sotto_head_error_text(error);
  if (sizes_.features > kFeaturesMax) return "the head has more features than this firmware has room for";
  take_name();
  const bool collected = is_ours(kCollectedNumber);
  const std::uint8_t number = collected ? kCollectedNumber : kExamplesNumber;
  const std::uint32_t offset = collected ? kOwnerBytes : 0;
  const std::uint32_t bytes = journal_.size(number) - offset;
  if (bytes % each() != 0) return "the examples in flash are not of this model";
  stored_ = bytes / each();
  if (const char* why = open_head()) return why;
  if (const char* why = read_examples(number, offset)) return why;
  read_head(scratch);
  return nullptr;
}

// The head behind the model, with as many examples as there is room for, and behind it those held out.
const char* HeadLearner::open_head() {
  const std::size_t used = sotto_image_arena_bytes(image_.data(), image_.size());
  const std::size_t begins = (used + SOTTO_ALIGNMENT - 1) / SOTTO_ALIGNMENT * SOTTO_ALIGNMENT;
  if (begins > arena_.size()) return "the model leaves no memory for its head";
  const MutableBytes memory = arena_.subspan(begins);
  const std::size_t room = memory.size() > sizes_.bytes ? (memory.size() - sizes_.bytes) / each() : 0;
  const auto fits = static_cast<std::uint32_t>(std::min<std::size_t>(room + 1, profile::kReplayMax));
  capacity_ = std::max({stored_, fits, std::uint32_t{1}});
  const sotto_head_options options = options_of(capacity_);
  sotto_head_error error = sotto_head_open(model_, &options, 0, memory.data(), memory.size(), &head_);
  if (error == SOTTO_HEAD_OK) error = sotto_head_sizes_of(head_, &sizes_);
  if (error == SOTTO_HEAD_OK) error = sotto_head_watch_begin(&watch_, head_, &kWatch);
  if (error != SOTTO_HEAD_OK) return sotto_head_error_text(error);
  const MutableBytes rest = memory.subspan(sizes_.bytes);
  const std::size_t count = std::min<std::size_t>(rest.size() / each(), profile::kHeldOutMax);
  held_out_ = rest.first(count * each());
  return nullptr;
}

void HeadLearner::take_name() {
  device::ImageHeader header;
  std::memcpy(&header, image_.data(), sizeof header);
  source_crc32_ = header.source_crc32;
  for (std::size_t i = 0; i < 8; ++i) {
    name_[kPrefix + i] = "0123456789abcdef"[source_crc32_ >> (28 - 4 * i) & 0xf];
  }
}

// Whether the journal holds a value of this model under the number: after an update of the model what was
// collected for the one before means nothing any more.
bool HeadLearner::is_ours(std::uint8_t number) const {
  std::array<std::uint8_t, kOwnerBytes> owner;
  return journal_.size(number) > kOwnerBytes && journal_.read(number, 0, owner) &&
         load_le<std::uint32_t>(owner.data()) == source_crc32_;
}

const char* HeadLearner::read_examples(std::uint8_t number, std::uint32_t offset) {
  std::array<std::uint8_t, kFeaturesMax + 1> example;
  for (std::uint32_t i = 0; i < stored_; ++i) {
    const MutableBytes here = MutableBytes(example).first(each());
    if (!journal_.read(number, offset + i * each(), here)) return "the flash failed";
    if (!remember(reinterpret_cast<const std::int8_t*>(here.data()), here.back())) {
      return "an example in flash has a label that the model has not";
    }
  }
  changed_ = false;
  return nullptr;
}

void HeadLearner::read_head(std::span<float> scratch) {
  const std::size_t bytes = sizeof(float) * sizes_.parameters;
  if (!is_ours(kHeadNumber) || journal_.size(kHeadNumber) != kOwnerBytes + bytes ||
      scratch.size() < sizes_.parameters) {
    return;
  }
  const MutableBytes raw{reinterpret_cast<std::uint8_t*>(scratch.data()), bytes};
  if (!journal_.read(kHeadNumber, kOwnerBytes, raw)) return;
  // Values that are no head leave the image's.
  static_cast<void>(sotto_head_write(head_, scratch.data(), sizes_.parameters));
}

// ---- windows ----

WindowForm HeadLearner::form() const {
  const sotto_tensor input = sotto_model_input(model_, 0);
  return {.bytes = input.bytes,
          .features = sizes_.features,
          .classes = sizes_.outputs,
          .scale = input.scale,
          .zero_point = input.zero_point};
}

MutableBytes HeadLearner::window() {
  const sotto_tensor input = sotto_model_input(model_, 0);
  return {static_cast<std::uint8_t*>(input.data), input.bytes};
}

bool HeadLearner::take_window(const std::uint8_t* label, SampleAnswer& answer, SampleRefusal& why) {
  why = SampleRefusal::kLabel;
  if (label != nullptr && sotto_head_has_class(head_, *label) == 0) return false;
  why = SampleRefusal::kFailed;
  if (sotto_model_invoke_backbone(model_) != SOTTO_OK) return false;
  const auto* const features = static_cast<const std::int8_t*>(sotto_model_features(model_).data);
  sotto_head_answer given{};
  if (sotto_head_watch_answer(&watch_, head_, features, &given) != SOTTO_HEAD_OK) return false;
  answer = {.label = given.label == SOTTO_HEAD_NO_ANSWER ? kNoLabel : static_cast<std::uint16_t>(given.label),
            .confidence = static_cast<std::uint16_t>(given.confidence),
            .marks = static_cast<std::uint8_t>((given.is_unsure != 0 ? kUnsure : 0) |
                                               (given.is_strange != 0 ? kStrange : 0))};
  if (label != nullptr) answer.marks |= keep(features, *label);
  return true;
}

// The usual is what the first examples were, as many as the replay has room for.
bool HeadLearner::remember(const std::int8_t* features, std::uint8_t label) {
  if (sotto_head_remember(head_, features, &label) != SOTTO_HEAD_OK) return false;
  if (watch_.reference < capacity_) static_cast<void>(sotto_head_watch_learn(&watch_, head_, features));
  changed_ = true;
  return true;
}

// How it was kept. Of those held out the oldest makes room.
std::uint8_t HeadLearner::keep(const std::int8_t* features, std::uint8_t label) {
  const bool holds = holds_out(++labelled_) && !held_out_.empty();
  if (!holds) return remember(features, label) ? kLearned : 0;
  const MutableBytes place = held_out_.subspan(std::size_t{held_out_next_} * each(), each());
  std::memcpy(place.data(), features, sizes_.features);
  place.back() = label;
  const auto places = static_cast<std::uint32_t>(held_out_.size() / each());
  held_out_next_ = (held_out_next_ + 1) % places;
  held_out_count_ = std::min(held_out_count_ + 1, places);
  return kHeldOut;
}

// What cannot be kept is lost at the next start, and nothing else.
void HeadLearner::save(std::uint8_t number, Bytes value) {
  Owned owned(source_crc32_, value);
  static_cast<void>(journal_.put(number, owned));
}

sotto_head_samples HeadLearner::held_out_samples() const { return {held_out_.data(), held_out_count_}; }

// ---- rounds ----

bool HeadLearner::agrees(const proto::Plan& plan) const {
  return plan.training.batch_size <= SOTTO_HEAD_BATCH_MAX && examples() > 0 &&
         std::ranges::all_of(plan.model.metrics, [](const proto::Metric& metric) {
           const std::string_view name = metric.name.view();
           return name == kCorrect || name == kLoss || name == kUnsureSum || name == kStrangeSum;
         });
}

// Of the examples, by the head as it is.
sotto_head_error HeadLearner::count_doubts(sotto_head_counts& counts) {
  sotto_head_watch watch = watch_;
  sotto_head_error error = sotto_head_watch_clear(&watch);
  const sotto_head_samples replay = sotto_head_replay(head_);
  for (std::uint32_t i = 0; error == SOTTO_HEAD_OK && i < replay.count; ++i) {
    sotto_head_answer answer;
    error = sotto_head_watch_answer(
        &watch, head_, static_cast<const std::int8_t*>(replay.samples) + std::size_t{i} * each(), &answer);
  }
  counts = watch.counts;
  return error;
}

sotto_head_error HeadLearner::train(const sotto_head_training& training, std::span<float> parameters,
                                    sotto_head_round& round, sotto_head_counts& counts) {
  sotto_head_error error = sotto_head_round_begin(head_, &round, &training, sotto_head_replay(head_),
                                                  held_out_samples(), parameters.data(), parameters.size());
  if (error == SOTTO_HEAD_OK) error = count_doubts(counts);
  while (error == SOTTO_HEAD_OK && round.is_done == 0) {
    error = sotto_head_round_advance(head_, &round, SOTTO_HEAD_ROUND_SAMPLES_MAX);
  }
  if (error == SOTTO_HEAD_OK) {
    error = sotto_head_watch_judge(&watch_, head_, &round.before, &round.after, &verdict_);
  }
  return error;
}

bool HeadLearner::learn(const proto::Plan& plan, std::span<float> parameters, Random& random,
                        secagg::UpdateMetrics& metrics) {
  const sotto_head_samples replay = sotto_head_replay(head_);
  if (changed_) {
    save(kCollectedNumber,
         {static_cast<const std::uint8_t*>(replay.samples), std::size_t{replay.count} * each()});
    changed_ = false;
  }
  const sotto_head_training training{.learning_rate = plan.training.learning_rate,
                                     .momentum = plan.training.momentum,
                                     .proximal = plan.training.proximal_mu,
                                     .epochs = plan.training.local_epochs,
                                     .batch = plan.training.batch_size,
                                     .seed = random.u64()};
  sotto_head_round round;
  sotto_head_counts counts{};
  if (train(training, parameters, round, counts) != SOTTO_HEAD_OK) {
    // Of a round that diverged nothing may answer.
    static_cast<void>(sotto_head_go_back(head_));
    return false;
  }
  if (sotto_head_read(head_, parameters.data(), parameters.size()) != SOTTO_HEAD_OK) return false;
  save(kHeadNumber, {reinterpret_cast<const std::uint8_t*>(parameters.data()), parameters.size_bytes()});
  if (sotto_head_round_finish(head_, &round, parameters.data(), parameters.size()) != SOTTO_HEAD_OK) {
    return false;
  }
  metrics.examples = replay.count;
  metrics.weight = std::min(replay.count, plan.aggregation.weight_max);
  for (std::size_t i = 0; i < plan.model.metrics.size(); ++i) {
    const proto::Metric& metric = plan.model.metrics[i];
    metrics.sums[i] =
        secagg::fixed_sum_units(sum_of(metric.name.view(), round, counts), metric.scale, metric.bytes);
  }
  return true;
}

// In units of 2^-20.
std::uint64_t HeadLearner::sum_of(std::string_view metric, const sotto_head_round& round,
                                  const sotto_head_counts& counts) const {
  if (metric == kLoss) return round.received.loss;
  if (metric == kCorrect) return std::uint64_t{round.received.correct} << 20;
  return std::uint64_t{metric == kUnsureSum ? counts.unsure : counts.strange} << 20;
}

}  // namespace sotto::board
