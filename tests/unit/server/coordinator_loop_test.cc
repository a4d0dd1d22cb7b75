#include "sotto/server/coordinator_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "scripted_coordinator.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/plan.h"
#include "support/enrolment.h"
#include "support/small_cohorts.h"

namespace sotto::server {
namespace {

using ::testing::HasSubstr;
using Body = CoordinatorLoop::ReplyBody;

CheckInEvent check_in(const std::string& device) {
  return {{}, {.device_id = device, .population = "p", .trainers = {}}};
}
ExchangeEvent join() { return {{}, {{}, proto::Step::kJoin, false, {}}}; }

class CoordinatorLoopTest : public ::testing::Test {
 protected:
  // Posts and returns the answer to come.
  template <typename Event>
  static std::future<Body> post(CoordinatorLoop& loop, Event event, CallId* call = nullptr) {
    auto promise = std::make_shared<std::promise<Body>>();
    const CallId id =
        loop.submit(std::move(event), [promise](const Body& body) { promise->set_value(body); });
    if (call != nullptr) *call = id;
    return promise->get_future();
  }
  static Body get(std::future<Body> future) {
    if (future.wait_for(kPatience) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      return {};
    }
    return future.get();
  }
  static StatusCode code(const Body& body) {
    const auto* status = std::get_if<Status>(&body);
    return status == nullptr ? StatusCode::kOk : status->code();
  }

  ScriptedCoordinator coordinator_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  CohortHost cohorts_{random_, {}};
  std::unique_ptr<Store> store_ = make_memory_store();
  const CoordinatorParts parts_{coordinator_, cohorts_, *store_, clock_};
};

TEST_F(CoordinatorLoopTest, AnswersManyThreadsEachWithItsOwnReply) {
  CoordinatorLoop loop(parts_, {});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&loop, thread] {
      for (int i = 0; i < 200; ++i) {
        const std::string device = std::to_string(thread) + "-" + std::to_string(i);
        const Body body = get(post(loop, check_in(device)));
        EXPECT_EQ(std::get<proto::RetryWindow>(std::get<proto::CheckInReply>(body)).reason, device);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(CoordinatorLoopTest, RefusesAtOnceWhenTheQueueIsFullAndRecovers) {
  CoordinatorLoop loop(parts_, {.queue_max = 2});
  auto first = post(loop, check_in("block"));
  coordinator_.wait_blocked();
  auto second = post(loop, check_in("second"));
  auto third = post(loop, check_in("third"));
  auto fourth = post(loop, check_in("fourth"));
  ASSERT_EQ(fourth.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  const Body refusal = fourth.get();
  EXPECT_EQ(code(refusal), StatusCode::kResourceExhausted);
  EXPECT_THAT(std::get<Status>(refusal).message(), HasSubstr("2 requests wait already: try again"));
  coordinator_.open_gate();
  EXPECT_EQ(code(get(std::move(first))), StatusCode::kOk);
  EXPECT_EQ(code(get(std::move(second))), StatusCode::kOk);
  EXPECT_EQ(code(get(std::move(third))), StatusCode::kOk);
  EXPECT_EQ(code(get(post(loop, check_in("fifth")))), StatusCode::kOk);
}

TEST_F(CoordinatorLoopTest, TellsTheCoordinatorOfACancelledCallAndNeverAnswersIt) {
  std::atomic<int> answers{0};
  CallId call;
  {
    CoordinatorLoop loop(parts_, {});
    call = loop.submit(join(), [&](const Body&) { ++answers; });
    EXPECT_EQ(coordinator_.wait_held(), call);
    EXPECT_TRUE(loop.cancel(call));
    EXPECT_EQ(coordinator_.wait_cancelled(1), std::vector<CallId>{call});
    EXPECT_FALSE(loop.cancel(call));
  }
  EXPECT_EQ(answers, 0);
}

TEST_F(CoordinatorLoopTest, CannotCancelWhatWasAnsweredOrNeverPosted) {
  CoordinatorLoop loop(parts_, {});
  CallId call;
  get(post(loop, check_in("d"), &call));
  EXPECT_FALSE(loop.cancel(call));
  EXPECT_FALSE(loop.cancel(CallId{12'345}));
}

TEST_F(CoordinatorLoopTest, AnswersHeldCallsWhenStoppedAndRefusesLaterOnes) {
  CoordinatorLoop loop(parts_, {});
  auto held = post(loop, join());
  coordinator_.wait_held();
  EXPECT_TRUE(loop.status().ok());
  loop.stop();
  const Body body = get(std::move(held));
  EXPECT_EQ(code(body), StatusCode::kUnavailable);
  EXPECT_THAT(std::get<Status>(body).message(), HasSubstr("shutting down"));
  EXPECT_EQ(code(get(post(loop, check_in("late")))), StatusCode::kUnavailable);
  EXPECT_EQ(loop.status().code(), StatusCode::kUnavailable);
  loop.stop();  // again does no harm
}

TEST_F(CoordinatorLoopTest, TicksWhenADeadlineIsDueAndNotBefore) {
  const Time due = clock_.now() + std::chrono::milliseconds(30);
  coordinator_.deadline_ms = due.ms;
  CoordinatorLoop loop(parts_, {});
  EXPECT_GE(coordinator_.wait_ticks(1).front(), due);
  coordinator_.deadline_ms = clock_.now().ms;  // set by an event, as real deadlines are
  get(post(loop, check_in("d")));
  EXPECT_EQ(coordinator_.wait_ticks(2).size(), 2u);
}

TEST_F(CoordinatorLoopTest, PassesNoticesOn) {
  std::promise<std::string> notice;
  CoordinatorLoop loop(parts_,
                       {.notice = [&](const NoticeAction& action) { notice.set_value(action.text); }});
  const Body body = get(post(loop, AbandonEvent{{}, {{}, "battery"}}));
  EXPECT_TRUE(std::holds_alternative<AbandonReply>(body));
  EXPECT_EQ(notice.get_future().get(), "abandoned: battery");
}

TEST_F(CoordinatorLoopTest, GoesOnWhileAnAnswerIsBeingWritten) {
  std::promise<void> began;
  std::promise<void> may_end;
  std::promise<void> noticed;
  CoordinatorLoop loop(parts_, {.notice = [&](const NoticeAction&) { noticed.set_value(); }});
  loop.submit(check_in("d"), [&](const Body&) {
    began.set_value();
    may_end.get_future().wait();
  });
  began.get_future().wait();
  auto later = post(loop, AbandonEvent{{}, {{}, "battery"}});
  EXPECT_EQ(noticed.get_future().wait_for(kPatience), std::future_status::ready);
  may_end.set_value();
  EXPECT_EQ(code(get(std::move(later))), StatusCode::kOk);
}

TEST_F(CoordinatorLoopTest, HearsOfTheAuthoritysBulletinUntilItStops) {
  std::promise<std::string> notice;
  CoordinatorLoop loop(parts_,
                       {.notice = [&](const NoticeAction& action) { notice.set_value(action.text); }});
  loop.tell({.problem = "bulletin.pem was set back"});
  EXPECT_EQ(notice.get_future().get(), "bulletin.pem was set back");
  loop.stop();
  loop.tell({.problem = "nobody listens"});  // a second value would be an exception
}

TEST_F(CoordinatorLoopTest, HearsOfTheMaskHelper) {
  std::promise<std::string> notice;
  CoordinatorLoop loop(parts_,
                       {.notice = [&](const NoticeAction& action) { notice.set_value(action.text); }});
  loop.tell(HelperEvent{.stopping = true});
  EXPECT_EQ(notice.get_future().get(), "it stops");
  loop.stop();
  loop.tell(HelperEvent{.stopping = false});  // a second value would be an exception
}

TEST_F(CoordinatorLoopTest, AnExceptionEndsTheLoopWithAReason) {
  std::promise<NoticeAction> notice;
  CoordinatorLoop loop(parts_, {.notice = [&](const NoticeAction& action) { notice.set_value(action); }});
  auto held = post(loop, join());
  auto failed = post(loop, check_in("throw"));
  EXPECT_EQ(code(get(std::move(held))), StatusCode::kUnavailable);
  EXPECT_EQ(code(get(std::move(failed))), StatusCode::kUnavailable);
  EXPECT_EQ(code(get(post(loop, check_in("late")))), StatusCode::kUnavailable);
  EXPECT_EQ(loop.status().code(), StatusCode::kIo);
  EXPECT_THAT(loop.status().message(), HasSubstr("the disk is on fire"));
  const NoticeAction last = notice.get_future().get();
  EXPECT_EQ(last.level, NoticeAction::Level::kError);
  EXPECT_THAT(last.text, HasSubstr("the disk is on fire"));
}

// Ready as soon as its joining closes; finish() fails on demand.
class FinishingSession final : public aggregator::CohortSession {
 public:
  FinishingSession(bool fails, std::thread::id& ran_on) : fails_(fails), ran_on_(ran_on) {}
  Rejection admit(Bytes, ParticipantIndex& index, aggregator::Signature) override {
    index = ParticipantIndex{admitted_++};
    return Rejection::kNone;
  }
  proto::Step step() const override { return proto::Step::kJoin; }
  Rejection receive(ParticipantIndex, proto::Step, Bytes) override { return Rejection::kWrongPhase; }
  bool awaited(ParticipantIndex) const override { return false; }
  bool answered(ParticipantIndex) const override { return false; }
  std::uint32_t awaited_count() const override { return 0; }
  std::uint32_t answered_count() const override { return 0; }
  Result<Progress> close_step() override { return Progress::kReadyToFinish; }
  std::vector<std::uint8_t> message_for(ParticipantIndex) const override { return {}; }
  Result<aggregator::CohortSum> finish(Executor& executor) override {
    ran_on_ = std::this_thread::get_id();
    if (fails_) throw std::runtime_error("out of memory");
    std::atomic<std::uint32_t> sum{0};
    executor.parallel_for(4, [&](std::size_t i) { sum += static_cast<std::uint32_t>(i); });
    aggregator::CohortSum result;
    result.devices = sum;
    return result;
  }
  // One that was admitted, and one that nobody knows.
  std::vector<ParticipantIndex> dishonest() const override {
    return {ParticipantIndex{1}, ParticipantIndex{2}};
  }

 private:
  bool fails_;
  std::thread::id& ran_on_;
  std::uint16_t admitted_ = 0;
};

TEST_F(CoordinatorLoopTest, CarriesCohortsAlongAndFinishesThemOnAnotherThread) {
  std::thread::id ran_on;
  std::thread::id coordinator_thread;
  bool fails = false;
  CohortHost cohorts([&](const proto::Plan&, const OpenCohort&, Time) {
    return Result<std::unique_ptr<aggregator::CohortSession>>(
        std::make_unique<FinishingSession>(fails, ran_on));
  });
  proto::Plan plan;
  allow_small_cohorts(plan.aggregation);
  plan.round = RoundId{1};
  plan.model = {.architecture = proto::Architecture::kSoftmax, .features = 1, .classes = 2};
  plan.report_within_ms = 1;
  ASSERT_EQ(proto::validate_plan(plan).message(), "");
  coordinator_.on_check_in = [&](const CheckInEvent& event) {
    coordinator_thread = std::this_thread::get_id();
    fails = event.request.device_id == "bad";
    const CohortAddress address{TaskId{1}, RoundId{2}, CohortId{fails ? 4u : 3u}};
    std::vector<Action> actions;
    actions.push_back(CohortAction{address, OpenCohort{.plan = proto::encode_plan(plan)}});
    actions.push_back(CohortAction{address, AdmitToCohort{Seat{0}, {}}});
    actions.push_back(CohortAction{address, AdmitToCohort{Seat{1}, {}}});
    actions.push_back(CohortAction{address, CloseCohortStep{proto::Step::kJoin}});
    actions.push_back(ReplyAction{event.call, proto::CheckInReply(proto::RetryWindow{})});
    return actions;
  };
  CoordinatorLoop loop({coordinator_, cohorts, *store_, clock_}, {.finish_threads = 2});
  get(post(loop, check_in("good")));
  const CohortEvent good = coordinator_.wait_finished(1).front();
  EXPECT_EQ(good.cohort, (CohortAddress{TaskId{1}, RoundId{2}, CohortId{3}}));
  const auto& finished = std::get<CohortFinished>(good.what);
  ASSERT_TRUE(finished.sum.has_value()) << finished.sum.error().message();
  EXPECT_EQ(finished.sum->devices, 6u);
  EXPECT_EQ(finished.dishonest, std::vector<Seat>{Seat{1}});
  EXPECT_NE(ran_on, coordinator_thread);
  EXPECT_NE(ran_on, std::this_thread::get_id());

  get(post(loop, check_in("bad")));
  const CohortEvent bad = coordinator_.wait_finished(2).back();
  const Status status = std::get<CohortFinished>(bad.what).sum.status();
  EXPECT_EQ(status.code(), StatusCode::kAborted);
  EXPECT_THAT(status.message(), HasSubstr("out of memory"));
}

// ---- the store ----

// Lists nothing until it is let go, and says in which order it was asked.
class SlowStore final : public Store {
 public:
  void let_go() { gate_.set_value(); }
  std::vector<std::uint32_t> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

  Result<TaskId> create_task(const proto::TaskSpec&, const StoredModel&) override { return unknown(); }
  Status set_task_state(TaskId, proto::TaskState) override { throw std::runtime_error("it is gone"); }
  Status reserve_rounds(TaskId, RoundId) override { return unknown(); }
  Status reissue_model(TaskId, ModelVersion) override { return unknown(); }
  Result<StoredModel> roll_back_model(TaskId, const RolledBack&) override { return unknown(); }
  Status edit_task(TaskId, const proto::TaskSpec&, proto::TaskState) override { return unknown(); }
  Status delete_task(TaskId, std::int64_t) override { return unknown(); }
  Status set_ban(const Ban&) override { return unknown(); }
  Status lift_ban(const std::string&) override { return unknown(); }
  Result<std::vector<Ban>> bans() override { return unknown(); }
  Result<std::uint32_t> epoch() override { return unknown(); }
  Status raise_epoch() override { return unknown(); }
  Result<std::vector<StoredTask>> load_tasks() override { return unknown(); }
  Status record_round(const proto::RoundRecord&, const StoredModel*, proto::TaskState) override {
    return unknown();
  }
  Result<std::vector<proto::RoundRecord>> rounds(TaskId, std::uint32_t count_max) override {
    open_.wait();
    const std::lock_guard lock(mutex_);
    asked_.push_back(count_max);
    return std::vector<proto::RoundRecord>{};
  }
  Result<std::vector<proto::ModelRecord>> models(TaskId) override { return unknown(); }
  Result<StoredModel> model(TaskId, ModelVersion) override { return unknown(); }

 private:
  static Status unknown() { return not_found("not in this script"); }

  std::promise<void> gate_;
  std::shared_future<void> open_ = gate_.get_future().share();
  mutable std::mutex mutex_;
  std::vector<std::uint32_t> asked_;
};

TEST_F(CoordinatorLoopTest, HasSignaturesVerifiedOnAThreadOfTheirOwn) {
  std::atomic<int> asked{0};
  coordinator_.on_check_in = [&](const CheckInEvent& event) {
    const secagg::Identity& device = secagg::enrolled_device("d");
    const secagg::PlanStatement statement = secagg::plan_statement(text_bytes("anything"));
    SignedStatement says{secagg::make_credential(device.signer, device.endorsement, statement),
                         {statement.bytes().begin(), statement.bytes().end()}};
    if (event.request.device_id == "forger") says.statement.back() ^= 1;
    const VerificationId id{static_cast<std::uint64_t>(++asked)};
    std::vector<Action> actions;
    actions.emplace_back(VerifyAction{
        id,
        {.what = std::move(says),
         .in_force = std::make_shared<const TrustInForce>(secagg::fleet_authority().public_key())}});
    actions.emplace_back(ReplyAction{event.call, proto::CheckInReply(proto::RetryWindow{})});
    return actions;
  };
  CoordinatorLoop loop(parts_, {});
  get(post(loop, check_in("d")));
  get(post(loop, check_in("forger")));
  const std::vector<VerifiedEvent> verdicts = coordinator_.wait_verified(2);
  EXPECT_EQ(verdicts[0].id, VerificationId{1});
  EXPECT_EQ(verdicts[0].verdict.rejection, Rejection::kNone);
  EXPECT_EQ(verdicts[1].id, VerificationId{2});
  EXPECT_EQ(verdicts[1].verdict.rejection, Rejection::kBadSignature);
}

class SlowStoreTest : public CoordinatorLoopTest {
 protected:
  // A check-in of "store" asks for lists of 1, 2 and 3 rounds, one of "state" for a change of state.
  SlowStoreTest() {
    coordinator_.on_check_in = [](const CheckInEvent& event) {
      std::vector<Action> actions;
      if (event.request.device_id == "store") {
        for (std::uint32_t i = 1; i <= 3; ++i) {
          actions.push_back(StoreAction{StoreCallId{i}, ListRoundsRequest{TaskId{1}, i}});
        }
      }
      if (event.request.device_id == "state") {
        actions.push_back(StoreAction{StoreCallId{9}, SetTaskStateRequest{TaskId{1}}});
      }
      actions.push_back(ReplyAction{event.call, proto::CheckInReply(proto::RetryWindow{})});
      return actions;
    };
  }

  SlowStore slow_;
  const CoordinatorParts slow_parts_{coordinator_, cohorts_, slow_, clock_};
};

TEST_F(SlowStoreTest, KeepsNoDeviceWaiting) {
  CoordinatorLoop loop(slow_parts_, {});
  get(post(loop, check_in("store")));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(code(get(post(loop, check_in("d")))), StatusCode::kOk);
  EXPECT_TRUE(slow_.asked().empty());
  slow_.let_go();
  const std::vector<StoreAnsweredEvent> answers = coordinator_.wait_stored(3);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answers[i].call, StoreCallId{i + 1});
    EXPECT_EQ(std::get<ListRoundsRequest>(answers[i].request).count_max, i + 1);
    EXPECT_TRUE(std::holds_alternative<std::vector<proto::RoundRecord>>(answers[i].reply));
  }
}

TEST_F(SlowStoreTest, IsGivenTheTimeToWriteWhatItWasAskedFor) {
  auto loop = std::make_unique<CoordinatorLoop>(slow_parts_, CoordinatorLoopOptions{});
  get(post(*loop, check_in("store")));
  std::thread stopping([&] { loop->stop(); });
  slow_.let_go();
  stopping.join();
  EXPECT_EQ(slow_.asked(), (std::vector<std::uint32_t>{1, 2, 3}));
}

TEST_F(SlowStoreTest, WhoseLibraryThrowsAnswersWithAnError) {
  CoordinatorLoop loop(slow_parts_, {});
  get(post(loop, check_in("state")));
  const Status status = std::get<Status>(coordinator_.wait_stored(1).front().reply);
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_THAT(status.message(), HasSubstr("it is gone"));
  slow_.let_go();
}

}  // namespace
}  // namespace sotto::server
