// The record of what operators do: one line for each act, written before the act and chained, so that a line
// that was changed or taken out shows.
//
//   {"line":7,"time":"2026-01-31T12:00:00Z","who":"uid 1000","what":"edit task","subject":"activity",
//    "reason":"...","changes":[{"key":"participants","from":"10","to":"12"}],"previous":"<hex>"}
//
// `previous` is the SHA-256 of the line before, without its end; 64 zeros in the first. An act that came to
// nothing after its line was written is followed by a line of "failed". What nobody can see in the file alone
// is that its last lines are missing: whoever wants to keeps the last line's hash elsewhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sotto/base/result.h"

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
};

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
