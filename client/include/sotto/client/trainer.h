// What a developer implements to train on a device, and the built-in trainers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sotto/base/random.h"
#include "sotto/base/result.h"
#include "sotto/proto/plan.h"
#include "sotto/secagg/update.h"

namespace sotto::client {

struct TrainingJob {
  TaskId task{};
  RoundId round{};
  ModelVersion model_version{};
  proto::ModelSpec model;  // its configuration is for the trainer to read
  proto::TrainingSpec training;
  std::uint32_t weight_max = 1;
  std::span<const float> parameters;  // the global model, model.parameter_count() values
};

struct LocalMetrics {
  std::uint32_t weight = 0;    // min(examples, job.weight_max)
  std::uint32_t examples = 0;  // trained on, at least 1
  // Of each metric that job.model.metrics declares, in their order: a sum over the examples, by the
  // received model, before training. Finite and not negative.
  std::array<double, secagg::kSumsMax> sums{};

  // Sets the sum of this name; does nothing when the task does not declare it.
  void report(const proto::ModelSpec& model, std::string_view name, double sum);
};

struct LocalUpdate {
  // trained - global, same shape and order as TrainingJob::parameters. What a segment of counts says is no
  // difference but the counts.
  std::vector<float> delta;
  LocalMetrics metrics;
};

class Trainer {
 public:
  virtual ~Trainer() = default;
  [[nodiscard]] virtual std::vector<proto::Architecture> architectures() const = 0;
  // The names of the models that it trains, when kCustom is among its architectures.
  [[nodiscard]] virtual std::vector<std::string> custom_models() const { return {}; }
  // How many an example has; 0: as many as the model wants. Plans for models of another number are refused.
  [[nodiscard]] virtual std::uint32_t features() const { return 0; }
  // Trains from job.parameters on the device's own examples. Deterministic in (job, examples, random). An
  // error ends the session; the device checks in again later.
  [[nodiscard]] virtual Result<LocalUpdate> train(const TrainingJob& job, Random& random) = 0;
};

// Labelled examples in memory: row-major features [count][features], labels in [0, classes).
struct Examples {
  std::uint32_t features = 0;
  std::vector<float> x{};
  std::vector<std::uint8_t> y{};
  [[nodiscard]] std::size_t count() const { return y.size(); }
};

// Softmax regression and dense networks with any hidden layers: mini-batch SGD with momentum and proximal
// term, softmax cross-entropy. Single-threaded; equal inputs give equal bits on one machine. `examples`
// must outlive the trainer.
[[nodiscard]] std::unique_ptr<Trainer> make_builtin_trainer(const Examples& examples);

// Fraction of `examples` whose largest logit is their label (first one wins ties), and the mean loss in nats.
struct Evaluation {
  double accuracy = 0;
  double mean_loss = 0;
};
// kInvalidArgument when shapes disagree.
[[nodiscard]] Result<Evaluation> evaluate(const proto::ModelSpec& model, std::span<const float> parameters,
                                          const Examples& examples);

}  // namespace sotto::client
