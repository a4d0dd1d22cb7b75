// Addition and subtraction of ring vectors: the inner loops of masking, summing and unmasking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sotto::secagg {

// accumulator += or -= operand over `bytes` bytes: a multiple of 2 for lanes, of 16 for words. The two do not
// overlap; no alignment is needed.
using CombineBytes = void (*)(std::uint8_t* accumulator, const std::uint8_t* operand, std::size_t bytes);

// Lanes are 16-bit and taken mod 2^16, words 128-bit and taken mod 2^128.
struct RingArithmetic {
  const char* name;
  CombineBytes add_lanes;
  CombineBytes subtract_lanes;
  CombineBytes add_words;
  CombineBytes subtract_words;
};

// Everything this processor can run, slowest first. The first is portable C++ and the oracle of the others.
[[nodiscard]] std::span<const RingArithmetic> ring_arithmetics();
// The fastest of them.
[[nodiscard]] const RingArithmetic& ring_arithmetic();

}  // namespace sotto::secagg
