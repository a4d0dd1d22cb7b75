// The parameters a task starts from.
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/proto/plan.h"

namespace sotto::server {

// kSoftmax: zeros. kDense: each weight matrix uniform in ±sqrt(6 / inputs) (He et al. 2015, "Delving Deep
// into Rectifiers"), biases zero. Equal seeds give equal bits on every machine.
[[nodiscard]] std::vector<float> initial_parameters(const proto::ModelSpec& model, std::uint64_t seed);

}  // namespace sotto::server
