#include "sotto/proto/grpc_log.h"

#include <grpc/support/log.h>

#include <cstdlib>

namespace sotto::proto {

void silence_grpc_log() {
  if (std::getenv("GRPC_VERBOSITY") != nullptr) return;
  gpr_set_log_function([](gpr_log_func_args*) {});
}

}  // namespace sotto::proto
