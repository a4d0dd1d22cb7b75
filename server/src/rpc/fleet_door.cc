#include "rpc/fleet_door.h"

#include <algorithm>
#include <string>
#include <vector>

#include "rpc/peek.h"
#include "sotto.pb.h"
#include "sotto/proto/plan_codec.h"

namespace sotto::server {
namespace {

// What a device sends beside its vector: sealed shares for its neighbours, metrics, headers.
constexpr std::size_t kBesideVectorBytes = std::size_t{1} << 20;
constexpr std::size_t kBytesPerParameterMax = 4;  // of the float yardstick

constexpr const char* kForwardedFor = "x-forwarded-for";

constexpr int kTokenField = v1::ExchangeRequest::kTokenFieldNumber;
constexpr int kPassField = v1::CheckInRequest::kPassFieldNumber;
static_assert(kPassField == v1::OfferUpdateRequest::kPassFieldNumber &&
              kPassField == v1::FetchUpdateRequest::kPassFieldNumber);
static_assert(kTokenField == v1::FetchModelRequest::kTokenFieldNumber &&
              kTokenField == v1::AbandonRequest::kTokenFieldNumber);

std::vector<std::string_view> forwarded_for(const grpc::CallbackServerContext& context) {
  std::vector<std::string_view> values;
  const auto [begin, end] = context.client_metadata().equal_range(kForwardedFor);
  for (auto each = begin; each != end; ++each) values.emplace_back(each->second.data(), each->second.size());
  return values;
}

}  // namespace

std::variant<Entry, Refusal> FleetDoor::knock(Method method, const grpc::CallbackServerContext& context,
                                              const grpc::ByteBuffer& request) {
  const std::string connection = context.peer();
  const std::vector<std::string_view> forwarded = forwarded_for(context);
  Knock knock{.method = method,
              .bytes = request.Length(),
              .connection = connection,
              .caller = addresses_.caller(connection, forwarded)};
  std::vector<std::uint8_t> pass;
  if (shows_pass(method)) {
    // Larger ones are refused for that.
    if (knock.bytes <= limits::kSmallRequestBytesMax) {
      pass = peek_bytes(request, kPassField, limits::kPassBytesMax).value_or(std::vector<std::uint8_t>());
    }
    knock.pass = pass;
  } else {
    knock.token = peek_token(request, kTokenField);
  }
  std::variant<Ticket, Refusal> admitted = keeper_.admit(knock, clock_.now());
  if (auto* refusal = std::get_if<Refusal>(&admitted)) return std::move(*refusal);
  // A proxy's own address would say nothing.
  std::string address = shows_pass(method) ? group_text(knock.caller.group) : std::string();
  std::string peer = knock.caller.shared_connection ? address : connection;
  return Entry{std::move(std::get<Ticket>(admitted)), knock.token, std::move(pass), std::move(peer),
               std::move(address)};
}

void FleetDoor::answered(const proto::CheckInReply& reply) {
  const auto* offer = std::get_if<proto::PlanOffer>(&reply);
  if (offer == nullptr) return;
  const Result<proto::Plan> plan = proto::decode_plan(offer->plan);
  const std::size_t bytes =
      plan ? kBytesPerParameterMax * plan->model.parameter_count() + kBesideVectorBytes : message_bytes_max_;
  keeper_.session_begins(offer->token, std::min(bytes, message_bytes_max_), clock_.now());
}

void FleetDoor::answered(const std::optional<SessionToken>& token, const proto::ExchangeReply& reply) {
  if (!token) return;
  if (std::holds_alternative<proto::SessionEnd>(reply)) keeper_.session_ended(*token, clock_.now());
  const auto* refused = std::get_if<proto::Refused>(&reply);
  if (refused == nullptr || recoverable(refused->reason)) return;
  if (refused->reason == Rejection::kUnknownSession) return keeper_.session_unknown(*token);
  keeper_.session_ended(*token, clock_.now());
}

void FleetDoor::refused_check_in(const std::vector<std::uint8_t>& pass, const Status& refusal) {
  if (!pass.empty() && refusal.code() == StatusCode::kPermissionDenied) keeper_.pass_refused(pass);
}

void FleetDoor::refused_fetch(const std::optional<SessionToken>& token, const Status& refusal) {
  if (token && refusal.code() == StatusCode::kFailedPrecondition) {
    keeper_.session_ended(*token, clock_.now());
  }
}

void FleetDoor::abandoned(const std::optional<SessionToken>& token) {
  if (token) keeper_.session_ended(*token, clock_.now());
}

}  // namespace sotto::server
