#include "fleet_service.h"

#include "unary_call.h"

namespace sotto::server {
namespace {

using Body = CoordinatorLoop::ReplyBody;

// Parses, checks and posts one request as an Event.
template <typename Event, typename Wire>
grpc::ServerUnaryReactor* handle(CoordinatorLoop& loop, const grpc::ByteBuffer& request,
                                 UnaryCall::Answer answer) {
  Wire wire;
  if (const Status parsed = parse(request, wire); !parsed.ok()) {
    return UnaryCall::refused(to_rpc_status(parsed, Audience::kDevice));
  }
  auto message = proto::from_wire(wire);
  if (!message) return UnaryCall::refused(to_rpc_status(message.error(), Audience::kDevice));
  return UnaryCall::posted(loop, Event{{}, std::move(*message)}, std::move(answer));
}

template <typename Reply, typename WireReply>
UnaryCall::Answer answer_into(grpc::ByteBuffer* response) {
  return [response](const Body& body) {
    return write_reply<Reply, WireReply>(body, Audience::kDevice, *response);
  };
}

}  // namespace

FleetService::FleetService(CoordinatorLoop& loop, const GrpcServerOptions& options)
    : loop_(loop),
      overload_window_{options.overload_retry_min_ms, options.overload_retry_max_ms,
                       "the coordinator is overloaded"} {}

// A check-in that meets a full queue is sent away like any other device that is not needed now: with a
// window, so that the fleet spreads out instead of knocking again at once.
grpc::ServerUnaryReactor* FleetService::CheckIn(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  const auto answer = [this, response](const Body& body) {
    const auto* refusal = std::get_if<Status>(&body);
    const bool overloaded = refusal != nullptr && refusal->code() == StatusCode::kResourceExhausted;
    return write_reply<proto::CheckInReply, v1::CheckInReply>(
        overloaded ? Body(proto::CheckInReply(overload_window_)) : body, Audience::kDevice, *response);
  };
  v1::CheckInRequest wire;
  if (const Status parsed = parse(*request, wire); !parsed.ok()) {
    return UnaryCall::refused(to_rpc_status(parsed, Audience::kDevice));
  }
  auto message = proto::from_wire(wire);
  if (!message) return UnaryCall::refused(to_rpc_status(message.error(), Audience::kDevice));
  return UnaryCall::posted(loop_, CheckInEvent{{}, std::move(*message), context->peer()}, answer);
}

grpc::ServerUnaryReactor* FleetService::FetchModel(grpc::CallbackServerContext*,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  return handle<FetchModelEvent, v1::FetchModelRequest>(
      loop_, *request, answer_into<proto::ModelChunk, v1::ModelChunk>(response));
}

grpc::ServerUnaryReactor* FleetService::Exchange(grpc::CallbackServerContext*,
                                                 const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) {
  return handle<ExchangeEvent, v1::ExchangeRequest>(
      loop_, *request, answer_into<proto::ExchangeReply, v1::ExchangeReply>(response));
}

grpc::ServerUnaryReactor* FleetService::Abandon(grpc::CallbackServerContext*, const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) {
  const auto answer = [response](const Body& body) {
    if (const auto* refusal = std::get_if<Status>(&body)) return to_rpc_status(*refusal, Audience::kDevice);
    return serialize(v1::AbandonReply(), *response);
  };
  return handle<AbandonEvent, v1::AbandonRequest>(loop_, *request, answer);
}

}  // namespace sotto::server
