#include "host/failure.h"

#include <gtest/gtest.h>

namespace sotto::host {
namespace {

// Whoever runs the tests may be allowed everything, so that no file refuses.
TEST(HostFailure, OfWhoMayNotIsToldFromThoseOfTheSystem) {
  for (const int denied : {EACCES, EPERM}) {
    const Status status = failure("read", "/a/b", denied);
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << denied;
    EXPECT_TRUE(status.message().starts_with("cannot read /a/b: ")) << status.message();
    EXPECT_TRUE(status.message().ends_with(": run as its owner, or change the owner")) << status.message();
  }
  EXPECT_EQ(failure("read", "/a/b", EIO).code(), StatusCode::kIo);
  EXPECT_EQ(failure("write", "/a/b", ENOSPC).message(),
            "cannot write /a/b: No space left on device: free some space on that disk");
}

}  // namespace
}  // namespace sotto::host
