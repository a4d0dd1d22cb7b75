#include "sotto/base/hex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sotto {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Hex, WritesTwoLowerCaseDigitsPerByte) {
  const std::array<std::uint8_t, 4> bytes{0x00, 0x0f, 0xa0, 0xff};
  EXPECT_EQ(to_hex(bytes), "000fa0ff");
  EXPECT_EQ(to_hex({}), "");
}

TEST(Hex, ReadsBothCases) {
  EXPECT_THAT(from_hex("000FA0ff").value(), ElementsAre(0x00, 0x0f, 0xa0, 0xff));
  EXPECT_THAT(from_hex("").value(), IsEmpty());
}

TEST(Hex, ReadsBackEveryByte) {
  std::vector<std::uint8_t> all(256);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(from_hex(to_hex(all)).value(), all);
}

TEST(Hex, ReadsIntoMemoryOfTheCallerExactlyAsMuchAsItHolds) {
  std::array<std::uint8_t, 2> bytes{};
  EXPECT_TRUE(read_hex("0aFF", bytes));
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 2>{0x0a, 0xff}));
  for (const char* text : {"", "0a", "0aF", "0aFF0", "0aFF00", "0aFg", "g0FF"}) {
    EXPECT_FALSE(read_hex(text, bytes)) << text;
  }
  EXPECT_TRUE(read_hex("", {}));
}

TEST(Hex, WritesIntoMemoryOfTheCaller) {
  std::array<char, 4> text{};
  write_hex(std::array<std::uint8_t, 2>{0x0a, 0xff}, text);
  EXPECT_EQ(std::string_view(text.data(), text.size()), "0aff");
}

TEST(HexDeathTest, NeedsTwoDigitsForEachByte) {
  std::array<char, 3> text{};
  EXPECT_DEATH(write_hex(std::array<std::uint8_t, 2>{}, text), "");
}

TEST(Hex, RefusesAnOddNumberOfDigits) {
  EXPECT_EQ(from_hex("abc").error().code(), StatusCode::kInvalidArgument);
}

TEST(Hex, RefusesNeighboursOfTheDigits) {
  for (const char* text : {"0g", "g0", "0/", ":0", "0@", "`0", "0G", " 0", "0x", "+1", "-1"}) {
    const auto bytes = from_hex(text);
    ASSERT_FALSE(bytes.has_value()) << text;
    EXPECT_EQ(bytes.error().code(), StatusCode::kInvalidArgument) << text;
  }
  EXPECT_FALSE(from_hex(std::string_view("\0\0", 2)).has_value());
  EXPECT_FALSE(from_hex("\xff\xff").has_value());
}

}  // namespace
}  // namespace sotto
