#include "sotto/host/folder_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "support/child_process.h"
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

// Some network file systems have no locks: nobody is waited for who will never be done.
TEST(FolderLock, SaysThatTheFileSystemHasNone) {
  const TemporaryDirectory folder;
  const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);  // the descriptor that the folder gets
  ::close(next);
  const auto is_told = [&] {
    const auto lock = FolderLock::take(folder.path(), milliseconds(0));
    return lock.status().code() == StatusCode::kIo &&
           lock.status().message().find("cannot lock the folder") != std::string::npos;
  };
  EXPECT_TRUE(in_a_child(
      [&] { return refuse_call(SYS_flock, static_cast<std::uint32_t>(next), ENOLCK) && is_told(); }));
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
