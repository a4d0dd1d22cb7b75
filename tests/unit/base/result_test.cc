#include "sotto/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sotto {
namespace {

Result<std::unique_ptr<int>> make(bool succeed) {
  if (!succeed) return not_found("no number here");
  return std::make_unique<int>(7);
}

Status forward(const Status& status, bool& reached) {
  SOTTO_RETURN_IF_ERROR(status);
  reached = true;
  return {};
}

TEST(Result, HoldsAValue) {
  const Result<std::string> result(std::string("abc"));
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result);
  EXPECT_EQ(*result, "abc");
  EXPECT_EQ(result->size(), 3u);
  EXPECT_TRUE(result.status().ok());
}

TEST(Result, HoldsTheReasonThereIsNoValue) {
  const auto result = make(false);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), StatusCode::kNotFound);
  EXPECT_EQ(result.status(), result.error());
}

TEST(Result, GivesAwayAValueThatCannotBeCopied) {
  const std::unique_ptr<int> number = make(true).value();
  ASSERT_NE(number, nullptr);
  EXPECT_EQ(*number, 7);
}

TEST(Result, CanBeChangedInPlace) {
  Result<std::string> result(std::string("a"));
  *result += "b";
  result->push_back('c');
  EXPECT_EQ(result.value(), "abc");
}

TEST(Result, TellsAStatusValueFromAnError) {
  const Result<std::string> refused(invalid_argument("the status, not a value"));
  EXPECT_FALSE(refused.has_value());
}

TEST(ResultDeathTest, StopsTheProgramWhenAnAbsentValueIsUsed) {
  const auto result = make(false);
  EXPECT_DEATH((void)result.value(), "internal error");
  EXPECT_DEATH((void)**result, "internal error");
}

TEST(ResultDeathTest, StopsTheProgramWhenAPresentValueIsTakenForAnError) {
  const Result<int> result(1);
  EXPECT_DEATH((void)result.error(), "internal error");
}

TEST(ResultDeathTest, StopsTheProgramWhenAnErrorSaysOk) {
  EXPECT_DEATH((void)Result<int>(Status()), "internal error");
}

TEST(ReturnIfError, ReturnsEarlyOnlyOnAnError) {
  bool reached = false;
  EXPECT_EQ(forward(aborted("stop"), reached), aborted("stop"));
  EXPECT_FALSE(reached);
  EXPECT_TRUE(forward({}, reached).ok());
  EXPECT_TRUE(reached);
}

TEST(ReturnIfError, EvaluatesItsArgumentOnce) {
  int evaluations = 0;
  const auto run = [&]() -> Status {
    SOTTO_RETURN_IF_ERROR((++evaluations, io_error("disk")));
    return {};
  };
  EXPECT_EQ(run().code(), StatusCode::kIo);
  EXPECT_EQ(evaluations, 1);
}

}  // namespace
}  // namespace sotto
