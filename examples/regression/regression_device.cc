// A device with a model that Sotto knows nothing of: linear regression, price = w0 * area + w1 * age + b,
// from flats that only this device has seen. The coordinator needs the task in task.toml beside this file.
#include <algorithm>
#include <functional>
#include <span>

#include "../run_device.h"

using sotto::Result;
using namespace sotto::client;

struct Flat {
  float area;
  float age;
  float price;
};

// What this device knows: 200 flats, priced by a rule that nobody tells it, and noise.
std::vector<Flat> collect_flats(sotto::Random& random) {
  const auto uniform = [&random] { return static_cast<float>(2 * random.uniform() - 1); };
  std::vector<Flat> flats(200);
  for (Flat& flat : flats) {
    flat = {.area = uniform(), .age = uniform(), .price = 0.1f * uniform()};
    flat.price += 3 * flat.area - 2 * flat.age + 0.5f;
  }
  return flats;
}

class LinearTrainer : public Trainer {
 public:
  std::vector<sotto::proto::Architecture> architectures() const override {
    return {sotto::proto::Architecture::kCustom};
  }
  std::vector<std::string> custom_models() const override { return {"linear"}; }

  Result<LocalUpdate> train(const TrainingJob& job, sotto::Random& random) override {
    if (job.parameters.size() != 3) return sotto::invalid_argument("this model has 3 parameters");
    if (flats_.empty()) flats_ = collect_flats(random);
    double squared_error = 0;
    for (const Flat& flat : flats_) {
      const double error = error_of(job.parameters, flat);
      squared_error += error * error;
    }
    std::vector<float> w(job.parameters.begin(), job.parameters.end());
    for (std::uint32_t epoch = 0; epoch < job.training.local_epochs; ++epoch) {
      for (const Flat& flat : flats_) {
        const float step = job.training.learning_rate * error_of(w, flat);
        w[0] -= step * flat.area;
        w[1] -= step * flat.age;
        w[2] -= step;
      }
    }
    LocalUpdate update;
    update.metrics.examples = static_cast<std::uint32_t>(flats_.size());
    update.metrics.weight = std::min(update.metrics.examples, job.weight_max);
    update.metrics.report(job.model, "squared_error", squared_error);
    update.delta.resize(w.size());
    std::transform(w.begin(), w.end(), job.parameters.begin(), update.delta.begin(), std::minus<>());
    return update;
  }

 private:
  static float error_of(std::span<const float> w, const Flat& flat) {
    return w[0] * flat.area + w[1] * flat.age + w[2] - flat.price;
  }

  std::vector<Flat> flats_;
};

int main(int argc, char** argv) {
  LinearTrainer trainer;
  return run_device(argc, argv, "flats", trainer);
}
