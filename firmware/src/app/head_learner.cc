#include "head_learner.h"

#include <algorithm>

#include "enrolment.h"

namespace sotto::board {

const char* HeadLearner::open(const sotto_kernel_table& kernels, std::uint64_t seed) {
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
  options.replay_samples = examples_;
  options.momentum = 1;
  options.anchor = 1;
  const std::size_t used = sotto_image_arena_bytes(image_.data(), image_.size());
  const MutableBytes memory =
      arena_.subspan((used + SOTTO_ALIGNMENT - 1) / SOTTO_ALIGNMENT * SOTTO_ALIGNMENT);
  error = sotto_head_open(model_, &options, seed, memory.data(), memory.size(), &head_);
  if (error == SOTTO_HEAD_OK) error = sotto_head_sizes_of(head_, &sizes_);
  return error == SOTTO_HEAD_OK ? read_examples() : sotto_head_error_text(error);
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
  return plan.training.batch_size == 1 && std::ranges::all_of(plan.model.metrics, [](const proto::Metric& m) {
           return m.name.view() == "correct" && m.bytes == 4 && m.scale == 1;
         });
}

bool HeadLearner::learn(const proto::Plan& plan, std::span<float> parameters,
                        secagg::UpdateMetrics& metrics) {
  const sotto_head_rates rates{.learning_rate = plan.training.learning_rate,
                               .momentum = plan.training.momentum,
                               .weight_decay = 0,
                               .proximal = plan.training.proximal_mu};
  std::uint32_t right = 0;
  if (sotto_head_set_rates(head_, &rates) != SOTTO_HEAD_OK) return false;
  if (sotto_head_write(head_, parameters.data(), parameters.size()) != SOTTO_HEAD_OK) return false;
  if (sotto_head_check(head_, &right) != SOTTO_HEAD_OK) return false;
  const std::uint32_t steps = plan.training.local_epochs * examples_;
  if (sotto_head_train(head_, steps, nullptr) != SOTTO_HEAD_OK) return false;
  if (sotto_head_difference(head_, parameters.data(), parameters.size()) != SOTTO_HEAD_OK) return false;
  metrics.examples = examples_;
  metrics.weight = std::min(examples_, plan.aggregation.weight_max);
  for (std::size_t i = 0; i < plan.model.metrics.size(); ++i) metrics.sums[i] = right;
  return true;
}

}  // namespace sotto::board
