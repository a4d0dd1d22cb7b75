// What operators do to tasks that there are. A task's changes and the records of its rounds are written one
// at a time, so that each act finds the task as the one before left it; what follows in memory follows when
// the store has answered.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "coordinator/core.h"
#include "sotto/proto/task_json.h"

namespace sotto::server {
namespace {

std::string with_reason(std::string text, const std::string& reason) {
  return reason.empty() ? text : std::move(text) + ": " + reason;
}

// Whether what says when a task is complete has changed.
bool ends_otherwise(const proto::TaskSpec& from, const proto::TaskSpec& to) {
  return from.rounds != to.rounds || from.stop_metric != to.stop_metric ||
         from.stop_larger_is_better != to.stop_larger_is_better || from.stop_at != to.stop_at ||
         from.stop_on_fall != to.stop_on_fall;
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
  if (auto* steering = std::get_if<Steering>(&next)) {
    Act act = act_of(task.changes.front(), task, *steering);
    task.writing = ask_store(std::move(steering->request), std::move(act));
    return;
  }
  const TaskChange change = take_change(task);
  if (const Status& refused = std::get<Status>(next); !refused.ok()) return reply(change.call, refused);
  reply(change.call, status_of(task));
}

Act Core::act_of(const TaskChange& change, const Task& task, Steering& next) const {
  return {.time_ms = now_.ms,
          .who = change.by,
          .what = std::move(next.what),
          .subject = task.stored.spec.name,
          .reason = change.reason,
          .changes = std::move(next.changes)};
}

Core::NextOfChange Core::request_for(const Task& task, const SetState& act) const {
  if (task.stored.state == act.state) return Status();
  if (task.stored.state == proto::TaskState::kComplete) return already_complete(task);
  return Steering{SetTaskStateRequest{task.stored.id, act.state},
                  act.state == proto::TaskState::kPaused ? "pause task" : "resume task"};
}

Core::NextOfChange Core::request_for(const Task& task, const proto::RollBackModel& act) const {
  const ModelVersion newest = task.stored.model.version;
  if (act.version == newest) {
    return failed_precondition(
        fmt::format("version {0} is the newest of task '{1}': roll back to an older one ('sotto model list "
                    "{1}')",
                    newest.value, task.stored.spec.name));
  }
  const ModelVersion version{newest.value + 1};
  const std::string note = fmt::format("rolled back to version {}", act.version.value);
  return Steering{
      RollBackModelRequest{task.stored.id,
                           {.to = act.version,
                            .version = version,
                            .committed_ms = now_.ms,
                            .note = with_reason(note, task.changes.front().reason)}},
      "roll back model",
      {{"model", fmt::format("version {}", newest.value),
        fmt::format("version {}, with the bytes of version {}", version.value, act.version.value)}}};
}

Core::NextOfChange Core::request_for(const Task& task, const proto::AbortRounds&) const {
  std::vector<ActChange> rounds;
  for (const auto& [id, round] : task.rounds) {
    if (round.issued() && round.phase() != Round::Phase::kEnded) {
      rounds.push_back({"round", std::to_string(id.value), "aborted"});
    }
  }
  if (!rounds.empty()) return Steering{NoteActRequest{task.stored.id}, "abort rounds", std::move(rounds)};
  return failed_precondition(fmt::format("task '{}' has no round at work; it waits for {}",
                                         task.stored.spec.name, describe_waiting(task).what));
}

Core::NextOfChange Core::request_for(const Task& task, const proto::DeleteTask& act) const {
  if (!task.active() || act.force) {
    return Steering{DeleteTaskRequest{task.stored.id, now_.ms},
                    "delete task",
                    {{"number", std::to_string(task.stored.id.value), ""},
                     {"model", fmt::format("version {}", task.stored.model.version.value), ""}}};
  }
  return failed_precondition(fmt::format(
      "task '{0}' is active: pause it ('sotto task pause {0}'), or delete it with --force, which loses the "
      "round at work",
      task.stored.spec.name));
}

// What is changed holds from the next round on: a round keeps what it began with.
Core::NextOfChange Core::request_for(const Task& task, const proto::EditTask& act) {
  Result<proto::TaskSpec> spec = proto::edit_task_spec(task.stored.spec, act.fields);
  if (!spec) return spec.error();
  if (*spec == task.stored.spec) return Status();
  if (const Status valid = proto::validate_task_spec(*spec); !valid.ok()) return valid;
  const std::uint32_t committed = task.stored.rounds_committed;
  if (spec->rounds <= committed && spec->rounds != task.stored.spec.rounds) {
    return invalid_argument(
        fmt::format("rounds = {}: {} are committed already; to end task '{}' now, pause it", spec->rounds,
                    committed, task.stored.spec.name));
  }
  StoredTask edited = task.stored;
  edited.spec = *spec;
  if (const Status servable = check_servable(make_plan(edited, RoundId{1}, helper_digests()));
      !servable.ok()) {
    return servable;
  }
  const bool goes_on = task.stored.state == proto::TaskState::kComplete && spec->rounds > committed &&
                       ends_otherwise(task.stored.spec, *spec);
  const proto::TaskState state = goes_on ? proto::TaskState::kActive : task.stored.state;
  std::vector<ActChange> changes;
  for (const proto::FieldChange& change : proto::differences(task.stored.spec, *spec)) {
    changes.push_back({change.key, change.from, change.to});
  }
  return Steering{EditTaskRequest{task.stored.id, std::move(*spec), state}, "edit task", std::move(changes)};
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
  } else if (auto* edit = std::get_if<EditTaskRequest>(&event.request)) {
    carry_out(task, change.reason, *edit);
  } else if (std::holds_alternative<NoteActRequest>(event.request)) {
    abort_rounds(task, change.reason);
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
  mark_population(task);
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

void Core::carry_out(Task& task, const std::string& reason, EditTaskRequest& request) {
  std::string changes;
  for (const proto::FieldChange& change : proto::differences(task.stored.spec, request.spec)) {
    changes +=
        fmt::format("{}{} from {} to {}", changes.empty() ? "" : ", ", change.key, change.from, change.to);
  }
  const bool same_rule = task.stored.spec.stop_metric == request.spec.stop_metric &&
                         task.stored.spec.stop_larger_is_better == request.spec.stop_larger_is_better;
  if (!same_rule) task.stored.best_mean.reset();
  task.stored.spec = std::move(request.spec);
  task.spent.forget_refusals();
  task.stored.state = request.state;
  mark_population(task);
  // One that nobody has a plan of yet begins anew, with what has changed.
  for (auto next = task.rounds.begin(); next != task.rounds.end();) {
    Round& round = (next++)->second;
    if (!round.issued() && round.phase() != Round::Phase::kEnded) vanish(task, round);
  }
  notice(NoticeAction::Level::kInfo,
         with_reason(fmt::format("task '{}' edited: {}", task.stored.spec.name, changes), reason));
}

void Core::abort_rounds(Task& task, const std::string& reason) {
  const std::string why = with_reason("aborted by an operator", reason);
  for (auto& [id, round] : task.rounds) {
    if (!round.issued() || round.phase() == Round::Phase::kEnded) continue;
    end_round(task, round, {.round = id, .reason = why});
  }
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
  mark_population(task);  // its devices are the others' now
  const auto population = populations_.find(task.stored.spec.population);
  std::erase(population->second.tasks, id);
  if (population->second.tasks.empty()) populations_.erase(population);
  if (older_model_ && older_model_->key.first == id) older_model_.reset();
  task_ids_.erase(name);
  marked_.erase(id);
  tasks_.erase(id);
  notice(NoticeAction::Level::kInfo, with_reason(fmt::format("task '{}' deleted", name), reason));
}

}  // namespace sotto::server
