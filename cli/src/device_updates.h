// `sotto device run --updates`: the newest signed update of the device's model, kept as files.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "sotto/base/result.h"
#include "sotto/client/client.h"

namespace sotto::cli {

struct DeviceUpdateOptions {
  std::string folder;  // empty: no updates are asked for
  std::string owner_file;
  std::string device_class;
  std::string task;
  bool json = false;
  bool quiet = false;
};

void add_device_update_options(CLI::App& run, DeviceUpdateOptions& options);

// Asks and fetches on a thread of its own, until it is destroyed.
class UpdateKeeper {
 public:
  // Null when no folder is named. `device` says how the coordinator is reached, and as whom.
  [[nodiscard]] static Result<std::unique_ptr<UpdateKeeper>> start(const DeviceUpdateOptions& options,
                                                                   const client::DeviceOptions& device);
  ~UpdateKeeper();

 private:
  class Impl;
  explicit UpdateKeeper(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sotto::cli
