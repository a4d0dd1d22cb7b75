// Tasks, models and round history: what operators ask for, and the model download.
#include <algorithm>

#include "coordinator/core.h"
#include "coordinator/initial_model.h"
#include "sotto/base/limits.h"
#include "sotto/crypto/primitives.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

constexpr std::uint32_t kRoundsListedMax = 10'000;

Status unknown_task(const std::string& name) {
  return not_found("there is no task named '" + name.substr(0, limits::kNameBytesMax) +
                   "': list the tasks with 'sotto task list'");
}

}  // namespace

void Core::adopt(std::vector<StoredTask> tasks, Time now) {
  now_ = now;
  for (StoredTask& stored : tasks) add_task(std::move(stored));
}

void Core::add_task(StoredTask stored) {
  const TaskId id = stored.id;
  Task& task = tasks_.try_emplace(id, std::move(stored), helper_digest()).first->second;
  task_ids_.emplace(task.stored.spec.name, id);
  populations_[task.stored.spec.population].tasks.push_back(id);
  schedule_next_round(task, 0);
}

void Core::handle(CreateTaskEvent& event) { reply_result(event.call, create_task(event.spec)); }

Result<proto::TaskStatus> Core::create_task(const proto::TaskSpec& spec) {
  SOTTO_RETURN_IF_ERROR(proto::validate_task_spec(spec));
  if (tasks_.size() >= limits::kTasksMax) {
    return Status(StatusCode::kResourceExhausted, "there are " + std::to_string(tasks_.size()) +
                                                      " tasks, as many as a coordinator keeps: use another "
                                                      "data directory");
  }
  StoredTask stored;
  stored.spec = spec;
  stored.model.parameters = initial_parameters(spec.model, spec.model_seed);
  stored.model.digest = crypto::sha256({encode_floats(stored.model.parameters)});
  stored.model.clip = spec.aggregation.clip;
  stored.model.committed_ms = now_.ms;
  // A plan that no cohort can serve is refused now rather than in every round.
  const proto::Plan plan = make_plan(stored, helper_digest());
  const auto session = make_session(plan, proto::encode_plan(plan), {});
  if (!session) return session.error();
  const Result<TaskId> id = store_.create_task(spec, stored.model);
  if (!id) return id.error();
  stored.id = *id;
  add_task(std::move(stored));
  notice(NoticeAction::Level::kInfo,
         "task '" + spec.name + "' created for population '" + spec.population + "'");
  return status_of(*find_task(*id));
}

void Core::handle(SetTaskStateEvent& event) {
  reply_result(event.call, set_task_state(event.task, event.state));
}

Result<proto::TaskStatus> Core::set_task_state(const std::string& name, proto::TaskState state) {
  Task* task = find_task(name);
  if (task == nullptr) return unknown_task(name);
  if (state != proto::TaskState::kActive && state != proto::TaskState::kPaused) {
    return invalid_argument("a task can be paused or resumed; it completes by itself after its last round");
  }
  if (task->stored.state == proto::TaskState::kComplete) {
    return failed_precondition("task '" + name + "' is complete: create another task");
  }
  if (task->stored.state == state) return status_of(*task);
  SOTTO_RETURN_IF_ERROR(store_.set_task_state(task->stored.id, state));
  task->stored.state = state;
  notice(NoticeAction::Level::kInfo, "task '" + name + "' " + (task->active() ? "resumed" : "paused"));
  if (task->active() && task->round == nullptr) {
    schedule_next_round(*task, 0);
  } else if (task->round == nullptr) {
    deadlines_.clear({task->stored.id, std::nullopt});
  } else {
    check_joining(*task);
  }
  return status_of(*task);
}

proto::TaskStatus Core::status_of(const Task& task) const {
  Waiting waiting = describe_waiting(task);
  return {.id = task.stored.id,
          .spec = task.stored.spec,
          .state = task.stored.state,
          .model_version = task.stored.model.version,
          .rounds_committed = task.stored.rounds_committed,
          .rounds_abandoned = task.stored.rounds_abandoned,
          .waiting_for = std::move(waiting.what),
          .waiting_until_ms = waiting.until_ms};
}

void Core::handle(ListTasksEvent& event) {
  std::vector<proto::TaskStatus> statuses;
  for (const auto& [id, task] : tasks_) statuses.push_back(status_of(task));
  reply(event.call, std::move(statuses));
}

void Core::handle(ListRoundsEvent& event) {
  const Task* task = find_task(event.task);
  if (task == nullptr) return reply(event.call, unknown_task(event.task));
  reply_result(event.call, store_.rounds(task->stored.id, std::min(event.count_max, kRoundsListedMax)));
}

void Core::handle(ListModelsEvent& event) {
  const Task* task = find_task(event.task);
  if (task == nullptr) return reply(event.call, unknown_task(event.task));
  reply_result(event.call, store_.models(task->stored.id));
}

void Core::handle(FetchModelEvent& event) { reply_result(event.call, model_chunk(event.request)); }

Result<proto::ModelChunk> Core::model_chunk(const proto::FetchModelRequest& request) {
  const Task* task = find_task(request.task);
  if (task == nullptr) return not_found("there is no task with id " + std::to_string(request.task.value));
  const std::vector<std::uint8_t>* bytes = &task->model_bytes;
  if (request.version != task->stored.model.version) {
    const bool kept =
        older_model_ && older_model_->task == request.task && older_model_->version == request.version;
    if (!kept) {
      const Result<StoredModel> model = store_.model(request.task, request.version);
      if (!model) return model.error();
      older_model_ = OlderModel{request.task, request.version, encode_floats(model->parameters)};
    }
    bytes = &older_model_->bytes;
  }
  if (request.offset > bytes->size()) {
    return invalid_argument("offset " + std::to_string(request.offset) + " lies beyond the model's " +
                            std::to_string(bytes->size()) + " bytes");
  }
  const std::size_t count = std::min<std::size_t>(limits::kModelChunkBytes, bytes->size() - request.offset);
  const auto first = bytes->begin() + static_cast<std::ptrdiff_t>(request.offset);
  return proto::ModelChunk{.total_bytes = bytes->size(),
                           .offset = request.offset,
                           .bytes = {first, first + static_cast<std::ptrdiff_t>(count)}};
}

}  // namespace sotto::server
