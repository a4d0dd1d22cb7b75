// A coordinator that does what a test says and remembers what it was told.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "sotto/server/coordinator.h"
#include "support/temporary_directory.h"

namespace sotto::server {

inline constexpr std::chrono::seconds kPatience{20};

// Check-ins get a window, fetches a chunk, exchanges their payload back; joins are held. A check-in of device
// "throw" throws, one of device "block" blocks until open_gate().
class ScriptedCoordinator : public Coordinator {
 public:
  std::vector<Action> step(Event event, Time now) override {
    std::vector<Action> actions;
    {
      const std::lock_guard lock(mutex_);
      std::visit([&](auto& any) { handle(any, actions); }, event);
      if (std::holds_alternative<TickEvent>(event)) ticks_.push_back(now);
    }
    changed_.notify_all();
    if (blocked_.exchange(false)) gate_.get_future().wait();
    return actions;
  }
  Time next_deadline() const override { return Time{deadline_ms.load()}; }

  void open_gate() { gate_.set_value(); }
  // What happened; the wait_ functions fail the test after kPatience.
  CallId wait_held() {
    wait([this] { return !held_.empty(); }, "a held call");
    const std::lock_guard lock(mutex_);
    return held_.front();
  }
  void wait_blocked() {
    wait([this] { return entered_; }, "the blocking check-in");
  }
  std::vector<CallId> wait_cancelled(std::size_t count) {
    wait([&] { return cancelled_.size() >= count; }, "a cancelled call");
    const std::lock_guard lock(mutex_);
    return cancelled_;
  }
  std::vector<Time> wait_ticks(std::size_t count) {
    wait([&] { return ticks_.size() >= count; }, "a tick");
    const std::lock_guard lock(mutex_);
    return ticks_;
  }
  std::vector<CohortEvent> wait_finished(std::size_t count) {
    wait([&] { return finished_.size() >= count; }, "a finished cohort");
    const std::lock_guard lock(mutex_);
    return finished_;
  }
  std::vector<VerifiedEvent> wait_verified(std::size_t count) {
    wait([&] { return verified_.size() >= count; }, "a verdict");
    const std::lock_guard lock(mutex_);
    return verified_;
  }
  std::vector<StoreAnsweredEvent> wait_stored(std::size_t count) {
    wait([&] { return stored_.size() >= count; }, "an answer of the store");
    const std::lock_guard lock(mutex_);
    return stored_;
  }

  std::atomic<std::int64_t> deadline_ms{kNever.ms};
  std::function<std::vector<Action>(const CheckInEvent&)> on_check_in{};  // instead of the window

 private:
  void handle(CheckInEvent& event, std::vector<Action>& actions) {
    if (event.request.device_id == "throw") throw std::runtime_error("the disk is on fire");
    if (event.request.device_id == "block") blocked_ = entered_ = true;
    if (on_check_in) {
      actions = on_check_in(event);
    } else {
      actions.push_back(
          ReplyAction{event.call, proto::CheckInReply(proto::RetryWindow{7, 9, event.request.device_id})});
    }
  }
  void handle(FetchModelEvent& event, std::vector<Action>& actions) {
    if (event.request.task.value == 404) {
      actions.push_back(ReplyAction{event.call, not_found("no task 404: list the tasks")});
    } else if (event.request.task.value == 500) {
      actions.push_back(ReplyAction{event.call, io_error("cannot read /var/lib/sotto/state.db")});
    } else {
      actions.push_back(ReplyAction{
          event.call, proto::ModelChunk{event.request.offset + 3, event.request.offset, {1, 2, 3}}});
    }
  }
  void handle(ExchangeEvent& event, std::vector<Action>& actions) {
    if (event.request.step == proto::Step::kJoin) {
      held_.push_back(event.call);
    } else {
      actions.push_back(ReplyAction{
          event.call, proto::ExchangeReply(proto::NextStep{event.request.step, event.request.payload})});
    }
  }
  void handle(AbandonEvent& event, std::vector<Action>& actions) {
    actions.push_back(NoticeAction{NoticeAction::Level::kInfo, "abandoned: " + event.request.reason});
    actions.push_back(ReplyAction{event.call, AbandonReply{}});
  }
  void handle(CallCancelledEvent& event, std::vector<Action>&) { cancelled_.push_back(event.call); }
  void handle(CohortEvent& event, std::vector<Action>& actions) {
    if (std::holds_alternative<CohortReady>(event.what)) actions.push_back(FinishCohortAction{event.cohort});
    if (std::holds_alternative<CohortFinished>(event.what)) finished_.push_back(std::move(event));
  }
  void handle(StoreAnsweredEvent& event, std::vector<Action>&) { stored_.push_back(std::move(event)); }
  void handle(VerifiedEvent& event, std::vector<Action>&) { verified_.push_back(std::move(event)); }
  static void handle(HelperEvent& event, std::vector<Action>& actions) {
    actions.push_back(NoticeAction{NoticeAction::Level::kInfo, event.stopping ? "it stops" : "it stays"});
  }
  void handle(BulletinEvent& event, std::vector<Action>& actions) {
    actions.push_back(NoticeAction{NoticeAction::Level::kWarning, event.problem});
  }
  void handle(TickEvent&, std::vector<Action>&) { deadline_ms = kNever.ms; }
  template <typename OtherEvent>
  void handle(OtherEvent& event, std::vector<Action>& actions) {
    actions.push_back(ReplyAction{event.call, failed_precondition("not in this script")});
  }

  void wait(const std::function<bool()>& happened, const char* what) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, kPatience, happened)) << "no sign of " << what;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<CallId> held_;
  std::vector<CallId> cancelled_;
  std::vector<Time> ticks_;
  std::vector<CohortEvent> finished_;
  std::vector<VerifiedEvent> verified_;
  std::vector<StoreAnsweredEvent> stored_;
  bool entered_ = false;
  std::atomic<bool> blocked_{false};
  std::promise<void> gate_;
};

}  // namespace sotto::server
