// A coordinator that differences sums: it has a victim and others summed, then the others alone, on one
// model. The difference is the victim's update to the bit, whatever masks hid on the way. Real sessions, the
// real aggregator, ledgers in real files that devices read anew for every round.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "session/contribution.h"
#include "sotto/client/ledger.h"
#include "support/temporary_directory.h"
#include "unit/client/cohort_coordinator.h"

namespace sotto::client {
namespace {

using testing::HasSubstr;

constexpr std::size_t kVictim = 0;
const std::vector<float> kModel = {1, -2, 0.5f, 0, 3, 0.25f, -1, 4};

Task task_of(std::uint64_t round, std::uint64_t version = 3, std::vector<float> model = kModel) {
  Task task(proto::Aggregation::kSecure, std::move(model));
  task.plan.round = RoundId{round};
  task.plan.model_version = ModelVersion{version};
  task.plan_bytes = proto::encode_plan(task.plan);
  return task;
}

// The model, with one value as little larger as a float can be.
std::vector<float> one_ulp_later(int times) {
  std::vector<float> model = kModel;
  for (int i = 0; i < times; ++i) model[0] = std::nextafter(model[0], 2.0f);
  return model;
}

// Devices that train the same way each time: all of their examples in one batch.
class Fleet {
 public:
  explicit Fleet(std::optional<LedgerBudgets> budgets) : budgets_(budgets) {}

  // What the coordinator learns when it has these devices take part, each started anew: the sum, or what the
  // first device said that would not.
  Result<aggregator::CohortSum> round(const Task& task, const std::vector<std::size_t>& members) {
    CohortCoordinator coordinator(task, members.size());
    std::vector<std::unique_ptr<Member>> fleet;
    for (const std::size_t member : members) {
      auto started = start(member);
      if (!started) return started.error();
      fleet.push_back(std::move(*started));
    }
    for (int turn = 0; turn < 1000; ++turn) {
      bool all_done = true;
      for (const auto& member : fleet) {
        member->step(coordinator);
        const auto* done = std::get_if<Session::Done>(&member->action);
        if (done != nullptr && !done->counted) return done->status;
        all_done = all_done && done != nullptr;
      }
      if (all_done) return coordinator.sum();
    }
    return aborted("the round does not end");
  }
  [[nodiscard]] static LocalUpdate update_of(std::size_t device) {
    LocalUpdate update;
    for (int i = 0; i < 8; ++i) update.delta.push_back(0.03f * static_cast<float>(i + 1 + 5 * device));
    update.metrics = {.weight = static_cast<std::uint32_t>(9 + device),
                      .examples = static_cast<std::uint32_t>(9 + device),
                      .sums = {static_cast<double>(device), 2.5}};
    return update;
  }
  [[nodiscard]] std::filesystem::path file_of(std::size_t device) const {
    return folder_.path() / ("device-" + std::to_string(device) + ".ledger");
  }
  [[nodiscard]] std::uint64_t vectors_left(std::size_t device) const {
    return read_ledger(file_of(device))->vectors();
  }

 private:
  struct Member {
    std::size_t device = 0;
    std::unique_ptr<DeviceLedger> ledger;
    ReplayableRandom keys;
    ReplayableRandom rounding;
    std::optional<Session> session;
    Time now;
    Session::Action action;

    explicit Member(std::size_t number) : device(number), keys(number), rounding(number + 1000) {}
    void step(CohortCoordinator& coordinator) {
      if (const auto* send = std::get_if<Session::Send>(&action)) {
        action = session->on_reply(coordinator.answer(send->request), now);
      } else if (const auto* wait = std::get_if<Session::Wait>(&action)) {
        now = std::max(now, wait->until);
        action = session->on_timer(now);
      } else if (std::holds_alternative<Session::Train>(action)) {
        action = session->on_trained(update_of(device), now);
      }
    }
  };

  Result<std::unique_ptr<Member>> start(std::size_t device) {
    auto member = std::make_unique<Member>(device);
    SessionOptions options = device_options("device-" + std::to_string(device));
    if (budgets_) {
      auto ledger = open_ledger(file_of(device), *budgets_);
      if (!ledger) return ledger.error();
      member->ledger = std::move(*ledger);
      options.ledger = member->ledger.get();
    }
    member->session.emplace(Session::create(options, {member->keys, member->rounding}));
    member->action = member->session->start(member->now);
    return member;
  }
  TemporaryDirectory folder_{"differencing-"};
  const std::optional<LedgerBudgets> budgets_;
};

// What a device's update is in a sum: steps of its segment.
std::vector<std::int64_t> steps_of(const Task& task, std::size_t device) {
  ReplayableRandom rounding(device + 1000);
  const std::vector<std::uint8_t> lanes = *encode_update(task.plan, Fleet::update_of(device), rounding);
  std::vector<std::int64_t> steps;
  for (std::size_t i = secagg::kMetricLanes; i < lanes.size(); ++i) steps.push_back(lanes[i] - 128);
  return steps;
}

std::vector<std::int64_t> difference(const aggregator::CohortSum& a, const aggregator::CohortSum& b) {
  std::vector<std::int64_t> values;
  for (std::size_t i = 0; i < a.sum.size(); ++i) values.push_back(a.sum[i] - b.sum[i]);
  return values;
}

// What the ledger is for. This holds of the sessions alone, and must: then the tests below say something.
TEST(Differencing, WithoutALedgerTwoSumsAreTheVictimsUpdate) {
  Fleet fleet(std::nullopt);
  const auto with = fleet.round(task_of(1), {kVictim, 1, 2, 3});
  const auto without = fleet.round(task_of(2), {1, 2, 3});
  ASSERT_TRUE(with.has_value() && without.has_value());
  EXPECT_EQ(difference(*with, *without), steps_of(task_of(1), kVictim));
  EXPECT_EQ(with->metrics.examples - without->metrics.examples, 9u) << "and how many examples it has";
}

TEST(Differencing, ASecondCohortOnTheSameModelIsRefused) {
  Fleet fleet(LedgerBudgets{});
  ASSERT_TRUE(fleet.round(task_of(1), {kVictim, 1, 2, 3}).has_value());
  for (const std::uint64_t round : {2, 3}) {  // each device is restarted each time
    const auto second = fleet.round(task_of(round), {1, 2, 3});
    EXPECT_THAT(second.status().message(),
                HasSubstr("vector for version 3 of the model of task 7 has left already"));
  }
  EXPECT_EQ(fleet.vectors_left(1), 1u);
}

// A liar makes another model with one bit: only the budgets bound how often, and they bound it for good.
TEST(Differencing, AModelOneUlpAwayIsStoppedAtTheTasksBudget) {
  constexpr int kBudget = 3;
  Fleet fleet(LedgerBudgets{.vectors_per_task = kBudget});
  ASSERT_TRUE(fleet.round(task_of(1), {kVictim, 1, 2, 3}).has_value());
  int sums = 1;
  Status last;
  for (int i = 1; i <= 8; ++i) {
    const auto sum = fleet.round(task_of(1 + static_cast<std::uint64_t>(i), 3, one_ulp_later(i)), {1, 2, 3});
    sums += sum ? 1 : 0;
    last = sum.status();
  }
  EXPECT_EQ(sums, kBudget);
  EXPECT_THAT(last.message(),
              HasSubstr("3 vectors of this device have left for task 7, as many as its owner"));
  EXPECT_EQ(fleet.vectors_left(1), 3u);
  EXPECT_EQ(fleet.vectors_left(kVictim), 1u);
}

TEST(Differencing, OneUlpAndAnotherTaskAreStoppedAtThePeriodsBudget) {
  Fleet fleet(LedgerBudgets{.vectors_per_period = 2});
  for (std::uint64_t number = 1; number <= 4; ++number) {
    Task task = task_of(1, 3, one_ulp_later(static_cast<int>(number)));
    task.plan.task = TaskId{number};
    task.plan_bytes = proto::encode_plan(task.plan);
    const auto sum = fleet.round(task, {1, 2, 3});
    EXPECT_EQ(sum.has_value(), number <= 2) << number;
    if (sum) continue;
    EXPECT_THAT(sum.status().message(), HasSubstr("as many as its owner allows in 86400 s: until"));
  }
}

TEST(Differencing, AnOldSignedPlanIsRefused) {
  Fleet fleet(LedgerBudgets{});
  const Task old = task_of(5);
  ASSERT_TRUE(fleet.round(old, {kVictim, 1, 2, 3}).has_value());
  EXPECT_THAT(fleet.round(old, {1, 2, 3}).status().message(), HasSubstr("is not above round 5"));
  ASSERT_TRUE(fleet.round(task_of(6, 4), {kVictim, 1, 2, 3}).has_value());
  EXPECT_THAT(fleet.round(old, {1, 2, 3}).status().message(), HasSubstr("is not above round 6"));
}

TEST(Differencing, ARoundNumberThatIsUsedAgainIsRefused) {
  Fleet fleet(LedgerBudgets{});
  ASSERT_TRUE(fleet.round(task_of(5, 3), {kVictim, 1, 2, 3}).has_value());
  const auto again = fleet.round(task_of(5, 4, one_ulp_later(1)), {1, 2, 3});
  EXPECT_THAT(again.status().message(), HasSubstr("round 5 of task 7 is not above round 5"));
}

TEST(Differencing, ADeviceThatItsOwnerStoppedIsInNoSum) {
  Fleet fleet(LedgerBudgets{});
  ASSERT_TRUE(fleet.round(task_of(1), {kVictim, 1, 2, 3}).has_value());
  ASSERT_TRUE(stop_ledger(fleet.file_of(kVictim), true).ok());
  EXPECT_THAT(fleet.round(task_of(2, 4), {kVictim, 1, 2}).status().message(),
              HasSubstr("this device's owner has stopped it"));
  ASSERT_TRUE(stop_ledger(fleet.file_of(kVictim), false).ok());
  EXPECT_TRUE(fleet.round(task_of(3, 4), {kVictim, 1, 2}).has_value());
}

}  // namespace
}  // namespace sotto::client
