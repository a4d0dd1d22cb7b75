// Rounds that go on: fleets in virtual time, with devices that are away, vanish, fail, or are wanted by
// several tasks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <queue>
#include <tuple>

#include "coordinator_harness.h"
#include "sotto/proto/plan_codec.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::Step;
using testing::Device;
using testing::Fleet;
using testing::Harness;
using ::testing::HasSubstr;
using testing::task_spec;
using Level = NoticeAction::Level;

// What one device of a living fleet does with a plan.
enum class Deed { kTrain, kVanish, kFail };
struct Habits {
  std::function<std::int64_t(Random&)> train_ms = [](Random& random) {
    return 2'000 + static_cast<std::int64_t>(random.below(1'000));
  };
  std::function<Deed(std::size_t device, Random&)> deed = [](std::size_t, Random&) { return Deed::kTrain; };
  // How long a device is away before it checks in again after a session.
  std::function<std::int64_t(std::size_t device, Random&)> away_ms = [](std::size_t, Random&) { return 0; };
  std::int64_t back_after_ms = 4'000;  // one that has vanished
};

// Devices that check in, train, take part and come back when they are told to, for as long as they are let.
class LivingFleet {
 public:
  LivingFleet(Harness& harness, std::size_t count, Habits habits, std::uint64_t seed = 1)
      : harness_(harness), habits_(std::move(habits)), random_(seed) {
    for (std::size_t i = 0; i < count; ++i) {
      members_.push_back(std::make_unique<Member>("device-" + std::to_string(i), 100 + i));
      plan_next(i, static_cast<std::int64_t>(random_.below(500)));
    }
  }

  void live(std::int64_t ms) {
    const Time until{harness_.now.ms + ms};
    for (;;) {
      while (serve_answers()) continue;
      const Time next = std::min(moves_.empty() ? kNever : std::get<0>(moves_.top()),
                                 harness_.coordinator->next_deadline());
      if (next > until) break;
      harness_.advance(std::max<std::int64_t>((next - harness_.now).count(), 0));
      while (!moves_.empty() && std::get<0>(moves_.top()) <= harness_.now) {
        const auto [at, order, device] = moves_.top();
        moves_.pop();
        move(device);
      }
    }
    harness_.advance((until - harness_.now).count());
  }

 private:
  struct Member {
    Member(const std::string& name, std::uint64_t seed) : device(name, seed) {}
    Device device;
    bool training = false;
    std::optional<CallId> call{};
    Step step = Step::kJoin;
  };

  void plan_next(std::size_t i, std::int64_t in_ms) {
    moves_.emplace(Time{harness_.now.ms + in_ms}, ++order_, i);
  }
  std::int64_t drawn(const proto::RetryWindow& window) {
    return window.delay_min_ms +
           static_cast<std::int64_t>(random_.below(window.delay_max_ms - window.delay_min_ms + 1));
  }
  void move(std::size_t i) {
    Member& member = *members_[i];
    if (std::exchange(member.training, false)) {
      member.step = Step::kJoin;
      member.call = harness_.exchange(member.device.token, Step::kJoin);
      return;
    }
    const auto reply = harness_.check_in(member.device.name);
    if (const auto* window = std::get_if<proto::RetryWindow>(&reply)) return plan_next(i, drawn(*window));
    member.device.take_plan(std::get<proto::PlanOffer>(reply));
    switch (habits_.deed(i, random_)) {
      case Deed::kTrain:
        member.training = true;
        return plan_next(i, habits_.train_ms(random_));
      case Deed::kVanish:
        return plan_next(i, habits_.back_after_ms);
      case Deed::kFail:
        harness_.call(AbandonEvent{{}, {.token = member.device.token, .reason = "example 7 has label 6"}});
        return plan_next(i, 300);  // its supervisor starts it again, whatever it was told
    }
  }
  bool serve_answers() {
    bool served = false;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      Member& member = *members_[i];
      if (!member.call || !harness_.answered(*member.call)) continue;
      served = true;
      const auto reply = harness_.take<proto::ExchangeReply>(*member.call);
      member.call.reset();
      if (const auto* next = std::get_if<proto::NextStep>(&reply)) {
        member.step = next->next;
        member.call = harness_.exchange(member.device.token, next->next, member.device.answer(*next));
      } else if (std::holds_alternative<proto::KeepWaiting>(reply)) {
        member.call = harness_.poll(member.device.token, member.step);
      } else {
        const auto* end = std::get_if<proto::SessionEnd>(&reply);
        const auto& window = end != nullptr ? end->window : std::get<proto::Refused>(reply).window;
        plan_next(i, drawn(window) + habits_.away_ms(i, random_));
      }
    }
    return served;
  }

  Harness& harness_;
  Habits habits_;
  crypto::SeededRandom random_;
  std::vector<std::unique_ptr<Member>> members_;
  std::priority_queue<std::tuple<Time, std::uint64_t, std::size_t>,
                      std::vector<std::tuple<Time, std::uint64_t, std::size_t>>, std::greater<>>
      moves_;
  std::uint64_t order_ = 0;
};

// Rounds of 8 of 10 devices, as the example task has them.
proto::TaskSpec forgiving_task() {
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 8);
  spec.participants_min = 8;
  spec.over_selection = 1.25f;
  spec.patience = 2;
  spec.rounds = 100'000;
  spec.report_within_ms = 600'000;
  return spec;
}

std::vector<proto::TaskStatus> tasks(Harness& harness) {
  return harness.take<std::vector<proto::TaskStatus>>(harness.call(ListTasksEvent{}));
}
int warnings(const Harness& harness, const std::string& words) {
  return static_cast<int>(std::ranges::count_if(harness.notices, [&](const NoticeAction& notice) {
    return notice.level == Level::kWarning && notice.text.find(words) != std::string::npos;
  }));
}

// ---- who is late ----

std::uint32_t rounds_in_an_hour(std::uint64_t absent_percent) {
  Harness harness;
  harness.create(forgiving_task());
  Habits habits;
  // Half of those that are absent take a plan along.
  habits.deed = [absent_percent](std::size_t, Random& random) {
    return random.below(200) < absent_percent ? Deed::kVanish : Deed::kTrain;
  };
  habits.away_ms = [absent_percent](std::size_t, Random& random) {
    return random.below(200) < absent_percent ? std::int64_t{4'000} : std::int64_t{0};
  };
  LivingFleet fleet(harness, 10, habits);
  fleet.live(3'600'000);
  return harness.status().rounds_committed;
}

TEST(Pace, ATenthOfTheDevicesAbsentAtRandomCostsNoMoreThanATenthOfTheRounds) {
  const std::uint32_t all = rounds_in_an_hour(0);
  const std::uint32_t most = rounds_in_an_hour(10);
  ::testing::Test::RecordProperty("rounds_of_all", static_cast<int>(all));
  ::testing::Test::RecordProperty("rounds_of_most", static_cast<int>(most));
  EXPECT_GE(all, 900u);
  EXPECT_GE(most, all * 9 / 10) << "of " << all;
}

TEST(Pace, JoiningEndsWhenThoseThatAreMissingAreLateByWhatTheOthersTook) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 10);
  spec.participants_min = 6;
  spec.patience = 2;
  harness.create(spec);
  Fleet fleet(harness, 10);
  fleet.check_in();
  harness.advance(4'000);
  for (int i = 0; i < 7; ++i) harness.exchange(fleet.devices[i]->token, Step::kJoin);
  harness.advance(3'999);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("7 of 10 devices have joined"));
  harness.advance(1);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("step collect: 0 of 7"));
}

TEST(Pace, WhoeverComesTooLateIsWaitedForTheNextTime) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 10);
  spec.participants_min = 6;
  spec.patience = 2;
  harness.create(spec);
  Fleet fleet(harness, 10);
  fleet.check_in();
  harness.advance(1'000);
  for (int i = 0; i < 6; ++i) harness.exchange(fleet.devices[i]->token, Step::kJoin);
  harness.advance(1'000);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("step collect"));
  harness.advance(7'000);
  for (int i = 6; i < 10; ++i) {
    const CallId late = harness.exchange(fleet.devices[i]->token, Step::kJoin);
    EXPECT_FALSE(harness.outcome<proto::SessionEnd>(late).counted);
  }
  ASSERT_EQ(harness.status().rounds_abandoned, 1u) << "its vectors never came";
  Fleet next(harness, 10, 20);
  next.check_in();
  harness.advance(1'000);
  for (int i = 0; i < 6; ++i) harness.exchange(next.devices[i]->token, Step::kJoin);
  harness.advance(16'999);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("6 of 10 devices have joined"));
  harness.advance(1);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("step collect"));
}

TEST(Pace, NobodyIsLateForARoundThatHasTooFew) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 5);
  spec.participants_min = 5;
  spec.patience = 2;
  harness.create(spec);
  Fleet fleet(harness, 5);
  fleet.check_in();
  harness.window_for("other");
  harness.advance(1'000);
  for (int i = 0; i < 4; ++i) harness.exchange(fleet.devices[i]->token, Step::kJoin);
  harness.advance(1'000);
  // The fifth is late: another may have its place, and whoever is READY first is taken.
  const proto::PlanOffer offer = harness.plan_for("other");
  harness.window_for("another");
  harness.exchange(fleet.devices[4]->token, Step::kJoin);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("step collect: 0 of 5"));
  EXPECT_THAT(harness.outcome<proto::SessionEnd>(harness.exchange(offer.token, Step::kJoin)).outcome,
              HasSubstr("too late"));
}

TEST(Pace, APlaceThatWasGivenOnIsNotFreedAgainWhenItsHolderLeaves) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 5);
  spec.participants_min = 5;
  spec.patience = 2;
  harness.create(spec);
  Fleet fleet(harness, 5);
  fleet.check_in();
  harness.advance(1'000);
  for (int i = 0; i < 4; ++i) harness.exchange(fleet.devices[i]->token, Step::kJoin);
  harness.advance(1'000);
  harness.abandon(fleet.devices[4]->token);
  harness.plan_for("other");
  harness.window_for("another");
}

TEST(Pace, StragglersHaveTheirGraceInJoiningToo) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 10);
  spec.straggler_grace_ms = 700;
  harness.create(spec);
  Fleet fleet(harness, 10);
  fleet.check_in();
  harness.advance(5'000);
  for (int i = 0; i < 6; ++i) harness.exchange(fleet.devices[i]->token, Step::kJoin);
  harness.advance(5'000);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("6 of 10"))
      << "four are more than the drop-out fraction";
  harness.exchange(fleet.devices[6]->token, Step::kJoin);
  harness.advance(699);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("7 of 10"));
  harness.advance(1);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("step collect: 0 of 7"));
}

// ---- devices that fail ----

TEST(FailingDevice, SinksNoRoundThoughEveryPlaceIsNeeded) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 5);
  spec.participants_min = 5;
  spec.rounds = 1'000;
  harness.create(spec);
  Habits habits;
  habits.deed = [](std::size_t device, Random&) { return device == 5 ? Deed::kFail : Deed::kTrain; };
  LivingFleet fleet(harness, 6, habits);
  fleet.live(600'000);
  EXPECT_EQ(harness.status().rounds_abandoned, 0u);
  EXPECT_GE(harness.status().rounds_committed, 150u);
  EXPECT_EQ(warnings(harness, "device 'device-5' left and gave nothing: example 7 has label 6"), 1);
  std::uint32_t given = 0;
  for (const auto& round : harness.rounds()) given += round.plans_given - 5;
  EXPECT_LE(given, 20u) << "it waits longer each time";
}

TEST(FailingDevice, VanishingBeforeReadyIsReplacedWhenItIsLate) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 5);
  spec.participants_min = 5;
  spec.rounds = 1'000;
  spec.patience = 2;
  spec.report_within_ms = 600'000;
  harness.create(spec);
  Habits habits;
  habits.deed = [](std::size_t device, Random&) { return device == 5 ? Deed::kVanish : Deed::kTrain; };
  LivingFleet fleet(harness, 6, habits);
  fleet.live(600'000);
  EXPECT_EQ(harness.status().rounds_abandoned, 0u);
  EXPECT_GE(harness.status().rounds_committed, 50u);
}

TEST(FailingDevice, TakesNoMorePlansOfARoundThanItsBound) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  // Whoever has no identity may call itself anything.
  int given = 0;
  for (int i = 0; i < 100; ++i) {
    const auto reply = harness.check_in("d" + std::to_string(i));
    const auto* offer = std::get_if<proto::PlanOffer>(&reply);
    if (offer == nullptr || proto::decode_plan(offer->plan)->round != RoundId{1}) break;
    ++given;
    harness.abandon(offer->token);
  }
  EXPECT_EQ(given, 3 + 16);
  EXPECT_THAT(harness.rounds().at(0).reason,
              HasSubstr("19 left with a plan, the first of them 'd0': battery"));
}

TEST(FailingDevice, ThatLeavesOnceGetsAnotherPlanOfTheRoundAtOnce) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  harness.abandon(fleet.devices[0]->token);
  fleet.devices[0]->take_plan(harness.plan_for("device-0"));
  fleet.run();
  EXPECT_EQ(harness.status().rounds_committed, 1u);
  EXPECT_EQ(harness.rounds().at(0).plans_given, 4u);
  EXPECT_EQ(harness.rounds().at(0).joined, 3u);
}

TEST(FailingDevice, IsForgivenWhenItsVectorCounts) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  for (int round = 0; round < 5; ++round) {
    fleet.check_in();
    harness.abandon(fleet.devices[0]->token);
    fleet.devices[0]->take_plan(harness.plan_for("device-0"));
    fleet.run();
  }
  EXPECT_EQ(harness.status().rounds_committed, 5u);
}

// ---- several tasks of one population ----

TEST(SeveralTasks, WithFewerDevicesThanTheyWantTogetherAllProgress) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 10'000;
  harness.create(spec);
  spec.name = "other";
  harness.create(spec);
  LivingFleet fleet(harness, 4, {});
  fleet.live(300'000);
  for (const proto::TaskStatus& task : tasks(harness)) {
    EXPECT_GE(task.rounds_committed, 30u) << task.spec.name;
    EXPECT_EQ(task.rounds_abandoned, 0u) << task.spec.name;
  }
}

TEST(SeveralTasks, OneThatNeedsMoreDevicesThanThereAreStarvesNoOther) {
  Harness harness;
  proto::TaskSpec large = task_spec(Aggregation::kPlain, 50);
  large.participants_min = 50;
  large.report_within_ms = 600'000;
  harness.create(large);
  LivingFleet fleet(harness, 3, {});
  fleet.live(30'000);  // all of them wait in its round
  proto::TaskSpec small = task_spec(Aggregation::kPlain, 3);
  small.name = "small";
  small.rounds = 10'000;
  harness.create(small);
  fleet.live(120'000);
  const auto both = tasks(harness);
  EXPECT_GE(both[1].rounds_committed, 20u);
  EXPECT_EQ(both[0].rounds_abandoned, 1u) << "its devices were let go once";
  EXPECT_THAT(both[0].waiting_for, HasSubstr("needs 50 devices; 3 have been seen lately"));
}

TEST(SeveralTasks, OneThatNeedsManyHoldsNobodyFromTheStartOn) {
  Harness harness;
  proto::TaskSpec large = task_spec(Aggregation::kPlain, 50);
  large.participants_min = 50;
  harness.create(large);
  proto::TaskSpec small = task_spec(Aggregation::kPlain, 3);
  small.name = "small";
  small.rounds = 10'000;
  harness.create(small);
  LivingFleet fleet(harness, 5, {});
  fleet.live(120'000);
  EXPECT_GE(tasks(harness)[1].rounds_committed, 20u);
  EXPECT_EQ(tasks(harness)[0].rounds_abandoned, 0u);
}

TEST(SeveralTasks, GetDevicesByTheirShares) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 10'000;
  spec.share = 3;
  harness.create(spec);
  spec.name = "other";
  spec.share = 1;
  harness.create(spec);
  LivingFleet fleet(harness, 3, {});
  fleet.live(900'000);
  const auto both = tasks(harness);
  const std::uint32_t rounds = both[0].rounds_committed + both[1].rounds_committed;
  EXPECT_GE(rounds, 200u);
  EXPECT_NEAR(both[0].rounds_committed, 0.75 * rounds, 0.05 * rounds);
}

TEST(SeveralTasks, OneThatWasPausedHasNothingSavedUp) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 10'000;
  harness.create(spec);
  spec.name = "other";
  harness.create(spec);
  harness.set_state(proto::TaskState::kPaused);
  LivingFleet fleet(harness, 3, {});
  fleet.live(600'000);
  harness.set_state(proto::TaskState::kActive);
  const auto before = tasks(harness);
  fleet.live(300'000);
  const auto after = tasks(harness);
  EXPECT_NEAR(after[1].rounds_committed - before[1].rounds_committed, after[0].rounds_committed, 2);
}

// ---- when devices come back ----

TEST(Pace, IdleDevicesFillTheRoundOfANewTaskWithinSeconds) {
  Harness harness;
  LivingFleet fleet(harness, 10, {});
  fleet.live(600'000);
  proto::TaskSpec spec = forgiving_task();
  harness.create(spec);
  fleet.live(4'000);
  EXPECT_THAT(harness.status().waiting_for, HasSubstr("10 of 10 plans given"));
}

TEST(Pace, ASmallFleetIsBackWhenTheNextRoundBegins) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 5);
  spec.participants_min = 5;
  spec.rounds = 10'000;
  harness.create(spec);
  LivingFleet fleet(harness, 5, {});
  fleet.live(600'000);
  EXPECT_GE(harness.status().rounds_committed, 150u)
      << "three seconds of training and half a second of pause";
}

// ---- a model whose vectors are lost ----

// Most devices have sent their vectors for the version that the restarted coordinator has; one has not, and
// is at work: the round is not waited for.
TEST(SpentDevices, DoNotWaitForARoundThatTheOthersCannotFill) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 3);
  spec.report_within_ms = 600'000;
  harness.create(spec);
  Fleet fleet(harness, 3);
  fleet.run_round();
  harness.restart();
  harness.plan_for("fresh");
  for (const char* device : {"s1", "s2"}) {
    EXPECT_EQ(harness.status().model_version, ModelVersion{1}) << "one device's word ends no round";
    const proto::PlanOffer offer = harness.plan_for(device);
    static_cast<void>(harness.take<AbandonReply>(
        harness.call(AbandonEvent{{},
                                  {.token = offer.token,
                                   .reason = "plan refused",
                                   .ledger = {{.refusal = proto::LedgerRefusal::kModelSpent}}}})));
  }
  EXPECT_EQ(harness.status().model_version, ModelVersion{2});
  fleet.run_round();
  EXPECT_EQ(harness.status().model_version, ModelVersion{3});
}

}  // namespace
}  // namespace sotto::server
