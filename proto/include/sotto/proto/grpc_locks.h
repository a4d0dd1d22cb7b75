// gRPC's locks look for deadlocks of gRPC's own where its library was built without NDEBUG, as Debian's is:
// every lock is entered into a graph of all, which costs a server a tenth of its processor time.
#pragma once

namespace sotto::proto {

// Locks only lock from now on. Concerns the whole process: for programs, not for libraries, to call, before
// the first connection.
void skip_grpc_lock_checks();

}  // namespace sotto::proto
