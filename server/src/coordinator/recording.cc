// What is written, one thing of a task at a time, and what follows when it is or is not.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "coordinator/clips.h"
#include "coordinator/core.h"
#include "sotto/aggregator/server_optimizer.h"
#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

// How often a commit is tried before its round is abandoned. Pauses double from retry_min_ms: a disk that
// is full or slow for seconds costs nothing, and the devices that wait for the outcome do not wait for
// minutes.
constexpr std::uint32_t kCommitAttemptsMax = 4;

// The model after the round; kAborted when the update would break it.
Result<StoredModel> next_model(const StoredTask& task, const proto::Plan& plan,
                               const aggregator::CohortSum& sum, Time now) {
  const proto::TaskSpec& spec = task.spec;
  StoredModel model = task.model;
  SOTTO_RETURN_IF_ERROR(aggregator::apply_update(
      sum, {.learning_rate = spec.server_learning_rate, .momentum = spec.server_momentum}, model.parameters,
      model.optimizer_state));
  if (!std::ranges::all_of(model.parameters, [](float value) { return std::isfinite(value); })) {
    return aborted("the update would make parameters infinite: lower the learning rate or the clip");
  }
  model.version = ModelVersion{model.version.value + 1};
  model.digest = crypto::sha256({encode_floats(model.parameters)});
  model.committed_ms = now.ms;
  adapt_clips(spec, plan, sum, model);
  return model;
}

Status status_in(const StoreReply& reply) {
  const auto* status = std::get_if<Status>(&reply);
  return status == nullptr ? Status() : *status;
}

}  // namespace

StoreCallId Core::ask_store(StoreRequest request) {
  const StoreCallId call{++store_calls_made_};
  actions_.push_back(StoreAction{call, std::move(request)});
  return call;
}

bool Core::store_has_room(CallId call) {
  if (store_calls_.size() + fetches_waiting_ + state_changes_waiting_ < limits::kStoreCallsMax) return true;
  reply(call, Status(StatusCode::kResourceExhausted,
                     fmt::format("{} requests wait for the store already: try again in a few seconds",
                                 limits::kStoreCallsMax)));
  return false;
}

void Core::ask_store_for(CallId call, StoreRequest request) {
  store_calls_.emplace(ask_store(std::move(request)), call);
}

void Core::handle(StoreAnsweredEvent& event) {
  if (auto* record = std::get_if<RecordRoundRequest>(&event.request)) {
    Task* task = find_task(record->record.task);
    if (task == nullptr || task->writing != event.call) return;
    task->writing.reset();
    mark(*task);
    const Status status = status_in(event.reply);
    return status.ok() ? round_written(*task, *record) : round_not_written(*task, *record, status);
  }
  if (const auto* state = std::get_if<SetTaskStateRequest>(&event.request)) {
    Task* task = find_task(state->task);
    if (task == nullptr || task->writing != event.call) return;
    task->writing.reset();
    mark(*task);
    return state_written(*task, *state, status_in(event.reply));
  }
  if (const auto* reserve = std::get_if<ReserveRoundsRequest>(&event.request)) {
    Task* task = find_task(reserve->task);
    if (task == nullptr || task->reserving != event.call) return;
    return rounds_reserved(*task, *reserve, status_in(event.reply));
  }
  if (const auto* reissue = std::get_if<ReissueModelRequest>(&event.request)) {
    Task* task = find_task(reissue->task);
    if (task == nullptr || task->reissuing != event.call) return;
    return model_reissued(*task, *reissue, status_in(event.reply));
  }
  if (const auto* load = std::get_if<LoadModelRequest>(&event.request))
    return model_loaded(*load, event.reply);
  const auto waiting = store_calls_.find(event.call);
  if (waiting == store_calls_.end()) return;
  const CallId call = waiting->second;
  store_calls_.erase(waiting);
  if (auto* create = std::get_if<CreateTaskRequest>(&event.request)) {
    return task_created(call, *create, event.reply);
  }
  std::visit(
      [&](auto& value) {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, TaskId> || std::is_same_v<Value, StoredModel>) {
          reply(call, io_error("the store gave another answer than was asked for"));
        } else {
          reply(call, std::move(value));
        }
      },
      event.reply);
}

// Operators' changes go first: a record may have to wait for its disk.
void Core::write_next(Task& task) {
  while (!task.writing && !task.state_changes.empty()) write_state(task);
  if (task.writing || task.ended.empty()) return;
  EndedRound& ended = task.ended.front();
  if (ended.retry_at == kNever || ended.retry_at <= now_) write_round(task, ended);
}

void Core::write_state(Task& task) {
  const StateChange change = task.state_changes.front();
  if (task.stored.state != proto::TaskState::kComplete && task.stored.state != change.state) {
    task.writing = ask_store(SetTaskStateRequest{task.stored.id, change.state});
    return;
  }
  task.state_changes.pop_front();
  --state_changes_waiting_;
  if (task.stored.state == change.state) return reply(change.call, status_of(task));
  reply(change.call, already_complete(task));
}

void Core::state_written(Task& task, const SetTaskStateRequest& request, const Status& status) {
  const StateChange change = task.state_changes.front();
  task.state_changes.pop_front();
  --state_changes_waiting_;
  if (!status.ok()) return reply(change.call, status);
  task.stored.state = request.state;
  task.next_round_at = kNever;
  deadlines_.clear({.task = task.stored.id, .kind = DeadlineKey::Kind::kNextRound});
  mark_population(task);
  notice(NoticeAction::Level::kInfo,
         fmt::format("task '{}' {}", task.stored.spec.name, task.active() ? "resumed" : "paused"));
  settle();  // the answer says what the task does from now on
  reply(change.call, status_of(task));
}

// A plan is signed only with a number that is reserved on disk: whatever is lost in a crash, no number is
// signed twice.
void Core::reserve_rounds(Task& task) {
  task.reserving = ask_store(
      ReserveRoundsRequest{task.stored.id, RoundId{task.last_begun.value + limits::kRoundsReserved}});
}

void Core::rounds_reserved(Task& task, const ReserveRoundsRequest& request, const Status& status) {
  task.reserving.reset();
  mark(task);
  if (status.ok()) {
    task.stored.rounds_reserved = request.through;
    task.reserve_attempts = 0;
    return;
  }
  notice(NoticeAction::Level::kError, fmt::format("task '{}': no numbers could be reserved for rounds: {}",
                                                  task.stored.spec.name, status.message()));
  task.reserve_at = now_ + std::chrono::milliseconds(pause_after_abandoned(++task.reserve_attempts + 1));
  deadlines_.set({.task = task.stored.id, .kind = DeadlineKey::Kind::kReserve}, task.reserve_at);
}

// Without this, devices whose vectors left in a round that came to nothing (their cohort was abandoned, the
// coordinator was killed) could never take part in another round on the same model.
void Core::reissue_model(Task& task) {
  task.reissuing =
      ask_store(ReissueModelRequest{task.stored.id, ModelVersion{task.stored.model.version.value + 1}});
}

void Core::model_reissued(Task& task, const ReissueModelRequest& request, const Status& status) {
  task.reissuing.reset();
  mark(task);
  const std::string name = fmt::format("task '{}': version {} of the model", task.stored.spec.name,
                                       task.stored.model.version.value);
  if (status.ok()) {
    notice(NoticeAction::Level::kInfo,
           fmt::format("{} is issued again as version {}: devices have sent their "
                       "vectors for it in rounds that came to nothing",
                       name, request.version.value));
    task.stored.model.version = request.version;
    task.reissue_wanted = false;
  } else {
    notice(NoticeAction::Level::kError,
           fmt::format("{} could not be issued again: {}", name, status.message()));
  }
  // Whoever makes this happen again and again is slowed down like rounds that come to nothing.
  const bool counts = !std::exchange(task.reissue_uncounted, false);
  const std::int64_t pause_ms = counts ? pause_after_abandoned(++task.abandoned_in_a_row) : 0;
  if (pause_ms == 0 && status.ok()) return;
  task.next_round_at = now_ + std::chrono::milliseconds(std::max<std::int64_t>(pause_ms, 100));
  deadlines_.set({.task = task.stored.id, .kind = DeadlineKey::Kind::kNextRound}, task.next_round_at);
}

// `ended` is abandoned after all when its sum makes no model.
RecordRoundRequest Core::record_of(const Task& task, const Round& round, EndedRound& ended) const {
  RecordRoundRequest request{.record = round.record()};
  request.record.finished_ms = now_.ms;
  if (ended.committed) {
    const aggregator::CohortSum sum = round.merged_sum();
    Result<StoredModel> model = next_model(task.stored, round.plan(), sum, now_);
    if (model) {
      request.record.outcome = proto::RoundOutcome::kCommitted;
      request.record.committed_version = model->version;
      request.record.collected = sum.devices;
      request.record.metrics = sum.metrics;
      request.model = std::move(*model);
      return request;
    }
    ended.committed = false;
    ended.reason = model.error().message();
  }
  request.record.outcome = proto::RoundOutcome::kAbandoned;
  request.record.reason = ended.reason;
  return request;
}

void Core::write_round(Task& task, EndedRound& ended) {
  Round& round = *task.find_round(ended.round);
  if (!ended.request) {
    const bool was_committed = ended.committed;
    ended.request = record_of(task, round, ended);
    if (was_committed && !ended.committed) release(task, round, ended);
  }
  const bool complete = ended.committed && task.stored.rounds_committed + 1 >= task.stored.spec.rounds;
  ended.request->state = complete ? proto::TaskState::kComplete : task.stored.state;
  ended.retry_at = kNever;
  task.writing = ask_store(*std::exchange(ended.request, std::nullopt));
}

void Core::round_written(Task& task, RecordRoundRequest& request) {
  EndedRound ended = std::move(task.ended.front());
  task.ended.pop_front();
  auto kept = task.rounds.extract(ended.round);
  task.stored.state = request.state;
  task.stored.last_round = std::max(task.stored.last_round, ended.round);
  if (!ended.committed) {
    ++task.stored.rounds_abandoned;
    return;
  }
  ++task.stored.rounds_committed;
  task.publish(std::move(*request.model));
  ended.reason = fmt::format("committed model version {} with the updates of {} devices",
                             task.stored.model.version.value, request.record.collected);
  open_rounds(task);  // so that its devices are told when to come back
  release(task, kept.mapped(), ended);
}

void Core::round_not_written(Task& task, RecordRoundRequest& request, const Status& status) {
  EndedRound& ended = task.ended.front();
  Round& round = *task.find_round(ended.round);
  ++ended.attempts;
  notice(NoticeAction::Level::kError, fmt::format("task '{}', round {}: the store failed: {}",
                                                  task.stored.spec.name, round.id().value, status.message()));
  // Somebody else has written a round of this number, or a model of this version: no attempt will do better.
  const bool hopeless = status.code() == StatusCode::kAlreadyExists;
  if (ended.committed && (hopeless || ended.attempts >= kCommitAttemptsMax)) {
    ended.committed = false;
    ended.reason = "the model could not be stored: " + status.message();
    ended.request.reset();
    release(task, round, ended);
  } else if (hopeless) {
    task.rounds.erase(ended.round);
    task.ended.pop_front();
    ++task.stored.rounds_abandoned;
    return;
  } else {
    ended.request = std::move(request);
  }
  // As for rounds that are abandoned one after the other.
  ended.retry_at = now_ + std::chrono::milliseconds(pause_after_abandoned(ended.attempts + 1));
  deadlines_.set({.task = task.stored.id, .kind = DeadlineKey::Kind::kRecord}, ended.retry_at);
}

}  // namespace sotto::server
