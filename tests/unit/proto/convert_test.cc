#include "sotto/proto/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "sotto/base/limits.h"
#include "sotto/proto/encoded_size.h"
#include "sotto/secagg/bulletin.h"
#include "sotto/secagg/checked_mask.h"
#include "support/record_values.h"

namespace sotto::proto {
namespace {

using sotto::testing::distinct_values;
using ::testing::HasSubstr;

SessionToken token() {
  SessionToken token;
  for (std::size_t i = 0; i < token.value.size(); ++i) token.value[i] = static_cast<std::uint8_t>(0xf0 + i);
  return token;
}

std::string token_bytes() {
  const SessionToken from = token();
  return {from.value.begin(), from.value.end()};
}

CheckInRequest check_in() {
  return {.protocol_version = 7,
          .device_id = "kitchen-7",
          .population = "thermostats",
          .trainers = {Architecture::kDense, Architecture::kSoftmax},
          .parameters_max = 1ull << 40,
          .custom_models = {"price.v1"},
          .bulletin_edition = UINT32_MAX};
}

// Encodes, decodes and returns what a peer would see; only valid messages get here.
template <typename Wire, typename Message>
Message round_trip(const Message& message) {
  Wire sent;
  to_wire(message, sent);
  Wire received;
  EXPECT_TRUE(received.ParseFromString(sent.SerializeAsString()));
  Result<Message> result = from_wire(received);
  EXPECT_TRUE(result.has_value()) << result.status().message();
  return result ? *result : Message{};
}

template <typename Wire>
void expect_refused(const Wire& message, const std::string& text) {
  const auto result = from_wire(message);
  ASSERT_FALSE(result.has_value()) << "accepted although: " << text;
  EXPECT_EQ(result.error().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(result.error().message(), HasSubstr(text));
}

TEST(ConvertCheckIn, KeepsEveryField) { EXPECT_EQ(round_trip<v1::CheckInRequest>(check_in()), check_in()); }

TEST(ConvertCheckIn, RefusesFieldsOutsideTheirBounds) {
  v1::CheckInRequest good;
  to_wire(check_in(), good);

  v1::CheckInRequest bad = good;
  bad.set_device_id("");
  expect_refused(bad, "CheckInRequest.device_id has 0 bytes");
  bad.set_device_id(std::string(65, 'a'));
  expect_refused(bad, "CheckInRequest.device_id has 65 bytes");
  bad = good;
  bad.set_population("a b");
  expect_refused(bad, "CheckInRequest.population");
  bad = good;
  bad.add_trainers(0);
  expect_refused(bad, "CheckInRequest.trainers = 0: must be 1 .. 3");
  bad = good;
  bad.add_trainers(257);  // would be kSoftmax if it were cut to a byte first
  expect_refused(bad, "CheckInRequest.trainers = 257");
  bad = good;
  while (bad.trainers_size() <= static_cast<int>(limits::kTrainersPerDeviceMax)) bad.add_trainers(1);
  expect_refused(bad, "CheckInRequest.trainers (count) = 17: must be 0 .. 16");
}

secagg::Credential credential() {
  secagg::Credential credential;
  credential.key.fill(1);
  credential.endorsement.signature.fill(2);
  credential.signature.fill(3);
  return credential;
}

TEST(ConvertCheckIn, KeepsWhatShowsWhoTheDeviceIs) {
  CheckInRequest request = check_in();
  request.enrolled = true;
  request.pass = std::vector<std::uint8_t>(kPassBytesMax, 5);
  EXPECT_EQ(round_trip<v1::CheckInRequest>(request), request);
  request.pass.clear();
  request.proof =
      CheckInProof{std::vector<std::uint8_t>(secagg::kChallengeBytesMax, 6), TaskId{9}, credential()};
  EXPECT_EQ(round_trip<v1::CheckInRequest>(request), request);
}

TEST(ConvertCheckIn, RefusesAProofOrPassOutsideItsBounds) {
  v1::CheckInRequest bad;
  to_wire(check_in(), bad);
  bad.set_pass(std::string(kPassBytesMax + 1, 'p'));
  expect_refused(bad, "CheckInRequest.pass has 129 bytes: must have 0 .. 128");
  bad.clear_pass();
  bad.mutable_proof()->set_credential(std::string(secagg::kCredentialBytes, 'c'));
  expect_refused(bad, "CheckInProof.challenge has 0 bytes: must have 1 .. 64");
  bad.mutable_proof()->set_challenge(std::string(secagg::kChallengeBytesMax + 1, 'c'));
  expect_refused(bad, "CheckInProof.challenge has 65 bytes");
  bad.mutable_proof()->set_challenge("c");
  for (const std::size_t size :
       {std::size_t{0}, secagg::kCredentialBytes - 1, secagg::kCredentialBytes + 1}) {
    bad.mutable_proof()->set_credential(std::string(size, 'c'));
    expect_refused(bad, "CheckInProof.credential has " + std::to_string(size) + " bytes: must have 229");
  }
}

TEST(ConvertCheckInReply, KeepsAChallenge) {
  Challenge challenge{std::vector<std::uint8_t>(secagg::kChallengeBytesMax, 6), TaskId{9}, {}};
  challenge.coordinator.fill(4);
  const CheckInReply reply = round_trip<v1::CheckInReply>(CheckInReply(challenge));
  ASSERT_TRUE(std::holds_alternative<Challenge>(reply));
  EXPECT_EQ(std::get<Challenge>(reply).challenge, challenge.challenge);
  EXPECT_EQ(std::get<Challenge>(reply).task, challenge.task);
  EXPECT_EQ(std::get<Challenge>(reply).coordinator, challenge.coordinator);
}

TEST(ConvertCheckInReply, RefusesAChallengeOutsideItsBounds) {
  v1::CheckInReply bad;
  bad.mutable_challenge()->set_coordinator(std::string(32, 'c'));
  expect_refused(bad, "Challenge.challenge has 0 bytes: must have 1 .. 64");
  bad.mutable_challenge()->set_challenge(std::string(secagg::kChallengeBytesMax + 1, 'c'));
  expect_refused(bad, "Challenge.challenge has 65 bytes");
  bad.mutable_challenge()->set_challenge("c");
  bad.mutable_challenge()->set_coordinator(std::string(31, 'c'));
  expect_refused(bad, "Challenge.coordinator has 31 bytes: must have 32");
}

TEST(ConvertCheckInReply, KeepsOfferAndWindow) {
  const CheckInReply offer = round_trip<v1::CheckInReply>(CheckInReply(PlanOffer{token(), {1, 0, 255}}));
  ASSERT_TRUE(std::holds_alternative<PlanOffer>(offer));
  EXPECT_EQ(std::get<PlanOffer>(offer).token, token());
  EXPECT_EQ(std::get<PlanOffer>(offer).plan, (std::vector<std::uint8_t>{1, 0, 255}));

  EXPECT_FALSE(std::get<PlanOffer>(offer).credential.has_value());

  const CheckInReply signed_offer =
      round_trip<v1::CheckInReply>(CheckInReply(PlanOffer{token(), {1}, credential(), {}, {8, 9}}));
  EXPECT_EQ(std::get<PlanOffer>(signed_offer).credential, credential());
  EXPECT_EQ(std::get<PlanOffer>(signed_offer).pass, (std::vector<std::uint8_t>{8, 9}));
  const std::vector<std::uint8_t> bulletin(secagg::kBulletinBytesMax, 7);
  const auto informing =
      round_trip<v1::CheckInReply>(CheckInReply(PlanOffer{token(), {1}, std::nullopt, bulletin}));
  EXPECT_EQ(std::get<PlanOffer>(informing).bulletin, bulletin);

  PlanOffer of_two_helpers{token(), {1}};
  of_two_helpers.check_key.assign(secagg::kCheckKeyBytes, 9);
  const auto keyed = round_trip<v1::CheckInReply>(CheckInReply(of_two_helpers));
  EXPECT_EQ(std::get<PlanOffer>(keyed).check_key, of_two_helpers.check_key);
  EXPECT_TRUE(std::get<PlanOffer>(offer).check_key.empty());

  const RetryWindow window{10, 20, "no open task"};
  const CheckInReply retry = round_trip<v1::CheckInReply>(CheckInReply(window));
  ASSERT_TRUE(std::holds_alternative<RetryWindow>(retry));
  EXPECT_EQ(std::get<RetryWindow>(retry), window);
}

TEST(ConvertCheckInReply, RefusesFieldsOutsideTheirBounds) {
  v1::CheckInReply bad;
  expect_refused(bad, "CheckInReply.reply is not set");
  bad.mutable_offer()->set_token(token_bytes() + "x");
  bad.mutable_offer()->set_plan("p");
  expect_refused(bad, "PlanOffer.token has 17 bytes: must have 16");
  bad.mutable_offer()->set_token(token_bytes());
  bad.mutable_offer()->clear_plan();
  expect_refused(bad, "PlanOffer.plan has 0 bytes");
  bad.mutable_offer()->set_plan(std::string(limits::kPlanBytesMax + 1, 'p'));
  expect_refused(bad, "PlanOffer.plan has 2049 bytes: must have 1 .. 2048");
  bad.mutable_offer()->set_plan("p");
  for (const std::size_t size :
       {std::size_t{1}, secagg::kCredentialBytes - 1, secagg::kCredentialBytes + 1}) {
    bad.mutable_offer()->set_credential(std::string(size, 'c'));
    expect_refused(bad, "PlanOffer.credential has " + std::to_string(size) + " bytes: must have 229");
  }
  bad.mutable_offer()->clear_credential();
  bad.mutable_offer()->set_bulletin(std::string(secagg::kBulletinBytesMax + 1, 'b'));
  expect_refused(bad, "PlanOffer.bulletin has");
  bad.mutable_offer()->clear_bulletin();
  bad.mutable_offer()->set_pass(std::string(kPassBytesMax + 1, 'p'));
  expect_refused(bad, "PlanOffer.pass has 129 bytes");
  bad.mutable_offer()->clear_pass();
  for (const std::size_t size : {secagg::kCheckKeyBytes - 1, secagg::kCheckKeyBytes + 1}) {
    bad.mutable_offer()->set_check_key(std::string(size, 'k'));
    expect_refused(bad, "PlanOffer.check_key has " + std::to_string(size) + " bytes: must have 32");
  }
  bad.mutable_retry()->set_delay_min_ms(2);
  bad.mutable_retry()->set_delay_max_ms(1);
  expect_refused(bad, "RetryWindow.delay_min_ms = 2: must be 0 .. 1");
  bad.mutable_retry()->set_delay_max_ms(2);
  bad.mutable_retry()->set_reason(std::string(limits::kReasonBytesMax + 1, 'r'));
  expect_refused(bad, "RetryWindow.reason has 257 bytes");
}

TEST(ConvertFetchModel, KeepsRequestAndChunk) {
  const auto request = round_trip<v1::FetchModelRequest>(
      FetchModelRequest{.token = token(), .task = TaskId{3}, .version = ModelVersion{4}, .offset = 5});
  EXPECT_EQ(request.token, token());
  EXPECT_EQ(request.task, TaskId{3});
  EXPECT_EQ(request.version, ModelVersion{4});
  EXPECT_EQ(request.offset, 5u);
  // An operator has no session.
  EXPECT_EQ(round_trip<v1::FetchModelRequest>(FetchModelRequest{.task = TaskId{3}, .version = {}}).token,
            SessionToken{});
  v1::FetchModelRequest bad;
  bad.set_token("short");
  expect_refused(bad, "FetchModelRequest.token has 5 bytes: must have 16");
  const auto chunk = round_trip<v1::ModelChunk>(ModelChunk{10, 7, {1, 2, 3}});
  EXPECT_EQ(chunk.total_bytes, 10u);
  EXPECT_EQ(chunk.offset, 7u);
  EXPECT_EQ(chunk.bytes, (std::vector<std::uint8_t>{1, 2, 3}));
}

TEST(ConvertFetchModel, RefusesAChunkOutsideItsModel) {
  v1::ModelChunk bad;
  bad.set_total_bytes(10);
  bad.set_offset(11);
  expect_refused(bad, "ModelChunk.offset = 11: must be 0 .. 10");
  bad.set_offset(8);
  bad.set_bytes("abc");
  expect_refused(bad, "ModelChunk.bytes has 3 bytes: must have 0 .. 2");
  bad.set_offset(0);
  bad.set_total_bytes(UINT64_MAX);
  expect_refused(bad, "ModelChunk.total_bytes");
  bad.set_total_bytes(1 << 20);
  bad.set_bytes(std::string(limits::kModelChunkBytes + 1, 'm'));
  expect_refused(bad, "ModelChunk.bytes has 262145 bytes: must have 0 .. 262144");
}

TEST(ConvertExchange, KeepsEveryStep) {
  for (const Step step : {Step::kJoin, Step::kShare, Step::kCollect, Step::kUnmask}) {
    const auto submit = round_trip<v1::ExchangeRequest>(ExchangeRequest{token(), step, false, {0, 9}});
    EXPECT_EQ(submit.token, token());
    EXPECT_EQ(submit.step, step);
    EXPECT_FALSE(submit.poll);
    EXPECT_EQ(submit.payload, (std::vector<std::uint8_t>{0, 9}));
    EXPECT_TRUE(round_trip<v1::ExchangeRequest>(ExchangeRequest{token(), step, true, {}}).poll);
    EXPECT_EQ(submit.plan_digest, std::nullopt);
  }
  const crypto::Digest digest = crypto::sha256({token().value});
  EXPECT_EQ(
      round_trip<v1::ExchangeRequest>(ExchangeRequest{token(), Step::kJoin, false, {}, digest}).plan_digest,
      digest);
}

TEST(ConvertExchange, RefusesAPlanDigestOfAnotherLength) {
  v1::ExchangeRequest bad;
  to_wire(ExchangeRequest{token(), Step::kJoin, false, {}}, bad);
  bad.set_plan_digest(std::string(31, 'd'));
  expect_refused(bad, "ExchangeRequest.plan_digest has 31 bytes: must have 32");
}

TEST(ConvertExchange, RefusesFieldsOutsideTheirBounds) {
  v1::ExchangeRequest good;
  to_wire(ExchangeRequest{token(), Step::kCollect, false, {1}}, good);
  v1::ExchangeRequest bad = good;
  bad.set_token(token_bytes().substr(1));
  expect_refused(bad, "ExchangeRequest.token has 15 bytes: must have 16");
  for (const std::uint32_t step : {0u, 6u, 258u, UINT32_MAX}) {
    bad = good;
    bad.set_step(step);
    expect_refused(bad, "ExchangeRequest.step = " + std::to_string(step) + ": must be 1 .. 5");
  }
  bad = good;
  bad.set_poll(true);
  expect_refused(bad, "ExchangeRequest.payload of a poll has 1 bytes: must have 0");
  bad = good;
  bad.set_payload(std::string(limits::kUpdateBytesMax + 1, 'v'));
  expect_refused(bad, "ExchangeRequest.payload has 67112961 bytes");
}

TEST(ConvertExchangeReply, KeepsEachKind) {
  const RetryWindow window{1, 2, "others are training"};
  auto reply = round_trip<v1::ExchangeReply>(ExchangeReply(NextStep{Step::kUnmask, {4, 5}}));
  EXPECT_EQ(std::get<NextStep>(reply).next, Step::kUnmask);
  EXPECT_EQ(std::get<NextStep>(reply).payload, (std::vector<std::uint8_t>{4, 5}));
  reply = round_trip<v1::ExchangeReply>(ExchangeReply(KeepWaiting{window}));
  EXPECT_EQ(std::get<KeepWaiting>(reply).window, window);
  reply = round_trip<v1::ExchangeReply>(ExchangeReply(SessionEnd{true, "round 3 committed", window}));
  EXPECT_TRUE(std::get<SessionEnd>(reply).counted);
  EXPECT_EQ(std::get<SessionEnd>(reply).outcome, "round 3 committed");
  EXPECT_EQ(std::get<SessionEnd>(reply).window, window);
  reply = round_trip<v1::ExchangeReply>(ExchangeReply(Refused{Rejection::kBadSignature, window}));
  EXPECT_EQ(std::get<Refused>(reply).reason, Rejection::kBadSignature);
  EXPECT_EQ(std::get<Refused>(reply).window, window);
}

TEST(ConvertExchangeReply, RefusesFieldsOutsideTheirBounds) {
  v1::ExchangeReply bad;
  expect_refused(bad, "ExchangeReply.reply is not set");
  bad.mutable_next()->set_next(9);
  expect_refused(bad, "NextStep.next = 9");
  bad.mutable_refused()->set_reason(0);
  expect_refused(bad, "Refused.reason = 0: must be 1 .. 18");
  bad.mutable_refused()->set_reason(19);
  expect_refused(bad, "Refused.reason = 19");
  bad.mutable_refused()->set_reason(1);
  bad.mutable_refused()->mutable_window()->set_delay_min_ms(1);
  expect_refused(bad, "RetryWindow.delay_min_ms");
  bad.mutable_end()->set_outcome(std::string(257, 'o'));
  expect_refused(bad, "SessionEnd.outcome");
  bad.mutable_wait()->set_delay_min_ms(1);
  expect_refused(bad, "RetryWindow.delay_min_ms");
}

TEST(ConvertAbandon, KeepsTokenAndReasonAndRefusesOthers) {
  const auto request = round_trip<v1::AbandonRequest>(AbandonRequest{token(), "battery low"});
  EXPECT_EQ(request.token, token());
  EXPECT_EQ(request.reason, "battery low");
  v1::AbandonRequest bad;
  expect_refused(bad, "AbandonRequest.token has 0 bytes");
  bad.set_token(token_bytes());
  bad.set_reason(std::string(257, 'r'));
  expect_refused(bad, "AbandonRequest.reason");
}

TEST(ConvertAbandon, KeepsWhatALedgerSaysAndRefusesNumbersThatAreNone) {
  const LedgerReport report{.refusal = LedgerRefusal::kPeriodSpent, .until_s = 77, .last_round = RoundId{8}};
  EXPECT_EQ(round_trip<v1::AbandonRequest>(AbandonRequest{token(), "spent", report}).ledger, report);
  EXPECT_EQ(round_trip<v1::AbandonRequest>(AbandonRequest{token(), "battery"}).ledger, std::nullopt);
  for (const bool refused : {false, true}) {
    const AbandonRequest abandon{.token = token(), .reason = "no helper", .plan_refused = refused};
    EXPECT_EQ(round_trip<v1::AbandonRequest>(abandon).plan_refused, refused);
  }
  v1::AbandonRequest bad;
  bad.set_token(token_bytes());
  bad.mutable_ledger()->set_refusal(6);
  expect_refused(bad, "LedgerReport.refusal");
  bad.mutable_ledger()->set_refusal(0);
  expect_refused(bad, "LedgerReport.refusal");
  bad.mutable_ledger()->set_refusal(1);
  bad.mutable_ledger()->set_until_s(kUnixSecondsMax + 1);
  expect_refused(bad, "LedgerReport.until_s");
}

OfferUpdateRequest offer_update() {
  return {.protocol_version = 7,
          .device_id = "kitchen-7",
          .task = "activity",
          .device_class = "m4",
          .sequence = UINT64_MAX,
          .enrolled = true,
          .pass = std::vector<std::uint8_t>(kPassBytesMax, 3),
          .proof = UpdateProof{std::vector<std::uint8_t>(secagg::kChallengeBytesMax, 1), {}}};
}

TEST(ConvertUpdates, KeepEveryFieldOfADevicesCalls) {
  EXPECT_EQ(round_trip<v1::OfferUpdateRequest>(offer_update()), offer_update());
  const FetchUpdateRequest fetch{"kitchen-7", "activity", "m4", 9, UINT64_MAX, limits::kUpdateChunkBytes,
                                 {1}};
  EXPECT_EQ(round_trip<v1::FetchUpdateRequest>(fetch), fetch);
  const std::vector<std::uint8_t> manifest(limits::kUpdateManifestBytesMax, 4);
  for (const OfferUpdateReply& reply :
       {OfferUpdateReply(UpdateOffer{manifest, {5}}), OfferUpdateReply(NoUpdate{{1, 2, "newest"}}),
        OfferUpdateReply(UpdateChallenge{{6}, crypto::sha256({text_bytes("c")})})}) {
    EXPECT_EQ(round_trip<v1::OfferUpdateReply>(reply), reply);
  }
}

TEST(ConvertUpdates, RefuseADevicesFieldsOutsideTheirBounds) {
  v1::OfferUpdateRequest good;
  to_wire(offer_update(), good);
  v1::OfferUpdateRequest bad = good;
  bad.set_task("a task");
  expect_refused(bad, "OfferUpdateRequest.task");
  bad = good;
  bad.set_device_class("");
  expect_refused(bad, "OfferUpdateRequest.device_class");
  bad = good;
  bad.set_pass(std::string(kPassBytesMax + 1, 'p'));
  expect_refused(bad, "OfferUpdateRequest.pass");
  bad = good;
  bad.mutable_proof()->set_challenge("");
  expect_refused(bad, "UpdateProof.challenge");
  bad = good;
  bad.mutable_proof()->set_credential("short");
  expect_refused(bad, "UpdateProof.credential");
  v1::FetchUpdateRequest fetch;
  to_wire(FetchUpdateRequest{"d", "t", "c", 1, 0, 1, {}}, fetch);
  for (const std::uint32_t bytes : {0u, std::uint32_t{limits::kUpdateChunkBytes} + 1}) {
    fetch.set_bytes_max(bytes);
    expect_refused(fetch, "FetchUpdateRequest.bytes_max");
  }
  v1::OfferUpdateReply reply;
  expect_refused(reply, "OfferUpdateReply.reply is not set");
  reply.mutable_offer();
  expect_refused(reply, "UpdateOffer.manifest has 0 bytes");
  reply.mutable_offer()->set_manifest(std::string(limits::kUpdateManifestBytesMax + 1, 'm'));
  expect_refused(reply, "UpdateOffer.manifest");
  reply.mutable_challenge()->set_challenge("c");
  expect_refused(reply, "UpdateChallenge.coordinator");
}

TEST(ConvertUpdates, KeepAnOperatorsFieldsAndRefuseOthers) {
  PublishUpdateRequest publish{.manifest = {1, 2}, .share = 50, .reason = "trained anew"};
  publish.owner.fill(7);
  publish.content.fill(8);
  EXPECT_EQ(round_trip<v1::PublishUpdateRequest>(publish), publish);
  const ShareUpdateRequest share{"activity", "m4", 1000, "all of them"};
  EXPECT_EQ(round_trip<v1::ShareUpdateRequest>(share), share);
  const std::vector<UpdateStatus> updates{{"activity", "m4", 9, 4096, publish.content, 77, 50, 4, {}}};
  EXPECT_EQ(round_trip<v1::ListUpdatesReply>(updates), updates);
  v1::PublishUpdateRequest bad;
  to_wire(publish, bad);
  bad.set_owner("short");
  expect_refused(bad, "PublishUpdateRequest.owner");
  bad.set_manifest("");
  expect_refused(bad, "PublishUpdateRequest.manifest");
  v1::ListUpdatesReply list;
  list.add_updates()->set_task("activity");
  expect_refused(list, "UpdateStatus.device_class");
}

TEST(ConvertText, CannotWriteIntoALog) {
  const AbandonRequest hostile{token(), "ok\n2026 ERROR \x1b[31mforged\xff" + std::string(400, 'x')};
  const auto request = round_trip<v1::AbandonRequest>(hostile);
  EXPECT_EQ(request.reason.substr(0, 29), "ok?2026 ERROR ?[31mforged?xxx");
  EXPECT_EQ(request.reason.size(), limits::kReasonBytesMax);
  v1::AbandonRequest direct;  // a peer that does not clean its own texts
  direct.set_token(token_bytes());
  direct.set_reason("a\r\nb");
  EXPECT_EQ(from_wire(direct)->reason, "a??b");
}

TEST(ConvertExchange, EncodedSizeEqualsProtobufs) {
  for (const std::size_t payload : {0u, 1u, 127u, 128u, 16'383u, 16'384u, 200'040u, 2'097'151u, 2'097'152u}) {
    for (const bool poll : {false, true}) {
      ExchangeRequest request{token(), Step::kShare, poll, std::vector<std::uint8_t>(payload)};
      if (payload % 2 == 0) request.plan_digest.emplace();
      v1::ExchangeRequest wire;
      to_wire(request, wire);
      EXPECT_EQ(encoded_exchange_bytes(request), wire.ByteSizeLong()) << payload << " " << poll;
    }
  }
}

TaskSpec task_spec() { return distinct_values<TaskSpec>(); }

TEST(ConvertTask, KeepsEveryField) {
  EXPECT_EQ(round_trip<v1::TaskSpec>(task_spec()), task_spec());
  const TaskStatus status{TaskId{9}, task_spec(), TaskState::kPaused, ModelVersion{8}, 7, 6, "devices", -5,
                          4,         99};
  const auto list = round_trip<v1::ListTasksReply>(std::vector<TaskStatus>{status, status});
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[1].id, TaskId{9});
  EXPECT_EQ(list[1].spec, task_spec());
  EXPECT_EQ(list[1].state, TaskState::kPaused);
  EXPECT_EQ(list[1].model_version, ModelVersion{8});
  EXPECT_EQ(list[1].rounds_committed, 7u);
  EXPECT_EQ(list[1].rounds_abandoned, 6u);
  EXPECT_EQ(list[1].waiting_for, "devices");
  EXPECT_EQ(list[1].waiting_until_ms, -5);
  EXPECT_EQ(list[1].spent_devices, 4u);
  EXPECT_EQ(list[1].spent_until_ms, 99);
}

TEST(ConvertTask, HasNoFieldThatTheTableDoesNotName) {
  const TaskSpec spec;
  int fields = 0;
  visit_fields(spec, [&](const Field& field, const auto&...) {
    ++fields;
    EXPECT_NE(v1::TaskSpec::descriptor()->FindFieldByName(field.name), nullptr) << field.name;
  });
  EXPECT_EQ(v1::TaskSpec::descriptor()->field_count(), fields);
}

TEST(ConvertTask, RefusesValuesThatDoNotFit) {
  struct Case {
    std::function<void(v1::TaskSpec&)> spoil;
    std::string text;
  };
  const Case cases[] = {
      {[](v1::TaskSpec& spec) { spec.set_name("../x"); }, "TaskSpec.name"},
      {[](v1::TaskSpec& spec) { spec.clear_population(); }, "TaskSpec.population"},
      {[](v1::TaskSpec& spec) { spec.set_architecture(4); }, "TaskSpec.architecture = 4"},
      {[](v1::TaskSpec& spec) { spec.set_aggregation(0); }, "TaskSpec.aggregation = 0"},
      {[](v1::TaskSpec& spec) { spec.set_adversary(258); }, "TaskSpec.adversary = 258"},
      {[](v1::TaskSpec& spec) { spec.set_prg(3); }, "TaskSpec.prg = 3"},
      {[](v1::TaskSpec& spec) { spec.set_cohort_min(65'539); }, "TaskSpec.cohort_min = 65539"},
      {[](v1::TaskSpec& spec) { spec.set_participants_max(65'536); }, "TaskSpec.participants_max"},
      {[](v1::TaskSpec& spec) { spec.set_cohort_max(65'536); }, "TaskSpec.cohort_max"},
  };
  for (const Case& bad_case : cases) {
    v1::TaskSpec spec;
    to_wire(task_spec(), spec);
    bad_case.spoil(spec);
    expect_refused(spec, bad_case.text);
    v1::ListTasksReply list;  // one bad element refuses the list
    list.add_tasks()->set_state(1);
    *list.mutable_tasks(0)->mutable_spec() = spec;
    expect_refused(list, bad_case.text);
  }
  v1::TaskStatus status;
  to_wire(task_spec(), *status.mutable_spec());
  expect_refused(status, "TaskStatus.state = 0");
}

TEST(ConvertRound, KeepsEveryFieldAndRefusesAnUnknownOutcome) {
  const RoundRecord round{.task = TaskId{1},
                          .round = RoundId{2},
                          .outcome = RoundOutcome::kAbandoned,
                          .reason = "too few",
                          .base_version = ModelVersion{3},
                          .committed_version = ModelVersion{4},
                          .started_ms = 5,
                          .finished_ms = 6,
                          .cohorts = 7,
                          .plans_given = 8,
                          .joined = 9,
                          .shared = 10,
                          .collected = 11,
                          .confirmed = 23,
                          .unmasked = 12,
                          .uplink_bytes = 13,
                          .metrics = {14, 15, 16, 17, 18, 19},
                          .clip = 20.5f};
  EXPECT_EQ(round_trip<v1::ListRoundsReply>(std::vector<RoundRecord>{round}),
            (std::vector<RoundRecord>{round}));
  v1::RoundRecord bad;
  to_wire(round, bad);
  bad.set_outcome(3);
  expect_refused(bad, "RoundRecord.outcome = 3: must be 1 .. 2");
  bad.set_outcome(1);
  bad.set_reason(std::string(257, 'r'));
  expect_refused(bad, "RoundRecord.reason");
}

TEST(ConvertModel, KeepsEveryFieldAndRefusesAShortDigest) {
  ModelRecord model{
      .task = TaskId{1}, .version = ModelVersion{2}, .bytes = 3, .committed_ms = 4, .note = "from afar"};
  model.digest.fill(0xab);
  const auto list = round_trip<v1::ListModelsReply>(std::vector<ModelRecord>{model});
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].task, model.task);
  EXPECT_EQ(list[0].version, model.version);
  EXPECT_EQ(list[0].digest, model.digest);
  EXPECT_EQ(list[0].bytes, model.bytes);
  EXPECT_EQ(list[0].committed_ms, model.committed_ms);
  EXPECT_EQ(list[0].note, model.note);
  v1::ModelRecord bad;
  to_wire(model, bad);
  bad.set_digest(bad.digest().substr(1));
  expect_refused(bad, "ModelRecord.digest has 31 bytes: must have 32");
}

TEST(ConvertAdmin, KeepsEveryActOnATask) {
  const TaskAct acts[] = {RollBackModel{ModelVersion{7}}, AbortRounds{}, DeleteTask{true}, DeleteTask{false},
                          EditTask{R"({"rounds":3})"}};
  for (const TaskAct& act : acts) {
    const SteerTaskRequest before{.task = "gait", .reason = "why", .act = act};
    EXPECT_EQ(round_trip<v1::SteerTaskRequest>(before), before);
  }
  v1::SteerTaskRequest bad;
  bad.set_task("gait");
  expect_refused(bad, "SteerTaskRequest.act is missing");
  bad.mutable_abort();
  bad.set_reason(std::string(257, 'x'));
  expect_refused(bad, "SteerTaskRequest.reason has 257 bytes");
  bad.set_reason("line\nline");
  EXPECT_EQ(from_wire(bad)->reason, "line?line");
  bad.set_task("no name");
  expect_refused(bad, "task");
  bad.set_task("gait");
  bad.mutable_edit()->set_fields(std::string(kEditBytesMax + 1, ' '));
  expect_refused(bad, "EditTask.fields has 16385 bytes");
}

TEST(ConvertAdmin, KeepsWhatIsKnownOfDevices) {
  DeviceStatus device{.id = "d0",
                      .identity = crypto::Digest{1, 2, 3},
                      .peer = "here:1",
                      .last_seen_ms = 4,
                      .state = DeviceState::kInCohort,
                      .task = "gait",
                      .round = RoundId{5},
                      .version = ModelVersion{6},
                      .last_outcome = DeviceOutcome::kSilent,
                      .reason = "label 6",
                      .failures = 7,
                      .failures_in_a_row = 8,
                      .plan_from_ms = 9,
                      .clones = 10,
                      .banned = true,
                      .ban_reason = "it lies",
                      .banned_ms = 11,
                      .kept_from = "task 'gait': spent"};
  const std::vector<DeviceStatus> before = {device, DeviceStatus{.id = "d1"}};
  EXPECT_EQ(round_trip<v1::ListDevicesReply>(before), before);
  v1::DeviceStatus bad;
  to_wire(device, bad);
  bad.set_identity("short");
  expect_refused(bad, "DeviceStatus.identity has 5 bytes: must have 32");
  to_wire(device, bad);
  bad.set_state(9);
  expect_refused(bad, "DeviceStatus.state = 9");
  const FleetStatus fleet{1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(round_trip<v1::FleetStatus>(fleet), fleet);
  v1::BanDeviceRequest ban;
  expect_refused(ban, "device");
  ban.set_device("d0");
  ban.set_reason(std::string(257, 'x'));
  expect_refused(ban, "BanDeviceRequest.reason has 257 bytes");
}

TEST(ConvertMaskHelper, KeepsSumsAndRefusals) {
  const HelperReply sum = MaskSum{.ring = {1, 2, 3, 0, 255}};
  EXPECT_EQ(round_trip<v1::SumMasksReply>(sum), sum);
  const HelperReply refusal = HelperRefusal{.reason = "another set", .at_fault = {0, 7, 9999}};
  EXPECT_EQ(round_trip<v1::SumMasksReply>(refusal), refusal);
  for (const auto kind : {HelperRefusal::Kind::kNotYet, HelperRefusal::Kind::kBeforeStart}) {
    const HelperReply other = HelperRefusal{.reason = "too soon, or too late", .at_fault = {}, .kind = kind};
    EXPECT_EQ(round_trip<v1::SumMasksReply>(other), other);
  }
}

TEST(ConvertMaskHelper, RefusesAnswersOutsideTheirBounds) {
  v1::SumMasksReply bad;
  expect_refused(bad, "neither a sum nor a refusal");
  bad.set_mask_sum(std::string(limits::kUpdateBytesMax + 1, 'm'));
  expect_refused(bad, "SumMasksReply.mask_sum");
  bad.mutable_refused()->set_reason(std::string(257, 'r'));
  expect_refused(bad, "HelperRefusal.reason");
  bad.mutable_refused()->set_reason("fine");
  bad.mutable_refused()->add_at_fault(static_cast<std::uint32_t>(limits::kParticipantsMax));
  expect_refused(bad, "HelperRefusal.at_fault = 10000: must be 0 .. 9999");
  bad.mutable_refused()->clear_at_fault();
  for (std::size_t i = 0; i <= limits::kParticipantsMax; ++i) bad.mutable_refused()->add_at_fault(0);
  expect_refused(bad, "HelperRefusal.at_fault count");
  bad.mutable_refused()->clear_at_fault();
  bad.mutable_refused()->set_kind(3);
  expect_refused(bad, "HelperRefusal.kind = 3: must be 0 .. 2");
}

TEST(ConvertAdministration, ChecksNamesAndStates) {
  EXPECT_EQ(*task_name_from_wire("steps"), "steps");
  EXPECT_EQ(task_name_from_wire("").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(task_name_from_wire("a/b").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(*task_state_from_wire(2), TaskState::kPaused);
  EXPECT_EQ(task_state_from_wire(0).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(task_state_from_wire(4).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sotto::proto
