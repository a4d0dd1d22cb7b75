#include "sotto/host/threads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace sotto::host {
namespace {

using ::testing::HasSubstr;

std::size_t addresses_in_use() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(Threads, AreToBeHadWithoutALimitAndAreGoneAfterwards) {
  EXPECT_TRUE(check_threads(0).ok());
  for (int again = 0; again < 3; ++again) EXPECT_TRUE(check_threads(64).ok());
}

TEST(Threads, AreRefusedWithHowManyThereWereAndWhatToRaise) {
  const Status later = no_more_threads();
  EXPECT_EQ(later.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(later.message(), HasSubstr("ulimit -u"));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they have their own addresses
// In a process of its own, since the limit stays.
TEST(ThreadsDeathTest, AreRefusedWhereTheirStacksDoNotFit) {
  const auto child = [] {
    const rlimit few{.rlim_cur = addresses_in_use() + (40u << 20), .rlim_max = RLIM_INFINITY};
    if (::setrlimit(RLIMIT_AS, &few) != 0) std::_Exit(9);
    const Status status = check_threads(64);
    const bool refused = status.code() == StatusCode::kFailedPrecondition &&
                         status.message().find("may need 64") != std::string::npos;
    std::_Exit(refused && check_threads(1).ok() ? 0 : 1);
  };
  EXPECT_EXIT(child(), ::testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace sotto::host
