#include "sotto/base/rejection.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sotto {
namespace {

TEST(Rejection, NumbersAreThoseOfTheProtocol) {
  EXPECT_EQ(static_cast<int>(Rejection::kNone), 0);
  EXPECT_EQ(static_cast<int>(Rejection::kMalformed), 1);
  EXPECT_EQ(static_cast<int>(Rejection::kUnknownSession), 4);
  EXPECT_EQ(static_cast<int>(Rejection::kBadKey), 8);
  EXPECT_EQ(static_cast<int>(Rejection::kNotEligible), 15);
  EXPECT_EQ(static_cast<int>(Rejection::kBadSignature), 16);
}

TEST(Rejection, EachHasItsOwnSentence) {
  std::set<std::string> sentences;
  std::set<std::string> words;
  for (int reason = 0; reason <= static_cast<int>(Rejection::kBadSignature); ++reason) {
    sentences.insert(describe(static_cast<Rejection>(reason)));
    words.insert(word_of(static_cast<Rejection>(reason)));
  }
  EXPECT_EQ(sentences.size(), 17u);
  EXPECT_EQ(words.size(), 17u);
  EXPECT_EQ(sentences.count("rejected"), 0u) << "a reason fell through to the sentence for unknown numbers";
}

TEST(Rejection, AnUnknownNumberFromAPeerIsDescribedToo) {
  EXPECT_STREQ(describe(static_cast<Rejection>(200)), "rejected");
}

TEST(Rejection, ARefusalIsNeverNone) {
  EXPECT_EQ(from_number<Rejection>(0), std::nullopt);
  EXPECT_EQ(from_number<Rejection>(1), Rejection::kMalformed);
  EXPECT_EQ(from_number<Rejection>(18), Rejection::kRevoked);
  EXPECT_EQ(from_number<Rejection>(19), std::nullopt);
}

TEST(Rejection, OnlyNoneIsAccepted) {
  EXPECT_TRUE(accepted(Rejection::kNone));
  EXPECT_FALSE(accepted(Rejection::kMalformed));
}

}  // namespace
}  // namespace sotto
