// Draws that follow from a seed: xoshiro128++ 1.0 (D. Blackman, S. Vigna, 2019, public domain).
#pragma once

#include <bit>
#include <cstdint>

namespace sotto::device::head {

class Generator {
 public:
  // The state from splitmix64, which never leaves all of it 0.
  void seed(std::uint64_t value) {
    for (std::uint32_t i = 0; i < 4; i += 2) {
      value += 0x9E3779B97F4A7C15;
      std::uint64_t mixed = value;
      mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
      mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
      mixed ^= mixed >> 31;
      state_[i] = static_cast<std::uint32_t>(mixed);
      state_[i + 1] = static_cast<std::uint32_t>(mixed >> 32);
    }
  }

  [[nodiscard]] std::uint32_t next() {
    const std::uint32_t drawn = std::rotl(state_[0] + state_[3], 7) + state_[0];
    const std::uint32_t shifted = state_[1] << 9;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 11);
    return drawn;
  }

  // Uniform in [0, bound), without bias (D. Lemire, 2019). Requires bound > 0.
  [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
    std::uint64_t wide = std::uint64_t{next()} * bound;
    if (static_cast<std::uint32_t>(wide) < bound) {
      const std::uint32_t least = (0u - bound) % bound;
      while (static_cast<std::uint32_t>(wide) < least) wide = std::uint64_t{next()} * bound;
    }
    return static_cast<std::uint32_t>(wide >> 32);
  }

  // A generator that draws nothing but zeros.
  [[nodiscard]] bool is_stuck() const { return (state_[0] | state_[1] | state_[2] | state_[3]) == 0; }

 private:
  std::uint32_t state_[4];
};

// A row's own draws for rounding, one for each weight: xorshift32 (G. Marsaglia, 2003), three instructions.
class RoundingBits {
 public:
  explicit RoundingBits(Generator& generator) : state_(generator.next() | 1) {}

  [[nodiscard]] std::uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }

 private:
  std::uint32_t state_;
};

}  // namespace sotto::device::head
