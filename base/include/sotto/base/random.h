// Randomness as an interface, so that a simulation replays from its seed. Freestanding.
// crypto/primitives.h has the real source and a replayable one.
#pragma once

#include "sotto/base/bytes.h"

namespace sotto {

class Random {
 public:
  // Fills `out` with independent uniform bytes. Cannot fail: a source that runs dry stops the program.
  virtual void fill(MutableBytes out) = 0;

  [[nodiscard]] std::uint64_t u64() {
    std::array<std::uint8_t, 8> bytes;
    fill(bytes);
    return load_le<std::uint64_t>(bytes.data());
  }
  // Uniform in [0, bound), without bias. Requires bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t usable = UINT64_MAX - UINT64_MAX % bound;  // a multiple of bound
    for (;;) {
      const std::uint64_t draw = u64();
      if (draw < usable) return draw % bound;
    }
  }
  // Uniform in [0, 1) with 53 bits.
  [[nodiscard]] double uniform() { return static_cast<double>(u64() >> 11) * 0x1.0p-53; }

 protected:
  // Not virtual: nobody owns a source through this type, and a virtual destructor would ask boards for a
  // heap.
  ~Random() = default;
};

}  // namespace sotto
