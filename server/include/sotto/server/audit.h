// The record of what operators do: one line for each act, written before the act and chained, so that a line
// that was changed or taken out shows.
//
//   {"line":7,"time":"2026-01-31T12:00:00Z","who":"uid 1000","what":"edit task","subject":"activity",
//    "reason":"...","changes":[{"key":"participants","from":"10","to":"12"}],"previous":"<hex>"}
//
// `previous` is the SHA-256 of the line before, without its end; 64 zeros in the first. An act that came to
// nothing after its line was written is followed by a line of "failed": there is room for that on the disk
// before the act's own line is written, and a start writes it when a crash came between the line and the act.
// What nobody can see in the file alone is that its last lines are missing: whoever wants to keeps the last
// line's hash elsewhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/crypto/primitives.h"

namespace sotto::server {

struct ActChange {
  std::string key;
  std::string from;
  std::string to;
};

struct Act {
  std::int64_t time_ms = 0;
  std::string who{};      // "uid 1000"
  std::string what{};     // "edit task"
  std::string subject{};  // the task or the device
  std::string reason{};   // the operator's
  std::vector<ActChange> changes{};
};

// Used by one thread.
class AuditLog {
 public:
  virtual ~AuditLog() = default;
  // On disk when this returns kOk. Otherwise nothing was added, and the act is not to be carried out: kIo.
  [[nodiscard]] virtual Status append(const Act& act) = 0;
  // That the act of the last line came to nothing. What cannot be written now stands before the next line.
  virtual void append_failure(const Act& act, const std::string& why) = 0;
  // SHA-256 of the last line; zeros when there is none.
  [[nodiscard]] virtual crypto::Digest head() const = 0;
};

// At a start, with the digest of the line whose act was the last to be carried out: when the file's last line
// is a later act, a line of "failed" follows it. Also when such a line was owed at the end of the last run.
[[nodiscard]] Status settle_audit_file(const std::filesystem::path& path, AuditLog& log,
                                       const crypto::Digest& carried_out, std::int64_t now_ms);

[[nodiscard]] std::filesystem::path audit_file(const std::filesystem::path& data_dir);

// Makes the file, mode 0600, when there is none. A last line that a crash cut off goes: its act was never
// carried out. kIo, kPermissionDenied; kDataLoss when the last line cannot be read, naming what to do.
[[nodiscard]] Result<std::unique_ptr<AuditLog>> open_audit_file(const std::filesystem::path& path);

struct AuditedLines {
  std::vector<std::string> last{};  // oldest first
  std::uint64_t count = 0;          // of all
  std::string head{};               // SHA-256 of the last one, in hexadecimal
};
// Follows the chain from the first line to the last, and returns the last `count_max` lines. kNotFound when
// there is no file; kDataLoss names the first line that does not fit.
[[nodiscard]] Result<AuditedLines> verify_audit_file(const std::filesystem::path& path,
                                                     std::size_t count_max);

}  // namespace sotto::server
