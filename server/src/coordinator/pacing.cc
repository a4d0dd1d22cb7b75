#include "coordinator/pacing.h"

#include <algorithm>

namespace sotto::server {
namespace {

// Over how long the crowd is spread: at a bearable rate, and, where it is too large for one round, over as
// many rounds as give each of them a few devices for a place.
std::uint64_t spread_ms(const Crowd& crowd) {
  const std::uint64_t bearable = crowd.devices * 1000 / kCheckInsPerSecond;
  const std::uint64_t wanted = kDevicesPerPlace * crowd.places;
  if (wanted == 0 || crowd.round_ms <= 0 || crowd.devices <= wanted) return bearable;
  return std::max(bearable, static_cast<std::uint64_t>(crowd.round_ms) * crowd.devices / wanted);
}

}  // namespace

proto::RetryWindow retry_window(const CoordinatorOptions& options, const Crowd& crowd, std::string reason) {
  const std::int64_t earliest = options.retry_min_ms;
  const std::int64_t latest = options.retry_max_ms;
  const auto spread = static_cast<std::int64_t>(
      std::min<std::uint64_t>(spread_ms(crowd), static_cast<std::uint64_t>(latest - earliest)));
  const std::int64_t end = std::min(std::clamp(crowd.expected_ms, earliest, latest) + spread, latest);
  return {.delay_min_ms = static_cast<std::uint32_t>(end - spread),
          .delay_max_ms = static_cast<std::uint32_t>(end),
          .reason = std::move(reason)};
}

proto::RetryWindow idle_window(const CoordinatorOptions& options, std::uint64_t devices, std::string reason) {
  const std::uint64_t bearable = devices * 1000 / kIdleCheckInsPerSecond;
  const auto latest = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      std::max<std::uint64_t>(bearable, kIdleWindowMs), options.retry_min_ms, options.retry_max_ms));
  return {.delay_min_ms = std::max(options.retry_min_ms, latest / 2),
          .delay_max_ms = latest,
          .reason = std::move(reason)};
}

proto::RetryWindow poll_window(const CoordinatorOptions& options, std::string reason) {
  return {.delay_min_ms = options.poll_after_ms,
          .delay_max_ms = 2 * options.poll_after_ms,
          .reason = std::move(reason)};
}

}  // namespace sotto::server
