#include "sotto/base/bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace sotto {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LittleEndian, StoresTheLeastSignificantByteFirst) {
  std::array<std::uint8_t, 8> bytes{};
  store_le<std::uint64_t>(bytes.data(), 0x0807060504030201u);
  EXPECT_THAT(bytes, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ(load_le<std::uint64_t>(bytes.data()), 0x0807060504030201u);
  EXPECT_EQ(load_le<std::uint32_t>(bytes.data()), 0x04030201u);
  EXPECT_EQ(load_le<std::uint16_t>(bytes.data()), 0x0201u);
}

TEST(LittleEndian, KeepsTheHighestBitOfEveryWidth) {
  const std::vector<std::uint8_t> ones(8, 0xff);
  EXPECT_EQ(load_le<std::uint8_t>(ones.data()), std::numeric_limits<std::uint8_t>::max());
  EXPECT_EQ(load_le<std::uint16_t>(ones.data()), std::numeric_limits<std::uint16_t>::max());
  EXPECT_EQ(load_le<std::uint32_t>(ones.data()), std::numeric_limits<std::uint32_t>::max());
  EXPECT_EQ(load_le<std::uint64_t>(ones.data()), std::numeric_limits<std::uint64_t>::max());
}

TEST(ByteReader, ReadsBackWhatTheWriterWrote) {
  std::array<std::uint8_t, 32> buffer{};
  const std::array<std::uint8_t, 3> three{7, 8, 9};
  ByteWriter writer(buffer);
  writer.u8(0xab);
  writer.u16(0x1234);
  writer.u32(0xdeadbeef);
  writer.u64(0x0123456789abcdef);
  writer.f32(-0.0f);
  writer.bytes(three);
  ASSERT_TRUE(writer.ok());
  ASSERT_EQ(writer.written(), 22u);

  ByteReader reader(Bytes(buffer).first(writer.written()));
  EXPECT_EQ(reader.u8(), 0xab);
  EXPECT_EQ(reader.u16(), 0x1234);
  EXPECT_EQ(reader.u32(), 0xdeadbeefu);
  EXPECT_EQ(reader.u64(), 0x0123456789abcdefu);
  const float zero = reader.f32();
  EXPECT_EQ(zero, 0.0f);
  EXPECT_TRUE(std::signbit(zero)) << "the bits survive, not merely the value";
  EXPECT_FALSE(reader.finished());
  std::array<std::uint8_t, 3> copy{};
  reader.copy(copy);
  EXPECT_EQ(copy, three);
  EXPECT_TRUE(reader.finished());
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(ByteReader, NeverReadsPastTheEndAndStaysFailed) {
  const std::array<std::uint8_t, 3> input{1, 2, 3};
  ByteReader reader(input);
  EXPECT_EQ(reader.u32(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.u8(), 0) << "a byte remains, but the reader has failed";
  EXPECT_THAT(reader.bytes(1), IsEmpty());
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_FALSE(reader.finished());
}

TEST(ByteReader, RefusesACountThatWouldOverflow) {
  const std::array<std::uint8_t, 4> input{1, 2, 3, 4};
  ByteReader reader(input);
  EXPECT_EQ(reader.u8(), 1);
  EXPECT_THAT(reader.bytes(SIZE_MAX), IsEmpty());
  EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, IsNotFinishedWhileBytesAreLeftOver) {
  const std::array<std::uint8_t, 2> input{1, 2};
  ByteReader reader(input);
  EXPECT_EQ(reader.u8(), 1);
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 1u);
  EXPECT_FALSE(reader.finished());
}

TEST(ByteReader, ZeroesTheCopyWhenTooLittleRemains) {
  const std::array<std::uint8_t, 2> input{1, 2};
  std::array<std::uint8_t, 3> out{9, 9, 9};
  ByteReader reader(input);
  reader.copy(out);
  EXPECT_FALSE(reader.ok());
  EXPECT_THAT(out, ElementsAre(0, 0, 0));
}

TEST(ByteReader, ReadsNothingFromAnEmptyInput) {
  ByteReader reader{Bytes()};
  EXPECT_TRUE(reader.finished());
  EXPECT_THAT(reader.bytes(0), IsEmpty());
  reader.copy(MutableBytes());
  EXPECT_TRUE(reader.finished());
  EXPECT_EQ(reader.u8(), 0);
  EXPECT_FALSE(reader.finished());
}

TEST(ByteWriter, WritesNothingPastTheEndAndStaysFailed) {
  std::array<std::uint8_t, 4> buffer{9, 9, 9, 9};
  ByteWriter writer(MutableBytes(buffer).first(3));
  writer.u16(0x0201);
  writer.u32(0xffffffff);
  EXPECT_FALSE(writer.ok());
  writer.u8(5);
  EXPECT_EQ(writer.written(), 2u) << "a byte would fit, but the writer has failed";
  EXPECT_THAT(buffer, ElementsAre(1, 2, 9, 9));
}

TEST(ByteWriter, RefusesAReservationThatWouldOverflow) {
  std::array<std::uint8_t, 4> buffer{};
  ByteWriter writer(buffer);
  writer.u8(1);
  EXPECT_THAT(writer.reserve(SIZE_MAX), IsEmpty());
  EXPECT_FALSE(writer.ok());
}

TEST(ByteWriter, HandsOutAReservationOnce) {
  std::array<std::uint8_t, 4> buffer{};
  ByteWriter writer(buffer);
  const MutableBytes first = writer.reserve(2);
  const MutableBytes second = writer.reserve(2);
  ASSERT_EQ(first.size(), 2u);
  ASSERT_EQ(second.data(), first.data() + 2);
  EXPECT_TRUE(writer.ok());
  writer.bytes(Bytes());
  EXPECT_TRUE(writer.ok()) << "nothing always fits";
}

}  // namespace
}  // namespace sotto
