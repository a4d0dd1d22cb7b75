// When devices are asked to come back (the idea of pace steering, Bonawitz et al. 2019, section 2.3).
// Everybody who is sent away gets a window that begins when the coordinator is expected to have a place. A
// small fleet comes back together and fills the next round at once; a large one is spread out, so that a
// bearable number comes in a second, and no more than a few for each place.
#pragma once

#include <cstdint>
#include <string>

#include "sotto/proto/messages.h"
#include "sotto/server/coordinator.h"

namespace sotto::server {

inline constexpr std::uint64_t kCheckInsPerSecond = 500;
// Of devices that nothing is known to be coming up for. A few of them fill a new task's first round within
// seconds; of many somebody comes at any time.
inline constexpr std::uint64_t kIdleCheckInsPerSecond = 20;
inline constexpr std::int64_t kIdleWindowMs = 4'000;
// Devices that come for each place of a round, where there are more than enough.
inline constexpr std::uint64_t kDevicesPerPlace = 4;

struct Crowd {
  std::int64_t expected_ms = 0;  // until the coordinator can use them
  std::uint64_t devices = 0;     // how many are expected to come back
  std::uint64_t places = 0;      // that a round has for them; 0: nobody knows
  std::int64_t round_ms = 0;     // how long rounds take; 0: nobody knows
};
// Within [retry_min_ms, retry_max_ms].
[[nodiscard]] proto::RetryWindow retry_window(const CoordinatorOptions& options, const Crowd& crowd,
                                              std::string reason);
// For devices that nothing is known to be coming up for; `devices` of them.
[[nodiscard]] proto::RetryWindow idle_window(const CoordinatorOptions& options, std::uint64_t devices,
                                             std::string reason);
// For a call whose answer is not ready.
[[nodiscard]] proto::RetryWindow poll_window(const CoordinatorOptions& options, std::string reason);

}  // namespace sotto::server
