#include "sotto/server/coordinator_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "scripted_coordinator.h"

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
};

TEST_F(CoordinatorLoopTest, AnswersManyThreadsEachWithItsOwnReply) {
  CoordinatorLoop loop(coordinator_, clock_, {});
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
  CoordinatorLoop loop(coordinator_, clock_, {.queue_max = 2});
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
    CoordinatorLoop loop(coordinator_, clock_, {});
    call = loop.submit(join(), [&](const Body&) { ++answers; });
    EXPECT_EQ(coordinator_.wait_held(), call);
    EXPECT_TRUE(loop.cancel(call));
    EXPECT_EQ(coordinator_.wait_cancelled(1), std::vector<CallId>{call});
    EXPECT_FALSE(loop.cancel(call));
  }
  EXPECT_EQ(answers, 0);
}

TEST_F(CoordinatorLoopTest, CannotCancelWhatWasAnsweredOrNeverPosted) {
  CoordinatorLoop loop(coordinator_, clock_, {});
  CallId call;
  get(post(loop, check_in("d"), &call));
  EXPECT_FALSE(loop.cancel(call));
  EXPECT_FALSE(loop.cancel(CallId{12'345}));
}

TEST_F(CoordinatorLoopTest, AnswersHeldCallsWhenStoppedAndRefusesLaterOnes) {
  CoordinatorLoop loop(coordinator_, clock_, {});
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
  CoordinatorLoop loop(coordinator_, clock_, {});
  EXPECT_GE(coordinator_.wait_ticks(1).front(), due);
  coordinator_.deadline_ms = clock_.now().ms;  // set by an event, as real deadlines are
  get(post(loop, check_in("d")));
  EXPECT_EQ(coordinator_.wait_ticks(2).size(), 2u);
}

TEST_F(CoordinatorLoopTest, PassesNoticesOn) {
  std::promise<std::string> notice;
  CoordinatorLoop loop(coordinator_, clock_,
                       {.notice = [&](const NoticeAction& action) { notice.set_value(action.text); }});
  const Body body = get(post(loop, AbandonEvent{{}, {{}, "battery"}}));
  EXPECT_TRUE(std::holds_alternative<AbandonReply>(body));
  EXPECT_EQ(notice.get_future().get(), "abandoned: battery");
}

TEST_F(CoordinatorLoopTest, AnExceptionEndsTheLoopWithAReason) {
  std::promise<NoticeAction> notice;
  CoordinatorLoop loop(coordinator_, clock_,
                       {.notice = [&](const NoticeAction& action) { notice.set_value(action); }});
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

// Only finish() is ever called on it.
class FinishingSession final : public aggregator::CohortSession {
 public:
  FinishingSession(bool fails, std::thread::id& ran_on) : fails_(fails), ran_on_(ran_on) {}
  Rejection admit(Bytes, ParticipantIndex&) override { return Rejection::kWrongPhase; }
  proto::Step step() const override { return proto::Step::kUnmask; }
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
  std::vector<ParticipantIndex> dishonest() const override { return {ParticipantIndex{5}}; }

 private:
  bool fails_;
  std::thread::id& ran_on_;
};

TEST_F(CoordinatorLoopTest, FinishesCohortsOnAnotherThreadAndReportsBack) {
  std::thread::id ran_on;
  std::thread::id coordinator_thread;
  coordinator_.on_check_in = [&](const CheckInEvent& event) {
    coordinator_thread = std::this_thread::get_id();
    std::vector<Action> actions;
    actions.push_back(ReplyAction{event.call, proto::CheckInReply(proto::RetryWindow{})});
    actions.push_back(
        FinishCohortAction{TaskId{1}, RoundId{2}, CohortId{3},
                           std::make_unique<FinishingSession>(event.request.device_id == "bad", ran_on)});
    return actions;
  };
  CoordinatorLoop loop(coordinator_, clock_, {.finish_threads = 2});
  get(post(loop, check_in("good")));
  const CohortFinishedEvent good = coordinator_.wait_finished(1).front();
  EXPECT_EQ(good.task, TaskId{1});
  EXPECT_EQ(good.round, RoundId{2});
  EXPECT_EQ(good.cohort, CohortId{3});
  ASSERT_TRUE(good.sum.has_value());
  EXPECT_EQ(good.sum->devices, 6u);
  EXPECT_EQ(good.dishonest, std::vector<ParticipantIndex>{ParticipantIndex{5}});
  EXPECT_NE(ran_on, coordinator_thread);
  EXPECT_NE(ran_on, std::this_thread::get_id());

  get(post(loop, check_in("bad")));
  const CohortFinishedEvent bad = coordinator_.wait_finished(2).back();
  EXPECT_EQ(bad.sum.status().code(), StatusCode::kAborted);
  EXPECT_THAT(bad.sum.status().message(), HasSubstr("out of memory"));
}

}  // namespace
}  // namespace sotto::server
