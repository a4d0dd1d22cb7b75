// gRPC ends with its last object and begins with the next one. Its end joins a thread that may be in a poll
// of 10 s, so that a command of some milliseconds would now and then take ten seconds.
#pragma once

#include <cstddef>

#include "sotto/base/status.h"

namespace sotto::proto {

// Threads that gRPC starts by itself, with room: where it cannot, it ends the process without a sentence.
[[nodiscard]] std::size_t grpc_threads();

// gRPC runs until the process ends. For whoever makes a channel or a server, before; any thread, any number
// of times. kFailedPrecondition when the threads are not to be had (host/threads.h): nothing has begun then.
[[nodiscard]] Status keep_grpc_running();

}  // namespace sotto::proto
