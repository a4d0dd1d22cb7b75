// How many bytes a message takes on the wire, computed without the protobuf library: sessions without a gRPC
// transport count their uplink with it.
#pragma once

#include <cstdint>

#include "sotto/proto/messages.h"

namespace sotto::proto {

// The size of the protobuf encoding of `request` (sotto.proto, ExchangeRequest), without gRPC's and TLS's
// framing.
[[nodiscard]] std::uint64_t encoded_exchange_bytes(const ExchangeRequest& request);

}  // namespace sotto::proto
