// Checks of what a developer hands to Device::connect().
#pragma once

#include <string>

#include "sotto/client/client.h"

namespace sotto::client {

// kInvalidArgument names the option, its value and what it must be.
[[nodiscard]] Status check_device_options(const DeviceOptions& options, const Trainer& trainer);
// The PEM text. kNotFound, kIo, or kInvalidArgument when the file holds no certificate.
[[nodiscard]] Result<std::string> read_ca_file(const std::filesystem::path& path);

}  // namespace sotto::client
