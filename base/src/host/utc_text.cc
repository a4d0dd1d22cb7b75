#include "sotto/host/utc_text.h"

#include <ctime>

#include "sotto/base/check.h"

namespace sotto::host {
namespace {

std::string formatted(std::int64_t unix_ms, const char* format) {
  // Rounds down, also before 1970.
  const std::time_t seconds = unix_ms / 1000 - (unix_ms % 1000 < 0 ? 1 : 0);
  std::tm parts{};
  char text[32];
  // The years of 64-bit milliseconds have nine digits.
  SOTTO_CHECK(gmtime_r(&seconds, &parts) != nullptr);
  SOTTO_CHECK(std::strftime(text, sizeof text, format, &parts) > 0);
  return text;
}

}  // namespace

std::string utc_time(std::int64_t unix_ms) { return formatted(unix_ms, "%Y-%m-%dT%H:%M:%SZ"); }
std::string utc_date(std::int64_t unix_ms) { return formatted(unix_ms, "%Y-%m-%d"); }

}  // namespace sotto::host
