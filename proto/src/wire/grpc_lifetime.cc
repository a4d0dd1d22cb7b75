#include "sotto/proto/grpc_lifetime.h"

#include <grpc/grpc.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "sotto/base/result.h"
#include "sotto/host/threads.h"

namespace sotto::proto {

std::size_t grpc_threads() {
  // Timers, resolving names, the first of each pool; and as many again whose stacks stand for the memory that
  // gRPC waits for without an end where addresses are limited.
  constexpr std::size_t kAlways = 24;
  return kAlways + 2 * std::max(2u, std::thread::hardware_concurrency());
}

Status keep_grpc_running() {
  static std::mutex mutex;
  static bool begun = false;
  const std::lock_guard lock(mutex);
  if (begun) return {};
  SOTTO_RETURN_IF_ERROR(host::check_threads(grpc_threads()));
  grpc_init();
  begun = true;
  return {};
}

}  // namespace sotto::proto
