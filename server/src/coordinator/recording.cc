// What is written, one thing of a task at a time, and what follows when it is or is not.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "coordinator/clips.h"
#include "coordinator/core.h"
#include "coordinator/stop_rule.h"
#include "sotto/aggregator/server_optimizer.h"
#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

// How often a commit is tried before its round is abandoned: for a minute. Pauses double from retry_min_ms
// up to a second: a disk that is full until somebody has made room costs no round, what is held is written
// within a second from then on, and the devices that wait for the outcome do not wait for long.
constexpr std::uint32_t kCommitAttemptsMax = 60;
constexpr std::int64_t kStorePauseMsMax = 1'000;
// The log says so at first, and then twice a minute.
constexpr bool is_said(std::uint32_t attempts) { return attempts <= 3 || attempts % 30 == 0; }

// The model after the round; kAborted when the update would break it.
Result<StoredModel> next_model(const StoredTask& task, const Round& round, const aggregator::CohortSum& sum,
                               Time now) {
  const proto::TaskSpec& spec = round.spec();
  StoredModel model = task.model;
  model.note.clear();
  SOTTO_RETURN_IF_ERROR(aggregator::apply_update(
      sum, {.learning_rate = spec.server_learning_rate, .momentum = spec.server_momentum}, model.parameters,
      model.optimizer_state));
  if (!std::ranges::all_of(model.parameters, [](float value) { return std::isfinite(value); })) {
    return aborted("the update would make parameters infinite: lower the learning rate or the clip");
  }
  model.version = ModelVersion{model.version.value + 1};
  model.digest = crypto::sha256({encode_floats(model.parameters)});
  model.committed_ms = now.ms;
  adapt_clips(spec, round.plan(), sum, model);
  return model;
}

Status status_in(const StoreReply& reply) {
  const auto* status = std::get_if<Status>(&reply);
  return status == nullptr ? Status() : *status;
}

std::string why_complete(const Task& task, const proto::RoundRecord& record) {
  const proto::TaskSpec& spec = task.stored.spec;
  return why_stop(spec, task.stored.best_mean, watched_mean(spec, record.metrics));
}

// Which task an operator's act changes; none for other requests.
TaskId changed_task(const StoreRequest& request) {
  return std::visit(
      [](const auto& any) {
        using Request = std::decay_t<decltype(any)>;
        constexpr bool kActs =
            std::is_same_v<Request, SetTaskStateRequest> || std::is_same_v<Request, RollBackModelRequest> ||
            std::is_same_v<Request, EditTaskRequest> || std::is_same_v<Request, NoteActRequest> ||
            std::is_same_v<Request, DeleteTaskRequest>;
        if constexpr (kActs) {
          return any.task;
        } else {
          return TaskId{};
        }
      },
      request);
}

}  // namespace

std::chrono::milliseconds Core::pause_of_store(std::uint32_t attempts) const {
  return std::chrono::milliseconds(std::min(pause_after_abandoned(attempts + 1), kStorePauseMsMax));
}

StoreCallId Core::ask_store(StoreRequest request, std::optional<Act> act) {
  const StoreCallId call{++store_calls_made_};
  actions_.push_back(StoreAction{call, std::move(request), std::move(act)});
  return call;
}

bool Core::store_has_room(CallId call) {
  if (store_calls_.size() + fetches_waiting_ + changes_waiting_ < limits::kStoreCallsMax) return true;
  reply(call, Status(StatusCode::kResourceExhausted,
                     fmt::format("{} requests wait for the store already: try again in a few seconds",
                                 limits::kStoreCallsMax)));
  return false;
}

void Core::ask_store_for(CallId call, StoreRequest request, std::optional<Act> act) {
  store_calls_.emplace(ask_store(std::move(request), std::move(act)), call);
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
  if (Task* task = find_task(changed_task(event.request)); task != nullptr && task->writing == event.call) {
    return change_written(*task, event);
  }
  const auto waiting = store_calls_.find(event.call);
  if (waiting == store_calls_.end()) return;
  const CallId call = waiting->second;
  store_calls_.erase(waiting);
  if (auto* create = std::get_if<CreateTaskRequest>(&event.request)) {
    return task_created(call, *create, event.reply);
  }
  if (auto* find = std::get_if<FindUpdateRequest>(&event.request)) {
    return update_found(call, *find, event.reply);
  }
  const auto* status = std::get_if<Status>(&event.reply);
  if (status != nullptr && status->ok()) {
    if (const auto* ban = std::get_if<SetBanRequest>(&event.request)) return ban_written(call, *ban);
    if (const auto* lift = std::get_if<LiftBanRequest>(&event.request)) return ban_lifted(call, *lift);
  }
  std::visit(
      [&](auto& value) {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, TaskId> || std::is_same_v<Value, StoredModel> ||
                      std::is_same_v<Value, FoundUpdate>) {
          reply(call, io_error("the store gave another answer than was asked for"));
        } else {
          reply(call, std::move(value));
        }
      },
      event.reply);
}

// Operators' changes go first: a record may have to wait for its disk.
void Core::write_next(Task& task) {
  while (!task.writing && !task.reissuing && !task.changes.empty()) begin_change(task);
  if (task.writing || task.ended.empty()) return;
  EndedRound& ended = task.ended.front();
  if (ended.retry_at == kNever || ended.retry_at <= now_) write_round(task, ended);
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
  task.reserve_at = now_ + pause_of_store(++task.reserve_attempts);
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
    Result<StoredModel> model = next_model(task.stored, round, sum, now_);
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
  const bool complete = ended.committed && (task.stored.rounds_committed + 1 >= task.stored.spec.rounds ||
                                            !why_complete(task, ended.request->record).empty());
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
  if (const std::string why = why_complete(task, request.record); !why.empty()) {
    notice(NoticeAction::Level::kInfo,
           fmt::format("task '{}' ends before its rounds are done: {}", task.stored.spec.name, why));
  }
  task.stored.best_mean =
      better(task.stored.spec, task.stored.best_mean, watched_mean(task.stored.spec, request.record.metrics));
  task.publish(std::move(*request.model));
  ended.reason = fmt::format("committed model version {} with the updates of {} devices",
                             task.stored.model.version.value, request.record.collected);
  open_rounds(task);  // so that its devices are told when to come back
  release(task, kept.mapped(), ended);
}

void Core::round_not_written(Task& task, RecordRoundRequest& request, const Status& status) {
  EndedRound& ended = task.ended.front();
  Round& round = *task.find_round(ended.round);
  if (is_said(++ended.attempts)) {
    notice(NoticeAction::Level::kError,
           fmt::format("task '{}', round {}: the store failed: {}", task.stored.spec.name, round.id().value,
                       status.message()));
  }
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
  ended.retry_at = now_ + pause_of_store(ended.attempts);
  deadlines_.set({.task = task.stored.id, .kind = DeadlineKey::Kind::kRecord}, ended.retry_at);
}

}  // namespace sotto::server
