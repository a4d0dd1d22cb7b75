#include "sotto/host/placed_file.h"

#include <sys/stat.h>

#include <cerrno>

#include "host/failure.h"

namespace sotto::host {

Result<PlacedFile> PlacedFile::at(const std::filesystem::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) return PlacedFile(path, found.st_dev, found.st_ino);
  if (errno == ENOENT) return not_found("there is no file " + path.string());
  return failure("look at", path, errno);
}

Result<PlacedFile> PlacedFile::of(int descriptor, const std::filesystem::path& path) {
  struct stat found {};
  if (::fstat(descriptor, &found) != 0) return failure("look at", path, errno);
  return PlacedFile(path, found.st_dev, found.st_ino);
}

bool PlacedFile::is_in_place() const {
  struct stat found {};
  return ::stat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == number_;
}

}  // namespace sotto::host
