#include "sotto/host/utc_text.h"

#include <algorithm>
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

std::int64_t shown_ms(std::uint64_t unix_s) {
  constexpr std::uint64_t kLast = 253'402'300'799;  // 9999-12-31T23:59:59Z
  return static_cast<std::int64_t>(std::min(unix_s, kLast)) * 1000;
}

}  // namespace

std::string utc_time_of_seconds(std::uint64_t unix_s) { return utc_time(shown_ms(unix_s)); }
std::string utc_date_of_seconds(std::uint64_t unix_s) { return utc_date(shown_ms(unix_s)); }
std::string utc_time(std::int64_t unix_ms) { return formatted(unix_ms, "%Y-%m-%dT%H:%M:%SZ"); }
std::string utc_date(std::int64_t unix_ms) { return formatted(unix_ms, "%Y-%m-%d"); }

Status check_clock(Time now) {
  if (now.ms >= 0) return {};
  return failed_precondition("this machine's clock stands at " + utc_time(now.ms) + ", before 1970: set it");
}

}  // namespace sotto::host
