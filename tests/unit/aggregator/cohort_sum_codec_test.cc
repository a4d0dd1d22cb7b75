#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "cohort.h"
#include "sotto/aggregator/cohort_sum.h"

namespace sotto::aggregator {
namespace {

const crypto::Digest kPlan = crypto::sha256({crypto::Digest{1}});
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kWidthAt = 5;
constexpr std::size_t kWeightMaxAt = 38;
constexpr std::size_t kDevicesAt = 42;
constexpr std::size_t kSegmentsAt = 142;
constexpr std::size_t kLengthAt = 143;
constexpr std::size_t kUnitAt = 147;
constexpr std::size_t kWeightingAt = 155;
constexpr std::size_t kSecondLengthAt = kLengthAt + 4 + 8 + 1 + 8;

CohortSum sample(std::vector<std::int64_t> values) {
  CohortSum sum;
  sum.sum = std::move(values);
  sum.segments = {{.length = 1, .unit = 0.0078125, .weighting = secagg::Weighting::kOne, .clipped = 3}};
  if (sum.sum.size() > 1) {
    sum.segments.push_back({.length = static_cast<std::uint32_t>(sum.sum.size() - 1), .unit = 0.25});
  }
  sum.weight_max = 100;
  sum.metrics = {
      .count = 5, .weight = 444, .examples = 500, .sums = {321, 1ull << 50, 1, 2, 3, 4, 5, 6}, .clipped = 2};
  sum.devices = 5;
  return sum;
}

// What a program that writes nonsense, but intact nonsense, would hand over.
std::vector<std::uint8_t> resealed(std::vector<std::uint8_t> bytes) {
  const std::size_t body = bytes.size() - sizeof(crypto::Digest);
  const crypto::Digest digest = crypto::sha256({Bytes(bytes).first(body)});
  std::copy(digest.begin(), digest.end(), bytes.begin() + static_cast<std::ptrdiff_t>(body));
  return bytes;
}

TEST(CohortSumCodec, GivesBackWhatWasWritten) {
  constexpr std::int64_t kWide = std::numeric_limits<std::int64_t>::min();
  for (const CohortSum& sum : {sample({0, -1, 2147483647, -2147483648}), sample({7, kWide}), sample({5})}) {
    const auto read = decode_cohort_sum(encode_cohort_sum(sum, kPlan), kPlan);
    ASSERT_TRUE(read.has_value()) << read.error().message();
    expect_equal(*read, sum);
  }
}

TEST(CohortSumCodec, TakesFourBytesAValueWhereAllFit) {
  const std::size_t narrow = encode_cohort_sum(sample({1, 2, 3}), kPlan).size();
  const std::size_t wide = encode_cohort_sum(sample({1, 2, 1ll << 31}), kPlan).size();
  EXPECT_EQ(wide - narrow, 12u);
}

TEST(CohortSumCodec, SumsThatWentThroughBytesMergeToTheSameBits) {
  CohortSum direct = sample({1, -2, 3});
  direct.merge(sample({10, 20, -30}));
  CohortSum through = *decode_cohort_sum(encode_cohort_sum(sample({10, 20, -30}), kPlan), kPlan);
  through.merge(*decode_cohort_sum(encode_cohort_sum(sample({1, -2, 3}), kPlan), kPlan));
  EXPECT_EQ(encode_cohort_sum(through, kPlan), encode_cohort_sum(direct, kPlan));
}

TEST(CohortSumCodec, RefusesEveryCutAndEveryDamagedByte) {
  const std::vector<std::uint8_t> bytes = encode_cohort_sum(sample({1, 2, 3}), kPlan);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_EQ(decode_cohort_sum(Bytes(bytes).first(length), kPlan).error().code(), StatusCode::kDataLoss);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::vector<std::uint8_t> damaged = bytes;
    damaged[i] ^= 0x10;
    EXPECT_FALSE(decode_cohort_sum(damaged, kPlan).has_value()) << i;
  }
}

TEST(CohortSumCodec, RefusesAnotherPlansSumAndAnotherVersion) {
  std::vector<std::uint8_t> bytes = encode_cohort_sum(sample({1, 2, 3}), kPlan);
  const auto other = decode_cohort_sum(bytes, crypto::Digest{});
  EXPECT_EQ(other.error().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(other.error().message().find("another plan"), std::string::npos);
  bytes[kVersionAt] = 1;
  const auto older = decode_cohort_sum(resealed(bytes), kPlan);
  EXPECT_EQ(older.error().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(older.error().message(), "a partial sum is of version 1, this program reads version 2");
}

TEST(CohortSumCodec, RefusesIntactNonsense) {
  const std::vector<std::uint8_t> bytes = encode_cohort_sum(sample({1, 2, 3}), kPlan);
  const auto with = [&](std::size_t at, std::uint8_t value) {
    std::vector<std::uint8_t> changed = bytes;
    changed[at] = value;
    return decode_cohort_sum(resealed(changed), kPlan);
  };
  EXPECT_FALSE(with(kWidthAt, 8).has_value());        // then the values' length is wrong
  EXPECT_FALSE(with(kUnitAt + 7, 0xff).has_value());  // a negative unit
  EXPECT_FALSE(with(kWeightMaxAt, 0).has_value());
  EXPECT_FALSE(with(kWeightingAt, 0).has_value());
  EXPECT_FALSE(with(kWeightingAt, 3).has_value());
  EXPECT_TRUE(with(kWeightingAt, 1).has_value());
  EXPECT_FALSE(with(kSegmentsAt, 0).has_value());  // values of no segment
  EXPECT_FALSE(with(kSegmentsAt, 3).has_value());  // then a value is a segment's
  EXPECT_FALSE(with(kSegmentsAt, 65).has_value());
  EXPECT_FALSE(with(kLengthAt, 0).has_value());
  EXPECT_FALSE(with(kLengthAt, 2).has_value());   // then a value is missing
  EXPECT_FALSE(with(kDevicesAt, 0).has_value());  // of nobody
  EXPECT_TRUE(with(kDevicesAt, 6).has_value());   // the helper above does change what it says
}

TEST(CohortSumCodec, RefusesAWidthThatItDoesNotWriteAlthoughTheLengthFitsIt) {
  // Three values of eight bytes are six of four, and eight of three.
  std::vector<std::uint8_t> bytes = encode_cohort_sum(sample({1ll << 40, 2, 3}), kPlan);
  bytes[kWidthAt] = 4;
  bytes[kSecondLengthAt] = 5;
  EXPECT_TRUE(decode_cohort_sum(resealed(bytes), kPlan).has_value());
  bytes[kWidthAt] = 3;
  bytes[kSecondLengthAt] = 7;
  EXPECT_EQ(decode_cohort_sum(resealed(bytes), kPlan).status().code(), StatusCode::kDataLoss);
}

TEST(CohortSumCodec, KnowsTheBoundsOfItsHeader) {
  const std::vector<std::uint8_t> bytes = encode_cohort_sum(sample({1, 2, 3}), kPlan);
  const auto with_u32 = [&](std::size_t at, std::uint32_t value) {
    std::vector<std::uint8_t> changed = bytes;
    store_le(changed.data() + at, value);
    return decode_cohort_sum(resealed(changed), kPlan).has_value();
  };
  EXPECT_FALSE(with_u32(kWeightMaxAt, 0));
  EXPECT_TRUE(with_u32(kWeightMaxAt, 1));
  EXPECT_TRUE(with_u32(kWeightMaxAt, 1u << 20));
  EXPECT_FALSE(with_u32(kWeightMaxAt, (1u << 20) + 1));
  EXPECT_TRUE(with_u32(kDevicesAt, 1));
  EXPECT_FALSE(with_u32(kSecondLengthAt, 1));
  EXPECT_FALSE(with_u32(kSecondLengthAt, 3));
  for (const double unit : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::nan("")}) {
    std::vector<std::uint8_t> changed = bytes;
    store_le(changed.data() + kUnitAt, std::bit_cast<std::uint64_t>(unit));
    EXPECT_FALSE(decode_cohort_sum(resealed(changed), kPlan).has_value()) << unit;
  }
  // No values at all: their length fits their number, and the sum is of no model.
  std::vector<std::uint8_t> empty(bytes.begin(), bytes.begin() + kSegmentsAt + 1);
  empty[kSegmentsAt] = 0;
  empty.resize(empty.size() + sizeof(crypto::Digest));
  EXPECT_FALSE(decode_cohort_sum(resealed(empty), kPlan).has_value());
}

}  // namespace
}  // namespace sotto::aggregator
