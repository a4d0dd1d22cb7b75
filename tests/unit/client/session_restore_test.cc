// Sessions saved at every point and taken up again by another process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "session_script.h"
#include "sotto/crypto/primitives.h"

namespace sotto::client {
namespace {

using proto::Aggregation;
using proto::Step;
using testing::HasSubstr;

// A session in a process of its own, restored from `saved`.
struct Restored {
  Restored(const SessionScript& from, Bytes saved)
      : script(from.task, from.options),
        result((script.now = from.now, script.session.restore(saved, script.now))) {}
  SessionScript script;
  Result<Session::Action> result;
};

// A plan accepted and the first of three chunks received.
struct HalfDownloaded : SessionScript {
  HalfDownloaded() : SessionScript(Task(Aggregation::kPlain)) {
    (void)session.start(now);
    const Session::Action action = offer_plan();
    (void)reply(chunk_of(task, sent<proto::FetchModelRequest>(action)));
  }
};

TEST(SessionSave, ThereIsNothingToSaveWithoutAPlan) {
  SessionScript script(Task(Aggregation::kSecure));
  EXPECT_TRUE(script.session.save().empty());
  (void)script.session.start(script.now);
  EXPECT_TRUE(script.session.save().empty());
  (void)script.reply(proto::CheckInReply(kWindow));
  EXPECT_TRUE(script.session.save().empty());
}

TEST(SessionSave, ABrokenDownloadGoesOnAfterARestart) {
  const HalfDownloaded script;
  Restored restored(script, script.session.save());
  ASSERT_TRUE(restored.result) << restored.result.error().message();
  EXPECT_EQ(*restored.script.session.plan(), script.task.plan);
  Session::Action action = *restored.result;
  for (const std::uint64_t offset : {12, 24}) {
    const auto request = sent<proto::FetchModelRequest>(action);
    EXPECT_EQ(request.offset, offset);
    action = restored.script.reply(chunk_of(script.task, request));
  }
  EXPECT_EQ(as<Session::Train>(action).job.parameters[7], 4);
}

TEST(SessionSave, AWaitBetweenAttemptsIsAsGoodAsACall) {
  HalfDownloaded script;
  (void)script.fail(StatusCode::kUnavailable);
  Restored restored(script, script.session.save());
  ASSERT_TRUE(restored.result);
  EXPECT_EQ(sent<proto::FetchModelRequest>(*restored.result).offset, 12u);
}

TEST(SessionSave, TrainingStartsAgainAfterARestart) {
  SessionScript script(Task(Aggregation::kSecure));
  (void)script.download();
  Restored restored(script, script.session.save());
  ASSERT_TRUE(restored.result);
  EXPECT_EQ(as<Session::Train>(*restored.result).job.parameters.size(), 8u);
  const auto join =
      sent<proto::ExchangeRequest>(restored.script.session.on_trained(good_update(), script.now));
  EXPECT_EQ(join.token, kToken);
}

TEST(SessionSave, ATrainedUpdateIsKeptButNeverItsKeys) {
  SessionScript script(Task(Aggregation::kSecure));
  const auto join = sent<proto::ExchangeRequest>(script.join());
  const std::vector<std::uint8_t> saved = script.session.save();
  Restored restored(script, saved);
  ASSERT_TRUE(restored.result);
  const auto again = sent<proto::ExchangeRequest>(*restored.result);
  EXPECT_EQ(again.token, kToken);
  EXPECT_EQ(again.step, Step::kJoin);
  EXPECT_EQ(restored.script.session.step(), Step::kJoin);
  // The restored process drew from an equally seeded generator that the first one had advanced no further, so
  // only another seed shows that the keys are drawn anew.
  SessionScript other(script.task, script.options);
  other.keys = ReplayableRandom(77);
  other.session = Session::create(other.options, {other.keys, other.rounding});
  const auto fresh = other.session.restore(saved, script.now);
  ASSERT_TRUE(fresh);
  EXPECT_NE(sent<proto::ExchangeRequest>(*fresh).payload, join.payload);
}

TEST(SessionSave, ARestoredUpdateIsTheOneThatWasTrained) {
  for (const Aggregation kind : {Aggregation::kPlain, Aggregation::kFloat}) {
    SessionScript script{Task(kind)};
    (void)script.join();
    Restored restored(script, script.session.save());
    ASSERT_TRUE(restored.result);
    const proto::NextStep collect{Step::kCollect, {}};
    EXPECT_EQ(sent<proto::ExchangeRequest>(restored.script.exchange_reply(collect)).payload,
              sent<proto::ExchangeRequest>(script.exchange_reply(collect)).payload);
  }
}

TEST(SessionSave, NothingIsKeptOnceTheJoinIsAnswered) {
  SessionScript script(Task(Aggregation::kPlain));
  (void)script.join();
  EXPECT_FALSE(script.session.save().empty());
  (void)script.exchange_reply(proto::KeepWaiting{kWindow});
  EXPECT_TRUE(script.session.save().empty());
  (void)script.session.abandon("shutdown", script.now);
  EXPECT_TRUE(script.session.save().empty());
  (void)script.reply(Abandoned{});
  EXPECT_TRUE(script.session.save().empty());
}

TEST(SessionRestore, EveryDamagedByteIsNoticed) {
  const HalfDownloaded script;
  std::vector<std::uint8_t> saved = script.session.save();
  for (std::size_t i = 0; i < saved.size(); ++i) {
    saved[i] ^= 0x10;
    EXPECT_EQ(Restored(script, saved).result.status().code(), StatusCode::kDataLoss) << "byte " << i;
    saved[i] ^= 0x10;
  }
  for (std::size_t size = 0; size < saved.size(); ++size) {
    EXPECT_EQ(Restored(script, Bytes(saved).first(size)).result.status().code(), StatusCode::kDataLoss);
  }
  saved.push_back(0);
  EXPECT_EQ(Restored(script, saved).result.status().code(), StatusCode::kDataLoss);
}

// `saved` with byte `index` replaced and a digest that matches again.
std::vector<std::uint8_t> with_byte(std::vector<std::uint8_t> saved, std::size_t index, std::uint8_t value) {
  saved[index] = value;
  const crypto::Digest digest = crypto::sha256({Bytes(saved).first(saved.size() - 32)});
  std::copy(digest.begin(), digest.end(), saved.end() - 32);
  return saved;
}

TEST(SessionRestore, OtherVersionsAndStagesAreRefused) {
  const HalfDownloaded script;
  const std::vector<std::uint8_t> saved = script.session.save();
  for (const int other : {2, 4}) {
    const auto version =
        Restored(script, with_byte(saved, 4, static_cast<std::uint8_t>(other))).result.status();
    EXPECT_EQ(version.code(), StatusCode::kDataLoss);
    EXPECT_THAT(version.message(), HasSubstr("version " + std::to_string(other)));
  }
  for (const int stage : {0, 3}) {
    EXPECT_EQ(Restored(script, with_byte(saved, 5, static_cast<std::uint8_t>(stage))).result.status().code(),
              StatusCode::kDataLoss);
  }
  // The bytes of half a model are no update.
  EXPECT_EQ(Restored(script, with_byte(saved, 5, 2)).result.status().code(), StatusCode::kDataLoss);
}

TEST(SessionRestore, AnotherDevicesSessionIsRefused) {
  HalfDownloaded script;
  const std::vector<std::uint8_t> saved = script.session.save();
  script.options.device_id = "kitchen-8";
  EXPECT_EQ(Restored(script, saved).result.status().code(), StatusCode::kFailedPrecondition);
}

TEST(SessionRestore, ARefusalNamesWhoseSessionItIs) {
  HalfDownloaded script;
  const std::vector<std::uint8_t> saved = script.session.save();
  script.options.device_id = "kitchen-8";
  EXPECT_THAT(Restored(script, saved).result.status().message(),
              HasSubstr("that of device kitchen-7 in population thermostats"));
}

TEST(SessionRestore, ASessionInAnotherPopulationIsRefused) {
  HalfDownloaded script;
  const std::vector<std::uint8_t> saved = script.session.save();
  script.options.population = "ovens";
  EXPECT_EQ(Restored(script, saved).result.status().code(), StatusCode::kFailedPrecondition);
}

// `saved` with another content, and a digest that matches.
std::vector<std::uint8_t> with_content(Bytes saved, std::size_t content_bytes, Bytes content) {
  const std::size_t body = saved.size() - sizeof(crypto::Digest) - content_bytes - sizeof(std::uint32_t);
  std::vector<std::uint8_t> changed(saved.begin(), saved.begin() + static_cast<std::ptrdiff_t>(body));
  changed.resize(body + sizeof(std::uint32_t));
  store_le(changed.data() + body, static_cast<std::uint32_t>(content.size()));
  changed.insert(changed.end(), content.begin(), content.end());
  const crypto::Digest digest = crypto::sha256({changed});
  changed.insert(changed.end(), digest.begin(), digest.end());
  return changed;
}

TEST(SessionRestore, KeptBytesAreAtMostTheModels) {
  const HalfDownloaded script;
  const std::vector<std::uint8_t> saved = script.session.save();
  std::vector<std::uint8_t> model = script.task.model_bytes;
  const Restored whole(script, with_content(saved, 12, model));
  ASSERT_TRUE(whole.result) << whole.result.error().message();
  (void)as<Session::Train>(*whole.result);
  model.push_back(0);
  const Status one_too_many = Restored(script, with_content(saved, 12, model)).result.status();
  EXPECT_EQ(one_too_many.code(), StatusCode::kDataLoss);
  EXPECT_THAT(one_too_many.message(), HasSubstr("does not fit its plan"));
  model.pop_back();
  model[3] ^= 1;
  EXPECT_THAT(Restored(script, with_content(saved, 12, model)).result.status().message(),
              HasSubstr("SHA-256"));
}

TEST(SessionRestore, BytesThatAreNoPlanAreRefused) {
  const HalfDownloaded script;
  const std::vector<std::uint8_t> saved = script.session.save();
  const std::vector<std::uint8_t>& plan = script.task.plan_bytes;
  const auto place = std::search(saved.begin(), saved.end(), plan.begin(), plan.end());
  ASSERT_NE(place, saved.end());
  const auto first = static_cast<std::size_t>(place - saved.begin());
  const Status refused = Restored(script, with_byte(saved, first, 'X')).result.status();
  EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
  EXPECT_THAT(refused.message(), HasSubstr("the saved plan does not decode: "));
}

TEST(SessionRestore, BytesAfterTheContentAreRefused) {
  const HalfDownloaded script;
  const std::vector<std::uint8_t> saved = script.session.save();
  std::vector<std::uint8_t> longer(saved.begin(), saved.end() - sizeof(crypto::Digest));
  longer.push_back(0);
  const crypto::Digest digest = crypto::sha256({longer});
  longer.insert(longer.end(), digest.begin(), digest.end());
  EXPECT_EQ(Restored(script, longer).result.status().code(), StatusCode::kDataLoss);
}

TEST(SessionRestore, AnotherFileOfAMatchingDigestIsRefused) {
  const HalfDownloaded script;
  EXPECT_EQ(Restored(script, with_byte(script.session.save(), 0, 'X')).result.status().code(),
            StatusCode::kDataLoss);
}

TEST(SessionRestore, ASessionOfARoundLongOverIsRefused) {
  HalfDownloaded script;
  const std::vector<std::uint8_t> saved = script.session.save();
  script.now = script.now + std::chrono::milliseconds(60'000);
  EXPECT_TRUE(Restored(script, saved).result);
  script.now = script.now + std::chrono::milliseconds(1);
  EXPECT_EQ(Restored(script, saved).result.status().code(), StatusCode::kFailedPrecondition);
}

TEST(SessionRestore, AnyTimeOfAcceptanceCanBeCompared) {
  HalfDownloaded script;
  std::vector<std::uint8_t> saved = script.session.save();
  constexpr std::size_t kAcceptedAt = 6;
  for (std::size_t i = 0; i < 8; ++i) saved = with_byte(saved, kAcceptedAt + i, i < 7 ? 0xff : 0x7f);
  EXPECT_TRUE(Restored(script, saved).result) << "the end of time";
  for (std::size_t i = 0; i < 8; ++i) saved = with_byte(saved, kAcceptedAt + i, i < 7 ? 0x00 : 0x80);
  EXPECT_EQ(Restored(script, saved).result.status().code(), StatusCode::kFailedPrecondition)
      << "its beginning";
}

TEST(SessionRestore, ARefusedSessionCanStillStartAnew) {
  SessionScript script(Task(Aggregation::kSecure));
  ASSERT_FALSE(script.session.restore({}, script.now));
  (void)sent<proto::CheckInRequest>(script.session.start(script.now));
}

TEST(SessionRestore, TheOwnersNewPolicyHolds) {
  HalfDownloaded script;
  const std::vector<std::uint8_t> saved = script.session.save();
  script.options.allow_unmasked = false;
  Restored restored(script, saved);
  ASSERT_TRUE(restored.result);
  (void)sent<proto::AbandonRequest>(*restored.result);
  EXPECT_EQ(as<Session::Done>(restored.script.reply(Abandoned{})).status.code(),
            StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace sotto::client
