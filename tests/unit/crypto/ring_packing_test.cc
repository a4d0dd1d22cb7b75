#include <gtest/gtest.h>

#include "sotto/secagg/ring.h"
#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using Ring = std::vector<std::uint8_t>;

// PROTOCOL.md section 5, bit by bit.
Ring packed_by_hand(const RingLayout& layout, Bytes ring) {
  const std::size_t word_bytes = layout.word_packed() ? 16 : 2;
  std::vector<bool> bits;
  for (std::size_t word = 0; word < ring.size() / word_bytes; ++word) {
    for (std::size_t bit = 0; bit < layout.word_bits(); ++bit)
      bits.push_back((ring[word * word_bytes + bit / 8] >> (bit % 8) & 1) != 0);
  }
  Ring packed((bits.size() + 7) / 8, 0);
  for (std::size_t i = 0; i < bits.size(); ++i) {
    if (bits[i]) packed[i / 8] = static_cast<std::uint8_t>(packed[i / 8] | 1u << (i % 8));
  }
  return packed;
}

Ring random_ring(const RingLayout& layout, std::uint64_t seed) {
  Ring ring(layout.byte_count());
  crypto::SeededRandom(seed).fill(ring);
  return ring;
}

Ring pack(const RingLayout& layout, Ring ring) {
  ring.resize(ring_pack(layout, ring).size());
  return ring;
}

TEST(RingPacking, CarriesAsManyBitsAsTheLargestSumFills) {
  EXPECT_EQ(RingLayout(3, 8, Packing::kBits).word_bits(), 10u);    // 765
  EXPECT_EQ(RingLayout(4, 8, Packing::kBits).word_bits(), 10u);    // 1020
  EXPECT_EQ(RingLayout(5, 8, Packing::kBits).word_bits(), 11u);    // 1275
  EXPECT_EQ(RingLayout(257, 8, Packing::kBits).word_bits(), 16u);  // 65,535
  EXPECT_EQ(RingLayout(258, 8, Packing::kBits).word_bits(), 7u * 17);
  EXPECT_EQ(RingLayout(1024, 8, Packing::kBits).word_bits(), 7u * 18);
}

TEST(RingPacking, ShortensTheMessageAndNothingElse) {
  const RingLayout words(100, 100'020);
  const RingLayout bits(100, 100'020, Packing::kBits);
  EXPECT_EQ(words.message_bytes(), words.byte_count());
  EXPECT_EQ(bits.byte_count(), words.byte_count());
  EXPECT_EQ(bits.message_bytes(), 187'538u);                                       // 15 of 16 bits
  EXPECT_EQ(RingLayout(1000, 100'020, Packing::kBits).message_bytes(), 225'052u);  // 126 of 128 bits
}

struct PackingCase {
  std::size_t participants;
  std::size_t lanes;
};

class PackingOf : public testing::TestWithParam<PackingCase> {
 protected:
  RingLayout layout_{GetParam().participants, GetParam().lanes, Packing::kBits};
  RingLayout words_{GetParam().participants, GetParam().lanes};
};

TEST_P(PackingOf, IsTheDocumentedStringOfBits) {
  const Ring ring = random_ring(layout_, 1);
  const Ring packed = pack(layout_, ring);
  EXPECT_EQ(packed.size(), layout_.message_bytes());
  EXPECT_EQ(packed, packed_by_hand(layout_, ring));
}

TEST_P(PackingOf, SumsOfMaskedMessagesEqualThoseOfWholeVectors) {
  Ring packed_sum(layout_.byte_count(), 0);
  std::vector<std::uint32_t> expected(layout_.lane_count(), 0);
  crypto::Keystream stream(crypto::Prg::kChaCha20);
  const std::size_t devices = std::min<std::size_t>(GetParam().participants, 20);
  for (unsigned device = 0; device < devices; ++device) {
    std::vector<std::uint8_t> values(layout_.lane_count());
    crypto::SeededRandom(device).fill(values);
    for (std::size_t i = 0; i < values.size(); ++i) expected[i] += values[i];
    Ring ring(layout_.byte_count());
    ring_encode(layout_, values, ring);
    stream.rekey(crypto::secret(crypto::counting<crypto::kPrgKeyBytes>(device)));
    ring_apply_mask(layout_, ring, stream, MaskSign::kAdd);
    ASSERT_EQ(ring_add_message(layout_, packed_sum, pack(layout_, ring)), Rejection::kNone);
  }
  for (unsigned device = 0; device < devices; ++device) {
    stream.rekey(crypto::secret(crypto::counting<crypto::kPrgKeyBytes>(device)));
    ring_apply_mask(layout_, packed_sum, stream, MaskSign::kSubtract);
  }
  std::vector<std::uint32_t> sums(layout_.lane_count());
  ring_decode(layout_, packed_sum, sums);
  EXPECT_EQ(sums, expected);
}

TEST_P(PackingOf, SumsOfTheLargestValuesOfTheLargestCohortAreExact) {
  const std::vector<std::uint8_t> largest(layout_.lane_count(), 255);
  Ring ring(layout_.byte_count());
  ring_encode(layout_, largest, ring);
  const Ring message = pack(layout_, ring);
  Ring sum(layout_.byte_count(), 0);
  for (std::size_t i = 0; i < GetParam().participants; ++i)
    ASSERT_EQ(ring_add_message(layout_, sum, message), Rejection::kNone);
  std::vector<std::uint32_t> sums(layout_.lane_count());
  ring_decode(layout_, sum, sums);
  for (const std::uint32_t lane : sums) ASSERT_EQ(lane, 255 * GetParam().participants);
}

TEST_P(PackingOf, MessagesOfAnotherLengthAreRefusedWithoutATrace) {
  const Ring before = random_ring(layout_, 2);
  Ring sum = before;
  Ring message = pack(layout_, random_ring(layout_, 3));
  message.push_back(0);
  EXPECT_EQ(ring_add_message(layout_, sum, message), Rejection::kWrongLength);
  message.resize(message.size() - 2);
  EXPECT_EQ(ring_add_message(layout_, sum, message), Rejection::kWrongLength);
  EXPECT_EQ(ring_add_message(words_, sum, message), Rejection::kWrongLength);
  EXPECT_EQ(sum, before);
}

TEST_P(PackingOf, ABitInThePaddingIsRefusedWithoutATrace) {
  const std::size_t word_bytes = layout_.word_packed() ? 16 : 2;
  const std::size_t used = layout_.byte_count() / word_bytes * layout_.word_bits() % 8;
  if (used == 0) return;  // no padding at this size
  const Ring before = random_ring(layout_, 2);
  const Ring message = pack(layout_, random_ring(layout_, 3));
  for (std::size_t bit = used; bit < 8; ++bit) {
    Ring sum = before;
    Ring changed = message;
    changed.back() = static_cast<std::uint8_t>(changed.back() | 1u << bit);
    EXPECT_EQ(ring_add_message(layout_, sum, changed), Rejection::kMalformed) << bit;
    EXPECT_EQ(sum, before);
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, PackingOf,
                         testing::Values(PackingCase{3, 1}, PackingCase{3, 3}, PackingCase{100, 10'007},
                                         PackingCase{129, 2049}, PackingCase{257, 33}, PackingCase{258, 1},
                                         PackingCase{258, 10'007}, PackingCase{1024, 50},
                                         PackingCase{1024, 7 * 257}),
                         [](const testing::TestParamInfo<PackingCase>& param_info) {
                           return std::to_string(param_info.param.participants) + "Devices" +
                                  std::to_string(param_info.param.lanes) + "Lanes";
                         });

TEST(RingPacking, WholeWordsTravelAsTheyAre) {
  const RingLayout layout(100, 12);
  const Ring ring = random_ring(layout, 4);
  EXPECT_EQ(pack(layout, ring), ring);
  Ring sum(layout.byte_count(), 0);
  EXPECT_EQ(ring_add_message(layout, sum, ring), Rejection::kNone);
  EXPECT_EQ(sum, ring);
}

}  // namespace
}  // namespace sotto::secagg
