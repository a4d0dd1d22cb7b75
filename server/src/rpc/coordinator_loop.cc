#include "sotto/server/coordinator_loop.h"
#include "sotto/secagg/one_shot.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace sotto::server {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWaitMax = std::chrono::hours(1);
constexpr milliseconds kOverdueWait{1};  // a deadline that a tick did not move must not spin the thread
// Events that the coordinator's thread takes at once: their answers are handed over together, so that a busy
// loop neither locks nor wakes anybody for each.
constexpr std::size_t kBatchMax = 64;

std::int64_t steady_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct CoordinatorLoop::State {
  const CoordinatorParts parts;
  const CoordinatorLoopOptions options;
  // Coordinator thread only: the last event was a tick; what its cohorts have said and it has not heard yet.
  bool ticked = false;
  std::deque<CohortEvent> cohort_events{};
  std::deque<Event> taken{};                   // from the queue, at most kBatchMax
  std::vector<ReplyAction> replies{};          // to what was taken, not yet handed over
  std::atomic<std::int64_t> busy_since_ms{0};  // by the steady clock; 0: waiting
  std::atomic<bool> done_with_helpers{false};

  std::atomic<std::uint64_t> last_call{0};
  std::atomic<bool> stopping{false};  // set with the mutex held

  mutable std::mutex mutex{};
  std::condition_variable event_ready{};
  // All below are guarded by `mutex`.
  std::deque<Event> queue{};
  std::unordered_map<std::uint64_t, Done> calls{};
  // Work for other threads, each queue with one of its own: nobody's masks wait for a helper to answer.
  template <typename Work>
  struct WorkQueue {
    std::condition_variable ready{};
    std::deque<Work> work{};
    bool closed = false;  // nothing more comes in
  };
  WorkQueue<FinishCohortAction> finishing{};
  WorkQueue<FinishCohortAction> asking{};
  WorkQueue<std::unique_ptr<VerifyAction>> verifying{};  // the coordinator bounds them, too
  // Holds at most kStoreRequestsMax actions, the coordinator sees to that, and what an operator asks for.
  WorkQueue<std::variant<StoreAction, std::function<void(Store&)>>> storing{};
  struct Answer {
    Done done;
    ReplyBody body;
  };
  WorkQueue<std::vector<Answer>> answering{};  // of calls, each of which is answered once
  Status status{};

  std::optional<Event> next_event();
  void take_events(milliseconds wait_max);
  void hand_over_replies();
  void step(Event event);
  void handle(Event event);
  void perform(Action action, Time now);
  void run_coordinator();
  void run_finishing(WorkQueue<FinishCohortAction>& from, std::size_t threads);
  void run_store();
  void run_verifying();
  void run_answering();
  // Blocks until there is work; nullopt when all is done and the queue is closed.
  template <typename Work>
  std::optional<Work> next_work(WorkQueue<Work>& from);
  // With the mutex held.
  void close_finishing();
  // With the mutex held. Why no call is taken now; ok when one is.
  [[nodiscard]] Status refuses_calls() const;
  // With the mutex held. True: the thread may be asleep, since it waits only for an empty queue; to be woken
  // once the mutex is free.
  [[nodiscard]] bool enqueue(Event event);
  // For events of which there is a bounded number: not subject to queue_max.
  void post(Event event);
  void end(Status why);
};

// Blocks until there is an event or a deadline is due; nullopt when stopping. A due deadline goes first, but
// never twice in a row while events wait.
std::optional<Event> CoordinatorLoop::State::next_event() {
  while (!stopping) {
    const Time now = parts.clock.now();
    const Time deadline = parts.coordinator.next_deadline();
    const bool due = deadline <= now;
    if (due && !ticked) {
      ticked = true;
      return TickEvent{};
    }
    if (!taken.empty()) {
      ticked = false;
      std::optional<Event> event(std::move(taken.front()));
      taken.pop_front();
      return event;
    }
    hand_over_replies();
    const milliseconds until = deadline == kNever ? kWaitMax : deadline - now;
    take_events(due ? kOverdueWait : std::min(until, kWaitMax));
    if (taken.empty()) ticked = false;
  }
  return std::nullopt;
}

void CoordinatorLoop::State::take_events(milliseconds wait_max) {
  std::unique_lock lock(mutex);
  if (queue.empty() && !stopping) event_ready.wait_for(lock, wait_max);
  while (!queue.empty() && taken.size() < kBatchMax) {
    taken.push_back(std::move(queue.front()));
    queue.pop_front();
  }
}

// Calls that were cancelled meanwhile get none.
void CoordinatorLoop::State::hand_over_replies() {
  if (replies.empty()) return;
  std::vector<Answer> answers;
  answers.reserve(replies.size());
  bool idle = false;
  {
    const std::lock_guard lock(mutex);
    for (ReplyAction& reply : replies) {
      const auto call = calls.find(reply.call.value);
      if (call == calls.end()) continue;
      answers.push_back({std::move(call->second), std::move(reply.body)});
      calls.erase(call);
    }
    idle = answering.work.empty();
    answering.work.push_back(std::move(answers));
  }
  replies.clear();
  if (idle) answering.ready.notify_one();
}

// What cohorts say to the event's actions is heard before anything else.
void CoordinatorLoop::State::step(Event event) {
  busy_since_ms.store(steady_ms(), std::memory_order_relaxed);
  handle(std::move(event));
  while (!cohort_events.empty()) {
    CohortEvent next = std::move(cohort_events.front());
    cohort_events.pop_front();
    handle(std::move(next));
  }
  busy_since_ms.store(0, std::memory_order_relaxed);
}

void CoordinatorLoop::State::handle(Event event) {
  const Time now = parts.clock.now();
  const bool of_helpers = std::holds_alternative<HelperEvent>(event);
  for (Action& action : parts.coordinator.step(std::move(event), now)) perform(std::move(action), now);
  if (of_helpers) done_with_helpers = parts.coordinator.is_done_with_helpers();
}

void CoordinatorLoop::State::perform(Action action, Time now) {
  if (auto* answer = std::get_if<ReplyAction>(&action)) {
    replies.push_back(std::move(*answer));
  } else if (const auto* command = std::get_if<CohortAction>(&action)) {
    for (CohortEvent& event : parts.cohorts.step(command->cohort, command->command, now)) {
      cohort_events.push_back(std::move(event));
    }
  } else if (const auto* finish = std::get_if<FinishCohortAction>(&action)) {
    const std::lock_guard lock(mutex);
    WorkQueue<FinishCohortAction>& to = finish->asks_helper ? asking : finishing;
    to.work.push_back(*finish);
    to.ready.notify_one();
  } else if (auto* check = std::get_if<VerifyAction>(&action)) {
    const std::lock_guard lock(mutex);
    verifying.work.push_back(std::make_unique<VerifyAction>(std::move(*check)));
    verifying.ready.notify_one();
  } else if (auto* request = std::get_if<StoreAction>(&action)) {
    const std::lock_guard lock(mutex);
    storing.work.emplace_back(std::move(*request));
    storing.ready.notify_one();
  } else if (options.notice) {
    options.notice(std::get<NoticeAction>(action));
  }
}

// Answers every open call with `why`, now and from now on. Coordinator thread only.
void CoordinatorLoop::State::end(Status why) {
  hand_over_replies();
  const std::lock_guard lock(mutex);
  stopping = true;
  queue.clear();
  std::vector<Answer> answers;
  for (auto& [call, done] : calls) {
    answers.push_back({std::move(done), ReplyBody(unavailable(why.message()))});
  }
  answering.work.push_back(std::move(answers));
  calls.clear();
  status = std::move(why);
  close_finishing();
  answering.ready.notify_one();
}

void CoordinatorLoop::State::run_coordinator() {
  std::string failure;
  try {
    while (std::optional<Event> event = next_event()) step(std::move(*event));
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

template <typename Work>
std::optional<Work> CoordinatorLoop::State::next_work(WorkQueue<Work>& from) {
  std::unique_lock lock(mutex);
  from.ready.wait(lock, [&] { return from.closed || !from.work.empty(); });
  if (from.work.empty()) return std::nullopt;
  std::optional<Work> work(std::move(from.work.front()));
  from.work.pop_front();
  return work;
}

// Sums and verdicts that nobody waits for any more are not begun.
void CoordinatorLoop::State::close_finishing() {
  const auto close = [](auto& from) {
    from.work.clear();
    from.closed = true;
    from.ready.notify_one();
  };
  close(finishing);
  close(asking);
  close(verifying);
}

Status CoordinatorLoop::State::refuses_calls() const {
  if (!status.ok()) return unavailable(status.message());
  if (queue.size() < options.queue_max) return {};
  return Status(
      StatusCode::kResourceExhausted,
      fmt::format("the coordinator is overloaded, {} requests wait already: try again in a few seconds",
                  queue.size()));
}

bool CoordinatorLoop::State::enqueue(Event event) {
  queue.push_back(std::move(event));
  return queue.size() == 1;
}

void CoordinatorLoop::State::post(Event event) {
  bool asleep = false;
  {
    const std::lock_guard lock(mutex);
    asleep = enqueue(std::move(event));
  }
  if (asleep) event_ready.notify_one();
}

void CoordinatorLoop::State::run_finishing(WorkQueue<FinishCohortAction>& from, std::size_t threads) {
  const std::unique_ptr<Executor> executor = make_thread_pool(threads);
  while (const std::optional<FinishCohortAction> action = next_work(from)) {
    CohortEvent event{action->cohort, CohortFinished{aborted("not finished"), {}}};
    try {
      event = parts.cohorts.finish(action->cohort, *executor);
    } catch (const std::exception& exception) {
      event.what = CohortFinished{
          aborted(fmt::format("the cohort's sum could not be computed: {}", exception.what())), {}};
    }
    post(std::move(event));  // at most one for each cohort
  }
}

void CoordinatorLoop::State::run_verifying() {
  while (const auto work = next_work(verifying)) {
    VerifyAction& action = **work;
    const Verdict verdict = verify(action.verification);
    // At most one for each that was asked for.
    post(VerifiedEvent{action.id, std::move(action.verification), verdict});
  }
}

// What was to be written before the end is written.
void CoordinatorLoop::State::run_store() {
  while (auto work = next_work(storing)) {
    if (const auto* other = std::get_if<std::function<void(Store&)>>(&*work)) {
      (*other)(parts.store);
      continue;
    }
    auto* action = std::get_if<StoreAction>(&*work);
    StoreReply reply;
    try {
      reply = action->act && parts.audit != nullptr
                  ? answer_act({parts.store, parts.updates}, *parts.audit, action->request, *action->act)
                  : answer_request({parts.store, parts.updates}, action->request);
    } catch (const std::exception& exception) {
      reply = io_error(fmt::format("the store failed: {}", exception.what()));
    }
    post(StoreAnsweredEvent{action->call, std::move(action->request),
                            std::move(reply)});  // at most one for each
  }
}

// Serialising a model's piece or a roster takes longer than deciding on it.
void CoordinatorLoop::State::run_answering() {
  while (const std::optional<std::vector<Answer>> answers = next_work(answering)) {
    for (const Answer& answer : *answers) answer.done(answer.body);
  }
}

CoordinatorLoop::CoordinatorLoop(const CoordinatorParts& parts, CoordinatorLoopOptions options)
    : state_(new State{parts, std::move(options)}) {
  SOTTO_CHECK(state_->options.finish_threads > 0 && state_->options.queue_max > 0);
  try {
    start_threads();
  } catch (...) {
    stop();  // those that were started
    throw;
  }
}

void CoordinatorLoop::start_threads() {
  coordinator_thread_ = std::thread([state = state_.get()] { state->run_coordinator(); });
  finish_thread_ = std::thread(
      [state = state_.get()] { state->run_finishing(state->finishing, state->options.finish_threads); });
  ask_thread_ =
      std::thread([state = state_.get()] { state->run_finishing(state->asking, secagg::kHelpersMax); });
  verify_thread_ = std::thread([state = state_.get()] { state->run_verifying(); });
  store_thread_ = std::thread([state = state_.get()] { state->run_store(); });
  answer_thread_ = std::thread([state = state_.get()] { state->run_answering(); });
}

CoordinatorLoop::~CoordinatorLoop() { stop(); }

void CoordinatorLoop::tell(BulletinEvent event) {
  if (status().ok()) state_->post(std::move(event));
}

void CoordinatorLoop::tell(HelperEvent event) {
  if (status().ok()) state_->post(event);
}

bool CoordinatorLoop::is_done_with_helpers() const { return state_->done_with_helpers; }

bool CoordinatorLoop::with_store(std::function<void(Store&)> work) {
  const std::lock_guard lock(state_->mutex);
  if (state_->stopping || state_->storing.closed) return false;
  state_->storing.work.emplace_back(std::move(work));
  state_->storing.ready.notify_one();
  return true;
}

CallId CoordinatorLoop::next_call() { return CallId{++state_->last_call}; }

void CoordinatorLoop::post(CallId call, Event event, Done done) {
  std::unique_lock lock(state_->mutex);
  if (Status refusal = state_->refuses_calls(); !refusal.ok()) {
    lock.unlock();
    done(ReplyBody(std::move(refusal)));
    return;
  }
  const bool asleep = state_->enqueue(std::move(event));
  state_->calls.emplace(call.value, std::move(done));
  lock.unlock();
  if (asleep) state_->event_ready.notify_one();
}

bool CoordinatorLoop::cancel(CallId call) {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->calls.erase(call.value) == 0) return false;
  }
  state_->post(CallCancelledEvent{call});  // at most one for each call: not subject to queue_max
  return true;
}

void CoordinatorLoop::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->event_ready.notify_one();
    state_->close_finishing();
  }
  if (coordinator_thread_.joinable()) coordinator_thread_.join();
  {
    const std::lock_guard lock(state_->mutex);
    state_->storing.closed = true;
    state_->storing.ready.notify_one();
    state_->answering.closed = true;
    state_->answering.ready.notify_one();
  }
  if (finish_thread_.joinable()) finish_thread_.join();
  if (ask_thread_.joinable()) ask_thread_.join();
  if (verify_thread_.joinable()) verify_thread_.join();
  if (store_thread_.joinable()) store_thread_.join();
  if (answer_thread_.joinable()) answer_thread_.join();
}

std::chrono::milliseconds CoordinatorLoop::busy_for() const {
  const std::int64_t since_ms = state_->busy_since_ms.load(std::memory_order_relaxed);
  return milliseconds(since_ms == 0 ? 0 : std::max<std::int64_t>(0, steady_ms() - since_ms));
}

Status CoordinatorLoop::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

}  // namespace sotto::server
