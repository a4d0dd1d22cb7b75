// A session's transport over a gateway's TCP port, in the frames that boards use (PROTOCOL.md section 11): a
// Linux device behind a gateway, and what tests boards' links on hosts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sotto/base/result.h"
#include "sotto/client/transport.h"

namespace sotto::client {

struct LinkTransportOptions {
  std::string gateway{};  // HOST:PORT
  std::uint32_t repeat_ms = 500;
  std::uint32_t patience_ms = 60'000;  // of one call without any progress
};

// Does not connect yet: the first send() does, and later ones reconnect. kInvalidArgument when the address is
// none. Destroying the transport ends an outstanding call (its callback still runs) and waits for it; never
// destroy it inside a callback.
//
// Errors as Transport promises: kUnavailable when the gateway cannot be reached, forgets, is busy or is
// silent; kResourceExhausted when the message is larger than it takes; kDataLoss when the answer could not be
// read; and those that the gateway hands on.
[[nodiscard]] Result<std::unique_ptr<Transport>> make_link_transport(const LinkTransportOptions& options);

}  // namespace sotto::client
