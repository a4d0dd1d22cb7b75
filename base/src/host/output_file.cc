#include "sotto/host/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <system_error>

#include "host/write_all.h"

namespace sotto::host {
namespace {

constexpr int kNamesTried = 100;

std::string advice(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return ": make its folder first";
    case EACCES:
    case EPERM:
    case EROFS:
      return ": choose a folder that you may write to";
    case ENOSPC:
    case EDQUOT:
      return ": free some space on that disk";
    case EFBIG:
      return ": raise the limit on the size of files";
    default:
      return "";
  }
}

Status failure(const std::filesystem::path& path, int error) {
  const bool denied = error == EACCES || error == EPERM;
  return {denied ? StatusCode::kPermissionDenied : StatusCode::kIo,
          "cannot write " + path.string() + ": " + std::error_code(error, std::generic_category()).message() +
              advice(error)};
}

// A file under another name in the folder of `target`, gone at the end unless it was renamed to that.
class Beside {
 public:
  Beside(const std::filesystem::path& target, mode_t mode) {
    const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
    for (int i = 0; i < kNamesTried && descriptor_ < 0; ++i) {
      name_ = folder /
              ("." + target.filename().string() + "." + std::to_string(::getpid()) + "-" + std::to_string(i));
      descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
      if (descriptor_ < 0 && errno != EEXIST) break;
    }
  }
  ~Beside() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    if (!renamed_) ::unlink(name_.c_str());
  }
  Beside(const Beside&) = delete;
  Beside& operator=(const Beside&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] bool rename_to(const std::filesystem::path& target) {
    renamed_ = ::rename(name_.c_str(), target.c_str()) == 0;
    return renamed_;
  }

 private:
  std::filesystem::path name_;
  int descriptor_ = -1;
  bool renamed_ = false;
};

struct Place {
  std::filesystem::path target;  // behind symbolic links
  std::optional<struct stat> found{};
};

Place find_place(const std::filesystem::path& path) {
  std::error_code error;
  Place place{std::filesystem::weakly_canonical(path, error)};
  if (error) place.target = path;
  struct stat found {};
  if (::stat(place.target.c_str(), &found) == 0) place.found = found;
  return place;
}

bool is_regular(const Place& place) { return !place.found || S_ISREG(place.found->st_mode); }

Status write_through(const std::filesystem::path& path, Bytes content) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) return failure(path, errno);
  const bool written = write_all(descriptor, content);
  const int error = errno;
  const bool closed = ::close(descriptor) == 0;
  if (!written) return failure(path, error);
  return closed ? Status() : failure(path, errno);
}

}  // namespace

Status check_output(const std::filesystem::path& path) {
  const Place place = find_place(path);
  if (place.found && S_ISDIR(place.found->st_mode)) return failure(path, EISDIR);
  if (!is_regular(place)) {
    return ::access(path.c_str(), W_OK) == 0 ? Status() : failure(path, errno);
  }
  const Beside trial(place.target, 0600);
  return trial.descriptor() >= 0 ? Status() : failure(path, errno);
}

Status write_output(const std::filesystem::path& path, Bytes content, mode_t mode) {
  const Place place = find_place(path);
  if (!is_regular(place)) return write_through(path, content);
  Beside beside(place.target, mode);
  if (beside.descriptor() < 0) return failure(path, errno);
  if (place.found && ::fchmod(beside.descriptor(), place.found->st_mode & 0777) != 0) {
    return failure(path, errno);
  }
  if (!write_all(beside.descriptor(), content) || ::fsync(beside.descriptor()) != 0 ||
      !beside.rename_to(place.target)) {
    return failure(path, errno);
  }
  return {};
}

}  // namespace sotto::host
