#include "sotto/device_runtime/crc32.h"

namespace sotto::device {
namespace {

constexpr std::uint32_t kPolynomial = 0xEDB88320;  // bit-reversed

constexpr std::uint32_t of_nibble(std::uint32_t value) {
  for (int bit = 0; bit < 4; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
  return value;
}

// One nibble at a time: 64 bytes of flash where a byte-wise table would take 1,024.
constexpr std::uint32_t kTable[16] = {of_nibble(0),  of_nibble(1),  of_nibble(2),  of_nibble(3),
                                      of_nibble(4),  of_nibble(5),  of_nibble(6),  of_nibble(7),
                                      of_nibble(8),  of_nibble(9),  of_nibble(10), of_nibble(11),
                                      of_nibble(12), of_nibble(13), of_nibble(14), of_nibble(15)};

}  // namespace

std::uint32_t crc32(const std::uint8_t* bytes, std::size_t count, std::uint32_t crc) {
  crc = ~crc;
  for (std::size_t i = 0; i < count; ++i) {
    crc ^= bytes[i];
    crc = (crc >> 4) ^ kTable[crc & 15];
    crc = (crc >> 4) ^ kTable[crc & 15];
  }
  return ~crc;
}

}  // namespace sotto::device
