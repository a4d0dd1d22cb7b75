// Messages as the bytes that gRPC would carry, for whoever hashes, stores or counts them. Equal messages have
// equal bytes.
#pragma once

#include <string>

#include "sotto/proto/messages.h"

namespace sotto::proto {

[[nodiscard]] std::string wire_bytes(const CheckInRequest& message);
[[nodiscard]] std::string wire_bytes(const CheckInReply& message);
[[nodiscard]] std::string wire_bytes(const FetchModelRequest& message);
[[nodiscard]] std::string wire_bytes(const ModelChunk& message);
[[nodiscard]] std::string wire_bytes(const ExchangeRequest& message);
[[nodiscard]] std::string wire_bytes(const ExchangeReply& message);
[[nodiscard]] std::string wire_bytes(const AbandonRequest& message);
[[nodiscard]] std::string wire_bytes(const OfferUpdateRequest& message);
[[nodiscard]] std::string wire_bytes(const OfferUpdateReply& message);
[[nodiscard]] std::string wire_bytes(const FetchUpdateRequest& message);

}  // namespace sotto::proto
