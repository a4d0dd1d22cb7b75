#include "sotto/host/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace sotto::host {
namespace {

Status failure(const char* what) {
  return io_error(std::string("cannot ") + what + ": " +
                  std::error_code(errno, std::generic_category()).message());
}

}  // namespace

Status keep_memory_private() {
  constexpr rlimit kNothing{.rlim_cur = 0, .rlim_max = 0};
  if (::setrlimit(RLIMIT_CORE, &kNothing) != 0) return failure("forbid core files");
    // A core file that is piped to a program (core_pattern) knows no limit but this.
#ifndef __SANITIZE_ADDRESS__  // its search for leaks reads the process from outside
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failure("forbid dumps of this process");
#endif
  return {};
}

void make_files_private() { ::umask(077); }

}  // namespace sotto::host
