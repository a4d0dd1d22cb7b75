#include "sotto/base/status.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sotto {
namespace {

TEST(Status, IsOkByDefault) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status().code(), StatusCode::kOk);
  EXPECT_EQ(Status().message(), "");
}

TEST(Status, NamesTheContextBeforeTheMessage) {
  const Status status = data_loss("wrong checksum").with_context("model 3").with_context("task motion");
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_EQ(status.message(), "task motion: model 3: wrong checksum");
}

TEST(Status, OkNeedsNoContext) { EXPECT_EQ(Status().with_context("anything"), Status()); }

TEST(Status, EachMakerSetsItsOwnCode) {
  EXPECT_EQ(invalid_argument("x").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(not_found("x").code(), StatusCode::kNotFound);
  EXPECT_EQ(failed_precondition("x").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(unavailable("x").code(), StatusCode::kUnavailable);
  EXPECT_EQ(data_loss("x").code(), StatusCode::kDataLoss);
  EXPECT_EQ(aborted("x").code(), StatusCode::kAborted);
  EXPECT_EQ(io_error("x").code(), StatusCode::kIo);
}

TEST(Status, EachCodeHasItsOwnName) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(StatusCode::kIo); ++code) {
    names.insert(to_string(static_cast<StatusCode>(code)));
  }
  EXPECT_EQ(names.size(), 12u);
  EXPECT_EQ(names.count("unknown status"), 0u);
  EXPECT_STREQ(to_string(static_cast<StatusCode>(99)), "unknown status");
}

}  // namespace
}  // namespace sotto
