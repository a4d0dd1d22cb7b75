#include "fleet_service.h"

#include "unary_call.h"

namespace sotto::server {
namespace {

using Body = CoordinatorLoop::ReplyBody;

constexpr std::uint32_t kTurnedAwayMinMs = 1000;

// Parses, checks and posts one request as an Event.
// `more`: what the event holds beside the request.
template <typename Event, typename Wire, typename... More>
grpc::ServerUnaryReactor* handle(CoordinatorLoop& loop, const grpc::ByteBuffer& request,
                                 UnaryCall::Answer answer, Ticket ticket, const More&... more) {
  Wire wire;
  if (const Status parsed = parse(request, wire); !parsed.ok()) {
    return UnaryCall::refused(to_rpc_status(parsed, Audience::kDevice));
  }
  auto message = proto::from_wire(wire);
  if (!message) return UnaryCall::refused(to_rpc_status(message.error(), Audience::kDevice));
  return UnaryCall::posted(loop, Event{{}, std::move(*message), more...}, std::move(answer),
                           std::move(ticket));
}

grpc::ServerUnaryReactor* turned_away(Refusal& refusal, const grpc::Status& status) {
  return UnaryCall::refused_later(status, refusal.hold, std::move(refusal.ticket));
}
grpc::ServerUnaryReactor* turned_away(Refusal& refusal) {
  return turned_away(refusal, to_rpc_status(refusal.status, Audience::kDevice));
}

}  // namespace

FleetService::FleetService(CoordinatorLoop& loop, FleetDoor& door, const GrpcServerOptions& options)
    : loop_(loop),
      door_(door),
      overload_window_{options.overload_retry_min_ms, options.overload_retry_max_ms,
                       "the coordinator is overloaded"} {}

// Those that an address's rate keeps out come back one after the other, as the rate allows.
proto::RetryWindow FleetService::window_of(const Refusal& refusal) const {
  if (refusal.reason != AwayReason::kTooOften) return overload_window_;
  const auto wait = static_cast<std::uint32_t>(refusal.wait.count());
  return {kTurnedAwayMinMs + wait, kTurnedAwayMinMs + 2 * wait, refusal.status.message()};
}

// A check-in that meets a full queue is sent away like any other device that is not needed now: with a
// window, so that the fleet spreads out instead of knocking again at once.
grpc::ServerUnaryReactor* FleetService::CheckIn(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  std::variant<Entry, Refusal> entry = door_.knock(Method::kCheckIn, *context, *request);
  if (auto* refusal = std::get_if<Refusal>(&entry)) {
    if (refusal->reason == AwayReason::kMessageTooLarge) return turned_away(*refusal);
    const Body away(proto::CheckInReply(window_of(*refusal)));
    return turned_away(
        *refusal, write_reply<proto::CheckInReply, v1::CheckInReply>(away, Audience::kDevice, *response));
  }
  auto& [ticket, token, pass, peer, address] = std::get<Entry>(entry);
  const auto answer = [this, response, pass = pass](const Body& body) {
    const auto* refusal = std::get_if<Status>(&body);
    const bool overloaded = refusal != nullptr && refusal->code() == StatusCode::kResourceExhausted;
    if (const auto* reply = std::get_if<proto::CheckInReply>(&body)) door_.answered(*reply);
    if (refusal != nullptr) door_.refused_check_in(pass, *refusal);
    return write_reply<proto::CheckInReply, v1::CheckInReply>(
        overloaded ? Body(proto::CheckInReply(overload_window_)) : body, Audience::kDevice, *response);
  };
  return handle<CheckInEvent, v1::CheckInRequest>(loop_, *request, answer, std::move(ticket), peer, address);
}

grpc::ServerUnaryReactor* FleetService::FetchModel(grpc::CallbackServerContext* context,
                                                   const grpc::ByteBuffer* request,
                                                   grpc::ByteBuffer* response) {
  std::variant<Entry, Refusal> entry = door_.knock(Method::kFetchModel, *context, *request);
  if (auto* refusal = std::get_if<Refusal>(&entry)) return turned_away(*refusal);
  auto& [ticket, token, pass, peer, address] = std::get<Entry>(entry);
  const auto answer = [this, response, token = token](const Body& body) {
    if (const auto* refusal = std::get_if<Status>(&body)) door_.refused_fetch(token, *refusal);
    return write_reply<proto::ModelChunk, v1::ModelChunk>(body, Audience::kDevice, *response);
  };
  return handle<FetchModelEvent, v1::FetchModelRequest>(loop_, *request, answer, std::move(ticket));
}

// A large message of a session that the door does not know is answered as the coordinator would.
grpc::ServerUnaryReactor* FleetService::Exchange(grpc::CallbackServerContext* context,
                                                 const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) {
  std::variant<Entry, Refusal> entry = door_.knock(Method::kExchange, *context, *request);
  if (auto* refusal = std::get_if<Refusal>(&entry)) {
    if (refusal->reason != AwayReason::kNoSession) return turned_away(*refusal);
    const proto::Refused unknown{
        Rejection::kUnknownSession,
        {overload_window_.delay_min_ms, overload_window_.delay_max_ms, refusal->status.message()}};
    return turned_away(*refusal, write_reply<proto::ExchangeReply, v1::ExchangeReply>(
                                     Body(proto::ExchangeReply(unknown)), Audience::kDevice, *response));
  }
  auto& [ticket, token, pass, peer, address] = std::get<Entry>(entry);
  const auto answer = [this, response, token = token](const Body& body) {
    if (const auto* reply = std::get_if<proto::ExchangeReply>(&body)) door_.answered(token, *reply);
    return write_reply<proto::ExchangeReply, v1::ExchangeReply>(body, Audience::kDevice, *response);
  };
  return handle<ExchangeEvent, v1::ExchangeRequest>(loop_, *request, answer, std::move(ticket));
}

grpc::ServerUnaryReactor* FleetService::Abandon(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  std::variant<Entry, Refusal> entry = door_.knock(Method::kAbandon, *context, *request);
  if (auto* refusal = std::get_if<Refusal>(&entry)) return turned_away(*refusal);
  auto& [ticket, token, pass, peer, address] = std::get<Entry>(entry);
  const auto answer = [this, response, token = token](const Body& body) {
    if (const auto* refusal = std::get_if<Status>(&body)) return to_rpc_status(*refusal, Audience::kDevice);
    door_.abandoned(token);
    return serialize(v1::AbandonReply(), *response);
  };
  return handle<AbandonEvent, v1::AbandonRequest>(loop_, *request, answer, std::move(ticket));
}

// Whoever is turned away, or meets a full queue, comes back like a device for which there is no update.
grpc::ServerUnaryReactor* FleetService::OfferUpdate(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  std::variant<Entry, Refusal> entry = door_.knock(Method::kOfferUpdate, *context, *request);
  if (auto* refusal = std::get_if<Refusal>(&entry)) {
    if (refusal->reason == AwayReason::kMessageTooLarge) return turned_away(*refusal);
    const Body away(proto::OfferUpdateReply(proto::NoUpdate{window_of(*refusal)}));
    return turned_away(*refusal, write_reply<proto::OfferUpdateReply, v1::OfferUpdateReply>(
                                     away, Audience::kDevice, *response));
  }
  auto& [ticket, token, pass, peer, address] = std::get<Entry>(entry);
  const auto answer = [this, response, pass = pass](const Body& body) {
    const auto* refusal = std::get_if<Status>(&body);
    const bool overloaded = refusal != nullptr && refusal->code() == StatusCode::kResourceExhausted;
    if (refusal != nullptr) door_.refused_check_in(pass, *refusal);
    return write_reply<proto::OfferUpdateReply, v1::OfferUpdateReply>(
        overloaded ? Body(proto::OfferUpdateReply(proto::NoUpdate{overload_window_})) : body,
        Audience::kDevice, *response);
  };
  return handle<OfferUpdateEvent, v1::OfferUpdateRequest>(loop_, *request, answer, std::move(ticket), peer,
                                                          address);
}

grpc::ServerUnaryReactor* FleetService::FetchUpdate(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  std::variant<Entry, Refusal> entry = door_.knock(Method::kFetchUpdate, *context, *request);
  if (auto* refusal = std::get_if<Refusal>(&entry)) return turned_away(*refusal);
  auto& [ticket, token, pass, peer, address] = std::get<Entry>(entry);
  const auto answer = [this, response, pass = pass](const Body& body) {
    if (const auto* refusal = std::get_if<Status>(&body)) door_.refused_check_in(pass, *refusal);
    return write_reply<proto::ModelChunk, v1::ModelChunk>(body, Audience::kDevice, *response);
  };
  return handle<FetchUpdateEvent, v1::FetchUpdateRequest>(loop_, *request, answer, std::move(ticket), peer,
                                                          address);
}

}  // namespace sotto::server
