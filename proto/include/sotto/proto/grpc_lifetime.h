// gRPC ends with its last object and begins with the next one. Its end joins a thread that may be in a poll
// of 10 s, so that a command of some milliseconds would now and then take ten seconds.
#pragma once

namespace sotto::proto {

// gRPC runs until the process ends. For whoever makes a channel or a server, before; any thread, any number
// of times.
void keep_grpc_running();

}  // namespace sotto::proto
