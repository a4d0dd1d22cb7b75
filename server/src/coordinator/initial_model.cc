#include "coordinator/initial_model.h"

#include <cmath>
#include <span>

#include "sotto/crypto/primitives.h"

namespace sotto::server {
namespace {

void fill_he_uniform(std::span<float> weights, std::uint32_t inputs, Random& random) {
  const double limit = std::sqrt(6.0 / inputs);
  for (float& weight : weights) weight = static_cast<float>(limit * (2.0 * random.uniform() - 1.0));
}

}  // namespace

std::vector<float> initial_parameters(const proto::ModelSpec& model, std::uint64_t seed) {
  std::vector<float> parameters(model.parameter_count(), 0.0f);
  if (model.architecture == proto::Architecture::kSoftmax) return parameters;
  crypto::SeededRandom random(seed);
  const std::size_t first = std::size_t{model.features} * model.hidden;
  const std::size_t second = std::size_t{model.hidden} * model.classes;
  const std::span<float> all(parameters);
  fill_he_uniform(all.subspan(0, first), model.features, random);
  fill_he_uniform(all.subspan(first + model.hidden, second), model.hidden, random);
  return parameters;
}

}  // namespace sotto::server
