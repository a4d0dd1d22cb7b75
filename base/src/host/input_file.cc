#include "sotto/host/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "host/failure.h"

namespace sotto::host {
namespace {

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

Status check_mode(mode_t mode, const std::filesystem::path& path) {
  if (S_ISREG(mode)) return {};
  return io_error("cannot use " + path.string() + ": it is " + kind_of(mode) +
                  ", and a regular file is needed there");
}

}  // namespace

Result<std::optional<InputFile>> InputFile::open(const std::filesystem::path& path) {
  // Without O_NONBLOCK a pipe that nobody writes to would hold up whoever opens it.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) {
    const int error = errno;
    if (error == ENOENT) return std::optional<InputFile>();
    if (error == ENXIO) return check_mode(S_IFSOCK, path);
    return failure("read", path, error);
  }
  InputFile file(path, descriptor);
  SOTTO_RETURN_IF_ERROR(check_regular(descriptor, path));
  return std::optional<InputFile>(std::move(file));
}

InputFile::InputFile(std::filesystem::path path, int descriptor)
    : path_(std::move(path)), descriptor_(descriptor) {}
InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}
InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

Result<std::size_t> InputFile::read(MutableBytes block) {
  std::size_t filled = 0;
  while (filled < block.size()) {
    const ssize_t count = ::read(descriptor_, block.data() + filled, block.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("read", path_, errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

Status check_regular(const std::filesystem::path& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) return check_mode(found.st_mode, path);
  return errno == ENOENT || errno == ENOTDIR ? Status() : failure("read", path, errno);
}

Status check_regular(int descriptor, const std::filesystem::path& path) {
  struct stat found {};
  if (::fstat(descriptor, &found) != 0) return failure("read", path, errno);
  return check_mode(found.st_mode, path);
}

}  // namespace sotto::host
