// Who is given a place: devices that have shown who they are, once each, whatever strangers and copies do.
#include <gmock/gmock.h>

#include "coordinator/access_key.h"
#include "coordinator_harness.h"
#include "support/bulletins.h"

namespace sotto::server {
namespace {

using proto::Aggregation;
using proto::Step;
using testing::Device;
using testing::Harness;
using ::testing::HasSubstr;
using testing::task_spec;
using Level = NoticeAction::Level;

class Strangers : public ::testing::Test {
 protected:
  proto::Challenge challenge_for(const std::string& device) {
    const proto::CheckInReply reply = harness_.check_in(Harness::request(device));
    const auto* challenge = std::get_if<proto::Challenge>(&reply);
    EXPECT_NE(challenge, nullptr) << device << " was not asked to sign";
    return challenge == nullptr ? proto::Challenge{} : *challenge;
  }
  // The coordinator's word for a check-in that it refuses.
  Status refused(const proto::CheckInRequest& request) {
    return harness_.take<Status>(harness_.call(CheckInEvent{{}, request, "here"}));
  }
  static bool asks(const proto::CheckInReply& reply) {
    return std::holds_alternative<proto::Challenge>(reply);
  }
  static bool gives(const proto::CheckInReply& reply) {
    return std::holds_alternative<proto::PlanOffer>(reply);
  }
  int warnings(const std::string& words) const {
    int count = 0;
    for (const NoticeAction& notice : harness_.notices) {
      count += notice.level == Level::kWarning && notice.text.find(words) != std::string::npos ? 1 : 0;
    }
    return count;
  }
  std::string waiting_for() { return harness_.status().waiting_for; }
  std::vector<proto::DeviceStatus> shown_devices(const std::string& device) {
    return harness_.take<std::vector<proto::DeviceStatus>>(
        harness_.call(ListDevicesEvent{{}, {.device = device}}));
  }

  Harness harness_;
};

TEST_F(Strangers, AreAskedToSignAndHoldNoPlace) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  for (int i = 0; i < 50; ++i) static_cast<void>(challenge_for("stranger-" + std::to_string(i)));
  EXPECT_THAT(waiting_for(), HasSubstr("0 of 4 plans given"));
  for (int i = 0; i < 4; ++i) harness_.plan_for("d" + std::to_string(i));
}

TEST_F(Strangers, WithoutAKeyAreToldWhatTheTaskAsksFor) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  proto::CheckInRequest request = Harness::request("stranger");
  request.enrolled = false;
  const Status status = refused(request);
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("task 'gait' takes enrolled devices only"));
}

TEST_F(Strangers, DoNotFillTheLogNorBlindIt) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const proto::Challenge challenge = challenge_for("d0");
  for (std::uint8_t i = 0; i < 200; ++i) {
    proto::CheckInRequest request = Harness::signed_request("d0", challenge, "d0");
    request.proof->credential.key[5] = i;  // an identity that nobody has
    request.proof->credential.signature[0] ^= 1;
    EXPECT_EQ(harness_
                  .take<Status>(harness_.call(
                      CheckInEvent{{}, request, "ipv4:127.0.0.1:" + std::to_string(i), "127.0.0.1"}))
                  .code(),
              StatusCode::kPermissionDenied);
  }
  EXPECT_EQ(warnings("is turned away"), 1);
  proto::CheckInRequest elsewhere = Harness::signed_request("d0", challenge, "d0");
  elsewhere.proof->credential.signature[0] ^= 1;
  static_cast<void>(
      harness_.take<Status>(harness_.call(CheckInEvent{{}, elsewhere, "ipv4:127.0.0.1:9", "192.0.2.7"})));
  EXPECT_EQ(warnings("is turned away"), 2) << "by the door's word for the caller, not by its connection";
  proto::CheckInRequest keyless = Harness::request("nobody");
  keyless.enrolled = false;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(refused(keyless).code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(warnings("'nobody' at here shows no identity"), 1);
}

TEST_F(Strangers, ThatSignForATaskThatIsNotThereAreToldSo) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  proto::Challenge challenge = challenge_for("d0");
  challenge.task = TaskId{99};
  const auto reply = harness_.check_in(Harness::signed_request("d0", challenge, "d0"));
  EXPECT_THAT(std::get<proto::RetryWindow>(reply).reason, HasSubstr("is not there"));
}

TEST_F(Strangers, ThatAreAuthorisedForNothingStillHearOfTasksThatTakeThem) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  proto::TaskSpec open = task_spec(Aggregation::kPlain, 4);
  open.name = "open";
  harness_.create(open);
  proto::CheckInRequest request = Harness::request("stranger");
  request.enrolled = false;
  EXPECT_TRUE(gives(harness_.check_in(request)));
}

TEST_F(Strangers, AreNotAskedToSignWhenThereIsNoPlace) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  for (int i = 0; i < 4; ++i) harness_.plan_for("d" + std::to_string(i));
  EXPECT_THAT(harness_.window_for("stranger").reason, HasSubstr("all 4 plans of round 1 are given"));
}

TEST_F(Strangers, ASignatureIsGoodForOneCheckIn) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const auto signs = Harness::signed_request("d0", challenge_for("d0"), "d0");
  EXPECT_TRUE(gives(harness_.check_in(signs)));
  EXPECT_TRUE(asks(harness_.check_in(signs))) << "the same bytes again";
}

TEST_F(Strangers, ASignatureThatIsBeingVerifiedTwiceIsGoodForOneCheckIn) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const auto signs = Harness::signed_request("d0", challenge_for("d0"), "d0");
  harness_.verifying_is_late = true;
  const CallId first = harness_.call(CheckInEvent{{}, signs, "here"});
  const CallId second = harness_.call(CheckInEvent{{}, signs, "there"});
  EXPECT_FALSE(harness_.answered(first));
  harness_.step(harness_.verified());
  harness_.step(harness_.verified());
  EXPECT_TRUE(gives(harness_.take<proto::CheckInReply>(first)));
  EXPECT_TRUE(asks(harness_.take<proto::CheckInReply>(second)));
}

TEST_F(Strangers, ASignatureThatComesTwiceForATaskOfAnybodyGivesOnePass) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  proto::TaskSpec open = task_spec(Aggregation::kPlain, 4);
  open.name = "open";
  proto::Challenge challenge = challenge_for("d0");
  challenge.task = harness_.create(open).id;
  const auto signs = Harness::signed_request("d0", challenge, "d0");
  harness_.verifying_is_late = true;
  const CallId first = harness_.call(CheckInEvent{{}, signs, "here"});
  const CallId second = harness_.call(CheckInEvent{{}, signs, "there"});
  harness_.step(harness_.verified());
  harness_.step(harness_.verified());
  const auto pass_of = [&](CallId call) {
    const auto reply = harness_.take<proto::CheckInReply>(call);
    return std::get<proto::PlanOffer>(reply).pass;
  };
  EXPECT_FALSE(pass_of(first).empty());
  EXPECT_TRUE(pass_of(second).empty()) << "of somebody who has shown nothing";
}

TEST_F(Strangers, AChallengeIsForOneDeviceForAMinute) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const proto::Challenge challenge = challenge_for("d0");
  EXPECT_TRUE(asks(harness_.check_in(Harness::signed_request("d1", challenge, "d1"))));
  harness_.now = harness_.now + AccessKey::kChallengeHolds;
  EXPECT_TRUE(asks(harness_.check_in(Harness::signed_request("d0", challenge, "d0"))));
  const proto::Challenge later = challenge_for("d0");
  harness_.now = Time{harness_.now.ms + AccessKey::kChallengeHolds.count() - 1};
  EXPECT_TRUE(gives(harness_.check_in(Harness::signed_request("d0", later, "d0"))));
}

TEST_F(Strangers, AChallengeOfAnotherCoordinatorOrOfNobodyIsAskedAnew) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  proto::Challenge forged = challenge_for("d0");
  forged.challenge.back() ^= 1;
  EXPECT_TRUE(asks(harness_.check_in(Harness::signed_request("d0", forged, "d0"))));
  const proto::Challenge old = challenge_for("d0");
  harness_.restart();
  EXPECT_TRUE(asks(harness_.check_in(Harness::signed_request("d0", old, "d0"))));
  forged.challenge.clear();
  EXPECT_TRUE(asks(harness_.check_in(Harness::signed_request("d0", forged, "d0"))));
}

TEST_F(Strangers, ASignatureForAnotherTaskCoordinatorOrDeviceIsRefused) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const auto with = [&](auto change) {
    proto::Challenge challenge = challenge_for("d0");
    const proto::Challenge given = challenge;
    std::string key = "d0";
    change(challenge, key);
    proto::CheckInRequest request = Harness::signed_request("d0", challenge, key);
    request.proof->challenge = given.challenge;
    request.proof->task = given.task;
    return refused(request).code();
  };
  EXPECT_EQ(with([](auto& challenge, auto&) { challenge.task = TaskId{9}; }), StatusCode::kPermissionDenied);
  EXPECT_EQ(with([](auto& challenge, auto&) { challenge.coordinator[0] ^= 1; }),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(with([](auto& challenge, auto&) { challenge.challenge[0] ^= 1; }), StatusCode::kPermissionDenied);
  proto::CheckInRequest other = Harness::signed_request("d0", challenge_for("d0"), "d0");
  other.proof->credential.key = secagg::enrolled_device("d1").signer.public_key();
  EXPECT_EQ(refused(other).code(), StatusCode::kPermissionDenied) << "another's key";
  EXPECT_EQ(warnings("calls itself 'd0'"), 1) << "once, whatever identities it shows";
  EXPECT_THAT(waiting_for(), HasSubstr("0 of 4 plans given"));
}

TEST_F(Strangers, AnUnverifiedCheckInThatIsCancelledTakesNoPlace) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const auto signs = Harness::signed_request("d0", challenge_for("d0"), "d0");
  harness_.verifying_is_late = true;
  const CallId call = harness_.call(CheckInEvent{{}, signs, "here"});
  harness_.step(CallCancelledEvent{call});
  harness_.step(harness_.verified());
  EXPECT_FALSE(harness_.answered(call));
  EXPECT_THAT(waiting_for(), HasSubstr("0 of 4 plans given"));
}

TEST_F(Strangers, CheckInsBeyondWhatCanBeVerifiedAreSentAway) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const auto signs = Harness::signed_request("d0", challenge_for("d0"), "d0");
  harness_.verifying_is_late = true;
  for (std::size_t i = 0; i < limits::kVerificationsMax; ++i) {
    harness_.call(CheckInEvent{{}, signs, "here"});
  }
  const auto reply = harness_.check_in(signs);
  EXPECT_THAT(std::get<proto::RetryWindow>(reply).reason, HasSubstr("overloaded"));
}

TEST_F(Strangers, APassSparesTheSignatureForTwelveHours) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const proto::PlanOffer offer = harness_.plan_for("d0");
  EXPECT_FALSE(offer.pass.empty());
  harness_.abandon(offer.token);
  proto::CheckInRequest shows = Harness::request("d0");
  shows.pass = offer.pass;
  const auto again = harness_.check_in(shows);
  ASSERT_TRUE(gives(again)) << "it is known by its pass";
  harness_.abandon(std::get<proto::PlanOffer>(again).token);
  shows.device_id = "renamed";
  EXPECT_THAT(std::get<proto::RetryWindow>(harness_.check_in(shows)).reason,
              HasSubstr("failed 2 times in a row"));
  harness_.now = Time{harness_.now.ms + AccessKey::kPassHolds.count() - 1};
  harness_.step(TickEvent{});
  const auto reply = harness_.check_in(shows);
  EXPECT_TRUE(gives(reply)) << "a round later";
  EXPECT_TRUE(std::get<proto::PlanOffer>(reply).pass.empty())
      << "a pass is not prolonged without a signature";
  harness_.now = Time{harness_.now.ms + 1};
  EXPECT_TRUE(asks(harness_.check_in(shows)));
}

TEST_F(Strangers, APassThatIsForgedOrOlderThanTheCoordinatorIsNone) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  proto::CheckInRequest shows = Harness::request("d0");
  shows.pass = harness_.plan_for("d0").pass;
  for (const std::size_t place : {std::size_t{0}, std::size_t{8}, shows.pass.size() - 1}) {
    proto::CheckInRequest forged = shows;
    forged.pass[place] ^= 1;
    EXPECT_TRUE(asks(harness_.check_in(forged))) << place;
  }
  harness_.restart();
  EXPECT_TRUE(asks(harness_.check_in(shows)));
}

TEST_F(Strangers, NobodyEvictsADeviceByItsLabel) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const proto::PlanOffer offer = harness_.plan_for("d0");
  static_cast<void>(challenge_for("d0"));
  proto::CheckInRequest keyless = Harness::request("d0");
  keyless.enrolled = false;
  EXPECT_EQ(refused(keyless).code(), StatusCode::kPermissionDenied);
  // The same label, another identity: a device of its own.
  EXPECT_TRUE(gives(harness_.check_in("d0", "d1", "there")));
  const CallId call = harness_.call(FetchModelEvent{
      {}, {.token = offer.token, .task = TaskId{1}, .version = ModelVersion{0}, .offset = 0}});
  EXPECT_FALSE(harness_.take<proto::ModelChunk>(call).bytes.empty()) << "its session goes on";
}

TEST_F(Strangers, TwoIdentitiesWithOneLabelAreNamedOnce) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  for (const char* key : {"d1", "d2", "d3"}) EXPECT_TRUE(gives(harness_.check_in("kitchen", key, key)));
  EXPECT_EQ(warnings("two devices call themselves 'kitchen', at d1 and at d2"), 1);
  EXPECT_EQ(warnings("kitchen"), 1);
  EXPECT_THAT(waiting_for(), HasSubstr("3 of 4 plans given"));
}

TEST_F(Strangers, ADeviceThatLostPowerGetsItsPlaceBackFromAFullRound) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  for (int i = 0; i < 4; ++i) harness_.plan_for("d" + std::to_string(i));
  harness_.plan_for("d0");
  EXPECT_THAT(waiting_for(), HasSubstr("4 of 4 plans given"));
}

TEST_F(Strangers, ACopyOfADeviceIsStoppedNamedOnceAndUsesUpNoPlan) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const proto::PlanOffer first = harness_.plan_for("d0");
  EXPECT_TRUE(gives(harness_.check_in("d0", "", "there")));
  EXPECT_TRUE(gives(harness_.check_in("d0", "", "here")));
  EXPECT_EQ(warnings("d0"), 0) << "a device may lose power, twice a round";
  for (int i = 0; i < 3; ++i) {
    const auto reply = harness_.check_in("d0", "", "there");
    EXPECT_THAT(std::get<proto::RetryWindow>(reply).reason, HasSubstr("another one goes by its name"));
  }
  EXPECT_EQ(warnings("device 'd0' takes part from here and, at the same time, from there"), 1);
  EXPECT_THAT(waiting_for(), HasSubstr("1 of 4 plans given"));
  EXPECT_TRUE(std::holds_alternative<proto::SessionEnd>(
      harness_.take<proto::ExchangeReply>(harness_.exchange(first.token, Step::kJoin))));
}

TEST_F(Strangers, ACopyIsNamedWhenTheSessionThatItReplacedGoesOn) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const proto::PlanOffer first = harness_.plan_for("d0");
  EXPECT_TRUE(gives(harness_.check_in("d0", "", "there")));
  EXPECT_EQ(warnings("d0"), 0);
  static_cast<void>(harness_.outcome<proto::SessionEnd>(harness_.exchange(first.token, Step::kJoin)));
  static_cast<void>(harness_.outcome<proto::SessionEnd>(harness_.exchange(first.token, Step::kJoin)));
  EXPECT_EQ(warnings("device 'd0' takes part from here and, at the same time, from there"), 1);
}

TEST_F(Strangers, ARevokedDeviceIsTurnedAwayWithAndWithoutItsPass) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  proto::CheckInRequest shows = Harness::request("d0");
  shows.pass = harness_.plan_for("d0").pass;
  const crypto::Digest identity = secagg::identity_of(secagg::enrolled_device("d0").signer.public_key());
  harness_.step(BulletinEvent{
      .bulletin = secagg::signed_bulletin(secagg::fleet_authority(),
                                          {.edition = 1, .endorsements_from = 0, .revoked = {identity}})});
  EXPECT_EQ(refused(shows).code(), StatusCode::kPermissionDenied);
  const Status status = refused(Harness::signed_request("d0", challenge_for("d0"), "d0"));
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("revoked"));
  EXPECT_EQ(warnings("calls itself 'd0'"), 1);
  EXPECT_EQ(warnings("revoked"), 1);
  const auto shown = shown_devices("d0");
  ASSERT_EQ(shown.size(), 2u) << "and its session of before, which goes on until its cohort forms";
  EXPECT_EQ(shown[1].state, proto::DeviceState::kTraining);
  EXPECT_EQ(shown[0].state, proto::DeviceState::kTurnedAway);
  EXPECT_THAT(shown[0].reason, HasSubstr("revoked"));
  EXPECT_EQ(shown[0].failures, 2u);
}

TEST_F(Strangers, OfAnotherAuthorityAreShownAsTurnedAwayUntilTheyAreLetIn) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  auto request = Harness::signed_request("d0", challenge_for("d0"), "d0");
  request.proof->credential.endorsement.signature[5] ^= 1;  // by nobody whom this fleet knows
  EXPECT_EQ(refused(request).code(), StatusCode::kPermissionDenied);
  auto shown = shown_devices("d0");
  ASSERT_FALSE(shown.empty());
  EXPECT_EQ(shown[0].state, proto::DeviceState::kTurnedAway);
  EXPECT_EQ(shown[0].last_outcome, proto::DeviceOutcome::kRefused);
  EXPECT_NE(shown[0].reason, "");
  harness_.advance(1);
  EXPECT_TRUE(gives(harness_.check_in(Harness::signed_request("d0", challenge_for("d0"), "d0"))));
  shown = shown_devices("d0");
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0].state, proto::DeviceState::kTraining);
}

TEST_F(Strangers, AJoinCountsWhenItIsVerified) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  Device device("d0", 1);
  device.take_plan(harness_.plan_for("d0"));
  harness_.verifying_is_late = true;
  const CallId join = harness_.exchange(device.token, Step::kJoin, device.join_payload());
  EXPECT_THAT(waiting_for(), HasSubstr("0 of 4 devices have joined, 1 are training"));
  const CallId polled = harness_.poll(device.token, Step::kJoin);
  EXPECT_TRUE(harness_.answered(join)) << "it is told to keep waiting";
  harness_.step(harness_.verified());
  EXPECT_THAT(waiting_for(), HasSubstr("1 of 4 devices have joined, 0 are training"));
  EXPECT_FALSE(harness_.answered(polled));
}

TEST_F(Strangers, AJoinThatIsSignedByAnotherIdentityIsRefused) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const proto::PlanOffer offer = harness_.plan_for("d0");
  Device other("d1", 1);
  other.take_plan(offer);
  EXPECT_EQ(harness_.refusal(harness_.exchange(offer.token, Step::kJoin, other.join_payload())),
            Rejection::kBadSignature);
  EXPECT_THAT(waiting_for(), HasSubstr("0 of 4 devices have joined, 0 are training"));
}

TEST_F(Strangers, AJoinWhoseSignatureIsWrongIsRefusedAndNamed) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  Device device("d0", 1);
  device.take_plan(harness_.plan_for("d0"));
  std::vector<std::uint8_t> payload = device.join_payload();
  payload.back() ^= 1;
  EXPECT_EQ(harness_.refusal(harness_.exchange(device.token, Step::kJoin, payload)),
            Rejection::kBadSignature);
  EXPECT_EQ(warnings("calls itself 'd0'"), 1);
  EXPECT_THAT(harness_.window_for("d0").reason, HasSubstr("left the present round"));
}

TEST_F(Strangers, AJoinThatIsVerifiedTooLateEndsItsSession) {
  proto::TaskSpec spec = task_spec(Aggregation::kSecure, 5);
  spec.over_selection = 1.2f;
  harness_.create(spec);
  testing::Fleet fleet(harness_, 6);
  fleet.check_in();
  harness_.verifying_is_late = true;
  std::vector<CallId> joins;
  for (auto& device : fleet.devices) {
    joins.push_back(harness_.exchange(device->token, Step::kJoin, device->join_payload()));
  }
  for (int i = 0; i < 5; ++i) harness_.step(harness_.verified());
  EXPECT_FALSE(harness_.answered(joins[5]));
  harness_.step(harness_.verified());
  EXPECT_THAT(harness_.outcome<proto::SessionEnd>(joins[5]).outcome, HasSubstr("it joined too late"));
}

TEST_F(Strangers, AVerdictOnADeviceThatHasLeftIsNothing) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  Device device("d0", 1);
  device.take_plan(harness_.plan_for("d0"));
  harness_.verifying_is_late = true;
  const CallId join = harness_.exchange(device.token, Step::kJoin, device.join_payload());
  harness_.abandon(device.token);
  static_cast<void>(harness_.outcome<proto::SessionEnd>(join));
  harness_.step(harness_.verified());
  EXPECT_THAT(waiting_for(), HasSubstr("0 of 4 devices have joined, 0 are training"));
}

TEST_F(Strangers, ADeviceThatIsRevokedAfterItsJoinIsNotInItsCohort) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  testing::Fleet fleet(harness_, 4);
  fleet.check_in();
  std::vector<CallId> joins;
  for (std::size_t i = 0; i < 3; ++i) {
    Device& device = *fleet.devices[i];
    joins.push_back(harness_.exchange(device.token, Step::kJoin, device.join_payload()));
  }
  const crypto::Digest identity =
      secagg::identity_of(secagg::enrolled_device(fleet.devices[0]->name).signer.public_key());
  harness_.step(BulletinEvent{
      .bulletin = secagg::signed_bulletin(secagg::fleet_authority(),
                                          {.edition = 1, .endorsements_from = 0, .revoked = {identity}})});
  Device& last = *fleet.devices[3];
  joins.push_back(harness_.exchange(last.token, Step::kJoin, last.join_payload()));
  EXPECT_EQ(harness_.refusal(joins[0]), Rejection::kRevoked);
  EXPECT_EQ(harness_.outcome<proto::NextStep>(joins[1]).next, Step::kShare);
}

TEST_F(Strangers, FetchNoModel) {
  harness_.create(task_spec(Aggregation::kSecure, 4));
  const auto fetch = [&](const SessionToken& token, std::uint64_t task, std::uint64_t version) {
    return harness_.call(FetchModelEvent{
        {}, {.token = token, .task = TaskId{task}, .version = ModelVersion{version}, .offset = 0}});
  };
  const proto::PlanOffer offer = harness_.plan_for("d0");
  EXPECT_EQ(harness_.take<Status>(fetch({}, 1, 0)).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(harness_.take<Status>(fetch(offer.token, 2, 0)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(harness_.take<Status>(fetch(offer.token, 1, 1)).code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(harness_.take<proto::ModelChunk>(fetch(offer.token, 1, 0)).bytes.empty());
  harness_.abandon(offer.token);
  EXPECT_EQ(harness_.take<Status>(fetch(offer.token, 1, 0)).code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace sotto::server
