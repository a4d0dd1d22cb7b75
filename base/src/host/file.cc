#include "sotto/host/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "host/failure.h"
#include "host/write_all.h"
#include "sotto/host/input_file.h"

namespace sotto::host {
namespace {

class File {
 public:
  File(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] bool close() { return ::close(std::exchange(descriptor_, -1)) == 0; }

 private:
  int descriptor_;
};

// A rename is durable once the folder is.
Status sync_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const File file(folder, O_RDONLY | O_DIRECTORY);
  if (!file.is_open() || ::fsync(file.get()) != 0) return failure("sync", folder, errno);
  return {};
}

Status write_new_file(const std::filesystem::path& path, Bytes content, mode_t mode) {
  File file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  if (!file.is_open()) return failure("create", path, errno);
  if (!write_all(file.get(), content) || ::fsync(file.get()) != 0 || !file.close()) {
    return failure("write", path, errno);
  }
  return {};
}

Status too_large(const std::filesystem::path& path, std::size_t bytes_max) {
  return data_loss(path.string() + " has more than the " + std::to_string(bytes_max) +
                   " bytes that such a file can have");
}

}  // namespace

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

Result<std::optional<std::vector<std::uint8_t>>> read_file(const std::filesystem::path& path,
                                                           std::size_t bytes_max) {
  Result<std::optional<InputFile>> file = InputFile::open(path);
  if (!file) return file.error();
  if (!file->has_value()) return std::optional<std::vector<std::uint8_t>>();
  std::vector<std::uint8_t> content;
  std::array<std::uint8_t, 16 * 1024> block;
  for (;;) {
    const Result<std::size_t> count = (*file)->read(block);
    if (!count) return count.error();
    if (*count == 0) return std::optional(std::move(content));
    if (*count > bytes_max - content.size()) return too_large(path, bytes_max);
    content.insert(content.end(), block.begin(), block.begin() + *count);
  }
}

Result<std::optional<std::size_t>> read_file(const std::filesystem::path& path, MutableBytes content) {
  Result<std::optional<InputFile>> file = InputFile::open(path);
  if (!file) return file.error();
  if (!file->has_value()) return std::optional<std::size_t>();
  const Result<std::size_t> filled = (*file)->read(content);
  if (!filled) return filled.error();
  std::uint8_t next = 0;
  const Result<std::size_t> more = (*file)->read({&next, 1});
  if (!more) return more.error();
  return *more == 0 ? Result<std::optional<std::size_t>>(*filled) : too_large(path, content.size());
}

Status write_file(const std::filesystem::path& path, Bytes content, mode_t mode) {
  std::error_code error;
  const std::filesystem::file_status found = std::filesystem::status(path, error);
  if (std::filesystem::exists(found) && !std::filesystem::is_regular_file(found)) {
    return io_error("cannot replace " + path.string() + ": it is no regular file");
  }
  std::filesystem::path beside = path;
  beside += ".new";
  ::unlink(beside.c_str());  // left by a crash
  Status status = write_new_file(beside, content, mode);
  if (status.ok() && ::rename(beside.c_str(), path.c_str()) != 0) status = failure("replace", path, errno);
  if (!status.ok()) {
    ::unlink(beside.c_str());
    return status;
  }
  return sync_folder_of(path);
}

Status remove_file(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) == 0) return sync_folder_of(path);
  return errno == ENOENT ? Status() : failure("remove", path, errno);
}

Status make_private_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return failure("make the folder", path, error.value());
  // By its descriptor, so that what is looked at is what is changed.
  const File folder(path, O_RDONLY | O_DIRECTORY);
  struct stat found {};
  if (!folder.is_open() || ::fstat(folder.get(), &found) != 0) return failure("read the folder", path, errno);
  if (found.st_uid != ::geteuid()) {
    return {StatusCode::kPermissionDenied,
            "the folder " + path.string() + " belongs to another user (uid " + std::to_string(found.st_uid) +
                "), who could read and replace what is in it: name a folder of this user's own"};
  }
  if ((found.st_mode & S_ISVTX) != 0) {
    return {StatusCode::kPermissionDenied,
            "the folder " + path.string() + " is shared by all users: name a folder below it"};
  }
  if ((found.st_mode & 07777) != 0700 && ::fchmod(folder.get(), 0700) != 0) {
    return failure("make private the folder", path, errno);
  }
  return {};
}

}  // namespace sotto::host
