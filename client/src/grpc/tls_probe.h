// Why TLS to the coordinator fails. gRPC reports a failed handshake as one more lost connection; a device
// that would try for ever needs its operator told instead.
#pragma once

#include <atomic>
#include <chrono>
#include <string>

#include "sotto/base/status.h"

namespace sotto::client {

struct TlsProbe {
  std::string host;
  std::string port;
  std::string ca_pem;
  std::string ca_name;  // for messages
  std::chrono::milliseconds timeout{5000};
};

// Connects, shakes hands, disconnects. kOk: nothing wrong with TLS. kPermissionDenied: what is wrong with the
// certificate and what to do. kUnavailable: no connection, or `stop` became true. Blocks up to the timeout
// (name lookup aside).
[[nodiscard]] Status probe_tls(const TlsProbe& probe, const std::atomic<bool>& stop);

// kInvalidArgument when `ca_pem` holds no certificate.
[[nodiscard]] Status check_ca_pem(const std::string& ca_pem, const std::string& ca_name);

}  // namespace sotto::client
