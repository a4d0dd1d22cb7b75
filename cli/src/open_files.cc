#include "open_files.h"

#include <fmt/core.h>
#include <sys/resource.h>

namespace sotto::cli {
namespace {

constexpr std::size_t kServerMin = 64;  // database, sockets, what gRPC opens, and some devices
constexpr std::size_t kFleetMin = 1024;
constexpr const char* kAdvice = "raise the limit, with `ulimit -n` or LimitNOFILE= of a service";

}  // namespace

std::size_t raise_open_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kFleetMin;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

Status provide_open_files(spdlog::logger& log) {
  const std::size_t allowed = raise_open_file_limit();
  if (allowed < kServerMin) {
    return failed_precondition(fmt::format(
        "this process may open {} files, a coordinator needs at least {}: {}", allowed, kServerMin, kAdvice));
  }
  if (allowed < kFleetMin) {
    log.warn("this process may open {} files, and each device's connection is one: {}", allowed, kAdvice);
  }
  return {};
}

Status provide_open_files(std::size_t needed) {
  const std::size_t allowed = raise_open_file_limit();
  if (allowed >= needed) return {};
  return failed_precondition(
      fmt::format("this process may open {} files and will need {}: {}", allowed, needed, kAdvice));
}

}  // namespace sotto::cli
