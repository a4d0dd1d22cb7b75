#include "sotto/identity/key_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace sotto::identity {
namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024;

class File {
 public:
  File(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Status failure(const char* what, const std::filesystem::path& path) {
  const int error = errno;
  const std::string text = std::string("cannot ") + what + " " + path.string() + ": " +
                           std::error_code(error, std::generic_category()).message();
  if (error == EACCES || error == EPERM) {
    return {StatusCode::kPermissionDenied, text + ": run as its owner, or change the owner"};
  }
  return io_error(text);
}

bool write_all(int descriptor, const std::string& contents) {
  std::size_t written = 0;
  while (written < contents.size()) {
    const ssize_t count = ::write(descriptor, contents.data() + written, contents.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    written += static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

Result<std::optional<std::string>> read_key_file(const std::filesystem::path& path) {
  const File file(path, O_RDONLY);
  if (file.get() < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return failure("read", path);
  }
  std::string contents;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t count = ::read(file.get(), block.data(), block.size());
    if (count < 0) return failure("read", path);
    if (count == 0) return std::optional<std::string>(std::move(contents));
    contents.append(block.data(), static_cast<std::size_t>(count));
    if (contents.size() > kFileBytesMax) {
      return data_loss(path.string() + " is larger than any key or certificate: restore it from a backup");
    }
  }
}

Status write_key_file(const std::filesystem::path& path, const std::string& contents, mode_t mode) {
  const std::filesystem::path temporary = path.string() + ".new";
  ::unlink(temporary.c_str());  // left by a crash
  {
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (file.get() < 0) return failure("create", temporary);
    if (!write_all(file.get(), contents) || ::fsync(file.get()) != 0) return failure("write", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failure("replace", path);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const File directory(folder, O_RDONLY | O_DIRECTORY);
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return failure("sync", folder);
  return {};
}

}  // namespace sotto::identity
