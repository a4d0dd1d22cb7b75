#include "data/partition.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "data/signal/sampler.h"

namespace sotto::simulation {
namespace {

using Assignment = std::vector<std::vector<std::uint32_t>>;

Status check_options(std::size_t examples, const DirichletOptions& options) {
  if (!std::isfinite(options.alpha) || options.alpha <= 0 || options.alpha > 1e6) {
    return invalid_argument(
        fmt::format("Dirichlet alpha is {}; it must be above 0 and at most 1000000", options.alpha));
  }
  if (options.devices == 0) return invalid_argument("a partition needs at least one device");
  if (examples / kDeviceExamplesMin < options.devices) {
    return invalid_argument(
        fmt::format("{} examples are too few for {} devices of at least {}; use at most {} devices", examples,
                    options.devices, kDeviceExamplesMin, examples / kDeviceExamplesMin));
  }
  return {};
}

// Cuts one label's shuffled examples at the running sum of the shares.
void deal(const std::vector<std::uint32_t>& examples, const std::vector<double>& shares,
          Assignment& assignment) {
  double end_share = 0;
  std::size_t begin = 0;
  for (std::size_t device = 0; device < shares.size(); ++device) {
    end_share += shares[device];
    const auto end_position = std::llround(end_share * static_cast<double>(examples.size()));
    const bool last = device + 1 == shares.size();
    const std::size_t end =
        last ? examples.size() : std::min(static_cast<std::size_t>(end_position), examples.size());
    for (; begin < end; ++begin) assignment[device].push_back(examples[begin]);
  }
}

// Ends because the mean size is at least the minimum: while one device is short, the largest has more than
// enough.
void fill_up(Assignment& assignment, Sampler& sampler) {
  const auto by_size = [](const auto& a, const auto& b) { return a.size() < b.size(); };
  for (auto& device : assignment) {
    while (device.size() < kDeviceExamplesMin) {
      auto& largest = *std::ranges::max_element(assignment, by_size);
      std::swap(largest[sampler.below(largest.size())], largest.back());
      device.push_back(largest.back());
      largest.pop_back();
    }
  }
}

}  // namespace

Result<Assignment> partition_by_label(const std::vector<std::uint8_t>& labels,
                                      const DirichletOptions& options) {
  SOTTO_RETURN_IF_ERROR(check_options(labels.size(), options));
  std::array<std::vector<std::uint32_t>, 256> by_label;
  for (std::size_t i = 0; i < labels.size(); ++i)
    by_label[labels[i]].push_back(static_cast<std::uint32_t>(i));
  Sampler sampler({options.seed, "partition"});
  Assignment assignment(options.devices);
  for (auto& examples : by_label) {
    if (examples.empty()) continue;
    sampler.shuffle(examples);
    deal(examples, sampler.dirichlet(options.alpha, options.devices), assignment);
  }
  fill_up(assignment, sampler);
  for (auto& device : assignment) std::ranges::sort(device);
  return assignment;
}

Result<std::vector<client::Examples>> partition_examples(const client::Examples& pool,
                                                         const DirichletOptions& options) {
  const auto assignment = partition_by_label(pool.y, options);
  if (!assignment) return assignment.error();
  std::vector<client::Examples> devices(assignment->size());
  for (std::size_t i = 0; i < devices.size(); ++i) {
    client::Examples& device = devices[i];
    device.features = pool.features;
    device.x.reserve((*assignment)[i].size() * pool.features);
    for (const std::uint32_t example : (*assignment)[i]) {
      const auto row = pool.x.begin() + static_cast<std::ptrdiff_t>(std::size_t{example} * pool.features);
      device.x.insert(device.x.end(), row, row + pool.features);
      device.y.push_back(pool.y[example]);
    }
  }
  return devices;
}

}  // namespace sotto::simulation
