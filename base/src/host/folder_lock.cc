#include "sotto/host/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "failure.h"

namespace sotto::host {

constexpr std::chrono::milliseconds kLookAgain{20};

Result<FolderLock> FolderLock::take(const std::filesystem::path& folder, std::chrono::milliseconds wait) {
  const auto until = std::chrono::steady_clock::now() + wait;
  FolderLock lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.descriptor_ < 0 && errno == ENOENT) return not_found("there is no folder " + folder.string());
  if (lock.descriptor_ < 0) return failure("open the folder", folder, errno);
  while (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return failure("lock the folder", folder, errno);
    if (std::chrono::steady_clock::now() >= until) {
      return unavailable("another process is at work in " + folder.string() +
                         ": try again when it has ended");
    }
    std::this_thread::sleep_for(kLookAgain);
  }
  return lock;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace sotto::host
