#include "secagg/ring_arithmetic.h"

#include <gtest/gtest.h>

#include <string>

#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using Ring = std::vector<std::uint8_t>;

// Bytes that make carries and borrows run: long stretches of 00 and ff between random ones.
Ring eventful_bytes(std::size_t count, std::uint64_t seed) {
  Ring bytes(count);
  crypto::SeededRandom random(seed);
  random.fill(bytes);
  for (std::size_t start = 0; start < count; start += 8) {
    const std::uint64_t kind = random.below(3);
    if (kind == 2) continue;
    const std::size_t end = std::min(start + 8, count);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(start),
              bytes.begin() + static_cast<std::ptrdiff_t>(end), kind == 0 ? 0x00 : 0xff);
  }
  return bytes;
}

// Element by element, byte by byte, as on paper.
Ring on_paper(const Ring& a, const Ring& b, std::size_t element_bytes, bool adds) {
  Ring result(a.size());
  int carry = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (i % element_bytes == 0) carry = 0;
    const int value = adds ? a[i] + b[i] + carry : a[i] - b[i] - carry;
    result[i] = static_cast<std::uint8_t>(value & 0xff);
    carry = value < 0 || value > 0xff ? 1 : 0;
  }
  return result;
}

struct Operands {
  Ring a;
  Ring b;
  std::size_t shift;  // how far from an aligned address they lie
};

Ring run(CombineBytes function, const Operands& operands) {
  const std::size_t size = operands.a.size();
  // What lies around the result must stay.
  Ring memory(size + 128, 0x5a);
  Ring other(operands.shift + size);
  std::copy(operands.a.begin(), operands.a.end(), memory.data() + operands.shift);
  std::copy(operands.b.begin(), operands.b.end(), other.data() + operands.shift);
  function(memory.data() + operands.shift, other.data() + operands.shift, size);
  const auto begin = memory.begin() + static_cast<std::ptrdiff_t>(operands.shift);
  const auto end = begin + static_cast<std::ptrdiff_t>(size);
  const auto untouched = [](std::uint8_t byte) { return byte == 0x5a; };
  EXPECT_TRUE(std::all_of(memory.begin(), begin, untouched) && std::all_of(end, memory.end(), untouched));
  return {begin, end};
}

void expect_exact(const RingArithmetic& arithmetic, std::size_t words, std::uint64_t seed) {
  const Operands operands{.a = eventful_bytes(16 * words, seed),
                          .b = eventful_bytes(16 * words, seed + 1000),
                          .shift = seed % 64};
  const auto& [a, b, shift] = operands;
  const std::string where = std::string(arithmetic.name) + ", " + std::to_string(words) + " words";
  EXPECT_EQ(run(arithmetic.add_lanes, operands), on_paper(a, b, 2, true)) << where;
  EXPECT_EQ(run(arithmetic.subtract_lanes, operands), on_paper(a, b, 2, false)) << where;
  EXPECT_EQ(run(arithmetic.add_words, operands), on_paper(a, b, 16, true)) << where;
  EXPECT_EQ(run(arithmetic.subtract_words, operands), on_paper(a, b, 16, false)) << where;
}

TEST(RingArithmetic, EveryPathThisProcessorRunsIsExact) {
  for (const RingArithmetic& arithmetic : ring_arithmetics()) {
    for (std::size_t words = 0; words < 40; ++words) {
      for (std::uint64_t repetition = 0; repetition < 5; ++repetition)
        expect_exact(arithmetic, words, 7 * words + 13 * repetition);
    }
    expect_exact(arithmetic, 5000, 1);
  }
}

TEST(RingArithmetic, LanesNeedNotFillAVector) {
  for (const RingArithmetic& arithmetic : ring_arithmetics()) {
    for (std::size_t lanes = 0; lanes < 200; ++lanes) {
      const Operands operands{.a = eventful_bytes(2 * lanes, lanes),
                              .b = eventful_bytes(2 * lanes, lanes + 1),
                              .shift = lanes % 32};
      EXPECT_EQ(run(arithmetic.add_lanes, operands), on_paper(operands.a, operands.b, 2, true))
          << arithmetic.name << ", " << lanes;
      EXPECT_EQ(run(arithmetic.subtract_lanes, operands), on_paper(operands.a, operands.b, 2, false))
          << arithmetic.name << ", " << lanes;
    }
  }
}

TEST(RingArithmetic, StartsWithThePortablePathAndUsesTheLast) {
  EXPECT_STREQ(ring_arithmetics().front().name, "portable");
  EXPECT_EQ(&ring_arithmetic(), &ring_arithmetics().back());
}

}  // namespace
}  // namespace sotto::secagg
