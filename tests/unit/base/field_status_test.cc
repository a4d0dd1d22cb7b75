#include "sotto/base/field_status.h"

#include <gtest/gtest.h>

#include <limits>

namespace sotto {
namespace {

TEST(Range, IsDescribedByItsEndsTheirNamesOrItsOwnText) {
  EXPECT_EQ(describe_range(whole(2, 4)), "2 .. 4");
  EXPECT_EQ(describe_range(name_of(1, 8)), "1 .. 8 bytes of A-Z a-z 0-9 . _ -");
  EXPECT_EQ(describe_range(whole(4, 4)), "4");
  EXPECT_EQ(describe_range(real(0, 0.5f, Ends::kOpenAbove)), "at least 0, below 0.5");
  EXPECT_EQ(describe_range(real(0, 1e6f, Ends::kOpenBelow)), "above 0, at most 1000000");
  EXPECT_EQ(describe_range(whole({3}, {7, "high"})), "3 .. high");
  EXPECT_EQ(describe_range(WholeRange{{1}, {2}, Ends::kClosed, "as you like"}), "as you like");
  EXPECT_EQ(allowed(whole({3}, {7, "high"})), "3 .. 7") << "a refusal says the value";
}

TEST(FieldError, OfARuleSaysTheRule) {
  EXPECT_EQ(to_status(rule_error("digest", "must be zero")).message(), "digest: must be zero");
  EXPECT_TRUE(to_status(FieldError{}).ok());
}

TEST(FormatNumber, IsTheShortestThatReadsBack) {
  EXPECT_EQ(format_number(0.1f), "0.1");
  EXPECT_EQ(format_number(1e6f), "1000000");
  EXPECT_EQ(format_number(-0.25f), "-0.25");
  EXPECT_EQ(format_number(std::numeric_limits<float>::infinity()), "inf");
}

}  // namespace
}  // namespace sotto
