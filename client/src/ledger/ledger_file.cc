// The ledger in a file: FILE, FILE.step (how far it has come), FILE.lock while a device keeps it, FILE.stop
// while its owner has it stopped.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "sotto/client/ledger.h"
#include "sotto/host/file.h"
#include "sotto/identity/step.h"

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

Status not_to_be_believed(const std::filesystem::path& file, StatusCode code, const std::string& why) {
  return {code, file.string() + ": " + why +
                    ". This device takes part in nothing until its owner brings the file back, or removes it "
                    "and " +
                    identity::step_path(file).filename().string() +
                    "; without it nobody knows what has left the device"};
}

// A ledger that its owner took away together with its step, or that never was, is none.
Result<std::optional<Ledger>> read_if_there(const std::filesystem::path& file) {
  const auto content = host::read_file(file, Ledger::kBytesMax);
  if (!content) return content.error().with_context("the ledger");
  const auto step = identity::read_step(file);
  if (!step) return not_to_be_believed(file, step.error().code(), step.error().message());
  const std::uint64_t known = *step ? (*step)->count : 0;
  if (!content->has_value()) {
    if (!*step) return std::optional<Ledger>();
    return not_to_be_believed(file, StatusCode::kDataLoss, "the ledger is missing");
  }
  Result<Ledger> ledger = Ledger::decode(**content);
  if (!ledger) return not_to_be_believed(file, ledger.error().code(), ledger.error().message());
  if (ledger->changes() < known) {
    return not_to_be_believed(file, StatusCode::kDataLoss,
                              "the ledger is an older copy: it knows of " +
                                  std::to_string(ledger->changes()) + " joins and vectors, there were " +
                                  std::to_string(known));
  }
  return std::optional(std::move(*ledger));
}

class FilePlace final : public LedgerPlace {
 public:
  FilePlace(std::filesystem::path file, FileLock lock) : file_(std::move(file)), lock_(std::move(lock)) {}
  Status write(Bytes ledger) override {
    const Result<Ledger> written = Ledger::decode(ledger);
    if (!written) return written.error();
    SOTTO_RETURN_IF_ERROR(host::write_file(file_, ledger, host::kSecretFile));
    return identity::write_step(file_, {.count = written->changes()});
  }
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
  // Written at once, so that a place that cannot be written is known before anything is promised, and so that
  // a ledger of before there were steps has one.
  if (!*ledger) ledger->emplace();
  SOTTO_RETURN_IF_ERROR(place->write((**ledger).encode()));
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
