// From the trained update to the coordinator's last word, with scripted answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "session_script.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/encoded_size.h"
#include "sotto/secagg/parameters.h"
#include "sotto/secagg/ring.h"
#include "sotto/secagg/wire.h"

namespace sotto::client {
namespace {

using proto::Aggregation;
using proto::Step;
using testing::HasSubstr;

proto::NextStep next_step(Step step, std::vector<std::uint8_t> payload = {}) {
  return {step, std::move(payload)};
}

void expect_left_naming(SessionScript& script, const Session::Action& action, Rejection rejection) {
  EXPECT_EQ(sent<proto::AbandonRequest>(action).token, kToken);
  const auto done = as<Session::Done>(script.reply(Abandoned{}));
  EXPECT_EQ(done.status.code(), StatusCode::kAborted);
  EXPECT_THAT(done.status.message(), HasSubstr(describe(rejection)));
  EXPECT_FALSE(done.counted);
}

TEST(SessionTraining, AnErrorOfTheTrainerEndsTheSession) {
  SessionScript script(Task(Aggregation::kSecure));
  (void)script.download();
  const Session::Action action =
      script.session.on_trained(failed_precondition("no examples today"), script.now);
  EXPECT_THAT(sent<proto::AbandonRequest>(action).reason, HasSubstr("no examples today"));
  const auto done = as<Session::Done>(script.reply(Abandoned{}));
  EXPECT_EQ(done.status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(done.uplink_bytes, 0u);
}

TEST(SessionTraining, UpdatesThatMakeNoSenseAreNotSent) {
  const struct {
    void (*edit)(LocalUpdate&);
    const char* what;
  } cases[] = {
      {[](LocalUpdate& update) { update.delta.pop_back(); }, "7 values"},
      {[](LocalUpdate& update) { update.delta[3] = std::numeric_limits<float>::quiet_NaN(); }, "delta 3"},
      {[](LocalUpdate& update) { update.metrics.weight = 17; }, "weight 17"},
      {[](LocalUpdate& update) { update.metrics.examples = 0; }, "0 examples"},
      {[](LocalUpdate& update) { update.metrics.examples = update.metrics.weight = 0; },
       "reported 0 examples"},
      {[](LocalUpdate& update) { update.metrics.weight = 0; }, "weight 0 for 20 examples"},
      {[](LocalUpdate& update) { update.metrics.weight = 15; }, "weight 15 for 20 examples"},
      {[](LocalUpdate& update) { update.metrics.examples = 15; }, "weight 16 for 15 examples"},
      {[](LocalUpdate& update) { update.delta.push_back(0); }, "9 values"},
      {[](LocalUpdate& update) { update.delta[0] = std::numeric_limits<float>::infinity(); }, "delta 0"},
      {[](LocalUpdate& update) { update.metrics.sums[0] = -1; }, "correct is negative"},
      {[](LocalUpdate& update) { update.metrics.sums[1] = std::nan(""); },
       "loss is negative or not a finite"},
      {[](LocalUpdate& update) { update.metrics.sums[1] = HUGE_VAL; }, "loss is negative or not a finite"},
  };
  for (const auto& wrong : cases) {
    SessionScript script(Task(Aggregation::kSecure));
    (void)script.download();
    LocalUpdate update = good_update();
    wrong.edit(update);
    const Session::Action action = script.session.on_trained(update, script.now);
    EXPECT_THAT(sent<proto::AbandonRequest>(action).reason, HasSubstr(wrong.what));
    EXPECT_EQ(as<Session::Done>(script.reply(Abandoned{})).status.code(), StatusCode::kInvalidArgument);
  }
}

TEST(SessionPlain, SendsTheRingVectorOfTheQuantisedUpdate) {
  SessionScript script(Task(Aggregation::kPlain));
  const auto join = sent<proto::ExchangeRequest>(script.join());
  EXPECT_EQ(join.token, kToken);
  EXPECT_EQ(join.step, Step::kJoin);
  EXPECT_FALSE(join.poll);
  EXPECT_TRUE(join.payload.empty());
  EXPECT_EQ(script.session.step(), Step::kJoin);

  const auto collect = sent<proto::ExchangeRequest>(script.exchange_reply(next_step(Step::kCollect)));
  EXPECT_EQ(collect.step, Step::kCollect);
  const secagg::RingLayout layout(8, 28);
  ASSERT_EQ(collect.payload.size(), layout.byte_count());
  std::vector<std::uint32_t> lanes(28);
  secagg::ring_decode(layout, collect.payload, lanes);
  EXPECT_EQ(lanes[0], 1u);
  EXPECT_EQ(lanes[1], 16u);                         // weight
  EXPECT_EQ(lanes[5], 20u);                         // examples
  EXPECT_EQ(lanes[9], 11u);                         // correct
  EXPECT_EQ(lanes[13] + 256 * lanes[14], 12'800u);  // 12.5 nats
  EXPECT_EQ(lanes[19], 1u);                         // the last coordinate is clipped
  const LocalUpdate update = good_update();
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR((lanes[20 + i] - 128.0) * 2 / 127, update.delta[i], 2.0 / 127) << i;
  }
  EXPECT_EQ(lanes[27], 255u);

  const auto done = as<Session::Done>(script.exchange_reply(proto::SessionEnd{true, "in the sum", kWindow}));
  EXPECT_TRUE(done.counted);
  EXPECT_TRUE(done.status.ok());
  EXPECT_EQ(done.outcome, "in the sum");
  EXPECT_GE(done.check_in_after, script.now + std::chrono::milliseconds(1000));
  EXPECT_LE(done.check_in_after, script.now + std::chrono::milliseconds(3000));
  EXPECT_EQ(done.uplink_bytes, proto::encoded_exchange_bytes(join) + proto::encoded_exchange_bytes(collect));
}

TEST(SessionPlain, EqualRoundingSeedsGiveEqualVectors) {
  SessionScript first(Task(Aggregation::kPlain));
  SessionScript second(Task(Aggregation::kPlain));
  (void)first.join();
  (void)second.join();
  EXPECT_EQ(sent<proto::ExchangeRequest>(first.exchange_reply(next_step(Step::kCollect))).payload,
            sent<proto::ExchangeRequest>(second.exchange_reply(next_step(Step::kCollect))).payload);
}

TEST(SessionPlain, APayloadWhereNoneBelongsIsRefused) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.join();
  expect_left_naming(script, script.exchange_reply(next_step(Step::kCollect, {1})), Rejection::kMalformed);
}

TEST(SessionFloat, SendsTheUpdateAsTrained) {
  SessionScript script(Task(Aggregation::kFloat));
  EXPECT_TRUE(sent<proto::ExchangeRequest>(script.join()).payload.empty());
  const auto collect = sent<proto::ExchangeRequest>(script.exchange_reply(next_step(Step::kCollect)));
  ByteReader reader(collect.payload);
  EXPECT_EQ(reader.u32(), 16u);
  EXPECT_EQ(reader.u32(), 20u);
  EXPECT_EQ(reader.u64(), 11u);
  EXPECT_EQ(reader.u64(), 12'800u);
  for (const float value : good_update().delta) EXPECT_EQ(reader.f32(), value);
  EXPECT_TRUE(reader.finished());
}

TEST(SessionExchange, KeepWaitingPollsTheSameStepWithoutItsPayload) {
  SessionScript script(Task(Aggregation::kSecure));
  EXPECT_FALSE(sent<proto::ExchangeRequest>(script.join()).payload.empty());
  for (int i = 0; i < 20; ++i) {
    const Session::Action wait = script.exchange_reply(proto::KeepWaiting{kWindow});
    EXPECT_GE(as<Session::Wait>(wait).until, script.now + std::chrono::milliseconds(1000));
    EXPECT_LE(as<Session::Wait>(wait).until, script.now + std::chrono::milliseconds(3000));
    const auto poll = sent<proto::ExchangeRequest>(script.finish_wait(wait));
    EXPECT_EQ(poll.token, kToken);
    EXPECT_EQ(poll.step, Step::kJoin);
    EXPECT_TRUE(poll.poll);
    EXPECT_TRUE(poll.payload.empty());
  }
}

TEST(SessionExchange, AnAnswerResetsTheCountOfAttempts) {
  SessionScript script(Task(Aggregation::kPlain));
  Session::Action action = script.join();
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t attempt = 1; attempt < script.options.attempts_max; ++attempt) {
      action = script.finish_wait(script.fail(StatusCode::kUnavailable));
    }
    action = script.finish_wait(script.exchange_reply(proto::KeepWaiting{kWindow}));
  }
  EXPECT_TRUE(sent<proto::ExchangeRequest>(action).poll);
}

TEST(SessionExchange, RepeatsCountTowardsTheUplink) {
  SessionScript script(Task(Aggregation::kPlain));
  const auto join = sent<proto::ExchangeRequest>(script.join());
  const Session::Action again = script.finish_wait(script.fail(StatusCode::kUnavailable));
  EXPECT_TRUE(same_request(as<Session::Send>(again).request, join));
  const auto poll =
      sent<proto::ExchangeRequest>(script.finish_wait(script.exchange_reply(proto::KeepWaiting{kWindow})));
  const auto done = as<Session::Done>(script.exchange_reply(proto::SessionEnd{false, "too few", kWindow}));
  EXPECT_EQ(done.uplink_bytes, 2 * proto::encoded_exchange_bytes(join) + proto::encoded_exchange_bytes(poll));
}

TEST(SessionExchange, AnEndWithoutCountingIsNotAnError) {
  SessionScript script(Task(Aggregation::kSecure));
  (void)script.join();
  const auto done =
      as<Session::Done>(script.exchange_reply(proto::SessionEnd{false, "the cohort fell apart", kWindow}));
  EXPECT_FALSE(done.counted);
  EXPECT_EQ(done.status, aborted("the cohort fell apart"));
  EXPECT_GE(done.check_in_after, script.now + std::chrono::milliseconds(1000));
}

TEST(SessionExchange, AForgottenTokenAsksForANewCheckIn) {
  SessionScript script(Task(Aggregation::kSecure));
  (void)script.join();
  const auto done =
      as<Session::Done>(script.exchange_reply(proto::Refused{Rejection::kUnknownSession, kWindow}));
  EXPECT_EQ(done.status.code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      done.outcome,
      "the coordinator no longer knows this session (it restarted, or the round ended); check in again");
  EXPECT_EQ(done.status.message(), done.outcome);
  EXPECT_GE(done.check_in_after, script.now + std::chrono::milliseconds(1000));
  EXPECT_LE(done.check_in_after, script.now + std::chrono::milliseconds(3000));
}

TEST(SessionExchange, ARefusalIsTheOutcome) {
  SessionScript script(Task(Aggregation::kSecure));
  (void)script.join();
  const auto done = as<Session::Done>(script.exchange_reply(proto::Refused{Rejection::kWrongModel, kWindow}));
  EXPECT_EQ(done.status.code(), StatusCode::kAborted);
  EXPECT_THAT(done.outcome, HasSubstr(describe(Rejection::kWrongModel)));
}

TEST(SessionExchange, StepsOutOfOrderAreRefused) {
  for (const Step step : {Step::kJoin, Step::kCollect, Step::kConfirm, Step::kUnmask}) {
    SessionScript script(Task(Aggregation::kSecure));
    (void)script.join();
    expect_left_naming(script, script.exchange_reply(next_step(step)), Rejection::kWrongPhase);
  }
  for (const Step step : {Step::kJoin, Step::kShare, Step::kConfirm, Step::kUnmask}) {
    SessionScript script(Task(Aggregation::kPlain));
    (void)script.join();
    expect_left_naming(script, script.exchange_reply(next_step(step)), Rejection::kWrongPhase);
  }
}

TEST(SessionExchange, CollectingTwiceIsRefused) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.join();
  (void)script.exchange_reply(next_step(Step::kCollect));
  expect_left_naming(script, script.exchange_reply(next_step(Step::kCollect)), Rejection::kWrongPhase);
}

TEST(SessionExchange, AHostileRosterIsRefused) {
  const Task task(Aggregation::kSecure);
  const std::vector<std::uint8_t> garbage(7, secagg::kWireVersion);
  SessionScript malformed(task);
  (void)malformed.join();
  expect_left_naming(malformed, malformed.exchange_reply(next_step(Step::kShare, garbage)),
                     Rejection::kMalformed);

  // The device alone with one other: below the cohort's minimum of three.
  SessionScript lonely(task);
  const auto join = sent<proto::ExchangeRequest>(lonely.join());
  std::vector<std::uint8_t> entries(join.payload.begin(), join.payload.begin() + secagg::kAdvertiseBytes);
  const crypto::Digest own = secagg::identity_of(lonely.options.identity->signer.public_key());
  entries.insert(entries.end(), own.begin(), own.end());
  entries.resize(2 * entries.size(), 0x11);
  const std::vector<std::uint8_t> credentials(secagg::kCredentialBytes);
  secagg::Roster roster;
  roster.adversary = secagg::Adversary::kSemiMalicious;
  roster.ring_bits = 16;
  roster.credentials = credentials;
  roster.graph = {.participants = 2, .neighbours = 1, .threshold = 1};
  roster.entries = entries;
  std::vector<std::uint8_t> message(secagg::roster_bytes(roster.adversary, roster.graph));
  secagg::encode_roster(roster, message);
  expect_left_naming(lonely, lonely.exchange_reply(next_step(Step::kShare, message)),
                     Rejection::kCohortTooSmall);
}

TEST(SessionExchange, ANeighboursKeyThatAgreesOnNothingEndsTheSession) {
  Task task(Aggregation::kSecure);
  task.plan.aggregation.adversary = proto::Adversary::kCurious;
  task.plan_bytes = proto::encode_plan(task.plan);
  SessionScript script(task);
  std::vector<std::uint8_t> entries = sent<proto::ExchangeRequest>(script.join()).payload;
  crypto::SeededRandom random(std::uint64_t{3});
  for (int neighbour = 0; neighbour < 2; ++neighbour) {
    for (int key = 0; key < 2; ++key) {
      crypto::SecretBytes<crypto::kX25519Bytes> scalar;
      random.fill(scalar.reveal_mutable());
      const crypto::X25519PublicKey keys = crypto::X25519PrivateKey(scalar).public_key();
      entries.insert(entries.end(), keys.begin(), keys.end());
    }
  }
  std::fill(entries.end() - crypto::kX25519Bytes, entries.end(), std::uint8_t{0});  // of small order
  secagg::Roster roster;
  roster.ring_bits = 16;
  roster.graph = secagg::choose_graph({.participants = 3, .adversary = secagg::Adversary::kCurious}).value();
  roster.entries = entries;
  std::vector<std::uint8_t> message(secagg::roster_bytes(roster.adversary, roster.graph));
  secagg::encode_roster(roster, message);
  expect_left_naming(script, script.exchange_reply(next_step(Step::kShare, message)), Rejection::kBadKey);
}

TEST(SessionAbandon, BeforeAPlanNobodyNeedsToKnow) {
  SessionScript script(Task(Aggregation::kSecure));
  const auto unstarted = as<Session::Done>(script.session.abandon("shutdown", script.now));
  EXPECT_EQ(unstarted.status.code(), StatusCode::kAborted);

  SessionScript calling(Task(Aggregation::kSecure));
  (void)calling.session.start(calling.now);
  (void)as<Session::Done>(calling.session.abandon("shutdown", calling.now));
  // The answer that was under way comes in late.
  (void)as<Session::Done>(calling.offer_plan());

  SessionScript waiting(Task(Aggregation::kSecure));
  (void)waiting.session.start(waiting.now);
  (void)waiting.reply(proto::CheckInReply(kWindow));
  (void)as<Session::Done>(waiting.session.abandon("shutdown", waiting.now));
  (void)as<Session::Done>(waiting.session.on_timer(waiting.now));
}

TEST(SessionAbandon, AfterAPlanTheCoordinatorIsTold) {
  using Prepare = void (*)(SessionScript&);
  const Prepare points[] = {
      [](SessionScript& script) {
        (void)script.session.start(script.now);
        (void)script.offer_plan();
      },
      [](SessionScript& script) {
        (void)script.session.start(script.now);
        (void)script.offer_plan();
        (void)script.fail(StatusCode::kUnavailable);
      },
      [](SessionScript& script) { (void)script.download(); },
      [](SessionScript& script) { (void)script.join(); },
      [](SessionScript& script) {
        (void)script.join();
        (void)script.exchange_reply(proto::KeepWaiting{kWindow});
      },
  };
  for (const Prepare prepare : points) {
    SessionScript script(Task(Aggregation::kSecure));
    prepare(script);
    const auto abandon =
        sent<proto::AbandonRequest>(script.session.abandon(std::string(500, 'x'), script.now));
    EXPECT_EQ(abandon.token, kToken);
    EXPECT_EQ(abandon.reason.size(), 256u);
    EXPECT_TRUE(script.session.save().empty());
    // Even when that call is lost the session ends.
    const auto done = as<Session::Done>(script.fail(StatusCode::kUnavailable));
    EXPECT_EQ(done.status.code(), StatusCode::kAborted);
    EXPECT_FALSE(done.counted);
    (void)as<Session::Done>(script.session.abandon("again", script.now));
  }
}

// ---- whole cohorts against the real aggregator ----

struct Cohort {
  Cohort(Aggregation kind, std::size_t count, proto::Adversary adversary = proto::Adversary::kSemiMalicious,
         proto::Packing packing = proto::Packing::kWords)
      : task(make_task(kind, adversary, packing)), coordinator(task, count) {
    for (std::uint64_t seed = 1; seed <= count; ++seed) devices.push_back(std::make_unique<TestDevice>(seed));
  }
  // Until every device is done or `stop` holds; false when that takes too long.
  template <typename Stop>
  bool run_until(Stop stop) {
    for (int turn = 0; turn < 1000; ++turn) {
      bool all_done = true;
      for (auto& device : devices) {
        if (stop(*device)) return true;
        device->step(coordinator);
        all_done = all_done && device->done();
      }
      if (all_done) return true;
    }
    return false;
  }
  bool run() {
    return run_until([](const TestDevice&) { return false; });
  }

  static Task make_task(Aggregation kind, proto::Adversary adversary, proto::Packing packing) {
    Task task(kind);
    task.plan.aggregation.adversary = adversary;
    task.plan.aggregation.packing = packing;
    task.plan_bytes = proto::encode_plan(task.plan);
    return task;
  }

  Task task;
  CohortCoordinator coordinator;
  std::vector<std::unique_ptr<TestDevice>> devices;
};

TEST(SessionCohort, SecurePlainAndFloatSumTheSameUpdates) {
  std::vector<aggregator::CohortSum> sums;
  for (const Aggregation kind : {Aggregation::kSecure, Aggregation::kPlain, Aggregation::kFloat}) {
    Cohort cohort(kind, 5);
    ASSERT_TRUE(cohort.run());
    for (const auto& device : cohort.devices) {
      const auto done = as<Session::Done>(device->action);
      EXPECT_TRUE(done.counted) << done.outcome;
      EXPECT_GT(done.uplink_bytes, 28u);
    }
    auto sum = cohort.coordinator.sum();
    ASSERT_TRUE(sum) << sum.error().message();
    EXPECT_EQ(sum->devices, 5u);
    EXPECT_EQ(sum->metrics.examples, 5u * 8 + 15);
    sums.push_back(std::move(*sum));
  }
  EXPECT_EQ(sums[0].sum, sums[1].sum) << "masks must cancel exactly";
  EXPECT_EQ(sums[0].metrics, sums[1].metrics);
  const std::vector<double> quantised = sums[0].weighted_mean();
  const std::vector<double> exact = sums[2].weighted_mean();
  ASSERT_EQ(quantised.size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_NEAR(quantised[i], exact[i], 5 * sums[0].segments[0].unit * 16 / (5 * 8 + 15)) << i;
  }
}

TEST(SessionCohort, EveryAnswerLostOnceChangesNothing) {
  Cohort lossless(Aggregation::kSecure, 4);
  ASSERT_TRUE(lossless.run());
  Cohort lossy(Aggregation::kSecure, 4);
  for (int turn = 0; turn < 1000; ++turn) {
    for (auto& device : lossy.devices) {
      if (const Request* request = device->pending_request();
          request != nullptr && std::holds_alternative<proto::ExchangeRequest>(*request)) {
        const Request before = *request;
        (void)lossy.coordinator.answer(before);  // it arrives, its answer does not
        device->action = device->session.on_reply(Status(unavailable("lost")), device->now);
        device->step(lossy.coordinator);  // the pause
        ASSERT_TRUE(same_request(*device->pending_request(), before));
      }
      device->step(lossy.coordinator);
    }
  }
  for (const auto& device : lossy.devices) EXPECT_TRUE(as<Session::Done>(device->action).counted);
  EXPECT_EQ(lossy.coordinator.sum()->sum, lossless.coordinator.sum()->sum);
}

bool is_sending(const TestDevice& device, Step step) {
  const Request* request = device.pending_request();
  const auto* exchange = request == nullptr ? nullptr : std::get_if<proto::ExchangeRequest>(request);
  return exchange != nullptr && exchange->step == step;
}

TEST(SessionCohort, ASecondUnmaskRequestIsNotAnswered) {
  Cohort cohort(Aggregation::kSecure, 4);
  const TestDevice& device = *cohort.devices.front();
  ASSERT_TRUE(cohort.run_until([&](const TestDevice&) { return is_sending(device, Step::kUnmask); }));
  Session& session = cohort.devices.front()->session;
  const std::vector<std::uint8_t> request = {0x00};  // no signatures; it is not read
  const auto abandon = sent<proto::AbandonRequest>(
      session.on_reply(Reply(proto::ExchangeReply(next_step(Step::kUnmask, request))), device.now));
  EXPECT_FALSE(abandon.reason.empty());
  const auto done = as<Session::Done>(session.on_reply(Reply(Abandoned{}), device.now));
  EXPECT_THAT(done.status.message(), HasSubstr(describe(Rejection::kWrongPhase)));
}

// What the first device of a cohort says to `message` instead of the answer to `step`.
std::string words_for(Step step, const proto::NextStep& message) {
  Cohort cohort(Aggregation::kSecure, 4);
  const TestDevice& device = *cohort.devices.front();
  EXPECT_TRUE(cohort.run_until([&](const TestDevice&) { return is_sending(device, step); }));
  Session& session = cohort.devices.front()->session;
  (void)sent<proto::AbandonRequest>(session.on_reply(Reply(proto::ExchangeReply(message)), device.now));
  return as<Session::Done>(session.on_reply(Reply(Abandoned{}), device.now)).status.message();
}

TEST(SessionCohort, ASetOfSurvivorsWithoutTheDeviceItselfIsNotConfirmed) {
  EXPECT_THAT(words_for(Step::kCollect, next_step(Step::kConfirm, {0x00})),
              HasSubstr(describe(Rejection::kUnknownParticipant)));
}

TEST(SessionCohort, NothingIsUnmaskedWithoutConfirming) {
  EXPECT_THAT(words_for(Step::kCollect, next_step(Step::kUnmask, {0x07})),
              HasSubstr(describe(Rejection::kWrongPhase)));
}

TEST(SessionCohort, NothingIsUnmaskedWithoutTheNeighboursSignatures) {
  EXPECT_THAT(words_for(Step::kConfirm, next_step(Step::kUnmask, {0x00})),
              HasSubstr(describe(Rejection::kTooFewSurvivors)));
  std::vector<std::uint8_t> forged(1 + 3 * 64, 0x11);
  forged[0] = 0x07;
  EXPECT_THAT(words_for(Step::kConfirm, next_step(Step::kUnmask, forged)),
              HasSubstr(describe(Rejection::kBadSignature)));
}

TEST(SessionCohort, CuriousSessionsHaveNoStepConfirm) {
  Cohort cohort(Aggregation::kSecure, 5, proto::Adversary::kCurious);
  bool confirmed = false;
  ASSERT_TRUE(cohort.run_until([&](const TestDevice& device) {
    confirmed = confirmed || is_sending(device, Step::kConfirm);
    return false;
  }));
  EXPECT_FALSE(confirmed);
  for (const auto& device : cohort.devices) EXPECT_TRUE(as<Session::Done>(device->action).counted);
}

TEST(SessionCohort, PackedVectorsSumTheSame) {
  Cohort words(Aggregation::kSecure, 5);
  Cohort bits(Aggregation::kSecure, 5, proto::Adversary::kSemiMalicious, proto::Packing::kBits);
  ASSERT_TRUE(words.run());
  ASSERT_TRUE(bits.run());
  EXPECT_EQ(bits.coordinator.sum()->sum, words.coordinator.sum()->sum);
  EXPECT_LT(as<Session::Done>(bits.devices[0]->action).uplink_bytes,
            as<Session::Done>(words.devices[0]->action).uplink_bytes);
}

TEST(SessionCohort, NothingIsSavedAndAbandonWorksAtEveryStepAfterTheJoin) {
  for (const Step step : {Step::kShare, Step::kCollect, Step::kConfirm, Step::kUnmask}) {
    Cohort cohort(Aggregation::kSecure, 4);
    const TestDevice& device = *cohort.devices.front();
    ASSERT_TRUE(cohort.run_until([&](const TestDevice&) { return is_sending(device, step); }));
    Session& session = cohort.devices.front()->session;
    EXPECT_EQ(session.step(), step);
    EXPECT_TRUE(session.save().empty());
    (void)sent<proto::AbandonRequest>(session.abandon("battery", device.now));
    (void)as<Session::Done>(session.on_reply(Reply(Abandoned{}), device.now));
  }
}

}  // namespace
}  // namespace sotto::client
