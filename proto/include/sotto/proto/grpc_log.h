// gRPC's own log lines: one for every port scanner's failed handshake. What matters of them is in our Status
// messages.
#pragma once

namespace sotto::proto {

// Keeps gRPC from writing to standard error, unless GRPC_VERBOSITY is set. Concerns the whole process: for
// programs, not for libraries, to call, before the first connection.
void silence_grpc_log();

}  // namespace sotto::proto
