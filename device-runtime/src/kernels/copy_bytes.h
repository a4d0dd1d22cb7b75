// Short copies and fills in the inner loops, a word or a vector at a time:
// small C libraries copy byte by byte.
#pragma once

#include <cstdint>

namespace sotto::device {

#if defined(__ARM_FEATURE_MVE)

// Copies forward; `to` may lie below `from` and overlap it.
inline void copy_bytes(std::int8_t* to, const std::int8_t* from, std::uint32_t count) {
  asm volatile(R"(
      wlstp.8  lr, %[count], 2f
  1:  vldrb.8  q0, [%[from]], #16
      vstrb.8  q0, [%[to]], #16
      letp     lr, 1b
  2:
  )"
               : [to] "+r"(to), [from] "+r"(from)
               : [count] "r"(count)
               : "lr", "q0", "memory");
}

inline void fill_bytes(std::int8_t* to, std::int8_t value, std::uint32_t count) {
  asm volatile(R"(
      vdup.8   q0, %[value]
      wlstp.8  lr, %[count], 2f
  1:  vstrb.8  q0, [%[to]], #16
      letp     lr, 1b
  2:
  )"
               : [to] "+r"(to)
               : [value] "r"(value), [count] "r"(count)
               : "lr", "q0", "memory");
}

#else

// Copies forward; `to` may lie below `from` and overlap it.
inline void copy_bytes(std::int8_t* to, const std::int8_t* from, std::uint32_t count) {
  for (; count >= 4; count -= 4) {
    std::uint32_t word;
    __builtin_memcpy(&word, from, 4);
    __builtin_memcpy(to, &word, 4);
    from += 4;
    to += 4;
  }
  while (count-- != 0) *to++ = *from++;
}

inline void fill_bytes(std::int8_t* to, std::int8_t value, std::uint32_t count) {
  const std::uint32_t word = static_cast<std::uint8_t>(value) * 0x01010101u;
  for (; count >= 4; count -= 4) {
    __builtin_memcpy(to, &word, 4);
    to += 4;
  }
  while (count-- != 0) *to++ = value;
}

#endif

}  // namespace sotto::device
