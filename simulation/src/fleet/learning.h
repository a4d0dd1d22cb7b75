// What a fleet learns, as an experiment sees it: the model, who trains it on a device's examples, and how
// good it is.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "sotto/base/executor.h"
#include "sotto/client/trainer.h"
#include "sotto/simulation/experiment.h"

namespace sotto::simulation {

// work(0) .. work(count - 1), each a Status, wherever there is time: the first that is not ok, by number.
template <typename Work>
[[nodiscard]] Status for_each(Executor& executor, std::size_t count, Work work) {
  std::vector<Status> status(count);
  executor.parallel_for(count, [&](std::size_t i) { status[i] = work(i); });
  for (const Status& each : status) SOTTO_RETURN_IF_ERROR(each);
  return {};
}

class Learning {
 public:
  virtual ~Learning() = default;
  [[nodiscard]] virtual const proto::ModelSpec& model() const = 0;
  // Where the task begins; empty: where the coordinator says.
  [[nodiscard]] virtual std::span<const float> initial() const = 0;
  // Lives no longer than this. Any thread, each trainer on one at a time.
  [[nodiscard]] virtual std::unique_ptr<client::Trainer> trainer(std::size_t device) const = 0;
  // Of all devices' examples as if they were one's.
  [[nodiscard]] virtual std::unique_ptr<client::Trainer> central_trainer() const = 0;
  // On the test examples.
  [[nodiscard]] virtual Result<client::Evaluation> evaluate(std::span<const float> parameters) const = 0;
  // On the device's own: data.device_tests must not be empty.
  [[nodiscard]] virtual Result<client::Evaluation> evaluate_on(std::size_t device,
                                                               std::span<const float> parameters) const = 0;
};

// The built-in architectures, or the head of options.head. `data` must outlive it. All examples are kept a
// second time when options.central_baseline asks for central_trainer(), which needs it.
[[nodiscard]] Result<std::unique_ptr<Learning>> make_learning(const FederatedData& data,
                                                              const ExperimentOptions& options,
                                                              Executor& executor);

}  // namespace sotto::simulation
