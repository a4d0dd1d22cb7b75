// What can be said about an address before or after gRPC fails to listen on it: gRPC itself only says "no".
#pragma once

#include <filesystem>
#include <string>

#include "sotto/base/status.h"

namespace sotto::hosting {

// kInvalidArgument unless `address` is host:port with a port in 0 .. 65535.
[[nodiscard]] Status check_listen_address(const std::string& address);
// Tries to listen on host:port and says why that fails (kIo); kOk when it works.
[[nodiscard]] Status explain_listen_failure(const std::string& address);
// Makes way for a new socket at `path`: removes one that nobody listens on. kIo when another process does, or
// when something else is there.
[[nodiscard]] Status clear_stale_socket(const std::filesystem::path& path);

}  // namespace sotto::hosting
