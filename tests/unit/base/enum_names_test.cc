#include "sotto/base/enum_names.h"

#include <gtest/gtest.h>

#include <string>

#include "sotto/base/field_status.h"

namespace sotto {

enum class Colour : std::uint8_t { kRed = 3, kGreen = 4 };

template <>
struct EnumNames<Colour> {
  static constexpr EnumName<Colour> kAll[] = {{Colour::kRed, "red", "of poppies"}, {Colour::kGreen, "green"}};
};

namespace {

TEST(EnumNames, GiveTheWordOfAValueAndTheValueOfAWord) {
  EXPECT_STREQ(word_of(Colour::kRed), "red");
  EXPECT_STREQ(word_of(Colour::kGreen), "green");
  EXPECT_EQ(from_word<Colour>("red"), Colour::kRed);
  EXPECT_EQ(from_word<Colour>("green"), Colour::kGreen);
  EXPECT_STREQ(find_name(Colour::kRed)->meaning, "of poppies");
}

TEST(EnumNames, KnowNothingOutsideTheTable) {
  EXPECT_STREQ(word_of(static_cast<Colour>(2)), "unknown");
  EXPECT_STREQ(word_of(static_cast<Colour>(5)), "unknown");
  EXPECT_EQ(find_name(static_cast<Colour>(255)), nullptr);
  for (const char* word : {"", "Red", "re", "redd", "of poppies"}) {
    EXPECT_EQ(from_word<Colour>(word), std::nullopt) << word;
  }
}

TEST(EnumNames, TakeExactlyTheNumbersOfTheTable) {
  EXPECT_EQ(from_number<Colour>(2), std::nullopt);
  EXPECT_EQ(from_number<Colour>(3), Colour::kRed);
  EXPECT_EQ(from_number<Colour>(4), Colour::kGreen);
  EXPECT_EQ(from_number<Colour>(5), std::nullopt);
  EXPECT_EQ(from_number<Colour>(256 + 3), std::nullopt) << "cut to a byte it would be red";
}

TEST(EnumNames, ListTheWordsWhenOneIsUnknown) {
  EXPECT_EQ(*parse_word<Colour>("colour", "green"), Colour::kGreen);
  const auto unknown = parse_word<Colour>("colour", "blue");
  EXPECT_EQ(unknown.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(unknown.status().message(), "colour = 'blue': must be one of red, green");
  EXPECT_EQ(list_words<Colour>("|", "'"), "'red'|'green'");
}

}  // namespace
}  // namespace sotto
