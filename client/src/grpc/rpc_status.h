// What a failed call means for a device or an operator.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "sotto/base/status.h"

namespace sotto::client {

// `peer` is who was called, for the message. Never kOk unless `status` is.
[[nodiscard]] Status from_rpc_status(const grpc::Status& status, const std::string& peer);

}  // namespace sotto::client
