// What went wrong on this machine or with its user's input. A peer's fault is a Rejection (rejection.h); a
// bug is SOTTO_CHECK (check.h). Each code exists because a caller acts differently on it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace sotto {

enum class StatusCode : std::uint8_t {
  kOk = 0,
  kInvalidArgument,     // the input is wrong: change it; retrying is useless
  kNotFound,            // the named thing does not exist
  kAlreadyExists,       // the named thing exists: choose another name
  kFailedPrecondition,  // right request, wrong state: start over (a device checks in again)
  kResourceExhausted,   // a bound was reached: wait, or ask for less
  kUnavailable,         // nobody answers: retry with back-off
  kDeadlineExceeded,    // too late: retry with back-off
  kPermissionDenied,    // credentials or certificate refused: an operator must act
  kDataLoss,            // stored or received bytes are corrupt: restore them
  kAborted,             // the round was abandoned: nothing was lost, join the next one
  kIo,                  // the machine failed (disk, socket): an operator must act
};

[[nodiscard]] const char* to_string(StatusCode code);

// A code and a sentence that says what was wrong, where, and what to do. Never holds secrets.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] bool ok() const { return code_ == StatusCode::kOk; }
  [[nodiscard]] StatusCode code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  // The same code with "context: " before the message.
  [[nodiscard]] Status with_context(const std::string& context) const {
    return ok() ? *this : Status(code_, context + ": " + message_);
  }

  friend bool operator==(const Status&, const Status&) = default;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

[[nodiscard]] inline Status invalid_argument(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message)};
}
[[nodiscard]] inline Status not_found(std::string message) {
  return {StatusCode::kNotFound, std::move(message)};
}
[[nodiscard]] inline Status failed_precondition(std::string message) {
  return {StatusCode::kFailedPrecondition, std::move(message)};
}
[[nodiscard]] inline Status unavailable(std::string message) {
  return {StatusCode::kUnavailable, std::move(message)};
}
[[nodiscard]] inline Status data_loss(std::string message) {
  return {StatusCode::kDataLoss, std::move(message)};
}
[[nodiscard]] inline Status aborted(std::string message) {
  return {StatusCode::kAborted, std::move(message)};
}
[[nodiscard]] inline Status io_error(std::string message) { return {StatusCode::kIo, std::move(message)}; }

}  // namespace sotto
