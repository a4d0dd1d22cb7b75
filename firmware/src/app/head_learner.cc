#include "head_learner.h"

#include <algorithm>
#include <cstring>

#include "enrolment.h"
#include "sotto/device_runtime/head_round.h"
#include "sotto/device_runtime/model_image.h"
#include "sotto/secagg/sum_units.h"

namespace sotto::board {
namespace {

constexpr std::string_view kCorrect = "correct";
constexpr std::string_view kLoss = "loss";

}  // namespace

const char* HeadLearner::open(const sotto_kernel_table& kernels) {
  if (sotto_model_open(image_.data(), image_.size(), arena_.data(), arena_.size(), &kernels, &model_) !=
      SOTTO_OK) {
    return "the model slot holds no model for this board";
  }
  sotto_head_options options{};
  sotto_head_error error = sotto_head_measure(image_.data(), image_.size(), &options, &sizes_);
  if (error != SOTTO_HEAD_OK) return sotto_head_error_text(error);
  if (sizes_.features > kFeaturesMax) return "the head has more features than this firmware has room for";
  const std::uint32_t each = sizes_.features + 1;
  const std::uint32_t bytes = journal_.size(kExamplesNumber);
  if (bytes == 0 || bytes % each != 0) return "there are no examples of this model in flash";
  examples_ = bytes / each;
  // As the trainer of hosts has it: what is learned is the same.
  options.loss = SOTTO_LOSS_SOFTMAX;
  options.batch = SOTTO_HEAD_BATCH_MAX;
  options.replay_samples = examples_;
  options.momentum = 1;
  options.anchor = 1;
  const std::size_t used = sotto_image_arena_bytes(image_.data(), image_.size());
  const MutableBytes memory =
      arena_.subspan((used + SOTTO_ALIGNMENT - 1) / SOTTO_ALIGNMENT * SOTTO_ALIGNMENT);
  error = sotto_head_open(model_, &options, 0, memory.data(), memory.size(), &head_);
  if (error == SOTTO_HEAD_OK) error = sotto_head_sizes_of(head_, &sizes_);
  take_name();
  return error == SOTTO_HEAD_OK ? read_examples() : sotto_head_error_text(error);
}

void HeadLearner::take_name() {
  device::ImageHeader header;
  std::memcpy(&header, image_.data(), sizeof header);
  for (std::size_t i = 0; i < 8; ++i) {
    name_[kPrefix + i] = "0123456789abcdef"[header.source_crc32 >> (28 - 4 * i) & 0xf];
  }
}

const char* HeadLearner::read_examples() {
  std::array<std::uint8_t, kFeaturesMax + 1> example;
  for (std::uint32_t i = 0; i < examples_; ++i) {
    const MutableBytes here = MutableBytes(example).first(sizes_.features + 1);
    if (!journal_.read(kExamplesNumber, i * static_cast<std::uint32_t>(here.size()), here)) {
      return "the flash failed";
    }
    const auto* const features = reinterpret_cast<const std::int8_t*>(here.data());
    const sotto_head_error error = sotto_head_remember(head_, features, &here.back());
    if (error != SOTTO_HEAD_OK) return sotto_head_error_text(error);
  }
  return nullptr;
}

bool HeadLearner::agrees(const proto::Plan& plan) const {
  return plan.training.batch_size <= SOTTO_HEAD_BATCH_MAX &&
         std::ranges::all_of(plan.model.metrics, [](const proto::Metric& metric) {
           return metric.name.view() == kCorrect || metric.name.view() == kLoss;
         });
}

bool HeadLearner::learn(const proto::Plan& plan, std::span<float> parameters, Random& random,
                        secagg::UpdateMetrics& metrics) {
  const sotto_head_training training{.learning_rate = plan.training.learning_rate,
                                     .momentum = plan.training.momentum,
                                     .proximal = plan.training.proximal_mu,
                                     .epochs = plan.training.local_epochs,
                                     .batch = plan.training.batch_size,
                                     .seed = random.u64()};
  sotto_head_round round;
  sotto_head_error error = sotto_head_round_begin(head_, &round, &training, sotto_head_replay(head_),
                                                  {nullptr, 0}, parameters.data(), parameters.size());
  while (error == SOTTO_HEAD_OK && round.is_done == 0) {
    error = sotto_head_round_advance(head_, &round, SOTTO_HEAD_ROUND_SAMPLES_MAX);
  }
  if (error != SOTTO_HEAD_OK) return false;
  if (sotto_head_round_finish(head_, &round, parameters.data(), parameters.size()) != SOTTO_HEAD_OK) {
    return false;
  }
  metrics.examples = examples_;
  metrics.weight = std::min(examples_, plan.aggregation.weight_max);
  for (std::size_t i = 0; i < plan.model.metrics.size(); ++i) {
    const proto::Metric& metric = plan.model.metrics[i];
    const bool counts = metric.name.view() == kCorrect;
    const std::uint64_t sum = counts ? std::uint64_t{round.received.correct} << 20 : round.received.loss;
    metrics.sums[i] = secagg::fixed_sum_units(sum, metric.scale, metric.bytes);
  }
  return true;
}

}  // namespace sotto::board
