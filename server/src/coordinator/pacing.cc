#include "coordinator/pacing.h"

#include <algorithm>

namespace sotto::server {

proto::RetryWindow retry_window(const CoordinatorOptions& options, const Crowd& crowd, std::string reason) {
  const std::int64_t earliest = options.retry_min_ms;
  const std::int64_t latest = options.retry_max_ms;
  const auto spread = static_cast<std::int64_t>(std::min<std::uint64_t>(
      crowd.devices * 1000 / kCheckInsPerSecond, static_cast<std::uint64_t>(latest - earliest)));
  const std::int64_t end = std::min(std::clamp(crowd.expected_ms, earliest, latest) + spread, latest);
  return {.delay_min_ms = static_cast<std::uint32_t>(end - spread),
          .delay_max_ms = static_cast<std::uint32_t>(end),
          .reason = std::move(reason)};
}

proto::RetryWindow idle_window(const CoordinatorOptions& options, std::string reason) {
  return {.delay_min_ms = std::max(options.retry_min_ms, options.retry_max_ms / 2),
          .delay_max_ms = options.retry_max_ms,
          .reason = std::move(reason)};
}

proto::RetryWindow poll_window(const CoordinatorOptions& options, std::string reason) {
  return {.delay_min_ms = options.poll_after_ms,
          .delay_max_ms = 2 * options.poll_after_ms,
          .reason = std::move(reason)};
}

}  // namespace sotto::server
