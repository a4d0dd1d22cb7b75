// A session's transport over gRPC and TLS.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sotto/base/result.h"
#include "sotto/client/client.h"
#include "sotto/client/transport.h"

namespace sotto::client {

struct GrpcTransportOptions {
  std::string coordinator{};             // host:port; IPv6 addresses in brackets
  std::string ca_pem{};                  // the only CA that is trusted
  std::string ca_name = "the CA given";  // what errors call it, for instance its file
  std::int64_t call_deadline_ms = 15'000;
  // Exchange calls may be held by the coordinator (limits::kHoldCallMsMax); large vectors get a second more
  // per 32 KiB.
  std::int64_t exchange_deadline_ms = 30'000;
  bool private_channel = true;  // a connection of its own, also beside other transports in this process
};

// Does not connect yet: the first send() does, and later ones reconnect. kInvalidArgument when the address or
// the CA cannot be used. Destroying the transport cancels an outstanding call (its callback still runs) and
// waits for it; never destroy it inside a callback.
//
// Errors as Transport promises. When TLS fails, a second connection finds out why: kPermissionDenied then
// says what is wrong with the coordinator's certificate. kDataLoss: the answer could not be read.
[[nodiscard]] Result<std::unique_ptr<Transport>> make_grpc_transport(const GrpcTransportOptions& options);

// What a device of these options reaches its coordinator by: directly, or over a gateway's lines. Reads
// ca_file; its errors, and those of the transports.
[[nodiscard]] Result<std::unique_ptr<Transport>> make_device_transport(const DeviceOptions& options);

}  // namespace sotto::client
