#include "sotto/proto/grpc_locks.h"

#include <absl/synchronization/mutex.h>
#include <gtest/gtest.h>

namespace sotto::proto {
namespace {

// With the checks on the second order ends the process.
TEST(GrpcLocks, MayBeTakenInEitherOrderOnceChecksAreOff) {
  skip_grpc_lock_checks();
  absl::Mutex first;
  absl::Mutex second;
  int locked = 0;
  {
    const absl::MutexLock outer(&first);
    const absl::MutexLock inner(&second);
    ++locked;
  }
  {
    const absl::MutexLock outer(&second);
    const absl::MutexLock inner(&first);
    ++locked;
  }
  EXPECT_EQ(locked, 2);
}

}  // namespace
}  // namespace sotto::proto
