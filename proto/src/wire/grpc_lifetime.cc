#include "sotto/proto/grpc_lifetime.h"

#include <grpc/grpc.h>

#include <mutex>

namespace sotto::proto {

void keep_grpc_running() {
  static std::once_flag begun;
  std::call_once(begun, grpc_init);
}

}  // namespace sotto::proto
