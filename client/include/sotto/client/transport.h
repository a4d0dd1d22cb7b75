// How a session's messages reach the coordinator. Implementations: gRPC (grpc_transport.h), in process
// (simulation).
#pragma once

#include <functional>
#include <variant>

#include "sotto/base/result.h"
#include "sotto/proto/messages.h"

namespace sotto::client {

using Request = std::variant<proto::CheckInRequest, proto::FetchModelRequest, proto::ExchangeRequest,
                             proto::AbandonRequest, proto::OfferUpdateRequest, proto::FetchUpdateRequest>;
struct Abandoned {};  // the answer to an AbandonRequest
using Reply = std::variant<proto::CheckInReply, proto::ModelChunk, proto::ExchangeReply, Abandoned,
                           proto::OfferUpdateReply>;

class Transport {
 public:
  using Callback = std::function<void(Result<Reply>)>;
  virtual ~Transport() = default;
  // Sends one request; `done` is called exactly once, on any thread, possibly before send() returns. At most
  // one request is outstanding per transport. Errors: kUnavailable and kDeadlineExceeded (retry),
  // kPermissionDenied (certificate), kResourceExhausted, kInvalidArgument (the coordinator could not read the
  // request).
  virtual void send(const Request& request, Callback done) = 0;
};

}  // namespace sotto::client
