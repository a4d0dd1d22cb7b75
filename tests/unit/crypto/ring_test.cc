#include "sotto/secagg/ring.h"

#include <gtest/gtest.h>

#include <numeric>

#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using Ring = std::vector<std::uint8_t>;

std::vector<std::uint8_t> random_values(std::size_t count, std::uint64_t seed) {
  std::vector<std::uint8_t> values(count);
  crypto::SeededRandom(seed).fill(values);
  return values;
}

Ring encode(const RingLayout& layout, std::span<const std::uint8_t> values) {
  Ring ring(layout.byte_count(), 0xee);
  ring_encode(layout, values, ring);
  return ring;
}

std::vector<std::uint32_t> decode(const RingLayout& layout, Bytes ring) {
  std::vector<std::uint32_t> sums(layout.lane_count());
  ring_decode(layout, ring, sums);
  return sums;
}

crypto::SecretBytes<crypto::kPrgKeyBytes> key(unsigned number) {
  return crypto::secret(crypto::counting<crypto::kPrgKeyBytes>(number));
}

TEST(RingLayout, ChoosesTheNarrowestRingThatCannotWrap) {
  const RingLayout small(257, 1000);
  EXPECT_EQ(small.bits(), 16);
  EXPECT_FALSE(small.word_packed());
  EXPECT_EQ(small.byte_count(), 2000u);

  const RingLayout above(258, 1000);
  EXPECT_EQ(above.bits(), 17);
  EXPECT_EQ(above.values_per_word(), 7u);
  EXPECT_EQ(above.byte_count(), 16u * 143);

  EXPECT_EQ(RingLayout(514, 1).bits(), 17);  // 255 * 514 = 131,070
  EXPECT_EQ(RingLayout(515, 1).bits(), 18);
  EXPECT_EQ(RingLayout(1024, 7).byte_count(), 16u);
  EXPECT_EQ(RingLayout(1024, 8).byte_count(), 32u);
  EXPECT_EQ(RingLayout(1, 1).bits(), 16);
}

// What stands in each lane afterwards, from arithmetic on lanes alone.
void expect_lanes_added_apart(const RingLayout& layout, std::size_t first, std::size_t count) {
  Ring ring(layout.byte_count());
  crypto::SeededRandom(4).fill(ring);  // what a masked vector looks like
  std::vector<std::uint64_t> addends(count);
  for (std::size_t i = 0; i < count; ++i) addends[i] = ~(std::uint64_t{i} * 0x9e3779b97f4a7c15);
  std::vector<std::uint32_t> expected = decode(layout, ring);
  const std::uint64_t mask = (std::uint64_t{1} << layout.bits()) - 1;
  for (std::size_t i = 0; i < count; ++i) {
    expected[first + i] = static_cast<std::uint32_t>((expected[first + i] + addends[i]) & mask);
  }
  ring_add_to_lanes(layout, ring, first, addends);
  EXPECT_EQ(decode(layout, ring), expected) << layout.bits() << " bits, from lane " << first;
}

TEST(Ring, NumbersAreAddedToLanesWithoutACarryIntoTheNext) {
  for (const std::size_t participants : {257, 258, 600, 1100, 3000, 5000, 10'000}) {
    const RingLayout layout(participants, 41);
    expect_lanes_added_apart(layout, 0, 41);
    expect_lanes_added_apart(layout, 3, 20);
    expect_lanes_added_apart(layout, 40, 1);
    expect_lanes_added_apart(layout, 41, 0);
  }
}

TEST(Ring, LanesThatALayoutDoesNotHaveAreABug) {
  const RingLayout layout(300, 7);
  Ring ring(layout.byte_count());
  const std::vector<std::uint64_t> two(2);
  EXPECT_DEATH(ring_add_to_lanes(layout, ring, 6, two), "internal error");
  EXPECT_DEATH(ring_add_to_lanes(layout, ring, 8, {}), "internal error");
  EXPECT_DEATH(ring_add_to_lanes(layout, MutableBytes(ring).first(15), 0, two), "internal error");
}

TEST(RingLayout, ImpossibleSizesAreABug) {
  EXPECT_DEATH(RingLayout(0, 1), "internal error");
  EXPECT_DEATH(RingLayout(10'001, 1), "internal error");
  EXPECT_DEATH(RingLayout(10, 0), "internal error");
}

TEST(Ring, SixteenBitLanesAreLittleEndianOnTheWire) {
  const RingLayout layout(3, 2);
  EXPECT_EQ(encode(layout, std::array<std::uint8_t, 2>{0x12, 0xff}), (Ring{0x12, 0x00, 0xff, 0x00}));
}

TEST(Ring, PackedLanesLieAtMultiplesOfTheirWidthOnTheWire) {
  const RingLayout layout(258, 8);
  // Lane i of a word is bits 17 i .. 17 i + 16; bits 119 .. 127 are zero.
  const Ring ring = encode(layout, std::array<std::uint8_t, 8>{1, 0, 0, 0xff, 0, 0, 0x80, 2});
  Ring expected(32, 0);
  expected[0] = 1;
  expected[6] = 0xf8;  // 0xff at bit 51 = 6 * 8 + 3
  expected[7] = 0x07;
  expected[13] = 0x20;  // 0x80 at bit 102 is bit 109 = 13 * 8 + 5
  expected[16] = 2;
  EXPECT_EQ(ring, expected);
}

struct RingCase {
  std::size_t participants;
  std::size_t lanes;
};

class RingOf : public testing::TestWithParam<RingCase> {
 protected:
  RingLayout layout_{GetParam().participants, GetParam().lanes};
};

TEST_P(RingOf, DecodesWhatItEncoded) {
  const auto values = random_values(layout_.lane_count(), 1);
  const auto sums = decode(layout_, encode(layout_, values));
  EXPECT_TRUE(std::equal(sums.begin(), sums.end(), values.begin(), values.end()));
}

TEST_P(RingOf, SumsOfTheLargestValuesOfTheLargestCohortAreExact) {
  const std::vector<std::uint8_t> largest(layout_.lane_count(), 255);
  const Ring addend = encode(layout_, largest);
  Ring sum(layout_.byte_count(), 0);
  for (std::size_t i = 0; i < GetParam().participants; ++i) ring_add(layout_, sum, addend);
  for (const std::uint32_t lane : decode(layout_, sum)) ASSERT_EQ(lane, 255 * GetParam().participants);
}

TEST_P(RingOf, SumsEqualPlainSums) {
  Ring sum(layout_.byte_count(), 0);
  std::vector<std::uint32_t> expected(layout_.lane_count(), 0);
  for (std::size_t device = 0; device < GetParam().participants; ++device) {
    const auto values = random_values(layout_.lane_count(), device);
    ring_add(layout_, sum, encode(layout_, values));
    for (std::size_t i = 0; i < values.size(); ++i) expected[i] += values[i];
  }
  EXPECT_EQ(decode(layout_, sum), expected);
}

TEST_P(RingOf, OrderOfMaskedAdditionsDoesNotMatter) {
  std::vector<Ring> vectors;
  crypto::Keystream stream(crypto::Prg::kChaCha20);
  for (unsigned device = 0; device < 9; ++device) {
    vectors.push_back(encode(layout_, random_values(layout_.lane_count(), device)));
    stream.rekey(key(device));
    ring_apply_mask(layout_, vectors.back(), stream, device % 2 == 0 ? MaskSign::kAdd : MaskSign::kSubtract);
  }
  Ring forward(layout_.byte_count(), 0);
  for (const Ring& vector : vectors) ring_add(layout_, forward, vector);
  Ring other(layout_.byte_count(), 0);
  for (std::size_t i = 0; i < vectors.size(); ++i)
    ring_add(layout_, other, vectors[(i * 4 + 7) % vectors.size()]);
  EXPECT_EQ(forward, other);
}

TEST_P(RingOf, SubtractionUndoesAddition) {
  const Ring addend = encode(layout_, random_values(layout_.lane_count(), 77));
  Ring ring(layout_.byte_count());
  crypto::SeededRandom(78).fill(ring);
  const Ring before = ring;
  ring_add(layout_, ring, addend);
  EXPECT_NE(ring, before);
  ring_subtract(layout_, ring, addend);
  EXPECT_EQ(ring, before);
  EXPECT_DEATH(ring_subtract(layout_, ring, Bytes(addend).first(1)), "internal error");
}

TEST_P(RingOf, AMaskAddedAndSubtractedCancels) {
  for (const crypto::Prg prg : {crypto::Prg::kChaCha20, crypto::Prg::kAes128Ctr}) {
    const Ring plain = encode(layout_, random_values(layout_.lane_count(), 3));
    Ring ring = plain;
    crypto::Keystream stream(prg);
    for (unsigned mask = 0; mask < 20; ++mask) {
      stream.rekey(key(mask));
      ring_apply_mask(layout_, ring, stream, MaskSign::kAdd);
    }
    EXPECT_NE(ring, plain);
    for (unsigned mask = 20; mask-- > 0;) {
      stream.rekey(key(mask));
      ring_apply_mask(layout_, ring, stream, MaskSign::kSubtract);
    }
    EXPECT_EQ(ring, plain);
  }
}

TEST_P(RingOf, MasksOfTwoDevicesCancelInTheSum) {
  const auto left = random_values(layout_.lane_count(), 4);
  const auto right = random_values(layout_.lane_count(), 5);
  Ring sum = encode(layout_, left);
  Ring other = encode(layout_, right);
  crypto::Keystream stream(crypto::Prg::kAes128Ctr);
  stream.rekey(key(1));
  ring_apply_mask(layout_, sum, stream, MaskSign::kAdd);
  stream.rekey(key(1));
  ring_apply_mask(layout_, other, stream, MaskSign::kSubtract);
  ring_add(layout_, sum, other);
  const auto sums = decode(layout_, sum);
  for (std::size_t i = 0; i < sums.size(); ++i) ASSERT_EQ(sums[i], left[i] + right[i]) << "lane " << i;
}

TEST_P(RingOf, AMaskOnAnEmptyVectorIsTheKeystream) {
  Ring ring(layout_.byte_count(), 0);
  Ring expected(layout_.byte_count());
  crypto::Keystream stream(crypto::Prg::kChaCha20);
  stream.rekey(key(1));
  stream.read(expected);
  stream.rekey(key(1));
  ring_apply_mask(layout_, ring, stream, MaskSign::kAdd);
  EXPECT_EQ(ring, expected);
}

TEST_P(RingOf, MaskingInPartsEqualsMaskingAtOnce) {
  const Ring plain = encode(layout_, random_values(layout_.lane_count(), 6));
  crypto::Keystream stream(crypto::Prg::kAes128Ctr);
  stream.rekey(key(2));
  Ring whole = plain;
  ring_apply_mask(layout_, whole, stream, MaskSign::kSubtract);
  for (const std::size_t part_bytes : {64u, 4096u, 12'800u}) {
    Ring parts = plain;
    const std::size_t count = (parts.size() + part_bytes - 1) / part_bytes;
    for (std::size_t part = count; part-- > 0;) {  // backwards: parts are independent
      const std::size_t offset = part * part_bytes;
      stream.seek(offset);
      ring_apply_mask_part(
          layout_,
          MutableBytes(parts).subspan(offset, std::min<std::size_t>(part_bytes, parts.size() - offset)),
          stream, MaskSign::kSubtract);
    }
    EXPECT_EQ(parts, whole) << part_bytes;
  }
}

TEST_P(RingOf, AlignmentDoesNotMatter) {
  const Ring plain = encode(layout_, random_values(layout_.lane_count(), 7));
  const Ring addend = encode(layout_, random_values(layout_.lane_count(), 8));
  Ring expected = plain;
  ring_add(layout_, expected, addend);
  for (std::size_t shift = 1; shift < 16; shift += 3) {
    Ring memory(layout_.byte_count() + 16);
    Ring addend_memory(layout_.byte_count() + 16);
    const MutableBytes ring = MutableBytes(memory).subspan(shift, layout_.byte_count());
    const MutableBytes shifted = MutableBytes(addend_memory).subspan(16 - shift, layout_.byte_count());
    std::copy(plain.begin(), plain.end(), ring.begin());
    std::copy(addend.begin(), addend.end(), shifted.begin());
    ring_add(layout_, ring, shifted);
    EXPECT_TRUE(std::equal(ring.begin(), ring.end(), expected.begin())) << shift;
    EXPECT_EQ(decode(layout_, ring), decode(layout_, expected));
  }
}

TEST_P(RingOf, VectorsOfAnotherLengthAreABug) {
  Ring ring(layout_.byte_count());
  Ring longer(layout_.byte_count() + 16);
  EXPECT_DEATH(ring_add(layout_, ring, longer), "internal error");
  EXPECT_DEATH(ring_encode(layout_, longer, ring), "internal error");
}

INSTANTIATE_TEST_SUITE_P(Layouts, RingOf,
                         testing::Values(RingCase{3, 1}, RingCase{257, 33}, RingCase{257, 10'007},
                                         RingCase{258, 1}, RingCase{258, 7}, RingCase{258, 10'007},
                                         RingCase{1024, 50}),
                         [](const testing::TestParamInfo<RingCase>& param_info) {
                           return std::to_string(param_info.param.participants) + "Devices" +
                                  std::to_string(param_info.param.lanes) + "Lanes";
                         });

TEST(Ring, PackedCarriesAndBorrowsCrossTheMiddleOfTheWord) {
  const RingLayout layout(258, 7);
  Ring ring(16, 0xff);  // 2^128 - 1
  Ring one(16, 0);
  one[0] = 1;
  ring_add(layout, ring, one);
  EXPECT_EQ(ring, Ring(16, 0));
  // Subtracting a keystream from zero gives its negative: adding the keystream again returns to zero.
  crypto::Keystream stream(crypto::Prg::kChaCha20);
  stream.rekey(key(1));
  ring_apply_mask(layout, ring, stream, MaskSign::kSubtract);
  EXPECT_NE(ring, Ring(16, 0));
  Ring mask(16);
  stream.seek(0);
  stream.read(mask);
  ring_add(layout, ring, mask);
  EXPECT_EQ(ring, Ring(16, 0));
}

}  // namespace
}  // namespace sotto::secagg
