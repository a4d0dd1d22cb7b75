// Pointers in memory whose size is known before it is flashed.
#pragma once

#include <cstdint>

namespace sotto::device {

// A pointer that takes eight bytes everywhere, so that arenas have one size on hosts and boards.
template <typename Pointee>
struct alignas(8) WidePointer {
  Pointee* pointer;
  std::uint8_t padding[8 - sizeof(Pointee*)];
};
template <typename Pointee>
requires(sizeof(Pointee*) == 8) struct alignas(8) WidePointer<Pointee> {
  Pointee* pointer;
};

}  // namespace sotto::device
