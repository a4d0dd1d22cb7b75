// The messages of a link (link_message.h) from and to the plain ones (messages.h), for hosts: gateways, and
// devices of the client library behind one.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "sotto/base/result.h"
#include "sotto/proto/messages.h"

namespace sotto::proto {

using LinkRequest = std::variant<CheckInRequest, FetchModelRequest, ExchangeRequest, AbandonRequest,
                                 OfferUpdateRequest, FetchUpdateRequest>;
struct LinkLeft {};  // the answer to an AbandonRequest
using LinkReply = std::variant<CheckInReply, ModelChunk, ExchangeReply, LinkLeft, OfferUpdateReply>;

// Texts for people are cut to limits::kReasonBytesMax, and what is not printable ASCII becomes '?'.
[[nodiscard]] std::vector<std::uint8_t> encode_link_call(const LinkRequest& request);
[[nodiscard]] std::vector<std::uint8_t> encode_link_answer(const Result<LinkReply>& reply);

// kInvalidArgument when the bytes are no call.
[[nodiscard]] Result<LinkRequest> decode_link_call(Bytes bytes);
// kDataLoss when the bytes are no answer; else the answer, or the Status that came in its place.
[[nodiscard]] Result<LinkReply> decode_link_answer(Bytes bytes);

}  // namespace sotto::proto
