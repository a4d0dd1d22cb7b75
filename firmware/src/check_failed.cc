// What firmware for measuring and testing does when a check fails: it says which, and ends.
#include "console.h"
#include "semihosting.h"
#include "sotto/base/check.h"

namespace sotto {

void check_failed(const char* condition, const char* file, int line) {
  console::line("check failed: ", condition, " in ", file, " line ", static_cast<std::uint32_t>(line));
  semihosting::exit(71);
}

}  // namespace sotto
