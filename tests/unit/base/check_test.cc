#include "sotto/base/check.h"

#include <gtest/gtest.h>

#include <csignal>

namespace sotto {
namespace {

// Through a pointer, whose type does not say that the call never returns.
void (*volatile const failed)(const char*, const char*, int) = check_failed;

TEST(CheckDeathTest, AbortsAndSaysWhatDoesNotHoldAndWhere) {
  EXPECT_EXIT(failed("a < b", "sums.cc", 12), testing::KilledBySignal(SIGABRT),
              "^sotto: internal error: 'a < b' does not hold at sums\\.cc:12\n$");
}

TEST(CheckDeathTest, StopsTheProgramOnlyWhenTheConditionDoesNotHold) {
  const int one = 1;
  SOTTO_CHECK(one == 1);
  EXPECT_EXIT(SOTTO_CHECK(one == 2), testing::KilledBySignal(SIGABRT),
              "'one == 2' does not hold at .*check_test");
}

}  // namespace
}  // namespace sotto
