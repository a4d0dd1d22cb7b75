// Who gets a plan, and what everybody else is told.
#include <gtest/gtest.h>

#include "coordinator_harness.h"
#include "sotto/base/limits.h"
#include "sotto/proto/plan_codec.h"
#include "sotto/proto/plan_facts.h"
#include "sotto/server/inline_runner.h"
#include "support/bulletins.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::Step;
using testing::Harness;
using testing::task_spec;

TEST(CheckIn, OffersThePlanOfTheRound) {
  Harness harness;
  const auto task = harness.create(task_spec(Aggregation::kSecure, 5));
  const auto offer = harness.plan_for("d1");
  const auto plan = proto::decode_plan(offer.plan);
  ASSERT_TRUE(plan.has_value()) << plan.error().message();
  EXPECT_EQ(plan->task, task.id);
  EXPECT_EQ(plan->round, RoundId{1});
  EXPECT_EQ(plan->model_version, ModelVersion{0});
  EXPECT_EQ(plan->model, task.spec.model);
  EXPECT_EQ(plan->training, task.spec.training);
  EXPECT_EQ(plan->aggregation, task.spec.aggregation);
  EXPECT_EQ(plan->report_within_ms, task.spec.report_within_ms);
  const auto other = harness.plan_for("d2");
  EXPECT_EQ(other.plan, offer.plan) << "everybody gets the same bytes";
  EXPECT_NE(other.token, offer.token);
}

TEST(CheckIn, RefusesWhatNoDeviceOfOursSends) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 5));
  const auto refused = [&](proto::CheckInRequest request) {
    return harness.take<Status>(harness.call(CheckInEvent{{}, std::move(request)})).code();
  };
  const auto sound = Harness::request("d1");
  auto request = sound;
  request.custom_models.assign(limits::kTrainersPerDeviceMax + 1, "m");
  EXPECT_EQ(refused(request), StatusCode::kInvalidArgument);
  for (const std::string& name : {std::string(), std::string(65, 'x'), std::string("a b"),
                                  std::string("a\0b", 3), std::string("../x/"), std::string(1 << 20, 'y')}) {
    request = sound;
    request.device_id = name;
    EXPECT_EQ(refused(request), StatusCode::kInvalidArgument);
    request = sound;
    request.population = name;
    EXPECT_EQ(refused(request), StatusCode::kInvalidArgument);
  }
  request = sound;
  request.trainers.assign(limits::kTrainersPerDeviceMax + 1, proto::Architecture::kDense);
  EXPECT_EQ(refused(request), StatusCode::kInvalidArgument);
  EXPECT_NE(harness.status().waiting_for.find("0 of 5 plans given"), std::string::npos);
}

TEST(CheckIn, TurnsAwayDevicesOfAnotherProtocolWithWhatToUpdate) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 5));
  const auto answer = [&](std::uint32_t version) {
    proto::CheckInRequest request = Harness::request("d1");
    request.protocol_version = version;
    return harness.take<Status>(harness.call(CheckInEvent{{}, request}));
  };
  for (const std::uint32_t old : {0u, 1u}) {
    EXPECT_EQ(answer(old).code(), StatusCode::kInvalidArgument);
    EXPECT_NE(answer(old).message().find("update the device's software"), std::string::npos);
  }
  const Status newer = answer(proto::kProtocolVersion + 1);
  EXPECT_EQ(newer.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(newer.message().find("update the coordinator first"), std::string::npos);
  for (std::uint32_t v = proto::kOldestProtocolVersion; v <= proto::kProtocolVersion; ++v) {
    proto::CheckInRequest request = Harness::request("d1");
    request.protocol_version = v;
    EXPECT_TRUE(std::holds_alternative<proto::PlanOffer>(
        harness.take<proto::CheckInReply>(harness.call(CheckInEvent{{}, request}))));
  }
}

TEST(CheckIn, GivesCustomModelsToDevicesWithATrainerForThem) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kPlain, 5);
  spec.model = {.architecture = proto::Architecture::kCustom, .parameters = 7, .name = "prices"};
  harness.create(spec);
  const auto offered = [&](std::vector<proto::Architecture> trainers, std::vector<std::string> models) {
    proto::CheckInRequest request = Harness::request("d1");
    request.trainers = std::move(trainers);
    request.custom_models = std::move(models);
    return std::holds_alternative<proto::PlanOffer>(
        harness.take<proto::CheckInReply>(harness.call(CheckInEvent{{}, request})));
  };
  EXPECT_FALSE(offered({proto::Architecture::kCustom}, {}));
  EXPECT_FALSE(offered({proto::Architecture::kCustom}, {"price"}));
  EXPECT_FALSE(offered({proto::Architecture::kSoftmax}, {"prices"}));
  EXPECT_TRUE(offered({proto::Architecture::kSoftmax, proto::Architecture::kCustom}, {"other", "prices"}));
}

TEST(CheckIn, SaysWhyADeviceIsNotNeeded) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  const auto sent_away = [&](const proto::CheckInRequest& request) {
    auto reply = harness.take<proto::CheckInReply>(harness.call(CheckInEvent{{}, request}));
    EXPECT_TRUE(std::holds_alternative<proto::RetryWindow>(reply));
    return std::holds_alternative<proto::RetryWindow>(reply) ? std::get<proto::RetryWindow>(reply).reason
                                                             : "";
  };
  auto request = Harness::request("d1");
  request.population = "fridges";
  EXPECT_NE(sent_away(request).find("no task for population 'fridges'"), std::string::npos);
  request = Harness::request("d1");
  request.trainers = {proto::Architecture::kDense};
  EXPECT_NE(sent_away(request).find("cannot"), std::string::npos);
  request = Harness::request("d1");
  request.parameters_max = 14;
  EXPECT_NE(sent_away(request).find("a model of 15 parameters, and this device takes 14 at most"),
            std::string::npos);
  request.parameters_max = 15;
  EXPECT_TRUE(std::holds_alternative<proto::PlanOffer>(
      harness.take<proto::CheckInReply>(harness.call(CheckInEvent{{}, request}))));
  harness.plan_for("d2");
  harness.plan_for("d3");
  EXPECT_NE(harness.window_for("d4").reason.find("all 3 plans of round 1 are given"), std::string::npos);
}

TEST(CheckIn, ThatFailsForTheModelsSizeIsSeenByTheOperator) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  EXPECT_EQ(harness.status().waiting_for.find("turned away"), std::string::npos);
  auto request = Harness::request("small");
  request.parameters_max = 14;
  static_cast<void>(harness.call(CheckInEvent{{}, request}));
  EXPECT_NE(harness.status().waiting_for.find(
                "devices were turned away, the last with: task 'gait' trains a model of 15 "
                "parameters, and this device takes 14 at most"),
            std::string::npos)
      << harness.status().waiting_for;
}

TEST(CheckIn, GivesAsManyPlansAsOverSelectionAsks) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 10);
  spec.over_selection = 1.1f;  // a hair above 1.1 as a float
  harness.create(spec);
  for (int i = 0; i < 11; ++i) harness.plan_for("d" + std::to_string(i));
  harness.window_for("d11");
}

TEST(CheckIn, ADeviceThatLostPowerTakesItsPlaceAgain) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  const auto first = harness.plan_for("d1");
  const auto second = harness.plan_for("d1");
  EXPECT_NE(first.token, second.token);
  harness.plan_for("d2");
  harness.plan_for("d3");
  harness.window_for("d4");
  EXPECT_FALSE(harness.outcome<proto::SessionEnd>(harness.exchange(first.token, Step::kJoin)).counted);
  const CallId join = harness.exchange(second.token, Step::kJoin);
  EXPECT_FALSE(harness.answered(join)) << "held until the cohort forms";
}

TEST(CheckIn, ADeviceThatJoinedAndComesAgainGivesItsPlaceBack) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 4));
  std::vector<CallId> joins;
  joins.push_back(harness.exchange(harness.plan_for("d0").token, Step::kJoin));
  EXPECT_TRUE(std::holds_alternative<proto::PlanOffer>(harness.check_in("d0"))) << "a place is left";
  EXPECT_FALSE(harness.outcome<proto::SessionEnd>(joins[0]).counted);
  for (int i = 1; i < 3; ++i) {
    joins.push_back(harness.exchange(harness.plan_for("d" + std::to_string(i)).token, Step::kJoin));
  }
  EXPECT_NE(harness.status().waiting_for.find("2 of 4 devices have joined"), std::string::npos);
  harness.plan_for("d5");
  harness.window_for("d6");
}

TEST(CheckIn, FillsTheRoundOfOneTaskBeforeThatOfTheNext) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 6);
  const TaskId first = harness.create(spec).id;
  spec.name = "other";
  const TaskId second = harness.create(spec).id;
  std::map<TaskId, int> given;
  for (int i = 0; i < 6; ++i)
    ++given[proto::decode_plan(harness.plan_for("d" + std::to_string(i)).plan)->task];
  EXPECT_EQ(given[first], 6);
  EXPECT_EQ(given[second], 0);
  for (int i = 6; i < 12; ++i)
    ++given[proto::decode_plan(harness.plan_for("d" + std::to_string(i)).plan)->task];
  EXPECT_EQ(given[second], 6);
}

TEST(CheckIn, PassesToAnotherTaskWhenOneIsFull) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  auto spec = task_spec(Aggregation::kPlain, 6);
  spec.name = "other";
  harness.create(spec);
  for (int i = 0; i < 9; ++i) harness.plan_for("d" + std::to_string(i));
  harness.window_for("d9");
}

TEST(CheckIn, ARoundWhoseOnlyDeviceWentElsewhereWaitsForOthers) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  harness.create(spec);
  spec.name = "other";
  harness.create(spec);
  harness.plan_for("d1");
  harness.plan_for("d1");  // the other task's turn
  EXPECT_EQ(harness.status().waiting_until_ms, 0);
  harness.advance(30'000);
  harness.plan_for("d2");
  harness.plan_for("d3");  // the other task's round is full
  harness.plan_for("d4");
  EXPECT_EQ(harness.status().waiting_until_ms, harness.now.ms + 60'000) << "counted from its first plan";
}

TEST(CheckIn, ADeviceThatLeavesAgainAndAgainWaitsLongerEachTime) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 5));
  harness.plan_for("other");  // the round stays
  harness.abandon(harness.plan_for("d1").token);
  std::int64_t wait_ms = 1'000;
  for (int turn = 0; turn < 4; ++turn, wait_ms *= 2) {
    harness.abandon(harness.plan_for("d1").token);  // the first failure cost it nothing
    const auto window = harness.window_for("d1");
    EXPECT_EQ(window.delay_min_ms, wait_ms);
    EXPECT_NE(window.reason.find("the last time: battery"), std::string::npos);
    harness.advance(wait_ms - 1);
    harness.window_for("d1");
    harness.advance(1);
  }
  EXPECT_TRUE(std::holds_alternative<proto::PlanOffer>(harness.check_in("d2"))) << "nobody else waits";
}

TEST(CheckIn, KeepsTheNumberOfSessionsBounded) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, limits::kSessionsMax);
  spec.over_selection = 2.0f;
  harness.create(spec);
  auto request = Harness::request("x");
  SessionToken newest;
  for (std::size_t i = 0; i < limits::kSessionsMax; ++i) {
    request.device_id = "d" + std::to_string(i);
    const auto reply = harness.take<proto::CheckInReply>(harness.call(CheckInEvent{{}, request}));
    const auto* offer = std::get_if<proto::PlanOffer>(&reply);
    ASSERT_NE(offer, nullptr) << i;
    newest = offer->token;
  }
  EXPECT_NE(harness.window_for("one-more").reason.find("as many devices as it can"), std::string::npos);
  harness.abandon(newest);
  harness.plan_for("one-more");  // what is remembered of sessions that have ended makes room
  EXPECT_NE(harness.window_for("another").reason.find("as many devices as it can"), std::string::npos);
}

TEST(CheckIn, AsksTheCrowdToComeBackWhenTheRoundShouldBeOver) {
  Harness harness;
  harness.create(task_spec(Aggregation::kPlain, 3));
  testing::Fleet fleet(harness, 3);
  fleet.check_in();
  harness.advance(20'000);  // training
  fleet.run();
  ASSERT_EQ(harness.status().rounds_committed, 1u);
  fleet.check_in();
  harness.advance(5'000);
  const auto window = harness.window_for("d9");
  EXPECT_NEAR(window.delay_min_ms, 15'000, 100) << "the last round took 20 s, this one has lasted 5 s";
}

TEST(CheckIn, APlanHoldsFromTheFirstOneGivenToItsRoundsLastDeadline) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 3));
  harness.advance(86'400'000);  // the round has been open for a day
  const proto::Plan plan = *proto::decode_plan(harness.plan_for("d1").plan);
  EXPECT_EQ(plan.issued_at, static_cast<std::uint64_t>(harness.now.ms) / 1000);
  EXPECT_EQ(plan.not_after, plan.issued_at + 60 + 4 * 5 + 1 + proto::kPlanSlackS);
  harness.advance(20'000);
  EXPECT_EQ(*proto::decode_plan(harness.plan_for("d2").plan), plan);
}

TEST(CheckIn, ThePlanOfTheLongestRoundHoldsNoLongerThanDevicesAllow) {
  Harness harness;
  proto::TaskSpec spec = task_spec(Aggregation::kSecure, 3);
  spec.report_within_ms = UINT32_MAX;
  spec.phase_deadline_ms = 86'400'000;
  harness.create(spec);
  const proto::Plan plan = *proto::decode_plan(harness.plan_for("d1").plan);
  EXPECT_EQ(proto::age_of(plan, plan.issued_at), proto::PlanAge::kCurrent);
}

TEST(CheckIn, ARoundWhosePlanCameBackIsReplacedByOneOfAnotherNumber) {
  Harness harness;
  auto spec = task_spec(Aggregation::kPlain, 3);
  harness.create(spec);
  spec.name = "other";
  harness.create(spec);
  const proto::Plan first = *proto::decode_plan(harness.plan_for("d1").plan);
  EXPECT_NE(proto::decode_plan(harness.plan_for("d1").plan)->task, first.task);
  for (const char* device : {"d2", "d3"}) harness.plan_for(device);  // the other task's round is full
  const proto::Plan second = *proto::decode_plan(harness.plan_for("d4").plan);
  EXPECT_EQ(second.task, first.task);
  EXPECT_EQ(second.round.value, first.round.value + 1) << "a number that was signed is not signed again";
}

TEST(CheckIn, PlansAreSignedOnceInARound) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 3));
  const proto::PlanOffer first = harness.plan_for("d1");
  ASSERT_TRUE(first.credential.has_value());
  EXPECT_TRUE(accepted(
      secagg::check_credential(*first.credential, {.role = secagg::Role::kCoordinator,
                                                   .trust = secagg::fleet_authority().public_key(),
                                                   .message = secagg::plan_statement(first.plan).bytes()})));
  EXPECT_EQ(harness.plan_for("d2").credential, first.credential);  // ECDSA: a second one would differ
}

TEST(CheckIn, DevicesAreShownTheAuthoritysBulletinUnlessTheyKnowIt) {
  Harness harness;
  harness.create(task_spec(Aggregation::kSecure, 4));
  EXPECT_TRUE(harness.plan_for("d0").bulletin.empty()) << "there is none yet";
  const std::vector<std::uint8_t> bulletin = secagg::signed_bulletin(
      secagg::fleet_authority(), {.edition = 3, .endorsements_from = 0, .revoked = {crypto::Digest{}}});
  harness.step(BulletinEvent{.bulletin = bulletin});
  EXPECT_TRUE(harness.noticed("edition 3 of the authority's bulletin is in force: 1 identities revoked",
                              NoticeAction::Level::kInfo));
  const auto shown_to = [&](const std::string& device, std::uint32_t edition) {
    proto::CheckInRequest request = Harness::request(device);
    request.bulletin_edition = edition;
    const auto challenge = std::get<proto::Challenge>(harness.check_in(request));
    proto::CheckInRequest signs = Harness::signed_request(device, challenge, device);
    signs.bulletin_edition = edition;
    return std::get<proto::PlanOffer>(harness.check_in(signs)).bulletin;
  };
  EXPECT_EQ(shown_to("d1", 0), bulletin);
  EXPECT_EQ(shown_to("d2", 2), bulletin);
  EXPECT_TRUE(shown_to("d3", 3).empty());
  harness.step(BulletinEvent{.problem = "bulletin.pem: it was set back"});
  EXPECT_TRUE(harness.noticed("it was set back", NoticeAction::Level::kWarning));
  EXPECT_EQ(shown_to("d1", 0), bulletin) << "the one in force stays";
}

TEST(CheckIn, ACoordinatorWithoutAnIdentitySignsNothingAndRefusesSignedSessions) {
  const auto store = make_memory_store();
  crypto::SeededRandom random(std::uint64_t{1});
  const auto coordinator = std::move(Coordinator::open({}, random, {}, Time{1}).value());
  CohortHost cohorts(random, {});
  InlineExecutor executor;
  InlineRunner runner(*coordinator, cohorts, *store, executor);
  const auto create = [&](proto::Adversary adversary) {
    auto spec = task_spec(Aggregation::kSecure, 3);
    spec.aggregation.adversary = adversary;
    return std::get<ReplyAction>(runner.step(CreateTaskEvent{{}, spec}, Time{1}).back()).body;
  };
  const auto refused = create(proto::Adversary::kSemiMalicious);
  ASSERT_TRUE(std::holds_alternative<Status>(refused));
  EXPECT_EQ(std::get<Status>(refused).code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(std::holds_alternative<Status>(create(proto::Adversary::kCurious)));
  const auto actions = runner.step(CheckInEvent{{}, Harness::request("d1")}, Time{1});
  const auto reply = std::get<proto::CheckInReply>(std::get<ReplyAction>(actions.at(0)).body);
  EXPECT_FALSE(std::get<proto::PlanOffer>(reply).credential.has_value());
}

}  // namespace
}  // namespace sotto::server
