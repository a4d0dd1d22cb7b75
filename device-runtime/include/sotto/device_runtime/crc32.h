// CRC-32 as in IEEE 802.3 and zlib.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sotto::device {

// Of `bytes` after whatever gave `crc`; 0 to begin.
[[nodiscard]] std::uint32_t crc32(const std::uint8_t* bytes, std::size_t count, std::uint32_t crc = 0);

}  // namespace sotto::device
