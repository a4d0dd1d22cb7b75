// The door of the fleet's calls: shows the doorkeeper what gRPC knows of a call, and what the coordinator
// answers about sessions.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "door/doorkeeper.h"
#include "sotto/base/clock.h"
#include "sotto/proto/messages.h"

namespace sotto::server {

// A call that was let in.
struct Entry {
  Ticket ticket{};
  std::optional<SessionToken> token{};  // that it shows
  std::vector<std::uint8_t> pass{};     // that it shows, valid or not
  std::string peer{};                   // where it comes from, for people
  std::string address{};                // of the caller, as callers are counted
};

// Any thread.
class FleetDoor {
 public:
  // All must outlive it.
  FleetDoor(Doorkeeper& keeper, const CallerAddresses& addresses, const Clock& clock,
            std::size_t message_bytes_max)
      : keeper_(keeper), addresses_(addresses), clock_(clock), message_bytes_max_(message_bytes_max) {}

  [[nodiscard]] std::variant<Entry, Refusal> knock(Method method, const grpc::CallbackServerContext& context,
                                                   const grpc::ByteBuffer& request);

  // What the coordinator says to a check-in, to a message of `token`, to its end.
  void answered(const proto::CheckInReply& reply);
  void answered(const std::optional<SessionToken>& token, const proto::ExchangeReply& reply);
  void abandoned(const std::optional<SessionToken>& token);
  // Of a pass whose holder is revoked, of a session that is over.
  void refused_check_in(const std::vector<std::uint8_t>& pass, const Status& refusal);
  void refused_fetch(const std::optional<SessionToken>& token, const Status& refusal);

 private:
  Doorkeeper& keeper_;
  const CallerAddresses& addresses_;
  const Clock& clock_;
  const std::size_t message_bytes_max_;
};

}  // namespace sotto::server
