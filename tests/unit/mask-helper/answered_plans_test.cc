// What a process remembers while it lives; the form on disk is in tests/unit/server/answered_plans_test.cc.
#include <gtest/gtest.h>

#include "sotto/mask_helper/mask_helper.h"

namespace sotto::mask_helper {
namespace {

crypto::Digest digest(std::uint8_t byte) {
  crypto::Digest value;
  value.fill(byte);
  return value;
}

TEST(MemoryAnsweredPlans, RememberWhatWasAnsweredForEachPlan) {
  const auto plans = make_memory_answered_plans();
  EXPECT_EQ(*plans->find(digest(1)), std::nullopt);
  EXPECT_TRUE(plans->record(digest(1), digest(2)).ok());
  EXPECT_TRUE(plans->record(digest(3), digest(4)).ok());
  EXPECT_EQ(*plans->find(digest(1)), digest(2));
  EXPECT_EQ(*plans->find(digest(3)), digest(4));
  EXPECT_EQ(*plans->find(digest(2)), std::nullopt);
}

TEST(MemoryAnsweredPlans, KeepTheFirstSet) {
  const auto plans = make_memory_answered_plans();
  ASSERT_TRUE(plans->record(digest(1), digest(2)).ok());
  EXPECT_EQ(plans->record(digest(1), digest(3)).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(plans->record(digest(1), digest(2)).code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(*plans->find(digest(1)), digest(2));
}

}  // namespace
}  // namespace sotto::mask_helper
