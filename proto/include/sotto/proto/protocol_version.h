// Which protocol this tree speaks (PROTOCOL.md). Freestanding.
#pragma once

#include <cstdint>

namespace sotto::proto {

inline constexpr std::uint32_t kProtocolVersion = 2;
// A coordinator serves devices of its own version and of the one before. Version 1 is no longer served.
inline constexpr std::uint32_t kOldestProtocolVersion = kProtocolVersion > 2 ? kProtocolVersion - 1 : 2;

}  // namespace sotto::proto
