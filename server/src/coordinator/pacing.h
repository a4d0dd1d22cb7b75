// When devices are asked to come back. Everybody who is sent away gets a window that begins when the task is
// expected to need devices again and is as wide as the crowd needs to come in at a bearable rate: a small
// fleet comes back together and fills the next round at once, a large one is spread out.
#pragma once

#include <cstdint>
#include <string>

#include "sotto/proto/messages.h"
#include "sotto/server/coordinator.h"

namespace sotto::server {

inline constexpr std::uint64_t kCheckInsPerSecond = 500;

struct Crowd {
  std::int64_t expected_ms = 0;  // until the coordinator can use them
  std::uint64_t devices = 0;     // how many are expected to come back
};
// Within [retry_min_ms, retry_max_ms].
[[nodiscard]] proto::RetryWindow retry_window(const CoordinatorOptions& options, const Crowd& crowd,
                                              std::string reason);
// For devices that nothing is known to be coming up for.
[[nodiscard]] proto::RetryWindow idle_window(const CoordinatorOptions& options, std::string reason);
// For a call whose answer is not ready.
[[nodiscard]] proto::RetryWindow poll_window(const CoordinatorOptions& options, std::string reason);

}  // namespace sotto::server
