// Whether the coordinator's own endorsement ends soon: then no device takes its plans any more, and only
// whoever keeps the authority can change that.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "sotto/base/clock.h"
#include "sotto/hosting/notice.h"

namespace sotto::server {

class EndorsementWatch {
 public:
  static constexpr std::chrono::seconds kAhead{30 * 86'400};

  // In seconds since the Unix epoch, as the endorsement says it.
  explicit EndorsementWatch(std::uint64_t expires_at) : expires_at_(expires_at) {}

  // What there is to say now: once a day in the last 30 days, and once more when it has ended.
  [[nodiscard]] std::optional<hosting::Notice> look(Time now);

 private:
  std::uint64_t expires_at_;
  std::uint64_t said_until_ = 0;  // nothing before this
};

}  // namespace sotto::server
