#include "rpc_status.h"

#include <fmt/core.h>

namespace sotto::client {
namespace {

Status status_with(StatusCode code, const std::string& text, const std::string& advice) {
  return {code, advice.empty() ? text : text + ": " + advice};
}

// gRPC nests what a connection failed of, from the outside in; people need the innermost words. Others'
// answers stay as they are.
std::string innermost(const std::string& text) {
  const bool nested = text.starts_with("failed to connect to all addresses") ||
                      text.starts_with("DNS resolution failed") ||
                      text.find("last error: ") != std::string::npos;
  const std::size_t at = nested ? text.rfind(": ") : std::string::npos;
  return at == std::string::npos ? text : text.substr(at + 2);
}

}  // namespace

Status from_rpc_status(const grpc::Status& status, const std::string& peer) {
  const std::string& text = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return {};
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE:
      return {StatusCode::kInvalidArgument, text};
    case grpc::StatusCode::NOT_FOUND:
      return {StatusCode::kNotFound, text};
    case grpc::StatusCode::ALREADY_EXISTS:
      return {StatusCode::kAlreadyExists, text};
    case grpc::StatusCode::FAILED_PRECONDITION:
      return {StatusCode::kFailedPrecondition, text};
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return status_with(StatusCode::kResourceExhausted, peer, text);
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
      return status_with(StatusCode::kUnavailable,
                         fmt::format("{} did not answer ({})", peer, innermost(text)),
                         "check that the coordinator runs and can be reached; trying again may help");
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return {StatusCode::kDeadlineExceeded, peer + " did not answer in time: trying again may help"};
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return {StatusCode::kPermissionDenied, text};
    case grpc::StatusCode::DATA_LOSS:
      return {StatusCode::kDataLoss, text};
    case grpc::StatusCode::ABORTED:
      return {StatusCode::kAborted, text};
    case grpc::StatusCode::UNIMPLEMENTED:
      return {
          StatusCode::kInvalidArgument,
          peer + " does not know this call: is it a coordinator of this version, and this the right port?"};
    default:
      return status_with(StatusCode::kIo, peer, text);
  }
}

}  // namespace sotto::client
