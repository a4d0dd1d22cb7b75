// The ledger in a file: FILE, FILE.lock while a device keeps it, FILE.stop while its owner has it stopped.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "sotto/client/ledger.h"
#include "sotto/host/file.h"

namespace sotto::client {
namespace {

std::filesystem::path beside(const std::filesystem::path& file, const char* ending) {
  std::filesystem::path path = file;
  path += ending;
  return path;
}

// Two devices with one ledger would each forget what the other sent.
class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] Status take(const std::filesystem::path& ledger) {
    const std::filesystem::path path = beside(ledger, ".lock");
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, host::kSecretFile);
    if (descriptor_ < 0) {
      const int error = errno;
      return {error == EACCES || error == EPERM ? StatusCode::kPermissionDenied : StatusCode::kIo,
              "cannot make " + path.string() + ": " +
                  std::error_code(error, std::generic_category()).message() +
                  ": name a place for the ledger that this device can write"};
    }
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return {};
    return unavailable("the ledger " + ledger.string() +
                       " is kept by another process: give each device a ledger of its own");
  }

 private:
  int descriptor_ = -1;
};

Result<std::optional<Ledger>> read_if_there(const std::filesystem::path& file) {
  const auto content = host::read_file(file, Ledger::kBytesMax);
  if (!content) return content.error().with_context("the ledger");
  if (!content->has_value()) return std::optional<Ledger>();
  Result<Ledger> ledger = Ledger::decode(**content);
  if (ledger) return std::optional(std::move(*ledger));
  return Status(ledger.error().code(),
                file.string() + ": " + ledger.error().message() +
                    ". This device takes part in nothing until its owner brings the file back or removes it; "
                    "without it nobody knows what has left the device");
}

class FilePlace final : public LedgerPlace {
 public:
  FilePlace(std::filesystem::path file, FileLock lock) : file_(std::move(file)), lock_(std::move(lock)) {}
  Status write(Bytes ledger) override { return host::write_file(file_, ledger, host::kSecretFile); }
  Result<bool> stopped() override { return ledger_is_stopped(file_); }

 private:
  std::filesystem::path file_;
  FileLock lock_;
};

}  // namespace

Result<std::unique_ptr<DeviceLedger>> open_ledger(const std::filesystem::path& file,
                                                  const LedgerBudgets& budgets) {
  FileLock lock;
  SOTTO_RETURN_IF_ERROR(lock.take(file));
  Result<std::optional<Ledger>> ledger = read_if_there(file);
  if (!ledger) return ledger.error();
  auto place = std::make_unique<FilePlace>(file, std::move(lock));
  // Written at once, so that a place that cannot be written is known before anything is promised.
  if (!*ledger) SOTTO_RETURN_IF_ERROR(place->write(ledger->emplace().encode()));
  return keep_ledger(std::move(**ledger), budgets, std::move(place));
}

Result<Ledger> read_ledger(const std::filesystem::path& file) {
  Result<std::optional<Ledger>> ledger = read_if_there(file);
  if (!ledger) return ledger.error();
  if (!*ledger) return not_found("there is no ledger " + file.string());
  return std::move(**ledger);
}

Result<bool> ledger_is_stopped(const std::filesystem::path& file) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(beside(file, ".stop"), error);
  if (status.type() == std::filesystem::file_type::not_found) return false;
  if (error) return io_error("cannot look for " + beside(file, ".stop").string() + ": " + error.message());
  return true;
}

Status stop_ledger(const std::filesystem::path& file, bool stop) {
  const std::filesystem::path path = beside(file, ".stop");
  if (!stop) return host::remove_file(path);
  return host::write_file(path, text_bytes("stopped by the device's owner\n"), host::kPublicFile);
}

}  // namespace sotto::client
