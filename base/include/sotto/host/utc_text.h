// Times as people read them, in UTC.
#pragma once

#include <cstdint>
#include <string>

#include "sotto/base/clock.h"
#include "sotto/base/status.h"

namespace sotto::host {

// 2026-01-31T12:00:00Z
[[nodiscard]] std::string utc_time(std::int64_t unix_ms);
// Of seconds that somebody else has written: from the year 10000 on as its last second before.
[[nodiscard]] std::string utc_time_of_seconds(std::uint64_t unix_s);
[[nodiscard]] std::string utc_date_of_seconds(std::uint64_t unix_s);
// 2026-01-31
[[nodiscard]] std::string utc_date(std::int64_t unix_ms);

// kFailedPrecondition when a clock stands before 1970: what is signed or issued then would be of no time that
// others can compare with theirs.
[[nodiscard]] Status check_clock(Time now);

}  // namespace sotto::host
