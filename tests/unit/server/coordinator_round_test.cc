// Whole rounds in virtual time: drop-outs, deadlines, cohorts, restarts, failing stores.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "coordinator_harness.h"
#include "sotto/aggregator/server_optimizer.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::RoundOutcome;
using proto::Step;
using testing::Fault;
using testing::Fleet;
using testing::Harness;
using testing::task_spec;

std::vector<std::size_t> range(std::size_t first, std::size_t end) {
  std::vector<std::size_t> values(end - first);
  std::iota(values.begin(), values.end(), first);
  return values;
}

StoredModel last_model(Harness& harness) { return harness.kept->load_tasks()->at(0).model; }

// The model after a round that summed exactly these devices, starting from `before`.
std::vector<float> expected_parameters(const Fleet& fleet, const std::vector<std::size_t>& members,
                                       const StoredModel& before) {
  std::vector<float> parameters = before.parameters;
  aggregator::OptimizerState state = before.optimizer_state;
  EXPECT_TRUE(aggregator::apply_update(fleet.sum_of(members), {}, parameters, state).ok());
  return parameters;
}

class RoundOf : public ::testing::TestWithParam<Aggregation> {};

TEST_P(RoundOf, CommitsTheExactSum) {
  Harness harness;
  harness.create(task_spec(GetParam(), 10));
  Fleet fleet(harness, 10);
  for (std::uint64_t version = 1; version <= 3; ++version) {
    const StoredModel before = last_model(harness);
    fleet.run_round();
    const StoredModel after = last_model(harness);
    EXPECT_EQ(after.version, ModelVersion{version});
    EXPECT_EQ(after.parameters, expected_parameters(fleet, range(0, 10), before));
    EXPECT_EQ(harness.status().model_version, ModelVersion{version});
    for (const auto& end : fleet.ends) {
      ASSERT_TRUE(end.has_value());
      EXPECT_TRUE(end->counted);
      EXPECT_NE(end->outcome.find("committed model version " + std::to_string(version)), std::string::npos);
    }
    const auto record = harness.rounds().at(0);
    EXPECT_EQ(record.outcome, RoundOutcome::kCommitted);
    EXPECT_EQ(record.round, RoundId{version});
    EXPECT_EQ(record.plans_given, 10u);
    EXPECT_EQ(record.joined, 10u);
    EXPECT_EQ(record.collected, 10u);
    EXPECT_EQ(record.cohorts, 1u);
    EXPECT_EQ(record.metrics.count, 10u);
    EXPECT_EQ(record.metrics, fleet.sum_of(range(0, 10)).metrics);
    EXPECT_EQ(record.shared, GetParam() == Aggregation::kSecure ? 10u : 0u);
    EXPECT_EQ(record.confirmed, GetParam() == Aggregation::kSecure ? 10u : 0u);
    EXPECT_EQ(record.unmasked, GetParam() == Aggregation::kSecure ? 10u : 0u);
  }
}

TEST_P(RoundOf, SplitsIntoCohortsWithTheSameSum) {
  Harness harness;
  auto spec = task_spec(GetParam(), 22);
  spec.cohort_max = 8;
  harness.create(spec);
  Fleet fleet(harness, 22);
  const StoredModel before = last_model(harness);
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(0).cohorts, 3u);
  EXPECT_EQ(harness.rounds().at(0).collected, 22u);
  EXPECT_EQ(last_model(harness).parameters, expected_parameters(fleet, range(0, 22), before));
}

INSTANTIATE_TEST_SUITE_P(Kinds, RoundOf,
                         ::testing::Values(Aggregation::kFloat, Aggregation::kPlain, Aggregation::kSecure),
                         [](const auto& which) { return proto::to_string(which.param); });

// ---- drop-outs: 30 % of 10 devices at one step, silent or announced ----

struct DropOut {
  Step step;
  Fault fault;
};
class DropOuts : public ::testing::TestWithParam<DropOut> {};

TEST_P(DropOuts, OfThirtyPercentLeaveTheExactSumOfTheOthers) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 10));
  Fleet fleet(harness, 10);
  const StoredModel before = last_model(harness);
  const Time start = harness.now;
  fleet.run_round([](std::size_t device, Step step) {
    return device < 3 && step == GetParam().step ? GetParam().fault : Fault::kNone;
  });
  // Who sent its vector is in the sum even when it does not help to unmask.
  const bool after_vector = GetParam().step > Step::kCollect;
  const auto members = range(after_vector ? 0 : 3, 10);
  const auto record = harness.rounds().at(0);
  EXPECT_EQ(record.outcome, RoundOutcome::kCommitted) << record.reason;
  EXPECT_EQ(record.collected, members.size());
  EXPECT_EQ(last_model(harness).parameters, expected_parameters(fleet, members, before));
  for (std::size_t i = 3; i < 10; ++i) EXPECT_TRUE(fleet.ends[i] && fleet.ends[i]->counted);
  const std::int64_t waited = (harness.now - start).count();
  if (GetParam().fault == Fault::kAbandon) {
    EXPECT_EQ(waited, 0) << "nobody waits for a device that said it leaves";
  } else {
    EXPECT_EQ(waited, GetParam().step == Step::kJoin ? 60'000 : 5'000);
  }
}

TEST_P(DropOuts, OfTooManyAbandonTheRoundAndTheNextOneWorks) {
  Harness harness;
  auto spec = task_spec(Aggregation::kSecure, 10);
  spec.aggregation.cohort_min = 9;
  spec.participants_min = 9;
  harness.create(spec);
  Fleet fleet(harness, 10);
  const StoredModel before = last_model(harness);
  // Before the vectors three are too many; after them six must not answer.
  const std::size_t dropped = GetParam().step > Step::kCollect ? 6 : 3;
  fleet.run_round([&](std::size_t device, Step step) {
    return device < dropped && step == GetParam().step ? GetParam().fault : Fault::kNone;
  });
  const auto record = harness.rounds().at(0);
  EXPECT_EQ(record.outcome, RoundOutcome::kAbandoned);
  EXPECT_FALSE(record.reason.empty());
  EXPECT_EQ(record.committed_version, record.base_version);
  EXPECT_EQ(last_model(harness).parameters, before.parameters);
  EXPECT_TRUE(harness.noticed("abandoned: " + record.reason, NoticeAction::Level::kWarning));
  for (std::size_t i = dropped; i < 10; ++i) {
    ASSERT_TRUE(fleet.ends[i].has_value()) << i;
    EXPECT_FALSE(fleet.ends[i]->counted);
    EXPECT_NE(fleet.ends[i]->outcome.find("abandoned"), std::string::npos);
  }
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(0).round, RoundId{2});
  EXPECT_EQ(harness.rounds().at(0).outcome, RoundOutcome::kCommitted);
  EXPECT_EQ(last_model(harness).parameters, expected_parameters(fleet, range(0, 10), before));
}

INSTANTIATE_TEST_SUITE_P(
    AtEveryStep, DropOuts,
    ::testing::Values(DropOut{Step::kJoin, Fault::kSilence}, DropOut{Step::kJoin, Fault::kAbandon},
                      DropOut{Step::kShare, Fault::kSilence}, DropOut{Step::kShare, Fault::kAbandon},
                      DropOut{Step::kCollect, Fault::kSilence}, DropOut{Step::kCollect, Fault::kAbandon},
                      DropOut{Step::kConfirm, Fault::kSilence}, DropOut{Step::kConfirm, Fault::kAbandon},
                      DropOut{Step::kUnmask, Fault::kSilence}, DropOut{Step::kUnmask, Fault::kAbandon}),
    [](const auto& which) {
      return std::string(proto::to_string(which.param.step)) +
             (which.param.fault == Fault::kSilence ? "Silent" : "Announced");
    });

TEST(Round, AnnouncedAndSilentDropOutsAtEveryStepAtOnce) {
  Harness harness;
  auto spec = task_spec(Aggregation::kSecure, 30);
  spec.aggregation.dropout_fraction = 0.4f;
  harness.create(spec);
  Fleet fleet(harness, 30);
  const StoredModel before = last_model(harness);
  fleet.run_round([](std::size_t device, Step step) {
    if (device >= 10 || static_cast<std::size_t>(step) != 1 + device / 2) return Fault::kNone;
    return device % 2 == 0 ? Fault::kSilence : Fault::kAbandon;
  });
  const auto record = harness.rounds().at(0);
  EXPECT_EQ(record.outcome, RoundOutcome::kCommitted) << record.reason;
  EXPECT_EQ(record.joined, 28u);
  EXPECT_EQ(record.shared, 26u);
  EXPECT_EQ(record.collected, 24u);
  EXPECT_EQ(record.confirmed, 22u);
  EXPECT_EQ(record.unmasked, 20u);
  EXPECT_EQ(last_model(harness).parameters, expected_parameters(fleet, range(6, 30), before));
}

TEST(Round, ADeviceThatMissedAStepIsToldSo) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 10));
  Fleet fleet(harness, 10);
  fleet.run_round([](std::size_t device, Step step) {
    return device == 0 && step == Step::kShare ? Fault::kSilence : Fault::kNone;
  });
  const auto end =
      harness.outcome<proto::SessionEnd>(harness.exchange(fleet.devices[0]->token, Step::kShare, {1}));
  EXPECT_FALSE(end.counted);
  EXPECT_NE(end.outcome.find("did not come in time"), std::string::npos);
}

TEST(Round, ALateAnswerAfterTheVectorStillHearsThatTheVectorCounted) {
  for (const Step late : {Step::kConfirm, Step::kUnmask}) {
    Harness harness;
    harness.create(task_spec(Aggregation::kSecure, 10));
    Fleet fleet(harness, 10);
    fleet.run_round([late](std::size_t device, Step step) {
      return device == 0 && step == late ? Fault::kSilence : Fault::kNone;
    });
    EXPECT_TRUE(
        harness.outcome<proto::SessionEnd>(harness.exchange(fleet.devices[0]->token, late, {1})).counted);
  }
}

TEST(Round, AConfirmationThatComesWhileOthersUnmaskWaitsForTheEnd) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 10));
  Fleet fleet(harness, 10);
  std::optional<CallId> late;
  fleet.run_round([&](std::size_t device, Step step) {
    if (device == 0 && step == Step::kConfirm) return Fault::kSilence;
    if (step == Step::kUnmask && !late) {
      late = harness.exchange(fleet.devices[0]->token, Step::kConfirm, {1});
      EXPECT_FALSE(harness.answered(*late));
    }
    return Fault::kNone;
  });
  ASSERT_TRUE(late.has_value());
  EXPECT_TRUE(harness.outcome<proto::SessionEnd>(*late).counted);
}

TEST(Round, ACuriousTaskNeedsNoConfirmation) {
  Harness harness;
  auto spec = task_spec(Aggregation::kSecure, 10);
  spec.aggregation.adversary = proto::Adversary::kCurious;
  harness.create(spec);
  Fleet fleet(harness, 10);
  const StoredModel before = last_model(harness);
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(0).confirmed, 0u);
  EXPECT_EQ(harness.rounds().at(0).unmasked, 10u);
  EXPECT_EQ(last_model(harness).parameters, expected_parameters(fleet, range(0, 10), before));
}

TEST(Round, PackedVectorsGiveTheSameModel) {
  std::vector<std::vector<float>> models;
  std::vector<std::uint64_t> bytes;
  for (const proto::Packing packing : {proto::Packing::kWords, proto::Packing::kBits}) {
    for (const Aggregation kind : {Aggregation::kSecure, Aggregation::kPlain}) {
      Harness harness;
      auto spec = task_spec(kind, 10);
      spec.aggregation.packing = packing;
      spec.aggregation.participants_max = spec.cohort_max = 100;
      harness.create(spec);
      Fleet fleet(harness, 10);
      fleet.run_round();
      models.push_back(last_model(harness).parameters);
      bytes.push_back(harness.rounds().at(0).uplink_bytes);
    }
  }
  for (const auto& model : models) EXPECT_EQ(model, models[0]);
  EXPECT_LT(bytes[2], bytes[0]);
  EXPECT_LT(bytes[3], bytes[1]);
}

TEST(Round, StragglersGetTheirGraceOnly) {
  Harness harness;
  auto spec = task_spec(Aggregation::kSecure, 10);
  spec.straggler_grace_ms = 700;
  harness.create(spec);
  Fleet fleet(harness, 10);
  const Time start = harness.now;
  fleet.run_round([](std::size_t device, Step step) {
    return device < 3 && step == Step::kCollect ? Fault::kSilence : Fault::kNone;
  });
  EXPECT_EQ((harness.now - start).count(), 700);
  EXPECT_EQ(harness.rounds().at(0).collected, 7u);
  fleet.run_round([](std::size_t device, Step step) {
    return device < 4 && step == Step::kCollect ? Fault::kSilence : Fault::kNone;
  });
  EXPECT_EQ((harness.now - start).count(), 5'700) << "four of ten are more than the drop-out fraction";
}

// ---- joining ----

TEST(Round, ClosesItsJoiningWhenEverybodyWithAPlanWasHeard) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 4);
  spec.over_selection = 1.5f;
  harness.create(spec);
  Fleet fleet(harness, 6);
  fleet.check_in();
  for (int i = 0; i < 3; ++i) harness.abandon(fleet.devices[i]->token);
  std::vector<CallId> joins;
  for (int i = 3; i < 6; ++i) joins.push_back(harness.exchange(fleet.devices[i]->token, Step::kJoin));
  for (const CallId join : joins) EXPECT_EQ(harness.outcome<proto::NextStep>(join).next, Step::kCollect);
}

TEST(Round, SendsJoinersBeyondItsParticipantsAway) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 4);
  spec.over_selection = 1.5f;
  harness.create(spec);
  Fleet fleet(harness, 6);
  fleet.run_round();
  int counted = 0;
  for (const auto& end : fleet.ends) {
    ASSERT_TRUE(end.has_value());
    counted += end->counted ? 1 : 0;
    EXPECT_GT(end->window.delay_max_ms, 0u);
  }
  EXPECT_EQ(counted, 4);
  EXPECT_NE(fleet.ends[5]->outcome.find("too late"), std::string::npos);
  EXPECT_EQ(harness.rounds().at(0).plans_given, 6u);
  EXPECT_EQ(harness.rounds().at(0).joined, 4u);
}

TEST(Round, EndsItsJoiningAtTheDeadline) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 6));
  Fleet fleet(harness, 5);
  fleet.check_in();
  EXPECT_EQ(harness.status().waiting_until_ms, harness.now.ms + 60'000);
  harness.advance(59'999);
  for (int i = 0; i < 3; ++i) harness.exchange(fleet.devices[i]->token, Step::kJoin);
  EXPECT_NE(harness.status().waiting_for.find("3 of 6 devices have joined"), std::string::npos);
  harness.advance(1);
  EXPECT_NE(harness.status().waiting_for.find("step collect: 0 of 3"), std::string::npos)
      << harness.status().waiting_for;
}

TEST(Round, WithTooFewJoinersIsAbandonedAndTheNextBeginsAtOnce) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 6));
  Fleet fleet(harness, 2);
  fleet.check_in();
  const CallId join = harness.exchange(fleet.devices[0]->token, Step::kJoin);
  harness.advance(60'000);
  EXPECT_EQ(harness.rounds().at(0).reason, "1 of 2 devices with a plan joined, 3 are needed");
  harness.outcome<proto::KeepWaiting>(join);
  const auto end = harness.outcome<proto::SessionEnd>(harness.poll(fleet.devices[0]->token, Step::kJoin));
  EXPECT_FALSE(end.counted);
  EXPECT_NE(end.outcome.find("1 of 2 devices"), std::string::npos);
  harness.plan_for("fresh");
}

TEST(Round, AbandonedSeveralTimesInARowPausesLongerAndLonger) {
  Harness harness({.failing_wait_ms = 0});
  harness.create(task_spec(Aggregation::kPlain, 3));
  std::vector<std::int64_t> pauses;
  for (int round = 0; round < 12; ++round) {
    for (const char* device : {"a", "b", "c"}) harness.plan_for(device);
    harness.advance(60'000);
    const auto status = harness.status();
    pauses.push_back(status.waiting_until_ms == 0 ? 0 : status.waiting_until_ms - harness.now.ms);
    if (pauses.back() > 0) {
      EXPECT_NE(status.waiting_for.find("in a row"), std::string::npos);
      EXPECT_NE(harness.window_for("d").reason.find("begins at"), std::string::npos);
    }
    harness.advance(pauses.back());
  }
  EXPECT_EQ(pauses[0], 0);
  EXPECT_EQ(pauses[1], 500);
  EXPECT_EQ(pauses[2], 1'000);
  EXPECT_EQ(pauses[11], 60'000);
}

TEST(Round, ThatIsCommittedEndsTheRowOfAbandonedOnes) {
  Harness harness({.failing_wait_ms = 0});
  harness.create(task_spec(Aggregation::kPlain, 3));
  const auto abandon_round = [&harness] {
    for (const char* device : {"a", "b", "c"}) harness.plan_for(device);
    harness.advance(60'000);
    const auto status = harness.status();
    const std::int64_t pause = status.waiting_until_ms == 0 ? 0 : status.waiting_until_ms - harness.now.ms;
    harness.advance(pause);
    return pause;
  };
  for (int repetition = 0; repetition < 2; ++repetition) {
    EXPECT_EQ(abandon_round(), 0);
    EXPECT_EQ(abandon_round(), 500);
    Fleet fleet(harness, 3);
    fleet.run_round();
    EXPECT_EQ(harness.rounds().at(0).outcome, RoundOutcome::kCommitted);
  }
}

// ---- cohorts ----

TEST(Round, GoesOnWithoutACohortThatFails) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 12);
  spec.cohort_max = 6;
  spec.aggregation.cohort_min = 4;
  spec.participants_min = 6;
  harness.create(spec);
  Fleet fleet(harness, 12);
  // One liar: its cohort's count lane disagrees, the other cohort is exact.
  fleet.check_in();
  fleet.devices[0]->lanes[0] = 9;
  fleet.run();
  const auto record = harness.rounds().at(0);
  EXPECT_EQ(record.outcome, RoundOutcome::kCommitted);
  EXPECT_EQ(record.collected, 6u);
  EXPECT_EQ(std::ranges::count_if(fleet.ends, [](const auto& end) { return end->counted; }), 6);
  EXPECT_FALSE(fleet.ends[0]->counted);
}

TEST(Round, IsAbandonedWhenTheCohortsLeftAreTooSmall) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 12);
  spec.cohort_max = 6;
  spec.participants_min = 7;
  harness.create(spec);
  Fleet fleet(harness, 12);
  fleet.check_in();
  fleet.devices[0]->lanes[0] = 9;
  fleet.run();
  EXPECT_NE(
      harness.rounds().at(0).reason.find("6 devices in the sum, 7 are needed; 1 of 2 cohorts were abandoned"),
      std::string::npos)
      << harness.rounds().at(0).reason;
  EXPECT_EQ(harness.status().model_version, ModelVersion{0});
  for (const auto& end : fleet.ends) EXPECT_FALSE(end->counted);
}

TEST(Round, WhoseSumsAreLostIsAbandoned) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 5));
  Fleet fleet(harness, 5);
  harness.lose_sums = true;
  fleet.run_round();
  EXPECT_NE(harness.rounds().at(0).reason.find("the masks could not be removed"), std::string::npos);
  EXPECT_EQ(harness.status().rounds_abandoned, 1u);
  harness.lose_sums = false;
  fleet.run_round();
  EXPECT_EQ(harness.status().rounds_committed, 1u);
}

// ---- store ----

TEST(Round, ThatCannotBeStoredLeavesTheModelAndIsTriedAgainLater) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 3);
  harness.store.broken = true;
  fleet.run_round();
  EXPECT_EQ(harness.status().model_version, ModelVersion{0});
  EXPECT_EQ(harness.status().rounds_committed, 0u);
  EXPECT_FALSE(fleet.ends[0]->counted);
  EXPECT_TRUE(harness.noticed("no space left on device", NoticeAction::Level::kError));
  harness.window_for("d9");
  harness.store.broken = false;
  harness.advance(harness.status().waiting_until_ms - harness.now.ms);
  fleet.run_round();
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
  EXPECT_EQ(harness.rounds().at(0).round, RoundId{2});
  EXPECT_EQ(last_model(harness).version, ModelVersion{1});
}

TEST(Restart, ContinuesFromTheLastCommittedModel) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 5));
  Fleet fleet(harness, 5);
  fleet.run_round();
  const StoredModel committed = last_model(harness);
  fleet.check_in();
  const SessionToken old = fleet.devices[0]->token;
  harness.exchange(old, Step::kJoin, fleet.devices[0]->join_payload());
  harness.restart();
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
  EXPECT_EQ(harness.refusal(harness.poll(old, Step::kJoin)), Rejection::kUnknownSession);
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(0).round, RoundId{limits::kRoundsReserved + 1}) << "2 may have been signed";
  EXPECT_EQ(last_model(harness).version, ModelVersion{2});
  EXPECT_EQ(fleet.devices[0]->plan.model_digest, committed.digest);
  EXPECT_EQ(last_model(harness).parameters, expected_parameters(fleet, range(0, 5), committed));
}

// ---- the task ----

TEST(Task, IsCompleteAfterItsRounds) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 2;
  harness.create(spec);
  Fleet fleet(harness, 3);
  fleet.run_round();
  fleet.run_round();
  EXPECT_EQ(harness.status().state, proto::TaskState::kComplete);
  EXPECT_NE(harness.status().waiting_for.find("all 2 rounds are committed"), std::string::npos);
  EXPECT_NE(harness.window_for("d9").reason.find("complete"), std::string::npos);
  EXPECT_EQ(harness.coordinator->next_deadline(), kNever);
  harness.restart();
  EXPECT_EQ(harness.status().state, proto::TaskState::kComplete);
}

TEST(Task, PausedBeforeAnyPlanStopsAtOnceAndResumes) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  EXPECT_EQ(harness.set_state(proto::TaskState::kPaused).state, proto::TaskState::kPaused);
  EXPECT_NE(harness.window_for("d0").reason.find("resume"), std::string::npos);
  harness.restart();
  harness.window_for("d0");
  harness.set_state(proto::TaskState::kActive);
  harness.plan_for("d0");
}

TEST(Task, PausedDuringARoundFinishesItAndGivesNoNewPlans) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 6));
  Fleet fleet(harness, 3);
  fleet.check_in();
  harness.set_state(proto::TaskState::kPaused);
  EXPECT_NE(harness.status().waiting_for.find("paused"), std::string::npos);
  harness.window_for("d9");
  fleet.run();
  EXPECT_EQ(harness.status().rounds_committed, 1u);
  EXPECT_EQ(harness.status().state, proto::TaskState::kPaused);
  harness.window_for("d9");
  harness.set_state(proto::TaskState::kActive);
  harness.plan_for("d9");
}

TEST(Task, PausedWhileAllWithAPlanHaveJoinedGoesOnWithThem) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 6));
  Fleet fleet(harness, 3);
  fleet.check_in();
  std::vector<CallId> joins;
  for (const auto& device : fleet.devices) joins.push_back(harness.exchange(device->token, Step::kJoin));
  EXPECT_FALSE(harness.answered(joins[0]));
  harness.set_state(proto::TaskState::kPaused);
  for (const CallId join : joins) harness.outcome<proto::NextStep>(join);
}

TEST(Task, AdaptsItsClip) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.aggregation.clip = 0.0001f;  // every device's update is larger
  spec.aggregation.weight_max = 10;
  harness.create(spec);
  Fleet fleet(harness, 3);
  fleet.run_round();
  fleet.run_round();
  EXPECT_EQ(harness.rounds().at(1).metrics.clipped, 3u);
  EXPECT_EQ(harness.rounds().at(1).clip, 0.0001f);
  EXPECT_GT(harness.rounds().at(0).clip, 0.0001f);
  EXPECT_EQ(fleet.devices[0]->plan.aggregation.clip, harness.rounds().at(0).clip);
}

TEST(Task, KeepsItsMomentumAcrossARestart) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.server_momentum = 0.5f;
  harness.create(spec);
  Fleet fleet(harness, 3);
  fleet.run_round();
  const StoredModel before = last_model(harness);
  ASSERT_FALSE(before.optimizer_state.empty());
  harness.restart();
  fleet.run_round();
  std::vector<float> parameters = before.parameters;
  aggregator::OptimizerState state = before.optimizer_state;
  ASSERT_TRUE(aggregator::apply_update(fleet.sum_of(range(0, 3)), {.learning_rate = 1.0f, .momentum = 0.5f},
                                       parameters, state)
                  .ok());
  EXPECT_EQ(last_model(harness).parameters, parameters);
  EXPECT_EQ(last_model(harness).optimizer_state, state);
}

}  // namespace
}  // namespace sotto::server
