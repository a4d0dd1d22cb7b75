#include "sotto/client/head_trainer.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string_view>

#include "sotto/base/bytes.h"
#include "sotto/base/check.h"
#include "sotto/device_runtime/head_round.h"
#include "sotto/device_runtime/head_watch.h"
#include "sotto/device_runtime/model_image.h"
#include "sotto/model_compiler/host_head.h"
#include "sotto/model_compiler/model_compiler.h"

namespace sotto::client {
namespace {

using device::HostHead;
using device::to_status;

// Of rounds: an anchor for every form, so that each counts what it learned in one way.
sotto_head_options options_of(HeadForm form) {
  sotto_head_options options{};
  options.form = static_cast<std::uint32_t>(form);
  options.loss = SOTTO_LOSS_SOFTMAX;
  options.batch = SOTTO_HEAD_BATCH_MAX;
  options.replay_samples = 1;  // batches need one; a round's examples are elsewhere
  options.momentum = form == HeadForm::kInt8 ? 0 : 1;
  options.anchor = 1;
  return options;
}

// For this machine's kernels; what is an image already is taken as it is.
Result<std::vector<std::uint8_t>> to_image(Bytes file) {
  if (sotto_image_arena_bytes(file.data(), file.size()) != 0)
    return std::vector<std::uint8_t>(file.begin(), file.end());
  auto compiled = model_compiler::compile(file, {model_compiler::Target::kHost});
  if (!compiled) return compiled.error();
  return std::move(compiled->image);
}

Status check_input(const sotto_model* model) {
  if (sotto_model_input_count(model) != 1)
    return invalid_argument(fmt::format("the model has {} inputs; heads are trained of models with one",
                                        sotto_model_input_count(model)));
  if (sotto_model_input(model, 0).type != SOTTO_INT8)
    return invalid_argument("the model's input is not int8: convert the model with int8 inputs");
  return {};
}

std::int8_t quantized(float value, const sotto_tensor& input) {
  const float steps = value / input.scale + static_cast<float>(input.zero_point);
  return static_cast<std::int8_t>(std::lround(std::clamp(steps, -128.0f, 127.0f)));
}

Status check_examples(const HeadModel& model, const Examples& examples) {
  if (examples.count() == 0)
    return failed_precondition("there are no examples: collect some before taking part");
  if (examples.count() > SOTTO_HEAD_ROUND_SAMPLES_MAX)
    return failed_precondition(fmt::format("there are {} examples; a head learns from at most {} in a round",
                                           examples.count(), SOTTO_HEAD_ROUND_SAMPLES_MAX));
  if (examples.features != model.inputs() || examples.x.size() != examples.count() * examples.features)
    return invalid_argument(
        fmt::format("the examples have {} features, the model takes {}", examples.features, model.inputs()));
  for (std::size_t i = 0; i < examples.count(); ++i) {
    if (examples.y[i] >= model.classes())
      return invalid_argument(fmt::format("example {} has label {}, the model has classes 0 to {}", i,
                                          examples.y[i], model.classes() - 1));
  }
  const auto found =
      std::find_if(examples.x.begin(), examples.x.end(), [](float x) { return !std::isfinite(x); });
  if (found == examples.x.end()) return {};
  const auto index = static_cast<std::size_t>(found - examples.x.begin());
  return invalid_argument(fmt::format("feature {} of example {} is not a finite number",
                                      index % examples.features, index / examples.features));
}

static_assert(kHeadConfidenceMin == SOTTO_HEAD_CONFIDENCE_USUAL &&
              kHeadDeviationsMax == SOTTO_HEAD_DEVIATIONS_USUAL);

// Of the metrics that tell of local safety. A device of a host acts on no answer, so none is fail-safe.
constexpr sotto_head_watch_options kWatch{.confidence_min = kHeadConfidenceMin,
                                          .fail_safe = SOTTO_HEAD_NO_ANSWER,
                                          .fall_max = 0,
                                          .held_out_min = 1,
                                          .deviations_max = kHeadDeviationsMax};

bool declares(const proto::ModelSpec& model, std::string_view name) {
  return std::any_of(model.metrics.begin(), model.metrics.end(),
                     [name](const proto::Metric& metric) { return metric.name.view() == name; });
}

}  // namespace

std::string head_model_name(std::uint32_t crc32) { return fmt::format("head-{:08x}", crc32); }

Result<HeadModel> HeadModel::open(Bytes file, HeadForm form) {
  HeadModel model;
  model.form_ = form;
  auto image = to_image(file);
  if (!image) return image.error();
  model.image_ = std::move(*image);
  auto opened = HostHead::open(model.image_, {});
  if (!opened) return opened.error();
  SOTTO_RETURN_IF_ERROR(check_input(opened->model()));
  const sotto_head_sizes& sizes = opened->sizes();
  model.inputs_ = sotto_model_input(opened->model(), 0).bytes;
  model.features_ = sizes.features;
  model.classes_ = sizes.outputs;
  if (model.classes_ < 2 || model.classes_ > SOTTO_HEAD_CLASSES_MAX)
    return invalid_argument(
        fmt::format("the model's head has {} outputs; rounds train heads of 2 to {} classes", model.classes_,
                    SOTTO_HEAD_CLASSES_MAX));
  device::ImageHeader header;
  std::memcpy(&header, model.image_.data(), sizeof header);
  model.source_ = header.source_crc32;
  model.initial_.resize(sizes.parameters);
  SOTTO_RETURN_IF_ERROR(
      to_status(sotto_head_read(opened->head(), model.initial_.data(), model.initial_.size())));
  return model;
}

proto::ModelSpec HeadModel::spec() const {
  proto::ModelSpec spec;
  spec.architecture = proto::Architecture::kCustom;
  spec.features = inputs_;
  spec.classes = classes_;
  spec.parameters = static_cast<std::uint32_t>(initial_.size());
  static_cast<void>(spec.name.assign(head_model_name(source_)));
  return spec;
}

Result<HeadSamples> HeadModel::prepare(const Examples& examples) const {
  SOTTO_RETURN_IF_ERROR(check_examples(*this, examples));
  auto opened = device::HostModel::open(image_);
  if (!opened) return opened.error();
  sotto_model* const model = opened->model();
  HeadSamples samples{.count = static_cast<std::uint32_t>(examples.count())};
  samples.bytes.reserve(examples.count() * (features_ + 1));
  for (std::size_t i = 0; i < examples.count(); ++i) {
    const sotto_tensor input = sotto_model_input(model, 0);
    for (std::uint32_t j = 0; j < inputs_; ++j)
      static_cast<std::int8_t*>(input.data)[j] = quantized(examples.x[i * inputs_ + j], input);
    SOTTO_CHECK(sotto_model_invoke_backbone(model) == SOTTO_OK);  // the head was opened before
    const auto* from = static_cast<const std::uint8_t*>(sotto_model_features(model).data);
    samples.bytes.insert(samples.bytes.end(), from, from + features_);
    samples.bytes.push_back(examples.y[i]);
  }
  return samples;
}

Result<Evaluation> HeadModel::evaluate(std::span<const float> parameters, const HeadSamples& samples) const {
  auto opened = HostHead::open(image_, options_of(form_));
  if (!opened) return opened.error();
  sotto_head* const head = opened->head();
  SOTTO_RETURN_IF_ERROR(to_status(sotto_head_write(head, parameters.data(), parameters.size())));
  std::vector<float> outputs(classes_);
  Evaluation sum;
  for (std::size_t i = 0; i < samples.count; ++i) {
    const std::uint8_t* at = samples.bytes.data() + i * (features_ + 1);
    const auto* features = reinterpret_cast<const std::int8_t*>(at);
    SOTTO_RETURN_IF_ERROR(to_status(sotto_head_predict(head, features, outputs.data())));
    const float largest = *std::max_element(outputs.begin(), outputs.end());
    const std::uint8_t label = at[features_];
    double exponentials = 0;
    for (const float output : outputs) exponentials += std::exp(static_cast<double>(output - largest));
    sum.mean_loss += std::log(exponentials) - static_cast<double>(outputs[label] - largest);
    std::uint32_t said = 0;
    SOTTO_RETURN_IF_ERROR(to_status(sotto_head_classify(head, features, &said)));
    sum.accuracy += said == label ? 1 : 0;
  }
  if (samples.count == 0) return sum;
  return Evaluation{.accuracy = sum.accuracy / samples.count, .mean_loss = sum.mean_loss / samples.count};
}

class HeadTrainer final : public Trainer {
 public:
  HeadTrainer(const HeadModel& model, const HeadSamples& samples) : model_(model), samples_(samples) {}

  std::vector<proto::Architecture> architectures() const override { return {proto::Architecture::kCustom}; }
  std::vector<std::string> custom_models() const override { return {std::string(model_.spec().name.view())}; }

  Result<LocalUpdate> train(const TrainingJob& job, Random& random) override {
    SOTTO_RETURN_IF_ERROR(check_job(job));
    std::array<std::uint8_t, 8> seed;
    random.fill(seed);
    auto opened = HostHead::open(model_.image_, options_of(model_.form_));
    if (!opened) return opened.error();
    const sotto_head_training training{job.training.learning_rate, job.training.momentum,
                                       job.training.proximal_mu,   job.training.local_epochs,
                                       job.training.batch_size,    ByteReader(seed).u64()};
    LocalUpdate update;
    update.delta.assign(job.parameters.begin(), job.parameters.end());
    sotto_head_round round;
    SOTTO_RETURN_IF_ERROR(watch(job, opened->head(), update.metrics));
    SOTTO_RETURN_IF_ERROR(run(opened->head(), round, training, update.delta));
    update.metrics.examples = samples_.count;
    update.metrics.weight = std::min(samples_.count, job.weight_max);
    update.metrics.report(job.model, "correct", round.received.correct);
    update.metrics.report(job.model, "loss", static_cast<double>(round.received.loss) / (1 << 20));
    return update;
  }

 private:
  Status check_job(const TrainingJob& job) const {
    const proto::ModelSpec own = model_.spec();
    if (job.model.architecture != own.architecture || job.model.name != own.name)
      return invalid_argument(fmt::format("the task trains '{}', this device has '{}': another .tflite file",
                                          job.model.name.view(), own.name.view()));
    if (job.parameters.size() != own.parameters)
      return invalid_argument(
          fmt::format("the head has {} parameters, {} were given", own.parameters, job.parameters.size()));
    if (job.training.batch_size > SOTTO_HEAD_BATCH_MAX)
      return invalid_argument(fmt::format("batch_size is {}: a head takes steps of at most {} examples",
                                          job.training.batch_size, SOTTO_HEAD_BATCH_MAX));
    if (job.weight_max == 0) return invalid_argument("weight_max is 0: at least 1 is needed");
    return {};
  }

  // How sure the received head is of the examples, and how many are unlike those of the first round.
  Status watch(const TrainingJob& job, sotto_head* head, LocalMetrics& metrics) {
    if (!declares(job.model, "unsure") && !declares(job.model, "strange")) return {};
    SOTTO_RETURN_IF_ERROR(to_status(sotto_head_write(head, job.parameters.data(), job.parameters.size())));
    const auto features = [this](std::uint32_t index) {
      const std::size_t place = std::size_t{index} * (model_.features() + 1);
      return reinterpret_cast<const std::int8_t*>(samples_.bytes.data() + place);
    };
    if (watch_.reference == 0) {
      SOTTO_RETURN_IF_ERROR(to_status(sotto_head_watch_begin(&watch_, head, &kWatch)));
      for (std::uint32_t i = 0; i < samples_.count; ++i)
        SOTTO_RETURN_IF_ERROR(to_status(sotto_head_watch_learn(&watch_, head, features(i))));
    }
    SOTTO_RETURN_IF_ERROR(to_status(sotto_head_watch_clear(&watch_)));
    for (std::uint32_t i = 0; i < samples_.count; ++i) {
      sotto_head_answer answer;
      SOTTO_RETURN_IF_ERROR(to_status(sotto_head_watch_answer(&watch_, head, features(i), &answer)));
    }
    metrics.report(job.model, "unsure", watch_.counts.unsure);
    metrics.report(job.model, "strange", watch_.counts.strange);
    return {};
  }

  // `parameters` becomes what was learned.
  Status run(sotto_head* head, sotto_head_round& round, const sotto_head_training& training,
             std::vector<float>& parameters) const {
    sotto_head_error error =
        sotto_head_round_begin(head, &round, &training, {samples_.bytes.data(), samples_.count}, {nullptr, 0},
                               parameters.data(), parameters.size());
    while (error == SOTTO_HEAD_OK && round.is_done == 0)
      error = sotto_head_round_advance(head, &round, SOTTO_HEAD_ROUND_SAMPLES_MAX);
    if (error == SOTTO_HEAD_DIVERGED)
      return aborted(fmt::format("training diverged at learning rate {}; the task needs a smaller one",
                                 training.learning_rate));
    if (error == SOTTO_HEAD_OK)
      error = sotto_head_round_finish(head, &round, parameters.data(), parameters.size());
    return to_status(error);
  }

  const HeadModel& model_;
  const HeadSamples& samples_;
  sotto_head_watch watch_{};
};

std::unique_ptr<Trainer> make_head_trainer(const HeadModel& model, const HeadSamples& samples) {
  return std::make_unique<HeadTrainer>(model, samples);
}

}  // namespace sotto::client
