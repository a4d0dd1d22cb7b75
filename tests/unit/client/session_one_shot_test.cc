// A device that sends one message: what it insists on, and what it sends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "session/saved_session.h"
#include "session_script.h"
#include "sotto/secagg/one_shot.h"
#include "support/enrolment.h"

namespace sotto::client {
namespace {

using proto::Aggregation;
using proto::Step;
using testing::HasSubstr;

crypto::X25519PrivateKey key_of(std::uint8_t number) {
  crypto::SecretBytes<32> scalar;
  scalar.reveal_mutable()[3] = number;
  return crypto::X25519PrivateKey(scalar);
}

Task one_shot_task(proto::Packing packing = proto::Packing::kWords) {
  Task task(Aggregation::kOneShot);
  task.plan.aggregation.packing = packing;
  task.plan.helper_digest = crypto::sha256({key_of(1).public_key()});
  task.plan_bytes = proto::encode_plan(task.plan);
  return task;
}

SessionOptions trusting_options() {
  SessionOptions options = device_options();
  options.helper_keys = {key_of(1).public_key()};
  options.allow_unmasked = false;
  options.allow_curious = false;
  return options;
}

void expect_refused(const Task& task, const SessionOptions& options, const char* what) {
  SessionScript script(task, options);
  (void)script.session.start(script.now);
  EXPECT_THAT(sent<proto::AbandonRequest>(script.offer_plan()).reason, HasSubstr(what));
  EXPECT_EQ(as<Session::Done>(script.reply(Abandoned{})).status.code(), StatusCode::kPermissionDenied);
}

void expect_refused(const SessionOptions& options, const char* what) {
  expect_refused(one_shot_task(), options, what);
}

secagg::SessionContext context_of(const Task& task) {
  return {.round = task.plan.round.value,
          .plan_digest = crypto::sha256({task.plan_bytes}),
          .model_digest = task.plan.model_digest,
          .prg = task.plan.aggregation.prg};
}

// Those of good_update().
void expect_lanes(const std::vector<std::uint32_t>& lanes) {
  EXPECT_EQ(lanes[0], 1u);
  EXPECT_EQ(lanes[5], 20u);  // examples
  const LocalUpdate update = good_update();
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR((lanes[20 + i] - 128.0) * 2 / 127, update.delta[i], 2.0 / 127) << i;
  }
}

TEST(SessionOneShot, NeedsTheHelperThatItsOwnerTrusts) {
  SessionOptions options = trusting_options();
  options.helper_keys.clear();
  expect_refused(options, "trusts no mask helper");
  options.helper_keys = {key_of(2).public_key()};
  expect_refused(options, "another than this device's owner trusts");
}

Task task_of_two(std::uint8_t first = 1, std::uint8_t second = 2) {
  Task task = one_shot_task();
  task.plan.helper_digest = crypto::sha256({key_of(first).public_key()});
  task.plan.second_helper_digest = crypto::sha256({key_of(second).public_key()});
  task.plan_bytes = proto::encode_plan(task.plan);
  task.check_key.assign(secagg::kCheckKeyBytes, 5);
  return task;
}

SessionOptions options_of_two() {
  SessionOptions options = trusting_options();
  options.helper_keys = {key_of(1).public_key(), key_of(2).public_key()};
  return options;
}

// The owner of a device that asks for two helpers gets two, and the ones they know.
TEST(SessionOneShot, TakesNoTaskWithOneHelperWhenItsOwnerAsksForTwo) {
  expect_refused(one_shot_task(), options_of_two(), "this device's owner asks for two");
  expect_refused(task_of_two(1, 3), options_of_two(), "others than this device's owner trusts");
  expect_refused(task_of_two(3, 2), options_of_two(), "others than this device's owner trusts");
  expect_refused(task_of_two(), trusting_options(), "this device's owner trusts one");
  SessionOptions twice = trusting_options();
  twice.helper_keys = {key_of(1).public_key(), key_of(1).public_key()};
  expect_refused(task_of_two(), twice, "others than this device's owner trusts");
}

TEST(SessionOneShot, TakesNoOfferOfTwoHelpersWithoutACheckKey) {
  Task task = task_of_two();
  for (const std::size_t size : {0, 31, 33}) {
    task.check_key.resize(size);
    SessionScript script(task, options_of_two());
    (void)script.session.start(script.now);
    EXPECT_THAT(sent<proto::AbandonRequest>(script.offer_plan()).reason, HasSubstr("check key"));
  }
}

TEST(SessionOneShot, SealsToBothHelpersInThePlansOrder) {
  for (const bool turned : {false, true}) {
    const Task task = turned ? task_of_two(2, 1) : task_of_two(1, 2);
    SessionScript script(task, options_of_two());
    const auto join = sent<proto::ExchangeRequest>(script.join());
    secagg::OneShotMessage message;
    ASSERT_EQ(secagg::decode_one_shot(join.payload, 2, message), Rejection::kNone);
    const secagg::SessionContext context = context_of(task);
    const secagg::RingLayout layout(8, 28);
    std::vector<std::uint32_t> lanes(28);
    secagg::ring_decode(layout, message.vector, lanes);
    secagg::CheckKey check_key;
    std::fill_n(check_key.reveal_mutable().begin(), check_key.reveal().size(), std::uint8_t{5});
    secagg::MaskKey coefficients;
    secagg::coefficient_key(check_key, context.plan_digest, coefficients);
    for (const std::size_t place : {0, 1}) {
      secagg::MaskKey key;
      const crypto::X25519PrivateKey opener = key_of(turned == (place == 0) ? 2 : 1);
      ASSERT_TRUE(secagg::open_sealed_mask(message.mask, context, layout, {opener, place}, key));
      std::vector<std::uint8_t> words(secagg::checked_mask_bytes(28));
      crypto::Keystream stream(context.prg);
      stream.rekey(key);
      secagg::add_mask_words(words, stream);
      EXPECT_EQ(secagg::tag_of_sum(words, coefficients, context.prg), message.tags[place]);
      secagg::subtract_mask_sum(lanes, words);
    }
    for (std::uint32_t& lane : lanes) lane &= 0xffff;
    expect_lanes(lanes);
  }
}

// A device that lost power after its training has the round's check key still.
TEST(SessionOneShot, GoesOnWithTwoHelpersAfterARestart) {
  const Task task = task_of_two();
  SessionScript script(task, options_of_two());
  (void)script.join();
  const std::vector<std::uint8_t> saved = script.session.save();
  ASSERT_FALSE(saved.empty());
  SessionScript restarted(task, options_of_two());
  const auto action = restarted.session.restore(saved, script.now);
  ASSERT_TRUE(action.has_value()) << action.error().message();
  const auto join = sent<proto::ExchangeRequest>(*action);
  secagg::OneShotMessage message;
  ASSERT_EQ(secagg::decode_one_shot(join.payload, 2, message), Rejection::kNone);
  EXPECT_TRUE(accepted(secagg::check_sealed_mask(message.mask, context_of(task).plan_digest,
                                                 secagg::fleet_authority().public_key(), secagg::kNoClock)));
}

TEST(SessionOneShot, DoesNotGoOnWithTwoHelpersWhenItsFileLacksTheCheckKey) {
  const Task task = task_of_two();
  SessionScript script(task, options_of_two());
  (void)script.join();
  std::vector<std::uint8_t> saved = script.session.save();
  std::vector<std::uint8_t> sized_key = {secagg::kCheckKeyBytes, 0, 0, 0};
  sized_key.insert(sized_key.end(), task.check_key.begin(), task.check_key.end());
  const auto found = std::search(saved.begin(), saved.end(), sized_key.begin(), sized_key.end());
  ASSERT_NE(found, saved.end());
  *found = 0;
  saved.erase(found + 4, found + 4 + secagg::kCheckKeyBytes);
  const std::size_t body = saved.size() - sizeof(crypto::Digest);
  const crypto::Digest digest = crypto::sha256({Bytes(saved).first(body)});
  std::copy(digest.begin(), digest.end(), saved.begin() + static_cast<std::ptrdiff_t>(body));
  SessionScript restarted(task, options_of_two());
  const auto action = restarted.session.restore(saved, script.now);
  ASSERT_FALSE(action.has_value());
  EXPECT_THAT(action.error().message(), HasSubstr("no check key for its plan"));
}

TEST(SessionOneShot, NeedsAnIdentity) {
  SessionOptions options = trusting_options();
  options.identity = nullptr;
  expect_refused(options, "enrolled devices only");
}

TEST(SessionOneShot, TakesNoCohortBelowItsOwnMinimum) {
  SessionOptions options = trusting_options();
  options.cohort_min = 5;
  expect_refused(options, "no cohort below 5");
}

TEST(SessionOneShot, TakesNoTaskThatWithstandsFewerCorruptDevicesThanItsOwnerAsksFor) {
  SessionOptions options = trusting_options();
  options.corrupt_fraction_min = one_shot_task().plan.aggregation.corrupt_fraction + 0.05f;
  expect_refused(options, "this device asks for");
  options.corrupt_fraction_min = one_shot_task().plan.aggregation.corrupt_fraction;
  SessionScript script(one_shot_task(), options);
  (void)script.session.start(script.now);
  (void)sent<proto::FetchModelRequest>(script.offer_plan());
}

// Takes the mask off as helper and coordinator together would.
void expect_vector(const Task& task, Bytes payload) {
  const secagg::SessionContext context = context_of(task);
  const secagg::RingLayout layout(8, 28, task.plan.aggregation.packing);
  secagg::OneShotMessage message;
  ASSERT_EQ(secagg::decode_one_shot(payload, 1, message), Rejection::kNone);
  EXPECT_TRUE(accepted(secagg::check_sealed_mask(message.mask, context.plan_digest,
                                                 secagg::fleet_authority().public_key(), secagg::kNoClock)));
  secagg::MaskKey key;
  ASSERT_TRUE(secagg::open_sealed_mask(message.mask, context, layout, {key_of(1)}, key));
  std::vector<std::uint8_t> ring(layout.byte_count());
  ASSERT_EQ(secagg::ring_add_message(layout, ring, message.vector), Rejection::kNone);
  crypto::Keystream stream(context.prg);
  stream.rekey(key);
  secagg::ring_apply_mask(layout, ring, stream, secagg::MaskSign::kSubtract);
  std::vector<std::uint32_t> lanes(28);
  secagg::ring_decode(layout, ring, lanes);
  expect_lanes(lanes);
}

TEST(SessionOneShot, SendsItsWholeContributionWithTheJoin) {
  for (const proto::Packing packing : {proto::Packing::kWords, proto::Packing::kBits}) {
    const Task task = one_shot_task(packing);
    SessionScript script(task, trusting_options());
    const auto join = sent<proto::ExchangeRequest>(script.join());
    EXPECT_EQ(join.step, Step::kJoin);
    expect_vector(task, join.payload);
    const auto done = as<Session::Done>(script.exchange_reply(
        proto::SessionEnd{.counted = true, .outcome = "round 4 counts this device", .window = kWindow}));
    EXPECT_TRUE(done.counted);
    EXPECT_TRUE(done.status.ok());
    EXPECT_GT(done.uplink_bytes, join.payload.size());
  }
}

TEST(SessionOneShot, OfOneHelperGoesOnAfterARestartWithoutACheckKey) {
  SessionScript script(one_shot_task(), trusting_options());
  (void)script.download();
  const auto saved = decode_saved_session(script.session.save());
  ASSERT_TRUE(saved.has_value());
  EXPECT_TRUE(saved->check_key.empty());
  SessionScript restarted(script.task, script.options);
  const auto action = restarted.session.restore(script.session.save(), script.now);
  ASSERT_TRUE(action.has_value()) << action.error().message();
  EXPECT_FALSE(as<Session::Train>(*action).job.parameters.empty());
}

TEST(SessionOneShot, RepeatsTheSameMessageWhenTheAnswerIsLost) {
  SessionScript script(one_shot_task(), trusting_options());
  const auto join = sent<proto::ExchangeRequest>(script.join());
  const Session::Action again = script.finish_wait(script.fail(StatusCode::kUnavailable));
  EXPECT_TRUE(same_request(as<Session::Send>(again).request, join));
}

TEST(SessionOneShot, AnswersNoFurtherStep) {
  for (const Step step : {Step::kShare, Step::kCollect, Step::kConfirm, Step::kUnmask}) {
    SessionScript script(one_shot_task(), trusting_options());
    (void)script.join();
    const Session::Action action = script.exchange_reply(proto::NextStep{step, {}});
    EXPECT_EQ(sent<proto::AbandonRequest>(action).token, kToken);
    EXPECT_THAT(as<Session::Done>(script.reply(Abandoned{})).status.message(),
                HasSubstr(describe(Rejection::kWrongPhase)));
  }
}

TEST(SessionOneShot, AHelperKeyThatSharesNoSecretEndsTheSession) {
  Task task = one_shot_task();
  SessionOptions options = trusting_options();
  options.helper_keys = {{}};  // a point of small order, whoever trusts it
  task.plan.helper_digest = crypto::sha256({options.helper_keys[0]});
  task.plan_bytes = proto::encode_plan(task.plan);
  SessionScript script(task, options);
  const auto abandon = sent<proto::AbandonRequest>(script.join());
  EXPECT_EQ(abandon.token, kToken);
  EXPECT_THAT(abandon.reason, HasSubstr("the plan"));
  const auto done = as<Session::Done>(script.reply(Abandoned{}));
  EXPECT_EQ(done.status.code(), StatusCode::kAborted);
  EXPECT_THAT(done.status.message(), HasSubstr(describe(Rejection::kBadKey)));
  EXPECT_EQ(done.uplink_bytes, 0u);
}

}  // namespace
}  // namespace sotto::client
