// A device with a Trainer of its own: it learns, together with others that stay private, on which side of a
// line points lie. The coordinator needs a task for the population "examples": softmax, 2 features, 2
// classes.
#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "../run_device.h"

using sotto::Result;
using namespace sotto::client;

// Softmax regression on points (x, y) in the square, labelled 1 where y > x. Parameters: W [2][2], b [2].
class LineTrainer : public Trainer {
 public:
  std::vector<sotto::proto::Architecture> architectures() const override {
    return {sotto::proto::Architecture::kSoftmax};
  }

  Result<LocalUpdate> train(const TrainingJob& job, sotto::Random& random) override {
    if (job.model.features != 2 || job.model.classes != 2)
      return sotto::invalid_argument("this device knows 2 features");
    constexpr std::uint32_t kExamples = 100;
    std::vector<float> w(job.parameters.begin(), job.parameters.end());
    LocalUpdate update;
    double correct = 0;
    double loss = 0;
    for (std::uint32_t i = 0; i < kExamples; ++i) {
      const float x = static_cast<float>(2 * random.uniform() - 1);
      const float y = static_cast<float>(2 * random.uniform() - 1);
      const bool above = y > x;
      const bool guess = above_probability(job.parameters, x, y) > 0.5f;  // metrics are the received model's
      correct += guess == above ? 1 : 0;
      loss -= std::log(std::abs((above ? 0.0 : 1.0) - above_probability(job.parameters, x, y)) + 1e-9);
      const float error = job.training.learning_rate * (above_probability(w, x, y) - (above ? 1.0f : 0.0f));
      const float step[6] = {-error * x, error * x, -error * y, error * y, -error, error};
      for (int k = 0; k < 6; ++k) w[k] -= step[k];
    }
    update.metrics.report(job.model, "correct", correct);
    update.metrics.report(job.model, "loss", loss);
    update.metrics.examples = kExamples;
    update.metrics.weight = std::min(kExamples, job.weight_max);
    update.delta.resize(w.size());
    std::transform(w.begin(), w.end(), job.parameters.begin(), update.delta.begin(), std::minus<>());
    return update;
  }

 private:
  static float above_probability(std::span<const float> w, float x, float y) {
    const float below = w[0] * x + w[2] * y + w[4];
    const float above = w[1] * x + w[3] * y + w[5];
    return 1 / (1 + std::exp(below - above));
  }
};

int main(int argc, char** argv) {
  LineTrainer trainer;
  return run_device(argc, argv, "examples", trainer);
}
