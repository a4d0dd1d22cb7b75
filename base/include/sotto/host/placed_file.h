// A file that a process keeps open by its name: whether the name still leads to it, or somebody has moved,
// replaced or removed it meanwhile, so that what is written would be found by nobody.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "sotto/base/result.h"

namespace sotto::host {

class PlacedFile {
 public:
  // What the path leads to now. kNotFound, kPermissionDenied, kIo.
  [[nodiscard]] static Result<PlacedFile> at(const std::filesystem::path& path);
  // What is open already, and was opened by this path. kIo.
  [[nodiscard]] static Result<PlacedFile> of(int descriptor, const std::filesystem::path& path);

  // Any thread. False also when that cannot be told.
  [[nodiscard]] bool is_in_place() const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  PlacedFile(std::filesystem::path path, dev_t device, ino_t number)
      : path_(std::move(path)), device_(device), number_(number) {}

  std::filesystem::path path_;
  dev_t device_;
  ino_t number_;
};

}  // namespace sotto::host
