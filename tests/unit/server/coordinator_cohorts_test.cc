// Rounds and their cohorts: who comes together, what is heard late, twice or wrongly, and what ends a
// joining.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "coordinator_harness.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::RoundOutcome;
using proto::Step;
using testing::Fault;
using testing::Fleet;
using testing::Harness;
using testing::task_spec;

// ---- who comes together ----

TEST(Cohorts, AreNotFormedInTheOrderOfJoining) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 24);
  spec.cohort_max = 12;
  harness.create(spec);
  Fleet fleet(harness, 24);
  fleet.check_in();
  harness.keep_cohort_events = true;
  std::map<CallId, std::size_t> device_of;
  for (std::size_t i = 0; i < 24; ++i) device_of[harness.exchange(fleet.devices[i]->token, Step::kJoin)] = i;
  // Whoever is told what comes next by the first cohort sits in it.
  std::vector<std::size_t> order;
  std::set<std::size_t> first;
  for (const CohortEvent& event : harness.cohort_events) {
    const auto* answer = std::get_if<CohortAnswered>(&event.what);
    if (answer == nullptr) continue;
    order.push_back(device_of.at(answer->call));
    if (event.cohort.cohort == CohortId{0}) first.insert(order.back());
  }
  ASSERT_EQ(order.size(), 24u);
  EXPECT_EQ(first.size(), 12u);
  EXPECT_FALSE(std::ranges::is_sorted(order));
  EXPECT_NE(*first.rbegin(), 11u) << "the first cohort is the first half of the joiners";
}

TEST(Cohorts, LeaveOutWhoFitsInNone) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 5);
  spec.cohort_max = spec.aggregation.cohort_min = 4;
  spec.participants_min = 4;
  harness.create(spec);
  Fleet fleet(harness, 5);
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(0).collected, 4u);
  EXPECT_EQ(std::ranges::count_if(fleet.ends, [](const auto& end) { return end->counted; }), 4);
  const auto left_over = std::ranges::find_if(fleet.ends, [](const auto& end) { return !end->counted; });
  EXPECT_NE((*left_over)->outcome.find("its cohorts are full"), std::string::npos);
}

TEST(Cohorts, GoOnWithoutADeviceWhoseKeysAreRefused) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 9));
  Fleet fleet(harness, 9);
  fleet.check_in();
  std::vector<std::uint8_t> keys = fleet.devices[8]->join_payload();
  keys.back() ^= 1;
  const CallId stranger = harness.exchange(fleet.devices[8]->token, Step::kJoin, keys);
  fleet.devices.pop_back();
  fleet.ends.pop_back();
  fleet.run();
  EXPECT_EQ(harness.refusal(stranger), Rejection::kBadSignature);
  EXPECT_EQ(harness.rounds().at(0).collected, 8u) << harness.rounds().at(0).reason;
  EXPECT_TRUE(harness.noticed("refused 1 messages: 1 bad signature", NoticeAction::Level::kWarning));
}

TEST(Cohorts, ThatCannotBeOpenedCostTheRound) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 3));
  harness.cohorts = std::make_unique<CohortHost>([](const proto::Plan&, const OpenCohort&, Time) {
    return Result<std::unique_ptr<aggregator::CohortSession>>(aborted("no room in this house"));
  });
  Fleet fleet(harness, 3);
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(0).reason,
            "0 devices in the sum, 3 are needed; 1 of 1 cohorts were abandoned: no room in this house");
  EXPECT_FALSE(fleet.ends[0]->counted);
  EXPECT_TRUE(std::ranges::none_of(harness.notices, [](const NoticeAction& notice) {
    return notice.text.find("cohort 0 was abandoned") != std::string::npos;
  })) << "the round says it";
}

// ---- what is heard late, twice or wrongly ----

class LateSum : public ::testing::Test {
 protected:
  LateSum() {
    auto spec = task_spec(Aggregation::kPlain, 6);
    spec.cohort_max = 3;
    harness_.create(spec);
    fleet_.check_in();
    harness_.finishing_is_late = true;
    std::vector<CallId> joins;
    for (auto& device : fleet_.devices) joins.push_back(harness_.exchange(device->token, Step::kJoin));
    for (std::size_t i = 0; i < joins.size(); ++i) {
      const auto next = harness_.outcome<proto::NextStep>(joins[i]);
      harness_.exchange(fleet_.devices[i]->token, Step::kCollect, fleet_.devices[i]->answer(next));
    }
    first_.emplace(harness_.finish_cohort());
    second_.emplace(harness_.finish_cohort());
  }
  [[nodiscard]] std::uint32_t committed() { return harness_.status().rounds_committed; }
  [[nodiscard]] std::ptrdiff_t ignored() const {
    return std::ranges::count_if(harness_.notices, [](const NoticeAction& notice) {
      return notice.text.find("ignored") != std::string::npos;
    });
  }

  Harness harness_;
  Fleet fleet_{harness_, 6};
  std::optional<CohortEvent> first_;
  std::optional<CohortEvent> second_;
};

TEST_F(LateSum, CountsOnce) {
  harness_.step(*first_);
  harness_.step(*first_);
  EXPECT_EQ(committed(), 0u) << "one cohort twice is not two";
  EXPECT_EQ(ignored(), 1);
  harness_.step(*second_);
  EXPECT_EQ(committed(), 1u);
  EXPECT_EQ(harness_.rounds().at(0).collected, 6u);
  harness_.step(*second_);
  EXPECT_EQ(committed(), 1u) << "the round is over";
  EXPECT_EQ(ignored(), 2);
}

TEST_F(LateSum, OfAnotherAddressIsIgnored) {
  for (const CohortAddress wrong :
       {CohortAddress{TaskId{9}, RoundId{1}, CohortId{0}}, CohortAddress{TaskId{1}, RoundId{2}, CohortId{0}},
        CohortAddress{TaskId{1}, RoundId{0}, CohortId{0}},
        CohortAddress{TaskId{1}, RoundId{1}, CohortId{2}}}) {
    CohortEvent stray = *first_;
    stray.cohort = wrong;
    harness_.step(stray);
  }
  EXPECT_EQ(ignored(), 4);
  EXPECT_NE(harness_.status().waiting_for.find("the sums of 2 of 2 cohorts are being computed"),
            std::string::npos)
      << harness_.status().waiting_for;
}

TEST_F(LateSum, OfAnotherFormCostsItsCohort) {
  std::get<CohortFinished>(first_->what).sum->sum.pop_back();
  harness_.step(*first_);
  std::get<CohortFinished>(second_->what).sum->sum.pop_back();
  harness_.step(*second_);
  EXPECT_NE(harness_.rounds().at(0).reason.find("its sum is of another form"), std::string::npos);
}

TEST_F(LateSum, OfOtherSegmentsCostsItsCohort) {
  auto& sum = *std::get<CohortFinished>(first_->what).sum;
  auto half = sum.segments.at(0);
  half.length /= 2;
  sum.segments.at(0).length -= half.length;
  sum.segments.push_back(half);
  harness_.step(*first_);
  harness_.step(*second_);
  EXPECT_EQ(committed(), 1u) << "the other cohort suffices";
  EXPECT_EQ(harness_.rounds().at(0).collected, 3u);
}

TEST_F(LateSum, OfAnotherUnitThanTheOthersCostsItsCohort) {
  harness_.step(*first_);
  std::get<CohortFinished>(second_->what).sum->segments.at(0).unit *= 2;
  harness_.step(*second_);
  EXPECT_EQ(committed(), 1u) << "the other cohort suffices";
  EXPECT_EQ(harness_.rounds().at(0).collected, 3u);
}

TEST_F(LateSum, NamesTheDishonestWhoExist) {
  auto& finished = std::get<CohortFinished>(first_->what);
  finished.dishonest = {Seat{2}, Seat{3}, Seat{UINT32_MAX}};
  finished.sum = aborted("wrong shares");
  harness_.step(*first_);
  std::ptrdiff_t named = 0;
  for (const NoticeAction& notice : harness_.notices) {
    if (notice.text.find("gave a share, a tag or a pair key that is not what it had promised") !=
        std::string::npos)
      ++named;
  }
  EXPECT_EQ(named, 1);
}

TEST(CohortEvents, ThatMakeNoSenseChangeNothing) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  std::vector<CallId> joins;
  for (const auto& device : fleet.devices) joins.push_back(harness.exchange(device->token, Step::kJoin));
  const CohortAddress cohort{TaskId{1}, RoundId{1}, CohortId{0}};
  harness.step(CohortEvent{cohort, CohortAdmitted{Seat{3}, Rejection::kBadKey}});
  harness.step(CohortEvent{cohort, CohortAnswered{Seat{3}, CallId{1}, StillWaiting{}, 0}});
  harness.step(CohortEvent{cohort, CohortAnswered{Seat{0}, CallId{999}, StillWaiting{}, 0}});
  harness.step(CohortEvent{cohort, CohortStepClosed{Step::kCollect, {Seat{3}}}});
  harness.step(CohortEvent{cohort, CohortFinished{aborted("nobody asked"), {}}});
  fleet.ends.assign(3, std::nullopt);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto next = harness.outcome<proto::NextStep>(joins[i]);
    harness.exchange(fleet.devices[i]->token, Step::kCollect, fleet.devices[i]->answer(next));
  }
  EXPECT_EQ(harness.status().rounds_committed, 1u);
}

// ---- what devices hear ----

TEST(Stragglers, WhoseVectorDidNotComeAreToldThatTheyDoNotCount) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 4));
  Fleet fleet(harness, 4);
  fleet.run_round([](std::size_t device, Step step) {
    return device == 0 && step == Step::kCollect ? Fault::kSilence : Fault::kNone;
  });
  EXPECT_EQ(harness.rounds().at(0).collected, 3u);
  const auto end = harness.outcome<proto::SessionEnd>(harness.poll(fleet.devices[0]->token, Step::kCollect));
  EXPECT_FALSE(end.counted);
  EXPECT_NE(end.outcome.find("committed model version 1"), std::string::npos);
  EXPECT_TRUE(fleet.ends[1]->counted);
}

TEST(Stragglers, CannotChangeWhatTheySaidInAStepThatIsOver) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 5));
  Fleet fleet(harness, 5);
  std::vector<std::uint8_t> shares;
  fleet.check_in();
  std::vector<CallId> calls;
  for (auto& device : fleet.devices) {
    calls.push_back(harness.exchange(device->token, Step::kJoin, device->join_payload()));
  }
  for (std::size_t i = 0; i < 5; ++i) {
    const auto next = harness.outcome<proto::NextStep>(calls[i]);
    ASSERT_EQ(next.next, Step::kShare);
    std::vector<std::uint8_t> answer = fleet.devices[i]->answer(next);
    if (i == 0) shares = answer;
    calls[i] = harness.exchange(fleet.devices[i]->token, Step::kShare, std::move(answer));
  }
  ASSERT_EQ(harness.outcome<proto::NextStep>(calls[0]).next, Step::kCollect);
  EXPECT_EQ(
      harness.outcome<proto::NextStep>(harness.exchange(fleet.devices[0]->token, Step::kShare, shares)).next,
      Step::kCollect)
      << "the same bytes are a repetition";
  shares.back() ^= 1;
  EXPECT_EQ(harness.refusal(harness.exchange(fleet.devices[0]->token, Step::kShare, shares)),
            Rejection::kDuplicate);
}

TEST(Round, OfDevicesWithoutExamplesIsRefused) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  fleet.check_in();
  crypto::SeededRandom random(std::uint64_t{5});
  for (auto& device : fleet.devices) {
    device->metrics = {};
    const secagg::UpdateLayout layout = device->plan.update_layout();
    secagg::quantize_update(device->delta, layout, device->metrics, random, device->lanes);
  }
  fleet.run();
  EXPECT_EQ(harness.rounds().at(0).outcome, RoundOutcome::kAbandoned);
  EXPECT_NE(harness.rounds().at(0).reason.find("the weights sum to 0, at least 3 is possible"),
            std::string::npos);
  EXPECT_EQ(harness.status().model_version, ModelVersion{0});
}

TEST(Round, ThatWouldBreakTheModelIsAbandonedAndTold) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.server_momentum = 0.9f;
  harness.create(spec);
  // A model at the edge of what a float can hold, carried on in the same direction.
  StoredModel edge = harness.kept->load_tasks()->at(0).model;
  std::ranges::fill(edge.parameters, std::numeric_limits<float>::max());
  edge.optimizer_state.assign(2 + 4 * edge.parameters.size(), 1);
  ByteWriter velocity(MutableBytes(edge.optimizer_state).subspan(2));
  for (const float value : edge.parameters) velocity.f32(value);
  edge.version = ModelVersion{1};
  proto::RoundRecord record;
  record.task = TaskId{1};
  record.round = RoundId{1};
  ASSERT_TRUE(harness.kept->record_round(record, &edge, proto::TaskState::kActive).ok());
  harness.restart();
  Fleet fleet(harness, 3);
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(0).outcome, RoundOutcome::kAbandoned);
  EXPECT_NE(harness.rounds().at(0).reason.find("would make parameters infinite"), std::string::npos);
  EXPECT_FALSE(fleet.ends[0]->counted);
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
}

// ---- joining ----

TEST(Joining, EndsAsLongAfterItsFirstPlanAsItSays) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 6));
  std::vector<CallId> joins;
  const auto join = [&](const char* name) {
    joins.push_back(harness.exchange(harness.plan_for(name).token, Step::kJoin));
  };
  join("a");
  harness.advance(30'000);
  join("b");
  join("c");
  EXPECT_EQ(harness.status().waiting_until_ms, harness.now.ms + 30'000);
  harness.advance(29'999);
  EXPECT_NE(harness.status().waiting_for.find("3 of 6 devices have joined"), std::string::npos);
  harness.advance(1);
  EXPECT_NE(harness.status().waiting_for.find("step collect"), std::string::npos)
      << "later plans do not put it off";
}

TEST(Joining, NeedsItsMinimumAtTheDeadline) {
  for (const std::size_t joining : {4, 5}) {
    Harness harness;
    auto spec = task_spec(Aggregation::kPlain, 6);
    spec.participants_min = 5;
    harness.create(spec);
    Fleet fleet(harness, joining);
    fleet.check_in();
    for (const auto& device : fleet.devices) harness.exchange(device->token, Step::kJoin);
    harness.advance(60'000);
    if (joining == 4) {
      EXPECT_EQ(harness.rounds().at(0).reason, "4 of 4 devices with a plan joined, 5 are needed");
      EXPECT_EQ(harness.rounds().at(0).joined, 4u);
    } else {
      EXPECT_NE(harness.status().waiting_for.find("step collect: 0 of 5"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace sotto::server
