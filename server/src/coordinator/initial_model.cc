#include "coordinator/initial_model.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "sotto/crypto/primitives.h"

namespace sotto::server {
namespace {

// Nothing is known about the values of a custom model; these break the symmetry of its layers, if it has any.
constexpr double kCustomLimit = 0.05;

void fill_uniform(std::span<float> values, double limit, Random& random) {
  for (float& value : values) value = static_cast<float>(limit * (2.0 * random.uniform() - 1.0));
}

// Weights by He et al. 2015, uniform, and a bias of zeros. What comes after the layer.
std::span<float> fill_layer(std::span<float> parameters, std::uint32_t inputs, std::uint32_t outputs,
                            Random& random) {
  const std::size_t weights = std::size_t{inputs} * outputs;
  fill_uniform(parameters.first(weights), std::sqrt(6.0 / inputs), random);
  return parameters.subspan(weights + outputs);
}

}  // namespace

Status check_initial_model(const proto::ModelSpec& model, std::span<const float> initial) {
  if (initial.empty()) return {};
  if (initial.size() != model.parameter_count()) {
    return invalid_argument(fmt::format("the initial model has {} parameters, the task's model {}",
                                        initial.size(), model.parameter_count()));
  }
  const auto wrong = std::ranges::find_if(initial, [](float value) { return !std::isfinite(value); });
  if (wrong == initial.end()) return {};
  return invalid_argument(
      fmt::format("the initial model's parameter {} is not a finite number", wrong - initial.begin()));
}

std::vector<float> initial_parameters(const proto::ModelSpec& model, std::uint64_t seed) {
  std::vector<float> parameters(model.parameter_count(), 0.0f);
  if (model.architecture == proto::Architecture::kSoftmax) return parameters;
  crypto::SeededRandom random(seed);
  std::span<float> rest(parameters);
  if (model.architecture == proto::Architecture::kCustom) {
    fill_uniform(rest, kCustomLimit, random);
    return parameters;
  }
  std::uint32_t inputs = model.features;
  for (const std::uint32_t units : model.hidden) {
    rest = fill_layer(rest, inputs, units, random);
    inputs = units;
  }
  fill_layer(rest, inputs, model.classes, random);
  return parameters;
}

}  // namespace sotto::server
