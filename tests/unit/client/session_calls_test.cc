// Check-in, retries and model download: what comes before and after the plan.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "session_script.h"
#include "sotto/base/limits.h"

namespace sotto::client {
namespace {

using proto::Aggregation;
using testing::HasSubstr;

TEST(SessionCheckIn, SaysWhoTheDeviceIsAndWhatItCanDo) {
  SessionScript script(Task(Aggregation::kPlain));
  const auto request = sent<proto::CheckInRequest>(script.session.start(script.now));
  EXPECT_EQ(request.protocol_version, proto::kProtocolVersion);
  EXPECT_EQ(request.device_id, "kitchen-7");
  EXPECT_EQ(request.population, "thermostats");
  EXPECT_EQ(request.trainers, std::vector{proto::Architecture::kSoftmax});
  EXPECT_EQ(request.parameters_max, script.options.parameters_max);
}

TEST(SessionCheckIn, RetryWindowIsDrawnUniformlyWithinItsBounds) {
  SessionScript script(Task(Aggregation::kPlain));
  Session::Action action = script.session.start(script.now);
  const Request first = as<Session::Send>(action).request;
  double sum = 0;
  constexpr int kDraws = 500;
  for (int i = 0; i < kDraws; ++i) {
    const Session::Action wait = script.reply(proto::CheckInReply(kWindow));
    const auto delay = as<Session::Wait>(wait).until - script.now;
    ASSERT_GE(delay.count(), 1000);
    ASSERT_LE(delay.count(), 3000);
    EXPECT_EQ(as<Session::Wait>(wait).reason, "pacing");
    sum += static_cast<double>(delay.count());
    action = script.finish_wait(wait);
    ASSERT_TRUE(same_request(as<Session::Send>(action).request, first));
  }
  EXPECT_NEAR(sum / kDraws, 2000, 130);  // five standard deviations of the mean
}

TEST(SessionCheckIn, WindowUpsideDownWaitsItsMinimum) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.session.start(script.now);
  const auto wait = as<Session::Wait>(script.reply(proto::CheckInReply(proto::RetryWindow{500, 100, ""})));
  EXPECT_EQ((wait.until - script.now).count(), 500);
}

TEST(SessionCheckIn, WindowOfOneInstantIsWaitedExactly) {
  for (const proto::RetryWindow& window :
       {proto::RetryWindow{500, 500, ""}, proto::RetryWindow{500, 499, ""}, proto::RetryWindow{0, 0, ""}}) {
    SessionScript script(Task(Aggregation::kPlain));
    (void)script.session.start(script.now);
    for (int draw = 0; draw < 50; ++draw) {
      const Session::Action wait = script.reply(proto::CheckInReply(window));
      ASSERT_EQ((as<Session::Wait>(wait).until - script.now).count(), window.delay_min_ms);
      (void)script.finish_wait(wait);
    }
  }
}

TEST(SessionCheckIn, BothEndsOfTheWindowAreDrawn) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.session.start(script.now);
  std::set<std::int64_t> delays;
  for (int draw = 0; draw < 100; ++draw) {
    const Session::Action wait = script.reply(proto::CheckInReply(proto::RetryWindow{500, 502, ""}));
    delays.insert((as<Session::Wait>(wait).until - script.now).count());
    (void)script.finish_wait(wait);
  }
  EXPECT_THAT(delays, testing::ElementsAre(500, 501, 502));
}

TEST(SessionCheckIn, TimerThatFiresEarlyWaitsOn) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.session.start(script.now);
  const auto wait = as<Session::Wait>(script.reply(proto::CheckInReply(kWindow)));
  const auto still = as<Session::Wait>(script.session.on_timer(script.now + std::chrono::milliseconds(1)));
  EXPECT_EQ(still.until, wait.until);
}

TEST(SessionRetry, LostCallIsRepeatedWithTheSameBytesAfterAGrowingPause) {
  SessionScript script(Task(Aggregation::kSecure));
  script.options.attempts_max = 1000;
  script.session = Session::create(script.options, {script.keys, script.rounding});
  Session::Action action = script.join();
  const Request first = as<Session::Send>(action).request;
  std::int64_t longest = 0;
  for (int attempt = 0; attempt < 200; ++attempt) {
    const Session::Action wait =
        script.fail(attempt % 2 == 0 ? StatusCode::kUnavailable : StatusCode::kDeadlineExceeded);
    const std::int64_t pause = (as<Session::Wait>(wait).until - script.now).count();
    const std::int64_t bound = std::min<std::int64_t>(std::int64_t{200} << std::min(attempt, 20), 30'000);
    ASSERT_GE(pause, 0);
    ASSERT_LE(pause, bound) << "attempt " << attempt;
    longest = std::max(longest, pause);
    action = script.finish_wait(wait);
    ASSERT_TRUE(same_request(as<Session::Send>(action).request, first)) << "attempt " << attempt;
  }
  EXPECT_GT(longest, 25'000);
}

TEST(SessionRetry, APauseGrowsThirtyOneTimes) {
  SessionScript script(Task(Aggregation::kSecure));
  script.options.attempts_max = 1000;
  script.options.backoff_first_ms = 1;
  script.options.backoff_max_ms = UINT32_MAX;
  script.session = Session::create(script.options, {script.keys, script.rounding});
  (void)script.join();
  std::int64_t longest = 0;
  for (int attempt = 0; attempt < 200; ++attempt) {
    const Session::Action wait = script.fail(StatusCode::kUnavailable);
    longest = std::max(longest, (as<Session::Wait>(wait).until - script.now).count());
    (void)script.finish_wait(wait);
  }
  EXPECT_GT(longest, std::int64_t{1} << 30);
  EXPECT_LE(longest, std::int64_t{1} << 31);
}

TEST(SessionRetry, GivesUpAfterItsLastAttemptWithTheStatus) {
  for (const StatusCode code :
       {StatusCode::kUnavailable, StatusCode::kDeadlineExceeded, StatusCode::kResourceExhausted}) {
    SessionScript script(Task(Aggregation::kPlain));
    Session::Action action = script.session.start(script.now);
    for (std::uint32_t attempt = 1; attempt < script.options.attempts_max; ++attempt) {
      action = script.finish_wait(script.fail(code));
    }
    const auto done = as<Session::Done>(script.fail(code));
    EXPECT_EQ(done.status.code(), code);
    EXPECT_THAT(done.status.message(), HasSubstr("check-in"));
    EXPECT_FALSE(done.counted);
    EXPECT_GT(done.check_in_after, script.now);
  }
}

TEST(SessionRetry, AnAnswerResetsTheCountOfAttempts) {
  SessionScript script(Task(Aggregation::kPlain));
  Session::Action action = script.session.start(script.now);
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t attempt = 1; attempt < script.options.attempts_max; ++attempt) {
      action = script.finish_wait(script.fail(StatusCode::kUnavailable));
    }
    action = script.finish_wait(script.reply(proto::CheckInReply(kWindow)));
  }
  (void)sent<proto::CheckInRequest>(action);
}

TEST(SessionRetry, PermanentErrorsEndTheSessionAtOnce) {
  for (const StatusCode code :
       {StatusCode::kPermissionDenied, StatusCode::kInvalidArgument, StatusCode::kNotFound}) {
    SessionScript at_check_in(Task(Aggregation::kPlain));
    (void)at_check_in.session.start(at_check_in.now);
    EXPECT_EQ(as<Session::Done>(at_check_in.fail(code)).status.code(), code);
    SessionScript at_join(Task(Aggregation::kPlain));
    (void)at_join.join();
    EXPECT_EQ(as<Session::Done>(at_join.fail(code)).status.code(), code);
  }
}

TEST(SessionDownload, AsksForChunksInOrderAndTrainsOnTheModel) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.session.start(script.now);
  Session::Action action = script.offer_plan();
  for (const std::uint64_t offset : {0, 12, 24}) {
    const auto request = sent<proto::FetchModelRequest>(action);
    EXPECT_EQ(request.offset, offset);
    EXPECT_EQ(request.task, TaskId{7});
    EXPECT_EQ(request.version, ModelVersion{3});
    action = script.reply(chunk_of(script.task, request));
  }
  const auto train = as<Session::Train>(action);
  EXPECT_THAT(std::vector(train.job.parameters.begin(), train.job.parameters.end()),
              testing::ElementsAre(1, -2, 0.5f, 0, 3, 0.25f, -1, 4));
  EXPECT_EQ(train.job.weight_max, 16u);
  EXPECT_EQ(train.job.model, script.session.plan()->model);
  EXPECT_EQ(script.session.step(), std::nullopt);
}

TEST(SessionDownload, AJobOutlivesAMoveOfItsSession) {
  SessionScript script(Task(Aggregation::kPlain));
  const auto train = as<Session::Train>(script.download());
  Session moved = std::move(script.session);
  EXPECT_THAT(std::vector(train.job.parameters.begin(), train.job.parameters.end()),
              testing::ElementsAre(1, -2, 0.5f, 0, 3, 0.25f, -1, 4));
  script.session = std::move(moved);
  (void)sent<proto::ExchangeRequest>(script.session.on_trained(good_update(), script.now));
}

TEST(SessionDownload, ABrokenDownloadGoesOnAtItsOffset) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.session.start(script.now);
  Session::Action action = script.offer_plan();
  action = script.reply(chunk_of(script.task, sent<proto::FetchModelRequest>(action)));
  action = script.finish_wait(script.fail(StatusCode::kUnavailable));
  EXPECT_EQ(sent<proto::FetchModelRequest>(action).offset, 12u);
}

TEST(SessionDownload, AWrongDigestStartsTheDownloadOnceMore) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.session.start(script.now);
  Session::Action action = script.offer_plan();
  const auto answer_with_a_flipped_bit = [&](bool flip) {
    for (int chunk = 0; chunk < 3; ++chunk) {
      proto::ModelChunk answer = chunk_of(script.task, sent<proto::FetchModelRequest>(action));
      if (flip && chunk == 1) answer.bytes[5] ^= 1;
      action = script.reply(answer);
    }
  };
  answer_with_a_flipped_bit(true);
  EXPECT_EQ(sent<proto::FetchModelRequest>(action).offset, 0u);
  answer_with_a_flipped_bit(false);
  (void)as<Session::Train>(action);
}

TEST(SessionDownload, TwoWrongDigestsEndTheSession) {
  SessionScript script(Task(Aggregation::kPlain));
  script.task.model_bytes[0] ^= 1;
  (void)script.session.start(script.now);
  Session::Action action = script.offer_plan();
  for (int chunk = 0; chunk < 6; ++chunk) {
    action = script.reply(chunk_of(script.task, sent<proto::FetchModelRequest>(action)));
  }
  expect_left(script, action, StatusCode::kDataLoss, "model download failed twice");
}

TEST(SessionDownload, ChunksThatWereNotAskedForCountAsDamage) {
  const auto edits = {
      +[](proto::ModelChunk& chunk) { chunk.offset += 4; },
      +[](proto::ModelChunk& chunk) { chunk.bytes.clear(); },
      +[](proto::ModelChunk& chunk) { chunk.total_bytes += 1; },
      +[](proto::ModelChunk& chunk) { chunk.bytes.resize(33); },
      +[](proto::ModelChunk& chunk) { chunk.bytes.resize(limits::kModelChunkBytes + 1); },
  };
  for (const auto edit : edits) {
    SessionScript script(Task(Aggregation::kPlain));
    (void)script.session.start(script.now);
    Session::Action action = script.offer_plan();
    for (int attempt = 0; attempt < 2; ++attempt) {
      const auto request = sent<proto::FetchModelRequest>(action);
      EXPECT_EQ(request.offset, 0u);
      proto::ModelChunk chunk = chunk_of(script.task, request);
      edit(chunk);
      action = script.reply(chunk);
    }
    expect_left(script, action, StatusCode::kDataLoss, "model download failed twice");
  }
}

TEST(SessionReply, AnAnswerOfAnotherKindIsRefused) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.session.start(script.now);
  const auto done = as<Session::Done>(script.reply(proto::ModelChunk{}));
  EXPECT_EQ(done.status.code(), StatusCode::kAborted);
  EXPECT_THAT(done.status.message(), HasSubstr("breaks the protocol"));

  SessionScript later(Task(Aggregation::kPlain));
  (void)later.join();
  expect_left(later, later.reply(proto::CheckInReply(kWindow)), StatusCode::kAborted, "breaks the protocol");
}

}  // namespace
}  // namespace sotto::client
