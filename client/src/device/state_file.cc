#include "state_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "sotto/base/limits.h"

namespace sotto::client {
namespace {

Status system_error(const char* what, const std::filesystem::path& path) {
  const int error = errno;
  const std::string message =
      std::string("cannot ") + what + " " + path.string() + ": " + std::strerror(error);
  return {error == ENOENT ? StatusCode::kNotFound : StatusCode::kIo, message};
}

class File {
 public:
  File(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

bool write_all(int fd, Bytes content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

bool read_all(int fd, MutableBytes content) {
  while (!content.empty()) {
    const ssize_t count = ::read(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    content = content.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

// A rename is durable once the folder is.
Status sync_folder(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const File file(folder, O_RDONLY | O_DIRECTORY);
  if (!file.is_open() || ::fsync(file.fd()) != 0) return system_error("sync", folder);
  return {};
}

}  // namespace

Result<std::vector<std::uint8_t>> read_state_file(const std::filesystem::path& path) {
  const File file(path, O_RDONLY);
  struct stat information {};
  if (!file.is_open() || ::fstat(file.fd(), &information) != 0) return system_error("open", path);
  if (information.st_size > static_cast<off_t>(limits::kMessageBytesMax)) {
    return io_error(path.string() + " has " + std::to_string(information.st_size) +
                    " bytes, more than any saved session");
  }
  std::vector<std::uint8_t> content(static_cast<std::size_t>(information.st_size));
  if (!read_all(file.fd(), content)) return io_error("cannot read " + path.string());
  return content;
}

Status write_state_file(const std::filesystem::path& path, Bytes content) {
  std::filesystem::path temporary = path;
  temporary += ".new";
  File file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!file.is_open()) return system_error("create", temporary);
  if (!write_all(file.fd(), content) || ::fsync(file.fd()) != 0 || !file.close()) {
    return system_error("write", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("replace", path);
  return sync_folder(path);
}

Status remove_state_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0) return errno == ENOENT ? Status() : system_error("remove", path);
  return sync_folder(path);
}

}  // namespace sotto::client
