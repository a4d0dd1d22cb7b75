// The administration socket's address, agreed on by coordinator and operator.
#pragma once

#include <filesystem>
#include <string>

#include "sotto/base/result.h"

namespace sotto::proto {

// gRPC's name of a Unix domain socket. kInvalidArgument when the path is empty or longer than the system
// allows (107 bytes).
[[nodiscard]] Result<std::string> admin_target(const std::filesystem::path& socket);

}  // namespace sotto::proto
