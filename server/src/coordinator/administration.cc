// Tasks, models and round history: what operators ask for, and the model download.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "coordinator/clips.h"
#include "coordinator/core.h"
#include "coordinator/initial_model.h"
#include "sotto/aggregator/cohort_session.h"
#include "sotto/base/hex.h"
#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"
#include "sotto/proto/plan.h"
#include "sotto/proto/task_json.h"
#include "sotto/server/cohort_host.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

constexpr std::uint32_t kRoundsListedMax = 10'000;

Status unknown_task(const std::string& name) {
  return not_found(fmt::format("there is no task named '{}': list the tasks with 'sotto task list'",
                               name.substr(0, limits::kNameBytesMax)));
}

}  // namespace

void Core::adopt(std::vector<StoredTask> tasks, Time now) {
  now_ = now;
  for (StoredTask& stored : tasks) add_task(std::move(stored));
  settle();
}

void Core::add_task(StoredTask stored) {
  const TaskId id = stored.id;
  Task& task = tasks_.try_emplace(id, std::move(stored), helper_digests()).first->second;
  const bool one_shot = task.stored.spec.aggregation.kind == proto::Aggregation::kOneShot;
  if (one_shot) task.helpers_are = helpers_;
  task.helper_missing = one_shot && options_.helper_keys.empty();
  if (task.helper_missing) {
    notice(
        NoticeAction::Level::kWarning,
        fmt::format("task '{}' waits: it needs a mask helper, and this coordinator was started without one "
                    "(sotto serve --helper)",
                    task.stored.spec.name));
  }
  task_ids_.emplace(task.stored.spec.name, id);
  Population& population = populations_[task.stored.spec.population];
  population.tasks.push_back(id);
  // A round has as much time as this to find its devices.
  population.census.widen(
      std::min(std::chrono::milliseconds(task.stored.spec.report_within_ms), kSeenLatelyMax));
  task.turn = population.turn;
  mark_population(task);
}

HelperDigests Core::helper_digests() const {
  HelperDigests digests;
  for (const crypto::X25519PublicKey& key : options_.helper_keys) {
    SOTTO_CHECK(digests.push_back(crypto::sha256({key})));
  }
  return digests;
}

// A plan that no cohort can serve is refused when its task is made rather than in every round.
Status Core::check_servable(const proto::Plan& plan) {
  if (plan.aggregation.kind == proto::Aggregation::kOneShot) {
    SOTTO_RETURN_IF_ERROR(proto::validate_plan(plan));
    return check_one_shot(!options_.helper_keys.empty(), authority().has_value());
  }
  return aggregator::make_cohort_session(plan, proto::encode_plan(plan), random_, authority()).status();
}

void Core::handle(CreateTaskEvent& event) {
  const proto::TaskSpec& spec = event.spec;
  if (const Status valid = proto::validate_task_spec(spec); !valid.ok()) return reply(event.call, valid);
  if (const Status fits = check_initial_model(spec.model, event.initial); !fits.ok()) {
    return reply(event.call, fits);
  }
  if (const std::size_t count = tasks_.size() + tasks_in_creation_; count >= limits::kTasksMax) {
    return reply(event.call,
                 Status(StatusCode::kResourceExhausted,
                        fmt::format("there are {} tasks, as many as a coordinator keeps: use another data "
                                    "directory",
                                    count)));
  }
  StoredTask stored;
  stored.spec = spec;
  stored.model.parameters =
      event.initial.empty() ? initial_parameters(spec.model, spec.model_seed) : std::move(event.initial);
  stored.model.digest = crypto::sha256({encode_floats(stored.model.parameters)});
  set_first_clips(spec, stored.model);
  stored.model.committed_ms = now_.ms;
  stored.model.note = std::move(event.origin);
  const Status servable = check_servable(make_plan(stored, RoundId{1}, helper_digests()));
  if (!servable.ok()) return reply(event.call, servable);
  if (!store_has_room(event.call)) return;
  ++tasks_in_creation_;
  Act act{.time_ms = now_.ms,
          .who = std::move(event.by),
          .what = "create task",
          .subject = spec.name,
          .reason = stored.model.note,
          .changes = {{"specification", "", proto::encode_task_spec(spec)},
                      {"model", "", to_hex(stored.model.digest)}}};
  ask_store_for(event.call, CreateTaskRequest{spec, std::move(stored.model)}, std::move(act));
}

void Core::task_created(CallId call, CreateTaskRequest& request, StoreReply& answer) {
  --tasks_in_creation_;
  const auto* id = std::get_if<TaskId>(&answer);
  if (id == nullptr) return reply(call, std::get<Status>(answer));
  notice(NoticeAction::Level::kInfo,
         fmt::format("task '{}' created for population '{}'", request.spec.name, request.spec.population));
  StoredTask stored;
  stored.id = *id;
  stored.spec = std::move(request.spec);
  stored.last_round = first_rounds(options_.epoch).last;
  stored.rounds_reserved = first_rounds(options_.epoch).reserved;
  stored.model = std::move(request.initial);
  add_task(std::move(stored));
  settle();
  reply(call, status_of(*find_task(*id)));
}

Status Core::already_complete(const Task& task) {
  return failed_precondition(fmt::format(
      "task '{}' is complete: `sotto task edit` with more rounds makes it go on", task.stored.spec.name));
}

void Core::handle(SetTaskStateEvent& event) {
  Task* task = find_task(event.task);
  if (task == nullptr) return reply(event.call, unknown_task(event.task));
  if (event.state != proto::TaskState::kActive && event.state != proto::TaskState::kPaused) {
    return reply(event.call, invalid_argument("a task can be paused or resumed; it completes by itself after "
                                              "its last round"));
  }
  if (task->stored.state == proto::TaskState::kComplete) return reply(event.call, already_complete(*task));
  await_change(*task, {.call = event.call, .act = SetState{event.state}, .by = std::move(event.by)});
}

void Core::handle(SteerTaskEvent& event) {
  Task* task = find_task(event.request.task);
  if (task == nullptr) return reply(event.call, unknown_task(event.request.task));
  std::visit(
      [&](const auto& act) {
        await_change(*task, {.call = event.call,
                             .act = act,
                             .reason = std::move(event.request.reason),
                             .by = std::move(event.by)});
      },
      event.request.act);
}

proto::TaskStatus Core::status_of(const Task& task) {
  Waiting waiting = describe_waiting(task);
  const Round* newest = task.newest_round();
  const bool somebody = population_of(task).census.count(now_) > 0;
  if (task.active() && newest != nullptr && newest->joining() && somebody && !has_devices_for(task)) {
    waiting.what = shortage(task) + "; " + waiting.what;
  }
  if (task.active() && newest != nullptr && newest->joining() && !task.cannot_train.empty()) {
    waiting.what += fmt::format("; devices were turned away, the last with: {}", task.cannot_train);
  }
  const SpentDevices::Summary spent = task.spent.summary(task.stored.model.version, now_);
  return {.id = task.stored.id,
          .spec = task.stored.spec,
          .state = task.stored.state,
          .model_version = task.stored.model.version,
          .rounds_committed = task.stored.rounds_committed,
          .rounds_abandoned = task.stored.rounds_abandoned,
          .waiting_for = std::move(waiting.what),
          .waiting_until_ms = waiting.until_ms,
          .spent_devices = spent.devices,
          .spent_until_ms = spent.until == kNever ? 0 : spent.until.ms};
}

void Core::handle(ListTasksEvent& event) {
  std::vector<proto::TaskStatus> statuses;
  for (const auto& [id, task] : tasks_) statuses.push_back(status_of(task));
  reply(event.call, std::move(statuses));
}

void Core::handle(ListRoundsEvent& event) {
  const Task* task = find_task(event.task);
  if (task == nullptr) return reply(event.call, unknown_task(event.task));
  if (!store_has_room(event.call)) return;
  ask_store_for(event.call, ListRoundsRequest{task->stored.id, std::min(event.count_max, kRoundsListedMax)});
}

void Core::handle(ListModelsEvent& event) {
  const Task* task = find_task(event.task);
  if (task == nullptr) return reply(event.call, unknown_task(event.task));
  if (!store_has_room(event.call)) return;
  ask_store_for(event.call, ListModelsRequest{task->stored.id});
}

void Core::handle(FetchModelEvent& event) {
  const proto::FetchModelRequest& request = event.request;
  const Visit* visit = visits_.find(request.token);
  if (visit == nullptr || visit->stage == Visit::Stage::kEnded) {
    if (visit == nullptr) ++unknown_visits_;
    if (visit != nullptr && !visit->replaced_from.empty()) warn_of_copy(*visit, visit->replaced_from);
    return reply(event.call, failed_precondition("the session is unknown or over: check in again"));
  }
  const Round& round = *round_of(*visit);
  if (request.task != round.plan().task || request.version != round.plan().model_version) {
    return reply(event.call,
                 invalid_argument(fmt::format("the session's plan names version {} of the model of task {}",
                                              round.plan().model_version.value, round.plan().task.value)));
  }
  reply_chunk(event.call, *round.model_bytes, request.offset);
}

void Core::handle(ReadModelEvent& event) {
  const proto::FetchModelRequest& request = event.request;
  const Task* task = find_task(request.task);
  if (task == nullptr) {
    return reply(event.call, not_found(fmt::format("there is no task with id {}", request.task.value)));
  }
  if (request.version == task->stored.model.version) {
    return reply_chunk(event.call, *task->model_bytes, request.offset);
  }
  const ModelKey key{request.task, request.version};
  if (older_model_ && older_model_->key == key) {
    return reply_chunk(event.call, older_model_->bytes, request.offset);
  }
  if (!store_has_room(event.call)) return;
  std::vector<WaitingFetch>& waiting = loading_[key];
  waiting.push_back({event.call, request.offset});
  ++fetches_waiting_;
  // Whoever asks for it while it is being read waits for the same reading.
  if (waiting.size() == 1) {
    static_cast<void>(ask_store(LoadModelRequest{request.task, request.version}));
  }
}

void Core::model_loaded(const LoadModelRequest& request, StoreReply& answer) {
  const ModelKey key{request.task, request.version};
  const auto found = loading_.find(key);
  if (found == loading_.end()) return;
  const std::vector<WaitingFetch> waiting = std::move(found->second);
  loading_.erase(found);
  fetches_waiting_ -= waiting.size();
  const auto* model = std::get_if<StoredModel>(&answer);
  if (model != nullptr) older_model_ = OlderModel{key, encode_floats(model->parameters)};
  for (const WaitingFetch& fetch : waiting) {
    if (model != nullptr) {
      reply_chunk(fetch.call, older_model_->bytes, fetch.offset);
    } else {
      const Status& status = std::get<Status>(answer);
      if (status.code() != StatusCode::kNotFound) {
        warn_once(fmt::format("read of {} {}", request.task.value, request.version.value),
                  fmt::format("version {} of task number {} could not be read: {}", request.version.value,
                              request.task.value, status.message()));
      }
      reply(fetch.call, status);
    }
  }
}

void Core::reply_chunk(CallId call, const std::vector<std::uint8_t>& model, std::uint64_t offset) {
  if (offset > model.size()) {
    return reply(call, invalid_argument(
                           fmt::format("offset {} lies beyond the model's {} bytes", offset, model.size())));
  }
  const std::size_t count = std::min<std::size_t>(limits::kModelChunkBytes, model.size() - offset);
  const auto first = model.begin() + static_cast<std::ptrdiff_t>(offset);
  reply(call, proto::ModelChunk{.total_bytes = model.size(),
                                .offset = offset,
                                .bytes = {first, first + static_cast<std::ptrdiff_t>(count)}});
}

}  // namespace sotto::server
