// Each data set's own loader; load_data_set() chooses one and applies the partition.
#pragma once

#include <span>
#include <string>

#include "sotto/simulation/data_set.h"

namespace sotto::simulation {

struct LoadedData {
  FederatedData data;
  // False: data.devices holds all training examples as one device, still to be split over default_devices.
  bool split = true;
  std::uint32_t default_devices = 0;
};

// Generated: options.devices (default 100) wearers, each with its own stream of draws, so that a device's
// examples do not depend on how many others there are. The test set comes from wearers of its own.
[[nodiscard]] Result<LoadedData> load_motion(const DataOptions& options);
[[nodiscard]] Result<LoadedData> load_har(const DataOptions& options);
[[nodiscard]] Result<LoadedData> load_fashion_mnist(const DataOptions& options);
[[nodiscard]] Result<LoadedData> load_fsdd(const DataOptions& options);
// What export_data_set() writes, or anybody else in that form.
[[nodiscard]] Result<LoadedData> load_folder(const DataOptions& options);

// kDataLoss naming `name` and the first entry that is not below `classes`.
[[nodiscard]] Status check_labels(std::span<const std::uint8_t> labels, std::uint32_t classes,
                                  const std::string& name);

}  // namespace sotto::simulation
