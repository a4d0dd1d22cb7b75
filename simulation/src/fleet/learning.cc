#include "fleet/learning.h"

#include <fmt/core.h>

#include <utility>

#include "sotto/client/head_trainer.h"

namespace sotto::simulation {
namespace {

class BuiltinLearning final : public Learning {
 public:
  BuiltinLearning(const FederatedData& data, const ExperimentOptions& options) : data_(data) {
    model_.architecture = options.architecture;
    model_.features = data.features;
    model_.classes = data.classes;
    // More layers than a plan has room for are refused with the task: none of them is taken.
    if (options.architecture == proto::Architecture::kDense)
      static_cast<void>(model_.hidden.assign(options.hidden));
    if (!options.central_baseline) return;
    pool_.features = data.features;
    for (const client::Examples& device : data.devices) {
      pool_.x.insert(pool_.x.end(), device.x.begin(), device.x.end());
      pool_.y.insert(pool_.y.end(), device.y.begin(), device.y.end());
    }
  }

  const proto::ModelSpec& model() const override { return model_; }
  std::span<const float> initial() const override { return {}; }
  std::unique_ptr<client::Trainer> trainer(std::size_t device) const override {
    return client::make_builtin_trainer(data_.devices[device]);
  }
  std::unique_ptr<client::Trainer> central_trainer() const override {
    return client::make_builtin_trainer(pool_);
  }
  Result<client::Evaluation> evaluate(std::span<const float> parameters) const override {
    return client::evaluate(model_, parameters, data_.test);
  }
  Result<client::Evaluation> evaluate_on(std::size_t device,
                                         std::span<const float> parameters) const override {
    return client::evaluate(model_, parameters, data_.device_tests[device]);
  }

 private:
  const FederatedData& data_;
  proto::ModelSpec model_;
  client::Examples pool_;
};

class HeadLearning final : public Learning {
 public:
  explicit HeadLearning(client::HeadModel head) : head_(std::move(head)), model_(head_.spec()) {}

  // The layers before the head run once over everything.
  Status prepare(const FederatedData& data, Executor& executor) {
    if (data.features != head_.inputs() || data.classes != head_.classes()) {
      return invalid_argument(
          fmt::format("the model takes {} values and knows {} classes, but {} has {} and {}: take a model "
                      "that was made for it",
                      head_.inputs(), head_.classes(), data.name, data.features, data.classes));
    }
    SOTTO_RETURN_IF_ERROR(prepare_devices(data.devices, data.device_names, executor, devices_));
    SOTTO_RETURN_IF_ERROR(prepare_devices(data.device_tests, data.device_names, executor, device_tests_));
    auto test = head_.prepare(data.test);
    if (!test) return test.error().with_context("the test examples");
    test_ = std::move(*test);
    return {};
  }

  const proto::ModelSpec& model() const override { return model_; }
  std::span<const float> initial() const override { return head_.initial(); }
  std::unique_ptr<client::Trainer> trainer(std::size_t device) const override {
    return client::make_head_trainer(head_, devices_[device]);
  }
  std::unique_ptr<client::Trainer> central_trainer() const override {
    return client::make_head_trainer(head_, pool_);
  }
  Result<client::Evaluation> evaluate(std::span<const float> parameters) const override {
    return head_.evaluate(parameters, test_);
  }
  Result<client::Evaluation> evaluate_on(std::size_t device,
                                         std::span<const float> parameters) const override {
    return head_.evaluate(parameters, device_tests_[device]);
  }

  void pool_devices() {
    for (const client::HeadSamples& device : devices_) {
      pool_.bytes.insert(pool_.bytes.end(), device.bytes.begin(), device.bytes.end());
      pool_.count += device.count;
    }
  }

 private:
  // `names` is as long as `examples`, unless there are none.
  Status prepare_devices(const std::vector<client::Examples>& examples, const std::vector<std::string>& names,
                         Executor& executor, std::vector<client::HeadSamples>& prepared) const {
    prepared.resize(examples.size());
    return for_each(executor, examples.size(), [&](std::size_t i) -> Status {
      auto samples = head_.prepare(examples[i]);
      if (!samples) return samples.error().with_context(names[i]);
      prepared[i] = std::move(*samples);
      return {};
    });
  }

  const client::HeadModel head_;
  const proto::ModelSpec model_;
  std::vector<client::HeadSamples> devices_, device_tests_;
  client::HeadSamples test_, pool_;
};

}  // namespace

Result<std::unique_ptr<Learning>> make_learning(const FederatedData& data, const ExperimentOptions& options,
                                                Executor& executor) {
  if (options.head.empty())
    return std::unique_ptr<Learning>(std::make_unique<BuiltinLearning>(data, options));
  auto head = client::HeadModel::open(options.head, options.head_form);
  if (!head) return head.error();
  auto learning = std::make_unique<HeadLearning>(std::move(*head));
  SOTTO_RETURN_IF_ERROR(learning->prepare(data, executor));
  if (options.central_baseline) learning->pool_devices();
  return std::unique_ptr<Learning>(std::move(learning));
}

}  // namespace sotto::simulation
