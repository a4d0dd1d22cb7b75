#include "sotto/proto/grpc_locks.h"

#include <absl/synchronization/mutex.h>

namespace sotto::proto {

void skip_grpc_lock_checks() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

}  // namespace sotto::proto
