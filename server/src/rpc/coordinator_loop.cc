#include "sotto/server/coordinator_loop.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace sotto::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWaitMax = std::chrono::hours(1);
constexpr milliseconds kOverdueWait{1};  // a deadline that a tick did not move must not spin the thread

}  // namespace

struct CoordinatorLoop::State {
  Coordinator& coordinator;
  const Clock& clock;
  const CoordinatorLoopOptions options;
  bool ticked = false;  // coordinator thread only: the last event was a tick

  mutable std::mutex mutex{};
  std::condition_variable event_ready{};
  // All below are guarded by `mutex`.
  std::uint64_t last_call = 0;
  std::deque<Event> queue{};
  std::unordered_map<std::uint64_t, Done> calls{};
  // Cohorts to finish, each queue with a thread of its own: nobody's masks wait for a helper to answer.
  struct FinishQueue {
    std::condition_variable ready{};
    std::deque<FinishCohortAction> cohorts{};
  };
  FinishQueue finishing{};
  FinishQueue asking{};
  bool stopping = false;
  Status status{};

  std::optional<Event> next_event();
  void perform(std::vector<Action> actions);
  void reply(const ReplyAction& action);
  void run_coordinator();
  void run_finishing(FinishQueue& queue_of_cohorts, std::size_t threads);
  void end(Status why);
};

// Blocks until there is an event or a deadline is due; nullopt when stopping. A due deadline goes first, but
// never twice in a row while events wait.
std::optional<Event> CoordinatorLoop::State::next_event() {
  std::unique_lock lock(mutex);
  for (;;) {
    if (stopping) return std::nullopt;
    const Time now = clock.now();
    const Time deadline = coordinator.next_deadline();
    const bool due = deadline <= now;
    if (due && !ticked) {
      ticked = true;
      return TickEvent{};
    }
    if (!queue.empty()) {
      ticked = false;
      std::optional<Event> event(std::move(queue.front()));
      queue.pop_front();
      return event;
    }
    const milliseconds until = deadline == kNever ? kWaitMax : deadline - now;
    event_ready.wait_for(lock, due ? kOverdueWait : std::min(until, kWaitMax));
    ticked = false;
  }
}

void CoordinatorLoop::State::reply(const ReplyAction& action) {
  Done done;
  {
    const std::lock_guard lock(mutex);
    const auto call = calls.find(action.call.value);
    if (call == calls.end()) return;  // cancelled
    done = std::move(call->second);
    calls.erase(call);
  }
  done(action.body);
}

void CoordinatorLoop::State::perform(std::vector<Action> actions) {
  for (Action& action : actions) {
    if (auto* answer = std::get_if<ReplyAction>(&action)) {
      reply(*answer);
    } else if (auto* finish = std::get_if<FinishCohortAction>(&action)) {
      const std::lock_guard lock(mutex);
      FinishQueue& to = finish->asks_helper ? asking : finishing;
      to.cohorts.push_back(std::move(*finish));
      to.ready.notify_one();
    } else if (options.notice) {
      options.notice(std::get<NoticeAction>(action));
    }
  }
}

// Answers every open call with `why`, now and from now on. Coordinator thread only.
void CoordinatorLoop::State::end(Status why) {
  std::unordered_map<std::uint64_t, Done> open;
  {
    const std::lock_guard lock(mutex);
    stopping = true;
    status = why;
    queue.clear();
    open.swap(calls);
    finishing.ready.notify_one();
    asking.ready.notify_one();
  }
  const ReplyBody body(unavailable(why.message()));
  for (const auto& [call, done] : open) done(body);
}

void CoordinatorLoop::State::run_coordinator() {
  std::string failure;
  try {
    while (std::optional<Event> event = next_event()) {
      perform(coordinator.step(std::move(*event), clock.now()));
    }
  } catch (const std::exception& exception) {
    failure = exception.what();
  } catch (...) {
    failure = "an exception without a message";
  }
  if (failure.empty()) return end(unavailable("the coordinator is shutting down: try again later"));
  const std::string text = "the coordinator stopped because of an internal failure: " + failure;
  if (options.notice) options.notice({NoticeAction::Level::kError, text + "; restart it"});
  end(io_error(text));
}

void CoordinatorLoop::State::run_finishing(FinishQueue& queue_of_cohorts, std::size_t threads) {
  const std::unique_ptr<Executor> executor = make_thread_pool(threads);
  for (;;) {
    FinishCohortAction action;
    {
      std::unique_lock lock(mutex);
      queue_of_cohorts.ready.wait(lock, [&] { return stopping || !queue_of_cohorts.cohorts.empty(); });
      if (stopping) return;
      action = std::move(queue_of_cohorts.cohorts.front());
      queue_of_cohorts.cohorts.pop_front();
    }
    Result<aggregator::CohortSum> sum = aborted("not finished");
    try {
      sum = action.session->finish(*executor);
    } catch (const std::exception& exception) {
      sum = aborted(std::string("the cohort's sum could not be computed: ") + exception.what());
    }
    CohortFinishedEvent event{action.task, action.round, action.cohort, std::move(sum),
                              action.session->dishonest()};
    const std::lock_guard lock(mutex);
    queue.push_back(std::move(event));  // at most one for each cohort: not subject to queue_max
    event_ready.notify_one();
  }
}

CoordinatorLoop::CoordinatorLoop(Coordinator& coordinator, const Clock& clock, CoordinatorLoopOptions options)
    : state_(new State{coordinator, clock, std::move(options)}) {
  SOTTO_CHECK(state_->options.finish_threads > 0 && state_->options.queue_max > 0);
  coordinator_thread_ = std::thread([state = state_.get()] { state->run_coordinator(); });
  finish_thread_ = std::thread(
      [state = state_.get()] { state->run_finishing(state->finishing, state->options.finish_threads); });
  ask_thread_ = std::thread([state = state_.get()] { state->run_finishing(state->asking, 1); });
}

CoordinatorLoop::~CoordinatorLoop() { stop(); }

CallId CoordinatorLoop::next_call() {
  const std::lock_guard lock(state_->mutex);
  return CallId{++state_->last_call};
}

void CoordinatorLoop::post(CallId call, Event event, Done done) {
  Status refusal;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->status.ok()) {
      refusal = unavailable(state_->status.message());
    } else if (state_->queue.size() >= state_->options.queue_max) {
      refusal = Status(
          StatusCode::kResourceExhausted,
          fmt::format("the coordinator is overloaded, {} requests wait already: try again in a few seconds",
                      state_->queue.size()));
    } else {
      state_->queue.push_back(std::move(event));
      state_->calls.emplace(call.value, std::move(done));
      state_->event_ready.notify_one();
    }
  }
  if (!refusal.ok()) done(ReplyBody(std::move(refusal)));
}

bool CoordinatorLoop::cancel(CallId call) {
  const std::lock_guard lock(state_->mutex);
  if (state_->calls.erase(call.value) == 0) return false;
  state_->queue.push_back(CallCancelledEvent{call});  // at most one for each call: not subject to queue_max
  state_->event_ready.notify_one();
  return true;
}

void CoordinatorLoop::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->event_ready.notify_one();
    state_->finishing.ready.notify_one();
    state_->asking.ready.notify_one();
  }
  if (coordinator_thread_.joinable()) coordinator_thread_.join();
  if (finish_thread_.joinable()) finish_thread_.join();
  if (ask_thread_.joinable()) ask_thread_.join();
}

Status CoordinatorLoop::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

}  // namespace sotto::server
