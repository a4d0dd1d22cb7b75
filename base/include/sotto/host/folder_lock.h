// One process at a time in a folder: what it reads and then writes there is not changed in between.
#pragma once

#include <chrono>
#include <filesystem>
#include <utility>

#include "sotto/base/result.h"

namespace sotto::host {

// Held until it is destroyed, or the process ends in whatever way. Leaves nothing in the folder. Advisory:
// only those who take it wait for each other. Of one process, two locks exclude each other, too.
class FolderLock {
 public:
  // Waits so long for whoever holds it: then kUnavailable. kNotFound, kPermissionDenied, kIo.
  [[nodiscard]] static Result<FolderLock> take(const std::filesystem::path& folder,
                                               std::chrono::milliseconds wait);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace sotto::host
