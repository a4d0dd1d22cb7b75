// Splits pooled examples over devices with a chosen label skew.
#pragma once

#include <cstdint>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/client/trainer.h"

namespace sotto::simulation {

inline constexpr std::size_t kDeviceExamplesMin = 8;

struct DirichletOptions {
  std::uint32_t devices = 1;
  double alpha = 0.3;  // small: a device sees few labels; large: all devices look alike
  std::uint64_t seed = 0;
};

// Per device the indices of its examples; every example goes to exactly one device and every device gets at
// least kDeviceExamplesMin. Each label's examples are split by shares drawn from Dirichlet(alpha) over the
// devices (Hsu et al. 2019); a device short of the minimum then takes random examples of the largest one.
// kInvalidArgument when there are too few examples, no devices, or alpha is not a positive number.
[[nodiscard]] Result<std::vector<std::vector<std::uint32_t>>> partition_by_label(
    const std::vector<std::uint8_t>& labels, const DirichletOptions& options);

// The same split applied to examples: one entry per device.
[[nodiscard]] Result<std::vector<client::Examples>> partition_examples(const client::Examples& pool,
                                                                       const DirichletOptions& options);

}  // namespace sotto::simulation
