#include "sotto/simulation/data_set.h"

#include <fmt/format.h>

#include "data/format/file.h"
#include "data/loaders.h"
#include "data/partition.h"
#include "sotto/base/check.h"

namespace sotto::simulation {
namespace {

using Loader = Result<LoadedData> (*)(const DataOptions&);

Loader find_loader(const std::string& name) {
  if (name == "motion") return load_motion;
  if (name == "har") return load_har;
  if (name == "fashion-mnist") return load_fashion_mnist;
  if (name == "fsdd") return load_fsdd;
  if (name == "folder") return load_folder;
  return nullptr;
}

std::string numbered(std::size_t index) { return fmt::format("device-{}", index + 1); }

Status keep_first(std::uint32_t devices, FederatedData& data) {
  if (devices == 0 || devices == data.devices.size()) return {};
  if (devices > data.devices.size()) {
    return invalid_argument(
        fmt::format("{} has {} devices; {} were asked for. Ask for fewer, or for the Dirichlet partition, "
                    "which makes any number",
                    data.name, data.devices.size(), devices));
  }
  data.devices.resize(devices);
  data.device_names.resize(devices);
  if (!data.device_tests.empty()) data.device_tests.resize(devices);
  return {};
}

// Pools all devices' examples and deals them out anew.
Status deal_anew(const DirichletOptions& options, FederatedData& data) {
  client::Examples pool = std::move(data.devices.front());
  for (std::size_t i = 1; i < data.devices.size(); ++i) {
    const client::Examples device = std::move(data.devices[i]);
    pool.x.insert(pool.x.end(), device.x.begin(), device.x.end());
    pool.y.insert(pool.y.end(), device.y.begin(), device.y.end());
  }
  auto devices = partition_examples(pool, options);
  if (!devices) return devices.error().with_context(data.name);
  data.devices = std::move(*devices);
  data.device_names.clear();
  data.device_tests.clear();
  for (std::size_t i = 0; i < data.devices.size(); ++i) data.device_names.push_back(numbered(i));
  return {};
}

void name_labels(FederatedData& data) {
  const std::string labels = fmt::format("{}", fmt::join(data.class_names, ","));
  SOTTO_CHECK(data.input.labels.assign({labels.data(), labels.size()}));
}

}  // namespace

Status check_labels(std::span<const std::uint8_t> labels, std::uint32_t classes, const std::string& name) {
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] < classes) continue;
    return data_loss(
        fmt::format("'{}' entry {} is label {}; labels are 0 to {}", name, i, labels[i], classes - 1));
  }
  return {};
}

Result<FederatedData> load_data_set(const DataOptions& options) {
  const Loader load = find_loader(options.name);
  if (load == nullptr) {
    return invalid_argument("no data set is called '" + options.name +
                            "'; there are motion, har, fashion-mnist, fsdd and folder");
  }
  if (load != load_motion) {
    if (options.directory.empty()) {
      return invalid_argument("data set " + options.name +
                              " is read from files: say in which folder they are");
    }
    if (const Status status = check_directory(options.directory); !status.ok()) {
      return status.with_context("data set " + options.name);
    }
  }
  auto loaded = load(options);
  if (!loaded) return loaded.error().with_context("data set " + options.name);
  if (loaded->split && options.partition == Partition::kNatural) {
    SOTTO_RETURN_IF_ERROR(keep_first(options.devices, loaded->data));
  } else {
    const std::uint32_t devices = options.devices == 0 ? loaded->default_devices : options.devices;
    SOTTO_RETURN_IF_ERROR(deal_anew({devices, options.dirichlet_alpha, options.seed}, loaded->data));
  }
  if (load != load_folder) name_labels(loaded->data);
  return std::move(loaded->data);
}

}  // namespace sotto::simulation
