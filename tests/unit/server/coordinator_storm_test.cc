// Thousands of random events, sensible and not: every call is answered once, nothing stops, and a sound fleet
// still learns afterwards.
#include <gtest/gtest.h>

#include "coordinator_harness.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::Step;
using testing::Fleet;
using testing::Harness;
using testing::task_spec;

constexpr std::size_t kVectorBytes = 70;  // 20 metric lanes and 15 parameters

class Storm {
 public:
  explicit Storm(std::uint64_t seed)
      : random_(seed), harness({.hold_call_ms = 900, .retry_min_ms = 100, .retry_max_ms = 1'000}) {
    auto spec = task_spec(Aggregation::kPlain, 6);
    spec.cohort_max = 4;
    spec.over_selection = 1.4f;
    spec.straggler_grace_ms = 300;
    spec.phase_deadline_ms = 2'000;
    spec.report_within_ms = 4'000;
    harness.create(spec);
    spec.name = "secure";
    spec.aggregation.kind = Aggregation::kSecure;
    harness.create(spec);
    for (std::size_t i = 0; i < 20; ++i) devices_.push_back({.name = "d" + std::to_string(i)});
  }

  void event() {
    Somebody& device = devices_[random_.below(devices_.size())];
    const std::uint64_t dice = random_.below(100);
    learn(device);
    const bool checks_in = device.token == SessionToken{} || random_.below(40) == 0;
    if (dice < 75 && checks_in) {
      check_in(device);
    } else if (dice < 75) {
      exchange(device);
    } else if (dice < 76) {
      harness.abandon(device.token);
    } else if (dice < 80 && device.call) {
      if (!harness.answered(*device.call)) cancelled_.push_back(*device.call);
      harness.step(CallCancelledEvent{*device.call});
    } else if (dice < 83) {
      harness.set_state(random_.below(4) == 0 ? proto::TaskState::kPaused : proto::TaskState::kActive);
    } else if (dice < 85) {
      harness.store.broken = random_.below(4) == 0;
      harness.lose_sums = random_.below(4) == 0;
    } else {
      harness.advance(static_cast<std::int64_t>(random_.below(100)));
    }
  }
  // Whatever was going on ends by itself.
  void settle() {
    harness.store.broken = false;
    harness.lose_sums = false;
    harness.set_state(proto::TaskState::kActive);
    harness.advance(200'000);
    for (const CallId call : calls_) {
      const bool cancelled = std::ranges::find(cancelled_, call) != cancelled_.end();
      EXPECT_NE(harness.answered(call), cancelled) << "call " << call.value;
    }
  }

 private:
  struct Somebody {
    std::string name;
    SessionToken token{};
    std::optional<CallId> call{};
    std::vector<std::uint8_t> pass{};
  };

  // A place that came free is offered again and again, so each signs no more often than devices do.
  void check_in(Somebody& device) {
    proto::CheckInRequest request = Harness::request(device.name);
    request.pass = device.pass;
    auto reply = harness.check_in(request);
    if (const auto* challenge = std::get_if<proto::Challenge>(&reply)) {
      reply = harness.check_in(Harness::signed_request(device.name, *challenge, device.name));
    }
    const auto* offer = std::get_if<proto::PlanOffer>(&reply);
    if (offer == nullptr) return;
    device.token = offer->token;
    if (!offer->pass.empty()) device.pass = offer->pass;
  }

  // A device whose session is over forgets its token.
  void learn(Somebody& device) {
    if (!device.call || !harness.answered(*device.call)) return;
    const auto reply = harness.take<proto::ExchangeReply>(*device.call);
    std::erase(calls_, *device.call);
    device.call.reset();
    const auto* refused = std::get_if<proto::Refused>(&reply);
    const bool over = refused != nullptr && refused->reason != Rejection::kWrongPhase;
    if (over || std::holds_alternative<proto::SessionEnd>(reply)) device.token = {};
  }

  void exchange(Somebody& device) {
    // Most calls are what a device of the plain task would send.
    const bool sensible = random_.below(8) != 0;
    const std::size_t sizes[] = {0, 1, 64, kVectorBytes, 96, 160};
    Step step = static_cast<Step>(random_.below(6));
    if (sensible) step = random_.below(2) == 0 ? Step::kJoin : Step::kCollect;
    std::vector<std::uint8_t> payload(sizes[random_.below(std::size(sizes))]);
    if (sensible) payload.resize(step == Step::kJoin ? 0 : kVectorBytes);
    random_.fill(payload);
    if (payload.size() == kVectorBytes && random_.below(30) != 0) {
      std::ranges::fill(payload, std::uint8_t{0});
      for (const std::size_t lane : {0, 1, 5}) payload[2 * lane] = 1;  // one vector, weight 1, one example
      for (std::size_t i = 2 * secagg::kMetricLanes; i < kVectorBytes; i += 2) payload[i] = secagg::kZeroLane;
    }
    if (random_.below(40) == 0) random_.fill(device.token.value);
    device.call = harness.call(ExchangeEvent{
        {},
        {.token = device.token,
         .step = step,
         .poll = random_.below(5) == 0,
         .payload = std::move(payload),
         .plan_digest = random_.below(50) == 0 ? std::nullopt : harness.plan_digest(device.token)}});
    calls_.push_back(*device.call);
  }

  crypto::SeededRandom random_;
  std::vector<Somebody> devices_;
  std::vector<CallId> calls_;
  std::vector<CallId> cancelled_;

 public:
  Harness harness;
};

TEST(Storm, LeavesNoCallUnansweredAndTheTaskAlive) {
  std::uint64_t rounds = 0;
  std::uint32_t commits = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Storm storm(seed);
    for (int i = 0; i < 4'000; ++i) storm.event();
    storm.settle();
    rounds += storm.harness.rounds().size();
    // The storm's devices are gone; six others make a round of the secure task or of the plain one.
    Harness& harness = storm.harness;
    const auto committed = [&] {
      std::uint32_t sum = 0;
      for (const auto& task : harness.take<std::vector<proto::TaskStatus>>(harness.call(ListTasksEvent{}))) {
        sum += task.rounds_committed;
      }
      return sum;
    };
    const std::uint32_t before = committed();
    commits += before;
    static_cast<void>(harness.take<proto::TaskStatus>(
        harness.call(SetTaskStateEvent{{}, "secure", proto::TaskState::kPaused})));
    Fleet fleet(harness, 6);
    fleet.run_round();
    EXPECT_EQ(committed(), before + 1);
  }
  EXPECT_GT(rounds, 100u) << "the storm was no storm";
  EXPECT_GT(commits, 20u) << "the storm left nothing standing";
}

}  // namespace
}  // namespace sotto::server
