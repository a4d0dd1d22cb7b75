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
  const bool limited = ::setrlimit(RLIMIT_CORE, &kNothing) == 0;
#ifdef __SANITIZE_ADDRESS__  // its search for leaks reads the process from outside
  return limited ? Status() : failure("forbid core files");
#else
  // This alone would do, also where core files are piped to a program, which knows no limit. A service's
  // sandbox may forbid changes of limits.
  static_cast<void>(limited);
  return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? Status() : failure("forbid dumps of this process");
#endif
}

void make_files_private() { ::umask(077); }

}  // namespace sotto::host
