// gRPC's own log lines: one for every port scanner's failed handshake. What matters of them is in our Status
// messages.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace sotto::proto {

// Keeps gRPC from writing to standard error, unless GRPC_VERBOSITY is set. Concerns the whole process: for
// programs, not for libraries, to call, before the first connection.
void silence_grpc_log();

struct GrpcLogLine {
  enum class Level : std::uint8_t { kDebug, kInfo, kError } level = Level::kError;
  std::string place;  // "ssl_transport_security.cc:1420"
  std::string text;
};

// Hands gRPC's lines to `sink` from now on, on any of its threads and until the process ends. Which there are
// is GRPC_VERBOSITY's to say; unless it is set, errors. For programs, once.
void take_grpc_log(std::function<void(const GrpcLogLine&)> sink);

}  // namespace sotto::proto
