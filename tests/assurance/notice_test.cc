// The coordinator's notices and answers in words: no seed, share or vector is in them.
#include <gtest/gtest.h>

#include "secret_search.h"
#include "unit/server/coordinator_harness.h"

namespace sotto::assurance {
namespace {

using namespace sotto::server;
using proto::Step;
using server::testing::Fault;
using server::testing::Fleet;
using server::testing::Harness;

// What devices send, on its way to a real coordinator.
class Tap final : public Coordinator {
 public:
  Tap(std::unique_ptr<Coordinator> coordinator, SecretSearch& secrets)
      : coordinator_(std::move(coordinator)), secrets_(secrets) {}

  std::vector<Action> step(Event event, Time now) override {
    if (const auto* exchange = std::get_if<ExchangeEvent>(&event)) {
      secrets_.add(exchange->request.payload);
      secrets_.add(exchange->request.token.value);  // whoever has it can speak for the device
    }
    std::vector<Action> actions = coordinator_->step(std::move(event), now);
    for (const Action& action : actions) {
      if (const auto* reply = std::get_if<ReplyAction>(&action)) hear(*reply);
    }
    return actions;
  }
  [[nodiscard]] Time next_deadline() const override { return coordinator_->next_deadline(); }

  std::vector<std::string> words;

 private:
  // What the answers say to people and logs.
  void hear(const ReplyAction& reply) {
    if (const auto* status = std::get_if<Status>(&reply.body)) words.push_back(status->message());
    if (const auto* tasks = std::get_if<std::vector<proto::TaskStatus>>(&reply.body)) {
      for (const auto& task : *tasks) words.push_back(task.waiting_for);
    }
    if (const auto* rounds = std::get_if<std::vector<proto::RoundRecord>>(&reply.body)) {
      for (const auto& round : *rounds) words.push_back(round.reason);
    }
    const auto* exchange = std::get_if<proto::ExchangeReply>(&reply.body);
    if (exchange == nullptr) return;
    if (const auto* end = std::get_if<proto::SessionEnd>(exchange)) {
      words.push_back(end->outcome);
      words.push_back(end->window.reason);
    } else if (const auto* refused = std::get_if<proto::Refused>(exchange)) {
      words.push_back(refused->window.reason);
    } else if (const auto* waiting = std::get_if<proto::KeepWaiting>(exchange)) {
      words.push_back(waiting->window.reason);
    }
  }

  std::unique_ptr<Coordinator> coordinator_;
  SecretSearch& secrets_;
};

// Every key, seed and polynomial of a device comes from its randomness, in this order.
void add_randomness(SecretSearch& secrets, std::uint64_t seed) {
  std::vector<std::uint8_t> drawn(4096);
  crypto::SeededRandom(seed).fill(drawn);
  secrets.add(drawn);
}

TEST(SecretSearch, FindsASecretInEveryForm) {
  SecretSearch secrets;
  const std::vector<std::uint8_t> share = {0x9e, 0x37, 0x79, 0xb9, 0x7f, 0x4a, 0x7c, 0x15, 0xf3, 0x9c};
  secrets.add(share);
  EXPECT_EQ(secrets.find_in("seed 9e3779b97f4a7c15f39c."), "9e3779b97f4a7c15f39c");
  EXPECT_FALSE(secrets.find_in("seed 9E3779B97F4A7C15").empty());
  EXPECT_FALSE(secrets.find_in("limb 0x157c4a7fb979379e").empty());
  EXPECT_FALSE(secrets.find_in("share=njd5uX9KfBXznA==").empty());
  EXPECT_FALSE(secrets.find_in("limb 1548194284341639070").empty());
  EXPECT_FALSE(secrets.find_in("{158, 55, 121, 185, 127, 74, 124, 21}").empty());
  EXPECT_FALSE(secrets.find_in(std::string(share.begin(), share.end())).empty());
  EXPECT_EQ(secrets.find_in("round 12 of task 7: 9e3779b97f4a7c00 devices, 1548194284341639071 ms, YWJj"),
            "");
}

TEST(Notices, HoldNoSecretOfAnySession) {
  SecretSearch secrets;
  Harness harness({.failing_wait_ms = 0});  // the same devices fail in every round
  auto tap_owner = std::make_unique<Tap>(std::move(harness.coordinator), secrets);
  Tap& tap = *tap_owner;
  harness.coordinator = std::move(tap_owner);
  constexpr std::size_t kDevices = 7;
  for (std::uint64_t i = 0; i < kDevices; ++i) add_randomness(secrets, 100 + i);  // Fleet's seeds
  harness.create(server::testing::task_spec(proto::Aggregation::kSecure, kDevices));

  // Rounds that go well, lose devices at every step, and are abandoned at every step.
  for (const std::size_t gone : {0u, 2u, 5u}) {
    for (const Step step : {Step::kJoin, Step::kShare, Step::kCollect, Step::kConfirm, Step::kUnmask}) {
      for (const Fault fault : {Fault::kSilence, Fault::kAbandon}) {
        Fleet fleet(harness, kDevices);
        fleet.run_round(
            [&](std::size_t device, Step at) { return device < gone && at == step ? fault : Fault::kNone; });
        harness.advance(120'000);
        static_cast<void>(harness.status());
      }
    }
  }
  const auto rounds = harness.rounds();
  EXPECT_GE(rounds.size(), 20u);
  EXPECT_TRUE(std::ranges::any_of(
      rounds, [](const auto& r) { return r.outcome == proto::RoundOutcome::kAbandoned; }));
  EXPECT_TRUE(std::ranges::any_of(
      rounds, [](const auto& r) { return r.outcome == proto::RoundOutcome::kCommitted; }));

  // Bytes that no device would send are repeated nowhere either.
  std::vector<std::uint8_t> nonsense(64);
  crypto::SeededRandom(std::uint64_t{9}).fill(nonsense);
  secrets.add(nonsense);
  const auto offer = harness.plan_for("stranger");
  static_cast<void>(harness.exchange(offer.token, Step::kCollect, nonsense));
  harness.advance(120'000);

  EXPECT_GE(harness.notices.size(), 10u);
  for (const NoticeAction& notice : harness.notices)
    EXPECT_EQ(secrets.find_in(notice.text), "") << notice.text;
  for (const std::string& words : tap.words) EXPECT_EQ(secrets.find_in(words), "") << words;
}

}  // namespace
}  // namespace sotto::assurance
