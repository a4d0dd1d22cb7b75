#include "sotto/identity/key_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

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

bool write_all(int descriptor, std::string_view contents) {
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

Result<std::optional<crypto::SecretBuffer>> read_key_file(const std::filesystem::path& path) {
  const File file(path, O_RDONLY);
  if (file.get() < 0) {
    if (errno == ENOENT) return std::optional<crypto::SecretBuffer>();
    return failure("read", path);
  }
  crypto::SecretBuffer contents(kFileBytesMax + 1);
  std::size_t size = 0;
  for (;;) {
    const MutableBytes rest = contents.reveal_mutable().subspan(size);
    if (rest.empty()) {
      return data_loss(path.string() + " is larger than any key or certificate: restore it from a backup");
    }
    const ssize_t count = ::read(file.get(), rest.data(), rest.size());
    if (count < 0) return failure("read", path);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  contents.truncate(size);
  return std::optional<crypto::SecretBuffer>(std::move(contents));
}

Status write_key_file(const std::filesystem::path& path, std::string_view contents, mode_t mode) {
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
