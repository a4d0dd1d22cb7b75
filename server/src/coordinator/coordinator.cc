#include "sotto/server/coordinator.h"

#include "coordinator/core.h"
#include "sotto/base/limits.h"

namespace sotto::server {

Result<std::unique_ptr<Coordinator>> Coordinator::open(Store& store, Random& random,
                                                       const CoordinatorOptions& options, Time now) {
  if (options.hold_call_ms < 0 || options.hold_call_ms > limits::kHoldCallMsMax) {
    return invalid_argument("hold_call_ms is " + std::to_string(options.hold_call_ms) + ", allowed is 0 to " +
                            std::to_string(limits::kHoldCallMsMax));
  }
  if (options.retry_min_ms > options.retry_max_ms) {
    return invalid_argument("retry_min_ms (" + std::to_string(options.retry_min_ms) +
                            ") is above retry_max_ms (" + std::to_string(options.retry_max_ms) + ")");
  }
  Result<std::vector<StoredTask>> tasks = store.load_tasks();
  if (!tasks) return tasks.error();
  auto core = std::make_unique<Core>(store, random, options);
  core->adopt(std::move(*tasks), now);
  return std::unique_ptr<Coordinator>(std::move(core));
}

std::vector<Action> Core::step(Event event, Time now) {
  now_ = now;
  actions_.clear();
  sessions_.forget_ended(now);
  run_deadlines();
  std::visit([this](auto& any) { handle(any); }, event);
  expire_held_calls();
  return std::move(actions_);
}

Time Core::next_deadline() const { return std::min(deadlines_.next(), held_calls_.next()); }

void Core::run_deadlines() {
  while (const std::optional<DeadlineKey> due = deadlines_.pop_due(now_)) {
    Task* task = find_task(due->task);
    if (task == nullptr) continue;
    if (due->cohort) {
      Cohort& cohort = task->round->cohorts[due->cohort->value];
      if (close_step(*task, cohort)) advance_cohort(*task, cohort);
    } else if (task->round != nullptr) {
      close_joining(*task);
    } else if (task->active()) {
      task->begin_round();
    }
  }
  expire_held_calls();
}

void Core::expire_held_calls() {
  while (const auto due = held_calls_.pop_due(now_)) {
    Session* session = sessions_.find(due->second);
    SOTTO_CHECK(session != nullptr);
    session->held.reset();
    reply(due->first, proto::ExchangeReply(keep_waiting(*session)));
  }
}

void Core::handle(CallCancelledEvent& event) {
  const std::optional<SessionToken> token = held_calls_.release(event.call);
  if (!token) return;
  if (Session* session = sessions_.find(*token)) session->held.reset();
}

void Core::notice(NoticeAction::Level level, std::string text) {
  actions_.push_back(NoticeAction{level, std::move(text)});
}

void Core::hold(Session& session, CallId call) {
  SOTTO_CHECK(!session.held);
  session.held = call;
  held_calls_.hold(call, session.token, now_ + std::chrono::milliseconds(options_.hold_call_ms));
}

void Core::answer_held(Session& session, proto::ExchangeReply answer) {
  if (!session.held) return;
  const CallId call = *session.held;
  session.held.reset();
  held_calls_.release(call);
  reply(call, std::move(answer));
}

void Core::end_session(Session& session, proto::ExchangeReply answer) {
  answer_held(session, answer);
  sessions_.end(session, std::move(answer), now_);
}

proto::KeepWaiting Core::keep_waiting(const Session& session) const {
  const auto found = tasks_.find(session.task);
  if (found == tasks_.end() || found->second.round == nullptr) return {poll_window(options_, "")};
  const Round& round = *found->second.round;
  if (session.stage == Session::Stage::kInCohort) {
    return {poll_window(options_, describe_waiting(round, round.cohorts[session.cohort.value]))};
  }
  return {poll_window(
      options_, "round " + std::to_string(round.id.value) + ": " + std::to_string(round.joined) + " of " +
                    std::to_string(found->second.stored.spec.participants) + " devices have joined")};
}

proto::RetryWindow Core::window_for(const Task& task, std::string reason) const {
  const std::int64_t wait_ms = task.next_round_in_ms(now_, options_.retry_max_ms);
  if (wait_ms >= options_.retry_max_ms) return idle_window(options_, std::move(reason));
  return retry_window(options_,
                      {.expected_ms = wait_ms, .devices = task.stored.spec.participants + task.turned_away},
                      std::move(reason));
}

Task* Core::find_task(TaskId id) {
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : &found->second;
}

Task* Core::find_task(const std::string& name) {
  const auto found = task_ids_.find(name);
  return found == task_ids_.end() ? nullptr : find_task(found->second);
}

Round* Core::round_of(const Session& session) {
  Task* task = find_task(session.task);
  if (task == nullptr || task->round == nullptr || task->round->id != session.round) return nullptr;
  return task->round.get();
}

}  // namespace sotto::server
