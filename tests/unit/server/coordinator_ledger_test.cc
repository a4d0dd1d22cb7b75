// Round numbers that are never given twice, and devices whose ledgers let nothing leave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "coordinator/spent_devices.h"
#include "coordinator_harness.h"
#include "sotto/proto/plan_codec.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::LedgerRefusal;
using proto::Step;
using testing::Fleet;
using testing::Harness;
using ::testing::HasSubstr;
using testing::kHarnessStart;
using testing::task_spec;

RoundId round_of(const proto::PlanOffer& offer) { return proto::decode_plan(offer.plan)->round; }
ModelVersion version_of(const proto::PlanOffer& offer) {
  return proto::decode_plan(offer.plan)->model_version;
}

RoundId reserved(Harness& harness) { return harness.kept->load_tasks()->at(0).rounds_reserved; }

void refuse_by_ledger(Harness& harness, const proto::PlanOffer& offer, const proto::LedgerReport& report) {
  static_cast<void>(harness.take<AbandonReply>(
      harness.call(AbandonEvent{{}, {.token = offer.token, .reason = "plan refused", .ledger = report}})));
}

// ---- round numbers ----

TEST(RoundNumbers, AreReservedInTheStoreBeforeAPlanIsSigned) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 1000;
  harness.create(spec);
  Fleet fleet(harness, 3);
  for (std::size_t round = 1; round <= 2 * limits::kRoundsReserved; ++round) {
    fleet.run_round();
    ASSERT_EQ(fleet.devices[0]->plan.round, RoundId{round});
    ASSERT_GE(reserved(harness).value, round);
  }
  EXPECT_LE(harness.store.reservations, 5) << "a block at a time";
}

TEST(RoundNumbers, GoOnAboveWhateverMayHaveBeenSignedBeforeACrash) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  RoundId last;
  for (int start = 0; start < 4; ++start) {
    const RoundId round = round_of(harness.plan_for("d1"));  // never recorded: the coordinator is killed
    EXPECT_GT(round, last);
    last = round;
    harness.restart();
  }
}

TEST(RoundNumbers, RunOutWithAStoreThatReservesNoneAndNoPlanIsSigned) {
  Harness harness({.retry_min_ms = 100, .retry_max_ms = 1000});
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 1000;
  harness.create(spec);
  harness.store.reserves = false;
  Fleet fleet(harness, 3);
  for (std::size_t round = 1; round <= limits::kRoundsReserved; ++round) fleet.run_round();
  EXPECT_THAT(harness.window_for("d9").reason,
              HasSubstr("the store to reserve numbers for rounds; tried again"));
  EXPECT_TRUE(
      harness.noticed("no numbers could be reserved for rounds: no space", NoticeAction::Level::kError));
  EXPECT_EQ(reserved(harness).value, limits::kRoundsReserved);
  harness.store.reserves = true;
  harness.advance(1000);
  fleet.run_round();
  EXPECT_EQ(fleet.devices[0]->plan.round, RoundId{limits::kRoundsReserved + 1});
}

TEST(RoundNumbers, NobodyStartsOnAStoreThatReservesNone) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.store.reserves = false;
  EXPECT_EQ(take_up_tasks(harness.store).status().code(), StatusCode::kIo);
}

TEST(RoundNumbers, WaitForAStoreThatIsLate) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  spec.rounds = 1000;
  harness.create(spec);
  Fleet fleet(harness, 3);
  for (std::size_t round = 1; round < limits::kRoundsReserved / 2 - 1; ++round) fleet.run_round();
  EXPECT_EQ(harness.store.reservations, 0);
  fleet.run_round();
  fleet.run_round();
  EXPECT_EQ(harness.store.reservations, 1) << "half a block ahead of its use";
}

TEST(RoundNumbers, OfARestoredStoreAreAboveAllOthersOnceItsEpochIsRaised) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.plan_for("d1");
  ASSERT_TRUE(harness.store.raise_epoch().ok());
  harness.restart();
  EXPECT_EQ(round_number(round_of(harness.plan_for("d1"))), (RoundNumber{.epoch = 1, .counter = 1}));
  auto other = task_spec(Aggregation::kPlain, 3);
  other.name = "other";
  other.population = "rings";
  harness.create(other);
  auto request = Harness::request("d2");
  request.population = "rings";
  const auto reply = harness.take<proto::CheckInReply>(harness.call(CheckInEvent{{}, request}));
  EXPECT_EQ(round_number(round_of(std::get<proto::PlanOffer>(reply))),
            (RoundNumber{.epoch = 1, .counter = 1}))
      << "new tasks too: the lost store may have had one of this number";
}

TEST(RoundNumbers, AStoreThatWasSetBackIsToldByADeviceThatKnowsALaterRound) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  for (const char* device : {"d1", "d2"}) {
    refuse_by_ledger(harness, harness.plan_for(device),
                     {.refusal = LedgerRefusal::kRoundUsed, .last_round = RoundId{500}});
  }
  int notices = 0;
  for (const NoticeAction& notice : harness.notices) {
    notices += notice.text.find("says that it has joined round 500 already, and this is round") !=
                           std::string::npos &&
                       notice.text.find("--raise-epoch") != std::string::npos
                   ? 1
                   : 0;
  }
  EXPECT_EQ(notices, 1) << "once, however many say so";
}

// ---- spent devices ----

TEST(SpentDevices, GiveTheirPlansToOthersAndAreShownToTheOperator) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  const std::uint64_t until_s = static_cast<std::uint64_t>(harness.now.ms) / 1000 + 7200;
  for (const char* device : {"spent-1", "spent-2", "spent-3", "spent-4"}) {
    refuse_by_ledger(harness, harness.plan_for(device),
                     {.refusal = LedgerRefusal::kPeriodSpent, .until_s = until_s});
  }
  EXPECT_EQ(harness.status().spent_devices, 4u);
  EXPECT_EQ(harness.status().spent_until_ms, static_cast<std::int64_t>(until_s) * 1000);
  EXPECT_THAT(harness.window_for("spent-1").reason,
              HasSubstr("task 'gait': as many vectors as its owner allows left in the present period"));
  Fleet fleet(harness, 3);
  fleet.run_round();
  EXPECT_EQ(harness.status().rounds_committed, 1u);
}

TEST(SpentDevices, AreAskedAgainAfterAnHourOrWhenTheySaidThatTheyAreFree) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 5));
  harness.plan_for("other");  // the round stays
  refuse_by_ledger(harness, harness.plan_for("stopped"), {.refusal = LedgerRefusal::kStopped});
  refuse_by_ledger(harness, harness.plan_for("period"),
                   {.refusal = LedgerRefusal::kPeriodSpent,
                    .until_s = static_cast<std::uint64_t>(harness.now.ms) / 1000 + 90});
  harness.window_for("period");
  harness.advance(91'000);
  EXPECT_EQ(harness.status().spent_devices, 1u);
  harness.plan_for("period");
  harness.window_for("stopped");
  harness.advance(3'600'000);
  EXPECT_EQ(harness.status().spent_devices, 0u);
}

TEST(SpentDevices, AreRememberedWithinABound) {
  SpentDevices spent;
  const proto::LedgerReport stopped{.refusal = LedgerRefusal::kStopped};
  for (std::size_t i = 0; i <= limits::kSpentDevicesMax; ++i) {
    spent.note("d" + std::to_string(i), stopped, ModelVersion{1}, kHarnessStart);
  }
  EXPECT_EQ(spent.summary(ModelVersion{1}, kHarnessStart).devices, limits::kSpentDevicesMax);
  const Time later = kHarnessStart + SpentDevices::kBelieved;
  spent.note("late", stopped, ModelVersion{1}, later);
  EXPECT_EQ(spent.summary(ModelVersion{1}, later).devices, 1u) << "who is free again makes room";
}

// Every device of the fleet has sent its vector for the model in a round that was abandoned: the task would
// wait for others for ever.
TEST(SpentDevices, WhoseVectorsAreLostGetTheSameModelAsANewVersion) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.lose_sums = true;
  Fleet fleet(harness, 3);
  fleet.run_round();
  harness.lose_sums = false;
  ASSERT_EQ(harness.status().rounds_abandoned, 1u);
  const proto::PlanOffer offer = harness.plan_for("device-0");
  EXPECT_EQ(version_of(offer), ModelVersion{0});
  refuse_by_ledger(harness, offer, {.refusal = LedgerRefusal::kModelSpent});
  EXPECT_TRUE(
      harness.noticed("version 0 of the model is issued again as version 1", NoticeAction::Level::kInfo));
  EXPECT_EQ(harness.status().spent_devices, 0u) << "of the new version nothing has left";
  const StoredModel stored = harness.kept->load_tasks()->at(0).model;
  EXPECT_EQ(stored.version, ModelVersion{1});
  harness.advance(1'000);  // as after any two rounds that came to nothing
  fleet.run_round();
  EXPECT_EQ(fleet.devices[0]->plan.model_version, ModelVersion{1});
  EXPECT_EQ(fleet.devices[0]->plan.model_digest, stored.digest);
  EXPECT_EQ(harness.status().model_version, ModelVersion{2});
  EXPECT_EQ(harness.status().rounds_committed, 1u);
}

TEST(SpentDevices, DoNotStopARoundThatOthersAreAtWorkIn) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  Fleet fleet(harness, 2);
  fleet.check_in();
  refuse_by_ledger(harness, harness.plan_for("spent"), {.refusal = LedgerRefusal::kModelSpent});
  EXPECT_EQ(harness.status().model_version, ModelVersion{0});
  EXPECT_EQ(harness.status().spent_devices, 1u);
  Fleet other(harness, 1, 7);
  other.check_in();
  const RoundId round = fleet.devices[0]->plan.round;
  EXPECT_EQ(other.devices[0]->plan.round, round) << "the spent device's place is another's";
}

// Vectors for the model must have been asked for: whoever says so of a model that nobody was at work on lies.
TEST(SpentDevices, AreNotBelievedAboutAModelThatNoVectorWasAskedFor) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  for (int turn = 0; turn < 5; ++turn) {
    refuse_by_ledger(harness, harness.plan_for("d" + std::to_string(turn)),
                     {.refusal = LedgerRefusal::kModelSpent});
    EXPECT_EQ(harness.status().model_version, ModelVersion{0});
  }
  Fleet fleet(harness, 3);
  harness.lose_sums = true;
  fleet.run_round();
  harness.lose_sums = false;
  refuse_by_ledger(harness, harness.plan_for("d7"), {.refusal = LedgerRefusal::kModelSpent});
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
  harness.advance(1'000);
  refuse_by_ledger(harness, harness.plan_for("d8"), {.refusal = LedgerRefusal::kModelSpent});
  EXPECT_EQ(harness.status().model_version, ModelVersion{1}) << "the new version is another";
  fleet.run_round();
  EXPECT_EQ(harness.status().rounds_committed, 1u);
}

TEST(SpentDevices, WaitForAStoreThatFailsToIssueTheModelAgain) {
  Harness harness({.retry_min_ms = 500, .retry_max_ms = 60'000});
  harness.create(task_spec(Aggregation::kPlain, 3));
  harness.lose_sums = true;
  Fleet fleet(harness, 3);
  fleet.run_round();
  harness.store.broken = true;
  refuse_by_ledger(harness, harness.plan_for("d1"), {.refusal = LedgerRefusal::kModelSpent});
  EXPECT_TRUE(harness.noticed("could not be issued again: no space left", NoticeAction::Level::kError));
  harness.window_for("d2");
  harness.store.broken = false;
  harness.advance(1'000);
  EXPECT_EQ(harness.status().model_version, ModelVersion{1});
  harness.advance(1'000);
  EXPECT_EQ(version_of(harness.plan_for("d2")), ModelVersion{1});
}

}  // namespace
}  // namespace sotto::server
