// Short copies and fills in the inner loops, a word at a time: small C libraries copy byte by byte.
#pragma once

#include <cstdint>

namespace sotto::device {

// Copies forward; `to` may lie below `from` and overlap it.
inline void copy_bytes(std::int8_t* to, const std::int8_t* from, std::uint32_t count) {
  while (count >= 4) {
    std::uint32_t word;
    __builtin_memcpy(&word, from, 4);
    __builtin_memcpy(to, &word, 4);
    from += 4;
    to += 4;
    count -= 4;
  }
  while (count-- != 0) *to++ = *from++;
}

inline void fill_bytes(std::int8_t* to, std::int8_t value, std::uint32_t count) {
  const std::uint32_t word = static_cast<std::uint8_t>(value) * 0x01010101u;
  while (count >= 4) {
    __builtin_memcpy(to, &word, 4);
    to += 4;
    count -= 4;
  }
  while (count-- != 0) *to++ = value;
}

}  // namespace sotto::device
