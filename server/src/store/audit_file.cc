#include <fcntl.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <utility>

#include "sotto/base/hex.h"
#include "sotto/crypto/primitives.h"
#include "sotto/host/input_file.h"
#include "sotto/host/placed_file.h"
#include "sotto/host/utc_text.h"
#include "sotto/server/audit.h"

namespace sotto::server {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// Longer lines than this are none of ours: a task's specification is the longest thing in one.
constexpr std::size_t kLineBytesMax = 1 << 17;

std::string first_previous() { return std::string(64, '0'); }

crypto::Digest digest_of(std::string_view line) { return crypto::sha256({text_bytes(line)}); }

// The words of an act that came to nothing, and how long they may be: so much room is kept for them.
constexpr const char* kFailed = "failed";
constexpr std::size_t kReasonBytesMax = 1024;
constexpr off_t kFailureBytesMax = 8 * 1024;  // the escapes of a line count six bytes each

Act failure_of(const Act& act, const std::string& why) {
  return {.time_ms = act.time_ms,
          .who = act.who,
          .what = kFailed,
          .subject = act.subject,
          .reason = (act.what + ": " + why).substr(0, kReasonBytesMax)};
}

struct Link {
  std::uint64_t line = 0;
  std::string previous;
};

std::optional<Link> link_of(const std::string& line) {
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return std::nullopt;
  const auto number = object.find("line");
  const auto previous = object.find("previous");
  if (number == object.end() || !number->is_number_unsigned()) return std::nullopt;
  if (previous == object.end() || !previous->is_string()) return std::nullopt;
  return Link{number->get<std::uint64_t>(), previous->get<std::string>()};
}

std::string line_of(const Act& act, std::uint64_t number, const std::string& previous) {
  ordered_json changes = ordered_json::array();
  for (const ActChange& change : act.changes) {
    changes.push_back({{"key", change.key}, {"from", change.from}, {"to", change.to}});
  }
  const ordered_json object = {{"line", number},         {"time", host::utc_time(act.time_ms)},
                               {"who", act.who},         {"what", act.what},
                               {"subject", act.subject}, {"reason", act.reason},
                               {"changes", changes},     {"previous", previous}};
  return object.dump(-1, ' ', /*ensure_ascii=*/true, ordered_json::error_handler_t::replace);
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

Status failure(const std::filesystem::path& path, const char* what) {
  const int error = errno;
  const StatusCode code = error == EACCES || error == EPERM ? StatusCode::kPermissionDenied : StatusCode::kIo;
  return {code, fmt::format("the audit log {} could not be {}: {}", path.string(), what,
                            std::error_code(error, std::generic_category()).message())};
}

class AuditFile final : public AuditLog {
 public:
  AuditFile(std::filesystem::path path, Descriptor file, std::uint64_t lines, const crypto::Digest& head)
      : path_(std::move(path)), file_(std::move(file)), lines_(lines), head_(head) {}

  Status append(const Act& act) override {
    if (owed_) {
      SOTTO_RETURN_IF_ERROR(append_line(*owed_, 0));
      owed_.reset();
    }
    return append_line(act, kFailureBytesMax);
  }

  void append_failure(const Act& act, const std::string& why) override {
    Act failed = failure_of(act, why);
    if (!append_line(failed, 0).ok()) owed_ = std::move(failed);
  }

  [[nodiscard]] crypto::Digest head() const override { return head_; }

 private:
  // With room behind the line for `room` bytes more.
  Status append_line(const Act& act, off_t room) {
    if (!is_in_place()) {
      return io_error(
          fmt::format("the audit log {} was moved or replaced while it is written, so nothing was "
                      "done: put it back, or restart the coordinator, which then begins another",
                      path_.string()));
    }
    const std::string line = line_of(act, lines_ + 1, lines_ == 0 ? first_previous() : to_hex(head_));
    const off_t before = ::lseek(file_.number(), 0, SEEK_END);
    if (before < 0) return failure(path_, "written");
    Status written = reserve(before, static_cast<off_t>(line.size() + 1) + room);
    if (written.ok()) written = write_line(line + "\n");
    if (!written.ok()) {
      // Half a line would be cut off at the next start, too.
      if (::ftruncate(file_.number(), before) != 0) return failure(path_, "shortened");
      return {written.code(), written.message() + "; nothing was done, for every act is recorded first"};
    }
    ++lines_;
    head_ = digest_of(line);
    return {};
  }

  // Some file systems keep no room: there a failure that cannot be written is owed. What is kept is not held
  // against a limit on the size of files, which the writes would meet.
  Status reserve(off_t from, off_t bytes) {
    rlimit limit{};
    const bool limited = ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    if (limited && static_cast<rlim_t>(from + bytes) > limit.rlim_cur) {
      errno = EFBIG;
      return failure(path_, "written");
    }
    if (::fallocate(file_.number(), FALLOC_FL_KEEP_SIZE, from, bytes) == 0) return {};
    if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR) return {};
    return failure(path_, "written");
  }

  // Lines that go to a file without a name are on nobody's record.
  [[nodiscard]] bool is_in_place() const {
    const auto open = host::PlacedFile::of(file_.number(), path_);
    return open.has_value() && open->is_in_place();
  }

  Status write_line(std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(file_.number(), text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return failure(path_, "written");
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fdatasync(file_.number()) == 0 ? Status() : failure(path_, "written");
  }

  const std::filesystem::path path_;
  const Descriptor file_;
  std::uint64_t lines_;
  crypto::Digest head_;
  std::optional<Act> owed_;  // a failure that found no room
};

// The last whole line of the file, and where it ends.
struct Tail {
  std::string line{};
  std::uint64_t end = 0;
};

Result<Tail> read_tail(int file, const std::filesystem::path& path) {
  const off_t size = ::lseek(file, 0, SEEK_END);
  if (size < 0) return failure(path, "read");
  const auto bytes = static_cast<std::size_t>(std::min<off_t>(size, 2 * kLineBytesMax));
  std::string text(bytes, '\0');
  if (::pread(file, text.data(), bytes, size - static_cast<off_t>(bytes)) != static_cast<ssize_t>(bytes)) {
    return failure(path, "read");
  }
  const std::size_t last_end = text.rfind('\n');
  if (last_end == std::string::npos) {
    if (bytes < kLineBytesMax) return Tail{};
    return data_loss(
        fmt::format("the audit log {} ends in something that is no line of it: move it away, "
                    "and keep it",
                    path.string()));
  }
  const std::size_t begin = last_end == 0 ? std::string::npos : text.rfind('\n', last_end - 1);
  const std::size_t first = begin == std::string::npos ? 0 : begin + 1;
  return Tail{text.substr(first, last_end - first), static_cast<std::uint64_t>(size) - bytes + last_end + 1};
}

struct ReadLine {
  std::string text;
  bool whole = false;  // it has an end, and not more bytes than a line can have
};

class LineReader {
 public:
  explicit LineReader(host::InputFile file) : file_(std::move(file)) {}

  // Nothing at the end of the file.
  Result<std::optional<ReadLine>> next() {
    std::size_t looked_at = 0;
    for (;;) {
      const std::size_t end = pending_.find('\n', looked_at);
      if (end != std::string::npos) {
        ReadLine line{pending_.substr(0, end), end <= kLineBytesMax};
        pending_.erase(0, end + 1);
        return std::optional(std::move(line));
      }
      looked_at = pending_.size();
      std::size_t more = 0;
      if (pending_.size() <= kLineBytesMax) {
        const Result<std::size_t> count = file_.read(block_);
        if (!count) return count.error();
        more = *count;
      }
      if (more == 0 && pending_.empty()) return std::optional<ReadLine>();
      if (more == 0) return std::optional(ReadLine{std::exchange(pending_, {})});
      pending_.append(reinterpret_cast<const char*>(block_.data()), more);
    }
  }

 private:
  host::InputFile file_;
  std::string pending_;  // what is read of the next lines
  std::array<std::uint8_t, 16 * 1024> block_{};
};

void sync_folder(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.number() >= 0) static_cast<void>(::fsync(directory.number()));
}

Status does_not_fit(const std::filesystem::path& path, std::uint64_t line, const std::string& why) {
  return data_loss(fmt::format("audit log {}, line {}: {}", path.string(), line, why));
}

}  // namespace

std::filesystem::path audit_file(const std::filesystem::path& data_dir) { return data_dir / "audit.jsonl"; }

Result<std::unique_ptr<AuditLog>> open_audit_file(const std::filesystem::path& path) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;
  Descriptor file(::open(path.c_str(), kFlags, 0600));
  if (file.number() < 0) return failure(path, "opened");
  SOTTO_RETURN_IF_ERROR(host::check_regular(file.number(), path));
  if (::fchmod(file.number(), 0600) != 0) return failure(path, "made private");
  const Result<Tail> tail = read_tail(file.number(), path);
  if (!tail) return tail.error();
  if (::ftruncate(file.number(), static_cast<off_t>(tail->end)) != 0) return failure(path, "shortened");
  sync_folder(path);
  if (tail->end == 0) {
    return std::unique_ptr<AuditLog>(std::make_unique<AuditFile>(path, std::move(file), 0, crypto::Digest{}));
  }
  const std::optional<Link> link = link_of(tail->line);
  if (!link) {
    return data_loss(
        fmt::format("the last line of the audit log {} is none of its lines: see 'sotto audit "
                    "verify', and move the file away, but keep it",
                    path.string()));
  }
  return std::unique_ptr<AuditLog>(
      std::make_unique<AuditFile>(path, std::move(file), link->line, digest_of(tail->line)));
}

// A line may be the last one that was carried out, the next act's, or an act's that never was.
Status settle_audit_file(const std::filesystem::path& path, AuditLog& log, const crypto::Digest& carried_out,
                         std::int64_t now_ms) {
  if (log.head() == carried_out) return {};
  Result<std::optional<host::InputFile>> file = host::InputFile::open(path);
  if (!file) return file.error();
  if (!file->has_value()) return {};
  LineReader reader(std::move(**file));
  bool found = false;  // a log that does not know the act is another, of which nothing can be said
  std::string last;
  for (;;) {
    Result<std::optional<ReadLine>> next = reader.next();
    if (!next) return next.error();
    if (!next->has_value() || !(*next)->whole) break;
    last = std::move((*next)->text);
    found = found || digest_of(last) == carried_out;
  }
  const json object = json::parse(last, nullptr, /*allow_exceptions=*/false);
  if (!found || !object.is_object() || object.value("what", kFailed) == kFailed) return {};
  return log.append(
      {.time_ms = now_ms,
       .who = object.value("who", ""),
       .what = kFailed,
       .subject = object.value("subject", ""),
       .reason = object.value("what", "") + ": the coordinator ended before it was done; nothing of it was"});
}

Result<AuditedLines> verify_audit_file(const std::filesystem::path& path, std::size_t count_max) {
  Result<std::optional<host::InputFile>> file = host::InputFile::open(path);
  if (!file) return file.error();
  if (!file->has_value()) {
    return not_found(fmt::format("there is no audit log {}: no coordinator has begun one", path.string()));
  }
  LineReader reader(std::move(**file));
  AuditedLines lines{.head = first_previous()};
  std::deque<std::string> last;
  for (;;) {
    const std::uint64_t number = lines.count + 1;
    Result<std::optional<ReadLine>> next = reader.next();
    if (!next) return next.error();
    if (!next->has_value()) break;
    if (!(*next)->whole) return does_not_fit(path, number, "it is cut off, or longer than any line of ours");
    std::string line = std::move((*next)->text);
    const std::optional<Link> link = link_of(line);
    if (!link) return does_not_fit(path, number, "it is no line of an audit log");
    if (link->line != number) {
      return does_not_fit(path, number,
                          fmt::format("it says that it is line {}: lines are missing", link->line));
    }
    if (link->previous != lines.head) {
      return does_not_fit(path, number,
                          fmt::format("its 'previous' is not the SHA-256 of the line before: line {} was "
                                      "changed, or this one",
                                      lines.count));
    }
    lines.head = to_hex(digest_of(line));
    ++lines.count;
    last.push_back(std::move(line));
    if (last.size() > count_max) last.pop_front();
  }
  lines.last.assign(std::make_move_iterator(last.begin()), std::make_move_iterator(last.end()));
  return lines;
}

}  // namespace sotto::server
