#include "sotto/secagg/checked_mask.h"

#include <gtest/gtest.h>

#include <vector>

#include "test_bytes.h"

namespace sotto::secagg {
namespace {

using Message = std::vector<std::uint8_t>;
using crypto::Prg;

MaskKey key(unsigned number) { return crypto::secret(crypto::counting<crypto::kPrgKeyBytes>(number)); }

// The keystream's words, one after the other.
std::vector<std::uint64_t> words_of(const MaskKey& from, Prg prg, std::size_t count) {
  crypto::Keystream stream(prg);
  stream.rekey(from);
  Message bytes(count * kMaskWordBytes);
  stream.read(bytes);
  std::vector<std::uint64_t> words(count);
  for (std::size_t i = 0; i < count; ++i) words[i] = load_le<std::uint64_t>(bytes.data() + 8 * i);
  return words;
}

// Three devices' masks for one helper, and what the helper gives out.
class CheckedMask : public testing::TestWithParam<std::pair<std::size_t, Prg>> {
 protected:
  static constexpr unsigned kDevices = 3;

  CheckedMask() : layout_(GetParam().first, 1237), prg_(GetParam().second), lanes_(layout_.lane_count()) {
    std::vector<std::uint32_t> sums(layout_.lane_count());
    for (unsigned device = 0; device < kDevices; ++device) {
      Message ring(layout_.byte_count());  // of zeros: what is left is the mask
      tags_ += apply_checked_mask(layout_, ring, {key(device), coefficients_, prg_});
      ring_decode(layout_, ring, sums);
      for (std::size_t i = 0; i < sums.size(); ++i) lanes_[i] += sums[i];
    }
    sum_.resize(checked_mask_bytes(layout_.lane_count()));
    crypto::Keystream stream(prg_);
    for (unsigned device = 0; device < kDevices; ++device) {
      for (const std::size_t start : {std::size_t{0}, std::size_t{4096}}) {  // in parts, as a helper does
        stream.rekey(key(device), start);
        const std::size_t end = start == 0 ? 4096 : sum_.size();
        add_mask_words(MutableBytes(sum_).subspan(start, end - start), stream);
      }
    }
  }

  [[nodiscard]] bool passes(Bytes sum) const { return tag_of_sum(sum, coefficients_, prg_) == tags_; }
  // Adds to the word at this place.
  [[nodiscard]] Message altered(std::size_t word, std::uint64_t by) const {
    Message sum = sum_;
    std::uint8_t* const at = sum.data() + kMaskWordBytes * word;
    store_le(at, load_le<std::uint64_t>(at) + by);
    return sum;
  }

  RingLayout layout_;
  Prg prg_;
  MaskKey coefficients_ = key(200);
  std::vector<std::uint32_t> lanes_;  // the sum of the masks as devices applied them, mod 2^32
  std::uint64_t tags_ = 0;
  Message sum_;
};

TEST_P(CheckedMask, ComesOffTheSumAndFitsTheTags) {
  EXPECT_TRUE(passes(sum_));
  std::vector<std::uint32_t> lanes = lanes_;
  subtract_mask_sum(lanes, sum_);
  const std::uint32_t ring = (std::uint32_t{1} << layout_.bits()) - 1;
  for (std::size_t i = 0; i < lanes.size(); ++i) ASSERT_EQ(lanes[i] & ring, 0u) << i;
}

// PROTOCOL.md section 10.4, from the keystreams.
TEST_P(CheckedMask, HasTheProtocolsWords) {
  const std::size_t lanes = layout_.lane_count();
  const std::vector<std::uint64_t> mask = words_of(key(7), prg_, lanes + 1);
  const std::vector<std::uint64_t> factors = words_of(coefficients_, prg_, lanes);
  std::uint64_t tag = mask[lanes];
  for (std::size_t i = 0; i < lanes; ++i) tag += factors[i] * mask[i];
  Message ring(layout_.byte_count());
  EXPECT_EQ(apply_checked_mask(layout_, ring, {key(7), coefficients_, prg_}), tag);
  std::vector<std::uint32_t> masked(lanes);
  ring_decode(layout_, ring, masked);
  const std::uint64_t ring_mask = (std::uint64_t{1} << layout_.bits()) - 1;
  for (std::size_t i = 0; i < lanes; ++i) ASSERT_EQ(masked[i], mask[i] & ring_mask) << i;
}

TEST_P(CheckedMask, AnyOtherSumIsNoticed) {
  const std::size_t lanes = layout_.lane_count();
  for (const std::size_t lane : {std::size_t{0}, std::size_t{1}, std::size_t{600}, lanes - 1}) {
    EXPECT_FALSE(passes(altered(lane, 1))) << lane;
    EXPECT_FALSE(passes(altered(lane, ~std::uint64_t{0}))) << lane;
    EXPECT_FALSE(passes(altered(lane, std::uint64_t{1} << (layout_.bits() - 1)))) << "the ring's top bit";
  }
  EXPECT_FALSE(passes(altered(lanes, 1))) << "K";
  Message swapped = sum_;
  std::swap_ranges(swapped.begin(), swapped.begin() + 8, swapped.begin() + 8);
  EXPECT_FALSE(passes(swapped));
  EXPECT_FALSE(passes(Message(sum_.size())));
}

INSTANTIATE_TEST_SUITE_P(RingsAndKeystreams, CheckedMask,
                         testing::Values(std::pair(20, Prg::kChaCha20), std::pair(257, Prg::kAes128Ctr),
                                         std::pair(300, Prg::kChaCha20), std::pair(10'000, Prg::kAes128Ctr)));

// What passes for every other coefficient: a change that no lane shows.
TEST(CheckedMaskWords, AChangeAboveTheRingChangesNoLane) {
  const MaskKey coefficients = key(200);
  const std::uint64_t first = words_of(coefficients, Prg::kChaCha20, 1)[0];
  Message sum(checked_mask_bytes(1));
  store_le(sum.data(), std::uint64_t{1} << 63);
  EXPECT_EQ(tag_of_sum(sum, coefficients, Prg::kChaCha20), first << 63);
  std::vector<std::uint32_t> lanes = {5};
  subtract_mask_sum(lanes, sum);
  EXPECT_EQ(lanes[0], 5u);
}

TEST(CheckedMaskWords, CoefficientsAreOfTheirPlanAndCheckKey) {
  const CheckKey check_key = key(3);
  const crypto::Digest plan = crypto::sha256({text_bytes("plan")});
  MaskKey own;
  coefficient_key(check_key, plan, own);
  MaskKey by_hand;
  crypto::hkdf_sha256(
      {.input_key = check_key.reveal(), .salt = plan, .info = text_bytes({"sotto/v2 one-shot check\0", 24})},
      by_hand.reveal_mutable());
  EXPECT_EQ(own, by_hand);
  MaskKey other;
  coefficient_key(check_key, crypto::sha256({text_bytes("another")}), other);
  EXPECT_FALSE(other == own);
  coefficient_key(key(4), plan, other);
  EXPECT_FALSE(other == own);
}

TEST(CheckedMaskWords, SumsOfAnotherLengthAreABug) {
  std::vector<std::uint32_t> lanes(3);
  Message sum(checked_mask_bytes(2));
  EXPECT_DEATH(subtract_mask_sum(lanes, sum), "internal error");
  EXPECT_DEATH((void)tag_of_sum({}, key(1), Prg::kChaCha20), "internal error");
  EXPECT_DEATH((void)tag_of_sum(Bytes(sum).first(9), key(1), Prg::kChaCha20), "internal error");
}

}  // namespace
}  // namespace sotto::secagg
