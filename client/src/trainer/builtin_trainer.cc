#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>
#include <string>

#include "network.h"
#include "sotto/client/trainer.h"
#include "sotto/crypto/secret_bytes.h"
#include "sotto/proto/plan_codec.h"

namespace sotto::client {
namespace {

// Rows scored at once: bounds the intermediate matrices whatever the number of examples.
constexpr std::size_t kScoreRows = 256;

std::optional<std::size_t> first_not_finite(std::span<const float> values) {
  const auto found =
      std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (found == values.end()) return std::nullopt;
  return static_cast<std::size_t>(found - values.begin());
}

Status check_examples(const proto::ModelSpec& model, const Examples& examples) {
  if (examples.count() == 0) {
    return failed_precondition("there are no examples: collect some before taking part");
  }
  if (examples.features != model.features) {
    return invalid_argument(
        fmt::format("the examples have {} features, the model takes {}", examples.features, model.features));
  }
  if (examples.x.size() != examples.count() * examples.features) {
    return invalid_argument(fmt::format(
        "the examples hold {} feature values, but {} labels of {} features need {}", examples.x.size(),
        examples.count(), examples.features, examples.count() * examples.features));
  }
  for (std::size_t i = 0; i < examples.count(); ++i) {
    if (examples.y[i] >= model.classes) {
      return invalid_argument(fmt::format("example {} has label {}, the model has classes 0 to {}", i,
                                          examples.y[i], model.classes - 1));
    }
  }
  if (const auto index = first_not_finite(examples.x)) {
    return invalid_argument(fmt::format("feature {} of example {} is not a finite number",
                                        *index % examples.features, *index / examples.features));
  }
  return {};
}

Status check_parameters(const proto::ModelSpec& model, std::span<const float> parameters) {
  SOTTO_RETURN_IF_ERROR(proto::validate_model(model));
  if (parameters.size() != model.parameter_count()) {
    return invalid_argument(fmt::format("the model has {} parameters, {} were given", model.parameter_count(),
                                        parameters.size()));
  }
  if (const auto index = first_not_finite(parameters)) {
    return invalid_argument(fmt::format("parameter {} of the model is not a finite number", *index));
  }
  return {};
}

Status check_training(const proto::TrainingSpec& training, std::uint32_t weight_max) {
  if (training.batch_size == 0) return invalid_argument("batch_size is 0: at least 1 is needed");
  if (training.local_epochs == 0) return invalid_argument("local_epochs is 0: at least 1 is needed");
  if (weight_max == 0) return invalid_argument("weight_max is 0: at least 1 is needed");
  if (!(training.learning_rate > 0) || !std::isfinite(training.learning_rate)) {
    return invalid_argument(fmt::format("learning_rate is {}: it must be above 0", training.learning_rate));
  }
  return {};
}

Vector to_vector(std::span<const float> values) {
  return Eigen::Map<const Vector>(values.data(), static_cast<Eigen::Index>(values.size()));
}

BatchScore score_all(Network& network, const Vector& parameters, const Examples& examples) {
  BatchScore total;
  for (std::size_t begin = 0; begin < examples.count(); begin += kScoreRows) {
    const std::size_t rows = std::min(kScoreRows, examples.count() - begin);
    const BatchView x(examples.x.data() + begin * examples.features, static_cast<Eigen::Index>(rows),
                      examples.features);
    const BatchScore part = network.score(parameters, x, std::span(examples.y).subspan(begin, rows));
    total.correct += part.correct;
    total.loss_sum += part.loss_sum;
  }
  return total;
}

// Fisher-Yates.
void shuffle(std::span<std::uint32_t> order, Random& random) {
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(i))]);
  }
}

// Mini-batch stochastic gradient descent from `global`. The velocity lives as long as the run.
class Descent {
 public:
  Descent(const TrainingJob& job, const Examples& examples, Network& network, Vector global)
      : training_(job.training),
        examples_(examples),
        network_(network),
        global_(std::move(global)),
        parameters_(global_),
        gradient_(global_.size()),
        order_(examples.count()) {
    if (training_.momentum != 0) velocity_ = Vector::Zero(global_.size());
    std::iota(order_.begin(), order_.end(), 0u);
  }

  // What was learned stays in delta() alone.
  ~Descent() {
    for (Vector* values : {&parameters_, &gradient_, &velocity_}) wipe(*values);
    wipe(x_);
  }
  Descent(const Descent&) = delete;
  Descent& operator=(const Descent&) = delete;

  void run_epoch(Random& random) {
    shuffle(order_, random);
    const std::size_t batch_rows = std::min<std::size_t>(training_.batch_size, order_.size());
    for (std::size_t begin = 0; begin < order_.size(); begin += batch_rows) {
      run_batch(std::span(order_).subspan(begin, std::min(batch_rows, order_.size() - begin)));
    }
  }

  [[nodiscard]] std::vector<float> delta() const {
    std::vector<float> result(static_cast<std::size_t>(global_.size()));
    Eigen::Map<Vector>(result.data(), global_.size()) = parameters_ - global_;
    return result;
  }

 private:
  template <typename Values>
  static void wipe(Values& values) {
    crypto::wipe({reinterpret_cast<std::uint8_t*>(values.data()),
                  static_cast<std::size_t>(values.size()) * sizeof(float)});
  }
  void run_batch(std::span<const std::uint32_t> rows) {
    gather(rows);
    const BatchView x(x_.data(), x_.rows(), x_.cols());
    network_.compute_gradient(parameters_, x, labels_, gradient_);
    if (training_.proximal_mu != 0) gradient_ += training_.proximal_mu * (parameters_ - global_);
    if (training_.momentum != 0) {
      velocity_ = training_.momentum * velocity_ + gradient_;
      parameters_ -= training_.learning_rate * velocity_;
    } else {
      parameters_ -= training_.learning_rate * gradient_;
    }
  }

  void gather(std::span<const std::uint32_t> rows) {
    x_.resize(static_cast<Eigen::Index>(rows.size()), examples_.features);
    labels_.resize(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::memcpy(x_.data() + i * examples_.features,
                  examples_.x.data() + std::size_t{rows[i]} * examples_.features,
                  examples_.features * sizeof(float));
      labels_[i] = examples_.y[rows[i]];
    }
  }

  const proto::TrainingSpec training_;
  const Examples& examples_;
  Network& network_;
  const Vector global_;
  Vector parameters_;
  Vector gradient_;
  Vector velocity_;  // empty without momentum
  std::vector<std::uint32_t> order_;
  Matrix x_;
  std::vector<std::uint8_t> labels_;
};

Status check_kind(const proto::ModelSpec& model) {
  if (model.architecture != proto::Architecture::kCustom) return {};
  return invalid_argument("the built-in trainers know no custom model: '" + std::string(model.name.view()) +
                          "' needs a trainer of its own");
}

class BuiltinTrainer final : public Trainer {
 public:
  explicit BuiltinTrainer(const Examples& examples) : examples_(examples) {}

  std::vector<proto::Architecture> architectures() const override {
    return {proto::Architecture::kSoftmax, proto::Architecture::kDense};
  }
  std::uint32_t features() const override { return examples_.features; }

  Result<LocalUpdate> train(const TrainingJob& job, Random& random) override {
    SOTTO_RETURN_IF_ERROR(check_kind(job.model));
    SOTTO_RETURN_IF_ERROR(check_parameters(job.model, job.parameters));
    SOTTO_RETURN_IF_ERROR(check_training(job.training, job.weight_max));
    SOTTO_RETURN_IF_ERROR(check_examples(job.model, examples_));

    Network network(job.model);
    const Vector global = to_vector(job.parameters);
    const BatchScore received = score_all(network, global, examples_);
    if (!std::isfinite(received.loss_sum)) {
      return aborted("the received model's loss on this device's examples is not a finite number");
    }
    LocalUpdate update;
    update.metrics.examples = static_cast<std::uint32_t>(examples_.count());
    update.metrics.weight = std::min(update.metrics.examples, job.weight_max);
    update.metrics.report(job.model, "correct", received.correct);
    update.metrics.report(job.model, "loss", received.loss_sum);

    Descent descent(job, examples_, network, global);
    for (std::uint32_t epoch = 0; epoch < job.training.local_epochs; ++epoch) descent.run_epoch(random);
    update.delta = descent.delta();
    if (const auto index = first_not_finite(update.delta)) {
      return aborted(
          fmt::format("training diverged: parameter {} is not a finite number after {} epochs at learning "
                      "rate {}; the task needs a smaller one",
                      *index, job.training.local_epochs, job.training.learning_rate));
    }
    return update;
  }

 private:
  const Examples& examples_;
};

}  // namespace

void LocalMetrics::report(const proto::ModelSpec& model, std::string_view name, double sum) {
  for (std::size_t i = 0; i < model.metrics.size(); ++i) {
    if (model.metrics[i].name.view() == name) sums[i] = sum;
  }
}

std::unique_ptr<Trainer> make_builtin_trainer(const Examples& examples) {
  return std::make_unique<BuiltinTrainer>(examples);
}

Result<Evaluation> evaluate(const proto::ModelSpec& model, std::span<const float> parameters,
                            const Examples& examples) {
  SOTTO_RETURN_IF_ERROR(check_kind(model));
  SOTTO_RETURN_IF_ERROR(check_parameters(model, parameters));
  SOTTO_RETURN_IF_ERROR(check_examples(model, examples));
  Network network(model);
  const BatchScore score = score_all(network, to_vector(parameters), examples);
  const double count = static_cast<double>(examples.count());
  return Evaluation{.accuracy = score.correct / count, .mean_loss = score.loss_sum / count};
}

}  // namespace sotto::client
