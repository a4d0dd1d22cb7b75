// Flash memory as an interface: what a board's maker writes a driver for, and what keeps state over a power
// cut is built on. Freestanding. tests/support/nor_flash.h is a model of it that cuts the power.
//
// The rules are those of NOR: erasing a page sets all its bytes to 0xff; programming only clears bits, whole
// words at a time. A cut in an operation leaves the words of that operation in any state between before and
// after, and no other word touched.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sotto/base/bytes.h"

namespace sotto {

inline constexpr std::uint8_t kErasedByte = 0xff;
inline constexpr std::uint32_t kFlashWordBytesMax = 32;

struct FlashGeometry {
  std::uint32_t pages = 0;       // at least 1
  std::uint32_t page_bytes = 0;  // what is erased at a time; a multiple of word_bytes
  std::uint32_t word_bytes = 0;  // what is programmed at a time: a power of two, 1 .. kFlashWordBytesMax
  [[nodiscard]] constexpr std::uint32_t bytes() const { return pages * page_bytes; }
};

// Offsets are in bytes from the beginning of the memory. One thread at a time. What is out of range or not
// aligned is a bug of the caller, which a driver may stop the program for.
class Flash {
 public:
  [[nodiscard]] virtual FlashGeometry geometry() const = 0;
  // False when the memory fails; `out` is then unspecified.
  [[nodiscard]] virtual bool read(std::uint32_t offset, MutableBytes out) = 0;
  // Durable when it returns true. `offset` and the length are multiples of word_bytes, and each word was
  // erased since it was programmed last. False when the memory fails: the words are then unspecified.
  [[nodiscard]] virtual bool program(std::uint32_t offset, Bytes words) = 0;
  // Durable when it returns true. False when the memory fails: the page is then unspecified.
  [[nodiscard]] virtual bool erase(std::uint32_t page) = 0;

 protected:
  ~Flash() = default;  // as Random's: nobody owns a memory through this type
};

}  // namespace sotto
