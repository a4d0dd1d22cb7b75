// The parameters a task starts from.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sotto/base/status.h"
#include "sotto/proto/plan.h"

namespace sotto::server {

// Of a model that an operator gives; empty stands for none and is right. kInvalidArgument unless it has the
// parameters of `model`, all of them finite.
[[nodiscard]] Status check_initial_model(const proto::ModelSpec& model, std::span<const float> initial);

// kSoftmax: zeros. kDense: each weight matrix uniform in ±sqrt(6 / inputs) (He et al. 2015, "Delving Deep
// into Rectifiers"), biases zero. kCustom: uniform in ±0.05. Equal seeds give equal bits on every machine.
[[nodiscard]] std::vector<float> initial_parameters(const proto::ModelSpec& model, std::uint64_t seed);

}  // namespace sotto::server
