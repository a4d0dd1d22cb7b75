#include "sotto/base/inline_list.h"

#include <gtest/gtest.h>

#include <vector>

namespace sotto {
namespace {

using Numbers = InlineList<int, 3>;

std::vector<int> values(const Numbers& list) { return {list.begin(), list.end()}; }

TEST(InlineList, TakesAsMuchAsItHoldsAndNoMore) {
  Numbers list;
  EXPECT_TRUE(list.empty());
  for (const int value : {1, 2, 3}) EXPECT_TRUE(list.push_back(value));
  EXPECT_FALSE(list.push_back(4));
  EXPECT_EQ(values(list), (std::vector<int>{1, 2, 3}));
}

TEST(InlineList, AssignsAllOrNothing) {
  Numbers list;
  const std::vector<int> three = {7, 8, 9};
  const std::vector<int> four = {1, 2, 3, 4};
  EXPECT_TRUE(list.assign(three));
  EXPECT_FALSE(list.assign(four));
  EXPECT_EQ(values(list), three);
  EXPECT_TRUE(list.assign({}));
  EXPECT_TRUE(list.empty());
}

TEST(InlineList, ResizesWithZerosAndForgetsWhatWasCutOff) {
  Numbers list;
  ASSERT_TRUE(list.push_back(5));
  ASSERT_TRUE(list.push_back(6));
  ASSERT_TRUE(list.resize(1));
  ASSERT_TRUE(list.resize(3));
  EXPECT_EQ(values(list), (std::vector<int>{5, 0, 0}));
  EXPECT_FALSE(list.resize(4));
  EXPECT_EQ(list.size(), 3u);
}

TEST(InlineList, EqualsByWhatItHolds) {
  Numbers a;
  Numbers b;
  ASSERT_TRUE(a.push_back(1) && a.push_back(2) && a.resize(1));
  ASSERT_TRUE(b.push_back(1));
  EXPECT_EQ(a, b) << "elements beyond the size do not count";
  ASSERT_TRUE(b.push_back(2));
  EXPECT_NE(a, b);
  ASSERT_TRUE(a.push_back(3));
  EXPECT_NE(a, b);
}

TEST(InlineText, IsAText) {
  InlineText<5> text = "hello";
  EXPECT_EQ(text.view(), "hello");
  EXPECT_EQ(text, InlineText<5>("hello"));
  EXPECT_NE(text, InlineText<5>("hell"));
  EXPECT_EQ(InlineText<5>().view(), "");
}

}  // namespace
}  // namespace sotto
