#include "sotto/host/folder_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "support/temporary_directory.h"

namespace sotto::host {
namespace {

using std::chrono::milliseconds;

TEST(FolderLock, IsHeldByOneAtATimeAndLeavesNothingBehind) {
  const TemporaryDirectory folder;
  {
    const auto lock = FolderLock::take(folder.path(), milliseconds(0));
    ASSERT_TRUE(lock.has_value()) << lock.status().message();
    const auto second = FolderLock::take(folder.path(), milliseconds(30));
    EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  }
  EXPECT_TRUE(FolderLock::take(folder.path(), milliseconds(0)).has_value());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(FolderLock, WaitsForTheOneBefore) {
  const TemporaryDirectory folder;
  auto lock = std::make_unique<Result<FolderLock>>(FolderLock::take(folder.path(), milliseconds(0)));
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds(50));
    lock.reset();
  });
  EXPECT_TRUE(FolderLock::take(folder.path(), std::chrono::minutes(1)).has_value());
  other.join();
}

TEST(FolderLock, IsFreeOnceItsHolderWasKilled) {
  const TemporaryDirectory folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FolderLock::take(folder.path(), milliseconds(0));
    ::raise(SIGKILL);
  }
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(FolderLock::take(folder.path(), milliseconds(0)).has_value());
}

TEST(FolderLock, SaysWhichFolderIsNotThereOrIsNone) {
  const TemporaryDirectory folder;
  const auto absent = FolderLock::take(folder.path() / "absent", milliseconds(0));
  EXPECT_EQ(absent.status().code(), StatusCode::kNotFound);
  EXPECT_NE(absent.status().message().find("absent"), std::string::npos);
  EXPECT_EQ(FolderLock::take("/dev/null", milliseconds(0)).status().code(), StatusCode::kIo);
}

}  // namespace
}  // namespace sotto::host
