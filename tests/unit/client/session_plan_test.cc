// Which plans a device follows.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <tuple>
#include <utility>

#include "session_script.h"
#include "sotto/base/limits.h"
#include "support/bulletins.h"
#include "support/enrolment.h"

namespace sotto::client {
namespace {

using proto::Aggregation;
using testing::HasSubstr;

TEST(SessionPlan, UnmaskedKindsAreRefusedUnlessTheOwnerAllowedThem) {
  for (const Aggregation kind : {Aggregation::kPlain, Aggregation::kFloat}) {
    SessionOptions options = device_options();
    options.allow_unmasked = SessionOptions{}.allow_unmasked;
    SessionScript script(Task(kind), options);
    (void)script.session.start(script.now);
    expect_left(script, script.offer_plan(), StatusCode::kPermissionDenied, "allow_unmasked is off");
    EXPECT_EQ(script.session.plan(), nullptr);
  }
}

TEST(SessionPlan, CohortsBelowTheDevicesOwnMinimumAreRefused) {
  SessionOptions options = device_options();
  options.cohort_min = 4;
  SessionScript script(Task(Aggregation::kSecure), options);
  (void)script.session.start(script.now);
  expect_left(script, script.offer_plan(), StatusCode::kPermissionDenied, "no cohort below 4");
}

// A task whose input is `input`, at a device whose own is `own`.
void expect_input(const proto::InputSchema& input, const proto::InputSchema& own, const char* refusal) {
  Task task(Aggregation::kSecure);
  task.plan.model.input = input;
  task.plan_bytes = proto::encode_plan(task.plan);
  SessionOptions options = device_options();
  options.input = own;
  SessionScript script(std::move(task), options);
  (void)script.session.start(script.now);
  if (refusal == nullptr) {
    (void)sent<proto::FetchModelRequest>(script.offer_plan());
  } else {
    expect_left(script, script.offer_plan(), StatusCode::kFailedPrecondition,
                std::string("plan refused: ") + refusal);
  }
}

TEST(SessionPlan, AnotherInputThanTheDevicesIsRefusedWithBothValues) {
  expect_input({.features = "window"}, {.features = "picture"},
               "input.features is \"window\" in the task, \"picture\" on this device");
  expect_input({.unit = "g"}, {.unit = "m/s2"}, "input.unit is \"g\" in the task, \"m/s2\" on this device");
  expect_input({.front_end = "9f86"}, {.front_end = "9f87"},
               "input.front_end is \"9f86\" in the task, \"9f87\" on this device");
  const std::size_t classes = Task(Aggregation::kSecure).plan.model.classes;
  ASSERT_EQ(classes, 2u);
  expect_input({.labels = "walk,run"}, {.labels = "walk,sit"},
               "input.labels: class 1 is \"run\" in the task, \"sit\" on this device");
  expect_input({.labels = "walk,run"}, {.labels = "walk"}, "input.labels: the task has more classes");
  expect_input({.labels = "walk,run"}, {.labels = "walk,run,sit"},
               "input.labels: this device has more classes");
}

TEST(SessionPlan, AnInputThatOneSideDoesNotNameIsNotCompared) {
  const proto::InputSchema whole{
      .features = "window", .unit = "g", .labels = "walk,run", .front_end = "9f86"};
  expect_input(whole, {}, nullptr);
  expect_input({}, whole, nullptr);
  expect_input(whole, whole, nullptr);
}

TEST(SessionPlan, AnotherNumberOfFeaturesIsRefusedBeforeTheModelIsFetched) {
  SessionOptions options = device_options();
  options.features = Task(Aggregation::kSecure).plan.model.features + 1;
  SessionScript script(Task(Aggregation::kSecure), options);
  (void)script.session.start(script.now);
  expect_left(script, script.offer_plan(), StatusCode::kFailedPrecondition,
              fmt::format("the task's examples have {} features, this device's {}", options.features - 1,
                          options.features));
}

Task task_of_times(std::uint64_t issued_at, std::uint64_t not_after) {
  Task task(Aggregation::kSecure);
  task.plan.issued_at = issued_at;
  task.plan.not_after = not_after;
  task.plan_bytes = proto::encode_plan(task.plan);
  return task;
}

TEST(SessionPlan, OldPlansAndThoseOfTheFutureAreRefused) {
  using Case = std::tuple<std::uint64_t, std::uint64_t, const char*>;
  for (const auto& [issued_at, not_after, what] :
       {Case{0, 999, "the plan ended at 1970-01-01T00:16:39Z, it is 1970-01-01T00:16:40Z here"},
        Case{1301, 2000, "the plan was signed at 1970-01-01T00:21:41Z, it is 1970-01-01T00:16:40Z"},
        Case{0, 60 * 86'400 + 1, "the plan holds from 1970-01-01T00:00:00Z to 1970-03-02T00:00:01Z"}}) {
    SessionScript script(task_of_times(issued_at, not_after));  // at 1000 s
    (void)script.session.start(script.now);
    expect_left(script, script.offer_plan(), StatusCode::kFailedPrecondition,
                std::string("plan refused: ") + what);
  }
}

TEST(SessionPlan, WithinTheClocksToleranceIsTaken) {
  using Times = std::pair<std::uint64_t, std::uint64_t>;
  for (const auto& [issued_at, not_after] : {Times{0, 1000}, Times{1300, 2000}, Times{0, 60 * 86'400}}) {
    SessionScript script(task_of_times(issued_at, not_after));
    (void)script.session.start(script.now);
    (void)sent<proto::FetchModelRequest>(script.offer_plan());
  }
}

TEST(SessionPlan, ADeviceWithoutAClockLooksAtNoTimes) {
  SessionOptions options = device_options();
  options.has_clock = false;
  SessionScript script(task_of_times(0, 999), options);
  (void)script.session.start(script.now);
  (void)sent<proto::FetchModelRequest>(script.offer_plan());
}

// A secure task whose plan was edited.
Task edited_task(void (*edit)(proto::AggregationSpec&)) {
  Task task(Aggregation::kSecure);
  edit(task.plan.aggregation);
  task.plan_bytes = proto::encode_plan(task.plan);
  return task;
}

Task curious_task() {
  return edited_task([](proto::AggregationSpec& spec) { spec.adversary = proto::Adversary::kCurious; });
}

TEST(SessionPlan, CuriousTasksAreRefusedUnlessTheOwnerAllowedThem) {
  SessionOptions options = device_options();
  options.allow_curious = SessionOptions{}.allow_curious;
  SessionScript script(curious_task(), options);
  (void)script.session.start(script.now);
  expect_left(script, script.offer_plan(), StatusCode::kPermissionDenied, "allow_curious is off");
  EXPECT_TRUE(as<Session::Done>(script.session.on_timer(script.now)).plan_refused) << "another may do";

  SessionScript allowed(curious_task());
  EXPECT_EQ(sent<proto::ExchangeRequest>(allowed.join()).payload.size(), 64u);
}

TEST(SessionPlan, SignedSessionsNeedAnIdentity) {
  SessionOptions options = device_options();
  options.identity = nullptr;
  SessionScript script(Task(Aggregation::kSecure), options);
  (void)script.session.start(script.now);
  expect_left(script, script.offer_plan(), StatusCode::kPermissionDenied, "enrolled devices only");
}

TEST(SessionPlan, ADeviceWithoutAnIdentityServesWhatItsOwnerAllowed) {
  SessionOptions options = device_options();
  options.identity = nullptr;
  for (const Task& task : {curious_task(), Task(Aggregation::kPlain), Task(Aggregation::kFloat)}) {
    SessionScript script(task, options);
    (void)sent<proto::ExchangeRequest>(script.join());
  }
}

TEST(SessionPlan, TasksThatWithstandTooFewColludingDevicesAreRefused) {
  const auto offer_is_taken = [](float minimum) {
    SessionOptions options = device_options();
    options.corrupt_fraction_min = minimum;
    SessionScript script(edited_task([](proto::AggregationSpec& spec) { spec.corrupt_fraction = 0.2f; }),
                         options);
    (void)script.session.start(script.now);
    const Session::Action action = script.offer_plan();
    if (const Request request = as<Session::Send>(action).request;
        std::holds_alternative<proto::FetchModelRequest>(request)) {
      return true;
    }
    expect_left(script, action, StatusCode::kPermissionDenied, "corrupt_fraction of 0.2");
    return false;
  };
  EXPECT_TRUE(offer_is_taken(0));
  EXPECT_TRUE(offer_is_taken(0.2f));
  EXPECT_FALSE(offer_is_taken(0.21f));
}

// Offers a plan with this credential to a device that takes signed ones.
void expect_credential_refused(const Task& task, std::optional<secagg::Credential> credential,
                               const std::string& what) {
  SessionScript script(task);
  (void)script.session.start(script.now);
  proto::PlanOffer offer = task.offer(kToken);
  offer.credential = credential;
  expect_left(script, script.reply(proto::CheckInReply(offer)), StatusCode::kPermissionDenied, what);
  EXPECT_FALSE(as<Session::Done>(script.session.on_timer(script.now)).plan_refused) << "no plan will do";
}

secagg::Credential sign(const secagg::Identity& identity, const secagg::PlanStatement& statement) {
  return secagg::make_credential(identity.signer, identity.endorsement, statement);
}

TEST(SessionPlan, OnlyACoordinatorOfTheDevicesAuthorityMayOfferPlans) {
  const char* wrong = "not signed by a coordinator that this device's authority endorsed";
  using secagg::Role;
  for (const Aggregation kind : {Aggregation::kSecure, Aggregation::kPlain}) {
    const Task task(kind);
    const secagg::PlanStatement statement = secagg::plan_statement(task.plan_bytes);
    expect_credential_refused(task, std::nullopt, "did not sign its plan");
    secagg::KeySigner stranger(secagg::numbered_key(77));
    const secagg::Identity& coordinator = secagg::enrolled_coordinator();
    const secagg::Identity strangers{
        coordinator.signer,
        secagg::endorse(stranger, Role::kCoordinator, coordinator.signer.public_key(), {}),
        stranger.public_key()};
    expect_credential_refused(task, sign(strangers, statement), wrong);
    // A device is endorsed by the right authority, for another role.
    expect_credential_refused(task, sign(secagg::enrolled_device("kitchen-8"), statement), wrong);
    secagg::Credential damaged = *task.offer(kToken).credential;
    damaged.signature[9] ^= 1;
    expect_credential_refused(task, damaged, wrong);
  }
}

TEST(SessionPlan, ACoordinatorWhoseEndorsementHasEndedOffersNothing) {
  const Task task(Aggregation::kPlain);
  const secagg::Identity& coordinator = secagg::enrolled_coordinator();
  const auto until = [&](std::uint64_t expires_at) {
    const secagg::Endorsement endorsement =
        secagg::endorse(secagg::fleet_authority(), secagg::Role::kCoordinator,
                        coordinator.signer.public_key(), {.expires_at = expires_at});
    return secagg::make_credential(coordinator.signer, endorsement, secagg::plan_statement(task.plan_bytes));
  };
  const std::uint64_t now = unix_seconds(SessionScript(task).now);
  ASSERT_GT(now, 0u);
  expect_credential_refused(task, until(now), "coordinator that signed the plan has ended");
  SessionScript script(task);
  (void)script.session.start(script.now);
  proto::PlanOffer offer = task.offer(kToken);
  offer.credential = until(now + 1);
  (void)sent<proto::FetchModelRequest>(script.reply(proto::CheckInReply(offer)));
}

TEST(SessionPlan, AnEndorsementIsVerifiedOnceAndEndsAllTheSame) {
  const Task task(Aggregation::kPlain);
  std::vector<crypto::Digest> room(4);
  secagg::EndorsementMemory verified(room);
  secagg::Identity device = secagg::enrolled_device("kitchen-7");
  device.verified = &verified;
  SessionOptions options = device_options();
  options.identity = &device;
  const std::uint64_t expires_at = unix_seconds(SessionScript(task).now) + 1;
  const secagg::Identity& coordinator = secagg::enrolled_coordinator();
  proto::PlanOffer offer = task.offer(kToken);
  const secagg::Endorsement endorsement =
      secagg::endorse(secagg::fleet_authority(), secagg::Role::kCoordinator, coordinator.signer.public_key(),
                      {.expires_at = expires_at});
  offer.credential =
      secagg::make_credential(coordinator.signer, endorsement, secagg::plan_statement(task.plan_bytes));
  for (int session = 0; session < 2; ++session) {
    SessionScript script(task, options);
    (void)script.session.start(script.now);
    (void)sent<proto::FetchModelRequest>(script.reply(proto::CheckInReply(offer)));
    EXPECT_NE(room[0], crypto::Digest{});
    EXPECT_EQ(room[1], crypto::Digest{});
  }
  SessionScript later(task, options);
  later.now = later.now + std::chrono::seconds(1);
  (void)later.session.start(later.now);
  expect_left(later, later.reply(proto::CheckInReply(offer)), StatusCode::kPermissionDenied,
              "coordinator that signed the plan has ended");
}

const proto::Challenge kChallenge{
    {1, 2, 3}, TaskId{5}, secagg::identity_of(secagg::enrolled_coordinator().signer.public_key())};

TEST(SessionCheckIn, SignsWhatItIsChallengedTo) {
  SessionScript script{Task(Aggregation::kPlain)};
  const auto first = sent<proto::CheckInRequest>(script.session.start(script.now));
  EXPECT_TRUE(first.enrolled);
  EXPECT_FALSE(first.proof.has_value());
  const auto second = sent<proto::CheckInRequest>(script.reply(proto::CheckInReply(kChallenge)));
  ASSERT_TRUE(second.proof.has_value());
  EXPECT_EQ(second.proof->challenge, kChallenge.challenge);
  EXPECT_EQ(second.proof->task, kChallenge.task);
  EXPECT_EQ(second.device_id, first.device_id);
  const secagg::Statement statement = secagg::check_in_statement(kChallenge.coordinator, kChallenge.task,
                                                                 kChallenge.challenge, first.device_id);
  EXPECT_EQ(
      secagg::check_credential(second.proof->credential, {.role = secagg::Role::kDevice,
                                                          .trust = secagg::fleet_authority().public_key(),
                                                          .message = statement.bytes()}),
      Rejection::kNone);
  EXPECT_EQ(second.proof->credential.key, script.options.identity->signer.public_key());
  (void)sent<proto::FetchModelRequest>(script.offer_plan());
}

TEST(SessionCheckIn, ALostAnswerIsAskedForWithTheSameSignature) {
  SessionScript script{Task(Aggregation::kPlain)};
  (void)script.session.start(script.now);
  const auto signs = sent<proto::CheckInRequest>(script.reply(proto::CheckInReply(kChallenge)));
  const auto again = script.finish_wait(script.fail(StatusCode::kUnavailable));
  EXPECT_EQ(sent<proto::CheckInRequest>(again), signs);
}

TEST(SessionCheckIn, AfterARetryWindowItChecksInWithoutTheOldSignature) {
  SessionScript script{Task(Aggregation::kPlain)};
  (void)script.session.start(script.now);
  (void)script.reply(proto::CheckInReply(kChallenge));
  const auto again = script.finish_wait(script.reply(proto::CheckInReply(kWindow)));
  EXPECT_FALSE(sent<proto::CheckInRequest>(again).proof.has_value());
}

TEST(SessionCheckIn, OneChallengeAfterTheOtherIsAnsweredThreeTimesAndThenLeftAlone) {
  SessionScript script{Task(Aggregation::kPlain)};
  (void)script.session.start(script.now);
  for (int i = 0; i < 3; ++i) {
    (void)sent<proto::CheckInRequest>(script.reply(proto::CheckInReply(kChallenge)));
  }
  const auto wait = as<Session::Wait>(script.reply(proto::CheckInReply(kChallenge)));
  EXPECT_THAT(wait.reason, HasSubstr("one signature after the other"));
}

TEST(SessionCheckIn, ADeviceWithoutAnIdentityAnswersNoChallenge) {
  SessionOptions options = device_options();
  options.identity = nullptr;
  SessionScript script(Task(Aggregation::kPlain), options);
  EXPECT_FALSE(sent<proto::CheckInRequest>(script.session.start(script.now)).enrolled);
  (void)as<Session::Done>(script.reply(proto::CheckInReply(kChallenge)));
}

TEST(SessionCheckIn, ThePlanMustBeOfTheCoordinatorThatItSignedFor) {
  SessionScript script{Task(Aggregation::kPlain)};
  (void)script.session.start(script.now);
  proto::Challenge other = kChallenge;
  other.coordinator[0] ^= 1;
  (void)script.reply(proto::CheckInReply(other));
  expect_left(script, script.offer_plan(), StatusCode::kPermissionDenied, "another coordinator signed it");
}

TEST(SessionCheckIn, ShowsItsPassUntilItIsChallenged) {
  SessionOptions options = device_options();
  options.pass = {7, 7};
  SessionScript script(Task(Aggregation::kPlain), options);
  EXPECT_EQ(sent<proto::CheckInRequest>(script.session.start(script.now)).pass, options.pass);
  const auto again = script.finish_wait(script.reply(proto::CheckInReply(kWindow)));
  EXPECT_EQ(sent<proto::CheckInRequest>(again).pass, options.pass);
  EXPECT_EQ(script.session.pass(), options.pass);
  EXPECT_TRUE(sent<proto::CheckInRequest>(script.reply(proto::CheckInReply(kChallenge))).pass.empty());
  EXPECT_TRUE(script.session.pass().empty());
  proto::PlanOffer offer = script.task.offer(kToken);
  offer.pass = {8, 8};
  (void)sent<proto::FetchModelRequest>(script.reply(proto::CheckInReply(offer)));
  EXPECT_EQ(script.session.pass(), offer.pass);
}

TEST(SessionDownload, NamesItsSessionAndEndsSoonWhenThatIsUnknown) {
  SessionScript script{Task(Aggregation::kPlain)};
  (void)script.session.start(script.now);
  EXPECT_EQ(sent<proto::FetchModelRequest>(script.offer_plan()).token, kToken);
  const auto done = as<Session::Done>(script.fail(StatusCode::kFailedPrecondition));
  EXPECT_EQ(done.status.code(), StatusCode::kFailedPrecondition);
  EXPECT_LE((done.check_in_after - script.now).count(), 10 * script.options.backoff_first_ms);
}

// What `change` makes of this device, by its own file and its authority's word.
void expect_device_refused(const std::function<void(secagg::Identity&)>& change, const std::string& what) {
  secagg::Identity identity = secagg::enrolled_device("kitchen-7");
  change(identity);
  SessionOptions options = device_options();
  options.identity = &identity;
  SessionScript script(Task(Aggregation::kPlain), options);
  (void)script.session.start(script.now);
  expect_left(script, script.offer_plan(), StatusCode::kPermissionDenied, what);
}

TEST(SessionPlan, ADeviceWhoseEndorsementHasEndedSaysSoBeforeItTrains) {
  expect_device_refused([](secagg::Identity& own) { own.endorsement.expires_at = 1; },
                        "this device's endorsement has ended");
}

TEST(SessionPlan, ADeviceThatWasRevokedSaysSoBeforeItTrains) {
  static crypto::Digest revoked;
  expect_device_refused(
      [](secagg::Identity& own) {
        revoked = secagg::identity_of(own.signer.public_key());
        own.trust.revoked = revoked;
      },
      "has revoked this device");
}

TEST(SessionPlan, ACoordinatorThatWasRevokedOffersNothing) {
  static const crypto::Digest revoked =
      secagg::identity_of(secagg::enrolled_coordinator().signer.public_key());
  expect_device_refused([](secagg::Identity& own) { own.trust.revoked = revoked; },
                        "revoked the coordinator");
}

// ---- bulletins ----

// An offer of `task` with this bulletin, by the fleet's coordinator.
proto::PlanOffer offer_with(const Task& task, std::vector<std::uint8_t> bulletin) {
  proto::PlanOffer offer = task.offer(kToken);
  offer.bulletin = std::move(bulletin);
  return offer;
}

TEST(SessionBulletin, IsTakenFromTheOfferAndHandedOn) {
  const Task task(Aggregation::kPlain);
  SessionScript script(task);
  EXPECT_EQ(sent<proto::CheckInRequest>(script.session.start(script.now)).bulletin_edition, 0u);
  const std::vector<std::uint8_t> bulletin =
      secagg::signed_bulletin(secagg::fleet_authority(), {.edition = 4, .revoked = {crypto::Digest{}}});
  EXPECT_TRUE(script.session.bulletin().empty());
  (void)sent<proto::FetchModelRequest>(script.reply(proto::CheckInReply(offer_with(task, bulletin))));
  EXPECT_EQ(script.session.bulletin(), bulletin);
}

TEST(SessionBulletin, EndsThePlanOfACoordinatorThatItRevokes) {
  const Task task(Aggregation::kPlain);
  SessionScript script(task);
  (void)script.session.start(script.now);
  const crypto::Digest coordinator = secagg::identity_of(secagg::enrolled_coordinator().signer.public_key());
  const auto bulletin = secagg::signed_bulletin(secagg::fleet_authority(), {.revoked = {coordinator}});
  expect_left(script, script.reply(proto::CheckInReply(offer_with(task, bulletin))),
              StatusCode::kPermissionDenied, "revoked the coordinator");
}

TEST(SessionBulletin, LeadsToTheAuthoritysNewKey) {
  const Task task(Aggregation::kPlain);
  SessionScript script(task);
  (void)script.session.start(script.now);
  secagg::KeySigner newer(secagg::numbered_key(78));
  const secagg::Rotation rotation = secagg::rotate(secagg::fleet_authority(), newer, 3);
  proto::PlanOffer offer = offer_with(task, secagg::signed_bulletin(newer, {.rotations = {rotation}}));
  const secagg::Identity& coordinator = secagg::enrolled_coordinator();
  const secagg::Endorsement renewed =
      secagg::endorse(newer, secagg::Role::kCoordinator, coordinator.signer.public_key(), {.epoch = 3});
  offer.credential =
      secagg::make_credential(coordinator.signer, renewed, secagg::plan_statement(task.plan_bytes));
  (void)sent<proto::FetchModelRequest>(script.reply(proto::CheckInReply(offer)));
}

TEST(SessionBulletin, OfNobodyInParticularOrSetBackEndsTheSession) {
  const Task task(Aggregation::kPlain);
  secagg::KeySigner stranger(secagg::numbered_key(77));
  const auto known = secagg::signed_bulletin(secagg::fleet_authority(), {.edition = 5});
  secagg::Identity identity = secagg::enrolled_device("kitchen-7");
  ASSERT_EQ(secagg::take_bulletin(known, identity.trust), secagg::BulletinVerdict::kTaken);
  SessionOptions options = device_options();
  options.identity = &identity;
  const auto refused = [&](const std::vector<std::uint8_t>& bulletin, const std::string& what) {
    SessionScript script(task, options);
    EXPECT_EQ(sent<proto::CheckInRequest>(script.session.start(script.now)).bulletin_edition, 5u);
    expect_left(script, script.reply(proto::CheckInReply(offer_with(task, bulletin))),
                StatusCode::kPermissionDenied, what);
    EXPECT_TRUE(script.session.bulletin().empty());
  };
  refused(secagg::signed_bulletin(secagg::fleet_authority(), {.edition = 4}), "set it back");
  refused(secagg::signed_bulletin(secagg::fleet_authority(), {.edition = 5, .endorsements_from = 1}),
          "says otherwise");
  refused(secagg::signed_bulletin(stranger, {.edition = 6}), "not by the authority");
  refused({1, 2, 3}, "does not decode");
  SessionScript script(task, options);
  (void)script.session.start(script.now);
  (void)sent<proto::FetchModelRequest>(script.reply(proto::CheckInReply(offer_with(task, known))));
}

TEST(SessionPlan, ACredentialIsOfOnePlanOnly) {
  Task next_round(Aggregation::kSecure);
  next_round.plan.round.value += 1;
  next_round.plan_bytes = proto::encode_plan(next_round.plan);
  expect_credential_refused(Task(Aggregation::kSecure), next_round.offer(kToken).credential, "not signed by");
}

TEST(SessionPlan, ModelsTheDeviceCannotTrainAreRefused) {
  SessionOptions other = device_options();
  other.trainers = {proto::Architecture::kDense};
  SessionScript dense_only(Task(Aggregation::kSecure), other);
  (void)dense_only.session.start(dense_only.now);
  expect_left(dense_only, dense_only.offer_plan(), StatusCode::kFailedPrecondition, "cannot train");

  SessionOptions small = device_options();
  small.parameters_max = 7;
  SessionScript too_large(Task(Aggregation::kSecure), small);
  (void)too_large.session.start(too_large.now);
  expect_left(too_large, too_large.offer_plan(), StatusCode::kFailedPrecondition, "8 parameters");
}

TEST(SessionPlan, AModelOfAsManyParametersAsTheDeviceHoldsIsTaken) {
  SessionOptions options = device_options();
  options.parameters_max = 8;
  SessionScript script(Task(Aggregation::kSecure), options);
  (void)script.session.start(script.now);
  (void)sent<proto::FetchModelRequest>(script.offer_plan());
}

TEST(SessionPlan, ACustomModelNeedsATrainerOfItsName) {
  Task task(Aggregation::kSecure);
  task.plan.model = {.architecture = proto::Architecture::kCustom, .parameters = 8, .name = "thermo-2"};
  ASSERT_TRUE(proto::validate_plan(task.plan).ok());
  task.plan_bytes = proto::encode_plan(task.plan);
  SessionOptions options = device_options();
  options.trainers = {proto::Architecture::kSoftmax, proto::Architecture::kCustom};
  for (const std::vector<std::string>& others : {std::vector<std::string>{}, {"thermo-1", "thermo-22"}}) {
    options.custom_models = others;
    SessionScript script(task, options);
    (void)script.session.start(script.now);
    expect_left(script, script.offer_plan(), StatusCode::kFailedPrecondition,
                "no trainer for the custom model 'thermo-2'");
    // That holds for custom models only.
    SessionScript softmax(Task(Aggregation::kSecure), options);
    (void)softmax.session.start(softmax.now);
    (void)sent<proto::FetchModelRequest>(softmax.offer_plan());
  }
  options.custom_models = {"thermo-1", "thermo-2"};
  SessionScript script(task, options);
  EXPECT_EQ(sent<proto::CheckInRequest>(script.session.start(script.now)).custom_models,
            options.custom_models);
  (void)sent<proto::FetchModelRequest>(script.offer_plan());
}

// A task that a coordinator has spoilt and somebody mends: a device comes again, and does not end for good.
TEST(SessionPlan, BytesThatAreNoPlanEndTheSessionAndNotTheDevice) {
  SessionScript longer(Task(Aggregation::kSecure));
  longer.task.plan_bytes.push_back(0);
  (void)longer.session.start(longer.now);
  expect_left(longer, longer.offer_plan(), StatusCode::kAborted, "the coordinator's plan");
  Task with_negative_clip(Aggregation::kSecure);
  with_negative_clip.plan.aggregation.clip = -1;
  with_negative_clip.plan_bytes = proto::encode_plan(with_negative_clip.plan);
  SessionScript negative(with_negative_clip);
  (void)negative.session.start(negative.now);
  expect_left(negative, negative.offer_plan(), StatusCode::kAborted, "clip = -1");
}

}  // namespace
}  // namespace sotto::client
