// What a session asks its ledger, when, and what it does with the answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "session_script.h"
#include "sotto/client/ledger.h"
#include "sotto/crypto/primitives.h"

namespace sotto::client {
namespace {

using proto::Aggregation;
using proto::LedgerRefusal;
using proto::Step;
using testing::ElementsAre;
using testing::HasSubstr;

// Writes down what it is asked, and answers as it is told.
class ScriptedLedger final : public DeviceLedger {
 public:
  Result<LedgerVerdict> look(const LedgerPlan& plan, std::optional<std::uint64_t> now_s) override {
    return answer("look", plan, now_s);
  }
  Result<LedgerVerdict> join(const LedgerPlan& plan, std::optional<std::uint64_t> now_s) override {
    return answer("join", plan, now_s);
  }
  Result<LedgerVerdict> charge(const LedgerPlan& plan, std::optional<std::uint64_t> now_s) override {
    return answer("charge", plan, now_s);
  }

  std::vector<std::string> asked;
  LedgerPlan last_plan;
  std::optional<std::uint64_t> last_s;
  std::string refuses;                         // what it is asked when it refuses
  std::optional<proto::LedgerReport> refusal;  // nothing: its place fails instead

 private:
  Result<LedgerVerdict> answer(const char* question, const LedgerPlan& about,
                               std::optional<std::uint64_t> time) {
    asked.emplace_back(question);
    last_plan = about;
    last_s = time;
    if (refuses != question) return LedgerVerdict{};
    if (!refusal) return io_error("no space left on device");
    return LedgerVerdict{.refusal = refusal, .sentence = "spent"};
  }
};

class SessionLedger : public testing::Test {
 protected:
  SessionOptions options(Aggregation kind = Aggregation::kPlain) {
    SessionOptions options = device_options();
    options.ledger = &ledger_;
    if (kind == Aggregation::kOneShot) options.helper_keys = {helper().public_key()};
    return options;
  }
  static crypto::X25519PrivateKey helper() {
    crypto::SecretBytes<32> scalar;
    scalar.reveal_mutable()[3] = 1;
    return crypto::X25519PrivateKey(scalar);
  }
  static Task one_shot_task() {
    Task task(Aggregation::kOneShot);
    task.plan.helper_digest = crypto::sha256({helper().public_key()});
    task.plan_bytes = proto::encode_plan(task.plan);
    return task;
  }
  // The session leaves and tells the coordinator why; nothing else goes out.
  void expect_left(SessionScript& script, const Session::Action& action, StatusCode code, const char* what) {
    const auto abandon = sent<proto::AbandonRequest>(action);
    EXPECT_EQ(abandon.ledger, ledger_.refusal);
    EXPECT_THAT(abandon.reason, HasSubstr(what));
    const auto done = as<Session::Done>(script.reply(Abandoned{}));
    EXPECT_EQ(done.status.code(), code);
    EXPECT_FALSE(done.counted);
    EXPECT_GT(done.check_in_after, script.now);
  }
  Session::Action to_collect(SessionScript& script) {
    (void)script.join();
    return script.exchange_reply(proto::NextStep{Step::kCollect, {}});
  }

  ScriptedLedger ledger_;
};

TEST_F(SessionLedger, IsAskedAtThePlanAtTheJoinAndBeforeTheVector) {
  SessionScript script(Task(Aggregation::kPlain), options());
  (void)script.download();
  EXPECT_THAT(ledger_.asked, ElementsAre("look"));
  (void)sent<proto::ExchangeRequest>(script.session.on_trained(good_update(), script.now));
  EXPECT_THAT(ledger_.asked, ElementsAre("look", "join"));
  const auto collect =
      sent<proto::ExchangeRequest>(script.exchange_reply(proto::NextStep{Step::kCollect, {}}));
  EXPECT_EQ(collect.step, Step::kCollect);
  EXPECT_THAT(ledger_.asked, ElementsAre("look", "join", "charge"));
  (void)script.fail(StatusCode::kUnavailable);
  EXPECT_EQ(ledger_.asked.size(), 3u) << "the same bytes again are the same vector";
}

TEST_F(SessionLedger, IsToldWhatThePlanSaysAndWhoSignedIt) {
  SessionScript script(Task(Aggregation::kPlain), options());
  (void)script.download();
  const proto::Plan& plan = script.task.plan;
  EXPECT_EQ(ledger_.last_plan.coordinator, secagg::identity_of(script.task.offer(kToken).credential->key));
  EXPECT_EQ(ledger_.last_plan.task, plan.task);
  EXPECT_EQ(ledger_.last_plan.round, plan.round);
  EXPECT_EQ(ledger_.last_plan.version, plan.model_version);
  EXPECT_EQ(ledger_.last_plan.model, plan.model_digest);
  EXPECT_EQ(ledger_.last_plan.plan, crypto::sha256({script.task.plan_bytes}));
  EXPECT_EQ(ledger_.last_s, 1000u);
}

TEST_F(SessionLedger, IsToldNoTimeByADeviceWithoutAClock) {
  SessionOptions without = options();
  without.has_clock = false;
  SessionScript script(Task(Aggregation::kPlain), without);
  (void)script.download();
  EXPECT_EQ(ledger_.last_s, std::nullopt);
}

TEST_F(SessionLedger, APlanThatItRefusesIsLeftAndTheCoordinatorIsToldWhy) {
  for (const LedgerRefusal refusal :
       {LedgerRefusal::kModelSpent, LedgerRefusal::kTaskSpent, LedgerRefusal::kPeriodSpent,
        LedgerRefusal::kRoundUsed, LedgerRefusal::kStopped}) {
    ledger_.refuses = "look";
    ledger_.refusal = {.refusal = refusal, .until_s = 5000, .last_round = RoundId{9}};
    SessionScript script(Task(Aggregation::kPlain), options());
    (void)script.session.start(script.now);
    const bool spent = refusal != LedgerRefusal::kRoundUsed && refusal != LedgerRefusal::kStopped;
    expect_left(script, script.offer_plan(),
                spent ? StatusCode::kResourceExhausted : StatusCode::kFailedPrecondition, "spent");
  }
}

TEST_F(SessionLedger, ThatRefusesTheVectorKeepsItIn) {
  ledger_.refuses = "charge";
  ledger_.refusal = {.refusal = LedgerRefusal::kPeriodSpent};
  SessionScript script(Task(Aggregation::kPlain), options());
  expect_left(script, to_collect(script), StatusCode::kResourceExhausted, "spent");
}

TEST_F(SessionLedger, ThatCannotBeWrittenKeepsJoinAndVectorIn) {
  for (const char* when : {"look", "join", "charge"}) {
    ledger_.refuses = when;
    SessionScript script(Task(Aggregation::kPlain), options());
    Session::Action action = script.session.start(script.now);
    action = script.offer_plan();
    while (std::holds_alternative<Session::Send>(action) &&
           std::holds_alternative<proto::FetchModelRequest>(std::get<Session::Send>(action).request)) {
      action = script.reply(chunk_of(script.task, sent<proto::FetchModelRequest>(action)));
    }
    if (std::holds_alternative<Session::Train>(action)) {
      action = script.session.on_trained(good_update(), script.now);
      if (std::string(when) == "charge") {
        action = script.exchange_reply(proto::NextStep{Step::kCollect, {}});
      }
    }
    expect_left(script, action, StatusCode::kIo, "the ledger: no space left on device");
  }
}

TEST_F(SessionLedger, APlanThatEndsWhileTheDeviceTrainsIsNotJoined) {
  SessionScript script(Task(Aggregation::kPlain), options());
  (void)script.download();
  script.now = Time{3'601'000};
  const Session::Action action = script.session.on_trained(good_update(), script.now);
  EXPECT_THAT(sent<proto::AbandonRequest>(action).reason, HasSubstr("the plan ended at"));
  EXPECT_THAT(ledger_.asked, ElementsAre("look"));
}

TEST_F(SessionLedger, OneShotSessionsChargeAtTheJoinWhichIsTheVector) {
  SessionScript script(one_shot_task(), options(Aggregation::kOneShot));
  EXPECT_EQ(sent<proto::ExchangeRequest>(script.join()).step, Step::kJoin);
  EXPECT_THAT(ledger_.asked, ElementsAre("look", "join", "charge"));
  ledger_.refuses = "charge";
  ledger_.refusal = {.refusal = LedgerRefusal::kTaskSpent};
  SessionScript spent(one_shot_task(), options(Aggregation::kOneShot));
  expect_left(spent, spent.join(), StatusCode::kResourceExhausted, "spent");
}

// ---- restarts, with a ledger that counts ----

TEST_F(SessionLedger, AJoinThatAPowerCutKeptBackIsSentAgain) {
  const auto real = make_memory_ledger({});
  SessionOptions with = options();
  with.ledger = real.get();
  SessionScript script(Task(Aggregation::kSecure), with);
  (void)script.join();
  SessionScript restarted(script.task, with);
  restarted.now = script.now;
  const auto action = restarted.session.restore(script.session.save(), restarted.now);
  ASSERT_TRUE(action.has_value());
  EXPECT_EQ(sent<proto::ExchangeRequest>(*action).step, Step::kJoin);
}

TEST_F(SessionLedger, AOneShotVectorCountsAsSentWhateverBecameOfIt) {
  const auto real = make_memory_ledger({});
  SessionOptions with = options(Aggregation::kOneShot);
  with.ledger = real.get();
  SessionScript script(one_shot_task(), with);
  (void)script.join();
  SessionScript restarted(script.task, with);
  restarted.now = script.now;
  const auto action = restarted.session.restore(script.session.save(), restarted.now);
  ASSERT_TRUE(action.has_value());
  const auto abandon = sent<proto::AbandonRequest>(*action);
  EXPECT_EQ(abandon.ledger->refusal, LedgerRefusal::kRoundUsed);
}

}  // namespace
}  // namespace sotto::client
