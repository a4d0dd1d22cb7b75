// The one place where a Status becomes a gRPC status.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>

#include "sotto/base/status.h"

namespace sotto::server {

enum class Audience : std::uint8_t {
  kDevice,    // learns nothing about this machine's disk
  kOperator,  // is told everything
};

[[nodiscard]] grpc::Status to_rpc_status(const Status& status, Audience audience);

}  // namespace sotto::server
