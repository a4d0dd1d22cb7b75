#include "data/signal/standardiser.h"

#include <cmath>

#include "sotto/base/check.h"

namespace sotto::simulation {

Standardiser::Standardiser(std::span<const double> examples, std::size_t features, double floor)
    : mean_(features), deviation_(features) {
  SOTTO_CHECK(features > 0 && !examples.empty() && examples.size() % features == 0);
  const double count = static_cast<double>(examples.size() / features);
  for (std::size_t i = 0; i < examples.size(); ++i) mean_[i % features] += examples[i];
  for (double& mean : mean_) mean /= count;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const double difference = examples[i] - mean_[i % features];
    deviation_[i % features] += difference * difference;
  }
  for (double& deviation : deviation_) {
    deviation = std::sqrt(deviation / count) + floor;
    if (deviation == 0) deviation = 1;
  }
}

void Standardiser::append(std::span<const double> examples, std::vector<float>& out) const {
  SOTTO_CHECK(examples.size() % mean_.size() == 0);
  out.reserve(out.size() + examples.size());
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const std::size_t feature = i % mean_.size();
    out.push_back(static_cast<float>((examples[i] - mean_[feature]) / deviation_[feature]));
  }
}

}  // namespace sotto::simulation
