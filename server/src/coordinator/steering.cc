// What operators do to tasks that there are. A task's changes and the records of its rounds are written one
// at a time, so that each act finds the task as the one before left it; what follows in memory follows when
// the store has answered.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "coordinator/core.h"

namespace sotto::server {
namespace {

std::string with_reason(std::string text, const std::string& reason) {
  return reason.empty() ? text : std::move(text) + ": " + reason;
}

}  // namespace

void Core::await_change(Task& task, TaskChange change) {
  if (!store_has_room(change.call)) return;
  task.changes.push_back(std::move(change));
  ++changes_waiting_;
  mark(task);
}

TaskChange Core::take_change(Task& task) {
  TaskChange change = std::move(task.changes.front());
  task.changes.pop_front();
  --changes_waiting_;
  return change;
}

void Core::begin_change(Task& task) {
  NextOfChange next =
      std::visit([&](const auto& act) { return request_for(task, act); }, task.changes.front().act);
  if (auto* request = std::get_if<StoreRequest>(&next)) {
    task.writing = ask_store(std::move(*request));
    return;
  }
  const TaskChange change = take_change(task);
  if (const Status& refused = std::get<Status>(next); !refused.ok()) return reply(change.call, refused);
  if (std::holds_alternative<proto::AbortRounds>(change.act)) abort_rounds(task, change.reason);
  reply(change.call, status_of(task));
}

Core::NextOfChange Core::request_for(const Task& task, const SetState& act) const {
  if (task.stored.state == act.state) return Status();
  if (task.stored.state == proto::TaskState::kComplete) return already_complete(task);
  return SetTaskStateRequest{task.stored.id, act.state};
}

Core::NextOfChange Core::request_for(const Task& task, const proto::RollBackModel& act) const {
  const ModelVersion newest = task.stored.model.version;
  if (act.version == newest) {
    return failed_precondition(
        fmt::format("version {0} is the newest of task '{1}': roll back to an older one ('sotto model list "
                    "{1}')",
                    newest.value, task.stored.spec.name));
  }
  const std::string note = fmt::format("rolled back to version {}", act.version.value);
  return RollBackModelRequest{task.stored.id,
                              {.to = act.version,
                               .version = ModelVersion{newest.value + 1},
                               .committed_ms = now_.ms,
                               .note = with_reason(note, task.changes.front().reason)}};
}

Core::NextOfChange Core::request_for(const Task& task, const proto::AbortRounds&) const {
  const bool open = std::ranges::any_of(task.rounds, [](const auto& entry) {
    return entry.second.issued() && entry.second.phase() != Round::Phase::kEnded;
  });
  if (open) return Status();
  return failed_precondition(fmt::format("task '{}' has no round at work; it waits for {}",
                                         task.stored.spec.name, describe_waiting(task).what));
}

Core::NextOfChange Core::request_for(const Task& task, const proto::DeleteTask& act) const {
  if (!task.active() || act.force) return DeleteTaskRequest{task.stored.id, now_.ms};
  return failed_precondition(fmt::format(
      "task '{0}' is active: pause it ('sotto task pause {0}'), or delete it with --force, which loses the "
      "round at work",
      task.stored.spec.name));
}

void Core::change_written(Task& task, StoreAnsweredEvent& event) {
  task.writing.reset();
  mark(task);
  const TaskChange change = take_change(task);
  if (const auto* status = std::get_if<Status>(&event.reply); status != nullptr && !status->ok()) {
    return reply(change.call, *status);
  }
  if (const auto* state = std::get_if<SetTaskStateRequest>(&event.request)) {
    carry_out(task, *state);
  } else if (const auto* back = std::get_if<RollBackModelRequest>(&event.request)) {
    carry_out(task, change.reason, *back, std::move(std::get<StoredModel>(event.reply)));
  } else {
    proto::TaskStatus last = status_of(task);
    delete_task(task, change.reason);
    return reply(change.call, std::move(last));
  }
  settle();  // the answer says what the task does from now on
  reply(change.call, status_of(task));
}

void Core::clear_pause(Task& task) {
  task.next_round_at = kNever;
  deadlines_.clear({.task = task.stored.id, .kind = DeadlineKey::Kind::kNextRound});
}

void Core::carry_out(Task& task, const SetTaskStateRequest& request) {
  task.stored.state = request.state;
  clear_pause(task);
  notice(NoticeAction::Level::kInfo,
         fmt::format("task '{}' {}", task.stored.spec.name, task.active() ? "resumed" : "paused"));
}

// Rounds on the model that is left behind must not move the one that is gone back to.
void Core::carry_out(Task& task, const std::string& reason, const RollBackModelRequest& request,
                     StoredModel model) {
  notice(NoticeAction::Level::kInfo,
         with_reason(fmt::format("task '{}': the model is rolled back to version {}, as version {}",
                                 task.stored.spec.name, request.back.to.value, model.version.value),
                     reason));
  task.publish(std::move(model));
  give_up_rounds(task, fmt::format("the model was rolled back to version {}", request.back.to.value));
  task.abandoned_in_a_row = 0;
  clear_pause(task);
}

void Core::abort_rounds(Task& task, const std::string& reason) {
  const std::string why = with_reason("aborted by an operator", reason);
  for (auto& [id, round] : task.rounds) {
    if (!round.issued() || round.phase() == Round::Phase::kEnded) continue;
    end_round(task, round, {.round = id, .reason = why});
  }
  mark(task);
}

void Core::give_up_rounds(Task& task, const std::string& reason) {
  for (EndedRound& ended : task.ended) {
    if (!ended.committed) continue;
    ended = {.round = ended.round, .reason = reason};
    release(task, *task.find_round(ended.round), ended);
  }
  for (auto next = task.rounds.begin(); next != task.rounds.end();) {
    Round& round = (next++)->second;  // a round that vanishes takes its place along
    if (round.phase() == Round::Phase::kEnded) continue;
    if (round.issued()) {
      end_round(task, round, {.round = round.id(), .reason = reason});
    } else {
      vanish(task, round);
    }
  }
}

void Core::delete_task(Task& task, const std::string& reason) {
  const TaskId id = task.stored.id;
  const std::string name = task.stored.spec.name;
  give_up_rounds(task, "the task was deleted");
  for (const TaskChange& change : task.changes) {
    reply(change.call, not_found(fmt::format("task '{}' was deleted meanwhile", name)));
  }
  changes_waiting_ -= task.changes.size();
  for (const auto kind :
       {DeadlineKey::Kind::kNextRound, DeadlineKey::Kind::kRecord, DeadlineKey::Kind::kReserve}) {
    deadlines_.clear({.task = id, .kind = kind});
  }
  const auto population = populations_.find(task.stored.spec.population);
  std::erase(population->second.tasks, id);
  population->second.next = 0;
  if (population->second.tasks.empty()) populations_.erase(population);
  if (older_model_ && older_model_->key.first == id) older_model_.reset();
  task_ids_.erase(name);
  marked_.erase(id);
  tasks_.erase(id);
  notice(NoticeAction::Level::kInfo, with_reason(fmt::format("task '{}' deleted", name), reason));
}

}  // namespace sotto::server
