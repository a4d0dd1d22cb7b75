#include "sotto/proto/grpc_log.h"

#include <grpc/support/log.h>

#include <atomic>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace sotto::proto {
namespace {

using Sink = std::function<void(const GrpcLogLine&)>;

// gRPC calls a plain function, so what it is to reach is found here. Never freed: its threads may speak until
// the process ends.
std::atomic<const Sink*> taken_by = nullptr;

GrpcLogLine::Level level_of(gpr_log_severity severity) {
  switch (severity) {
    case GPR_LOG_SEVERITY_DEBUG:
      return GrpcLogLine::Level::kDebug;
    case GPR_LOG_SEVERITY_INFO:
      return GrpcLogLine::Level::kInfo;
    default:
      return GrpcLogLine::Level::kError;
  }
}

void hand_over(gpr_log_func_args* line) {
  const Sink* sink = taken_by.load(std::memory_order_acquire);
  if (sink == nullptr) return;
  const std::string_view file(line->file);
  const std::size_t slash = file.rfind('/');
  const std::string name(slash == std::string_view::npos ? file : file.substr(slash + 1));
  (*sink)({level_of(line->severity), name + ":" + std::to_string(line->line), line->message});
}

}  // namespace

void silence_grpc_log() {
  if (std::getenv("GRPC_VERBOSITY") != nullptr) return;
  gpr_set_log_function([](gpr_log_func_args*) {});
}

void take_grpc_log(Sink sink) {
  taken_by.store(new Sink(std::move(sink)), std::memory_order_release);
  gpr_set_log_function(hand_over);
}

}  // namespace sotto::proto
