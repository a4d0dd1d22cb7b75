// Calls over loopback, and a coordinator that answers with what it was sent.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <vector>

#include "sotto/client/link_transport.h"
#include "sotto/client/transport.h"

namespace sotto::client::testing {

inline Request exchange_of(std::size_t payload) {
  return proto::ExchangeRequest{
      .token = {}, .step = proto::Step::kCollect, .payload = std::vector<std::uint8_t>(payload, 7)};
}
inline Reply echo(const Request& request) {
  if (std::holds_alternative<proto::AbandonRequest>(request)) return Abandoned{};
  const auto& exchange = std::get<proto::ExchangeRequest>(request);
  return proto::ExchangeReply(proto::NextStep{proto::Step::kConfirm, exchange.payload});
}
// How many bytes came back; 0 when another answer did.
inline std::size_t echoed(const Result<Reply>& reply) {
  if (!reply) ADD_FAILURE() << reply.error().message();
  const auto* exchange = reply ? std::get_if<proto::ExchangeReply>(&*reply) : nullptr;
  const auto* next = exchange == nullptr ? nullptr : std::get_if<proto::NextStep>(exchange);
  if (next == nullptr) return 0;
  for (const std::uint8_t byte : next->payload) EXPECT_EQ(byte, 7);
  return next->payload.size();
}

class EchoTransport final : public Transport {
 public:
  void send(const Request& request, Callback done) override { done(echo(request)); }
};

// Waits for the answer.
inline Result<Reply> ask(Transport& transport, const Request& request) {
  auto answer = std::make_shared<std::promise<Result<Reply>>>();
  auto answered = answer->get_future();
  transport.send(request, [answer](Result<Reply> reply) { answer->set_value(std::move(reply)); });
  if (answered.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
    ADD_FAILURE() << "no answer";
    return unavailable("no answer");
  }
  return answered.get();
}

inline std::unique_ptr<Transport> board_at(const std::string& gateway) {
  auto made = make_link_transport({.gateway = gateway, .repeat_ms = 200, .patience_ms = 20'000});
  EXPECT_TRUE(made.has_value());
  return std::move(*made);
}

}  // namespace sotto::client::testing
