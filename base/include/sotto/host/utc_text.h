// Times as people read them, in UTC.
#pragma once

#include <cstdint>
#include <string>

namespace sotto::host {

// 2026-01-31T12:00:00Z; seconds after 1970 in words when the calendar has no such year.
[[nodiscard]] std::string utc_time(std::int64_t unix_ms);
// 2026-01-31
[[nodiscard]] std::string utc_date(std::int64_t unix_ms);

}  // namespace sotto::host
