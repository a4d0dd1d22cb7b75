#include "rpc_status.h"

#include <string>
#include <string_view>

namespace sotto::server {
namespace {

// gRPC sends messages in trailers, whose size every hop may bound.
constexpr std::size_t kMessageBytesMax = 1024;

// Of a text of any length, its beginning, which ends with a whole character of UTF-8.
std::string beginning_of(const std::string& text) {
  if (text.size() <= kMessageBytesMax) return text;
  constexpr std::string_view kMore = "...";
  std::size_t end = kMessageBytesMax - kMore.size();
  const auto goes_on = [&text](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  for (int bytes = 1; bytes < 4 && goes_on(end); ++bytes) --end;
  return text.substr(0, end).append(kMore);
}

grpc::StatusCode to_rpc_code(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return grpc::StatusCode::OK;
    case StatusCode::kInvalidArgument:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case StatusCode::kNotFound:
      return grpc::StatusCode::NOT_FOUND;
    case StatusCode::kAlreadyExists:
      return grpc::StatusCode::ALREADY_EXISTS;
    case StatusCode::kFailedPrecondition:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case StatusCode::kResourceExhausted:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case StatusCode::kUnavailable:
      return grpc::StatusCode::UNAVAILABLE;
    case StatusCode::kDeadlineExceeded:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case StatusCode::kPermissionDenied:
      return grpc::StatusCode::PERMISSION_DENIED;
    case StatusCode::kDataLoss:
      return grpc::StatusCode::DATA_LOSS;
    case StatusCode::kAborted:
      return grpc::StatusCode::ABORTED;
    case StatusCode::kIo:
      return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::INTERNAL;
}

bool about_this_machine(StatusCode code) { return code == StatusCode::kIo || code == StatusCode::kDataLoss; }

}  // namespace

grpc::Status to_rpc_status(const Status& status, Audience audience) {
  if (status.ok()) return grpc::Status::OK;
  if (audience == Audience::kDevice && about_this_machine(status.code())) {
    return {to_rpc_code(status.code()), "the coordinator failed; its log says why"};
  }
  return {to_rpc_code(status.code()), beginning_of(status.message())};
}

}  // namespace sotto::server
