// The administration socket's messages.
#include <algorithm>
#include <string>

#include "fields.h"
#include "record_wire.h"
#include "sotto/base/limits.h"
#include "sotto/proto/convert.h"

namespace sotto::proto {
namespace {

// Converts every element of a repeated field; the first bad one refuses the whole.
template <typename Message, typename Elements>
Result<std::vector<Message>> list_from_wire(const Elements& elements) {
  std::vector<Message> list;
  list.reserve(static_cast<std::size_t>(elements.size()));
  for (const auto& element : elements) {
    Result<Message> message = from_wire(element);
    if (!message) return message.error();
    list.push_back(std::move(*message));
  }
  return list;
}

}  // namespace

void to_wire(const TaskSpec& from, v1::TaskSpec& to) { record_to_wire(from, to); }

Result<TaskSpec> from_wire(const v1::TaskSpec& from) {
  TaskSpec spec;
  SOTTO_RETURN_IF_ERROR(record_from_wire(from, spec));
  return spec;
}

void to_wire(const TaskStatus& from, v1::TaskStatus& to) {
  to.set_id(from.id.value);
  to_wire(from.spec, *to.mutable_spec());
  to.set_state(static_cast<std::uint32_t>(from.state));
  to.set_model_version(from.model_version.value);
  to.set_rounds_committed(from.rounds_committed);
  to.set_rounds_abandoned(from.rounds_abandoned);
  to.set_waiting_for(printable(from.waiting_for));
  to.set_waiting_until_ms(from.waiting_until_ms);
  to.set_spent_devices(from.spent_devices);
  to.set_spent_until_ms(from.spent_until_ms);
}

Result<TaskStatus> from_wire(const v1::TaskStatus& from) {
  TaskStatus status;
  Result<TaskSpec> spec = from_wire(from.spec());
  if (!spec) return spec.error();
  status.spec = std::move(*spec);
  SOTTO_RETURN_IF_ERROR(copy_enumerator("TaskStatus.state", from.state(), status.state));
  SOTTO_RETURN_IF_ERROR(
      check_length("TaskStatus.waiting_for", from.waiting_for().size(), 0, limits::kReasonBytesMax));
  status.id = TaskId{from.id()};
  status.model_version = ModelVersion{from.model_version()};
  status.rounds_committed = from.rounds_committed();
  status.rounds_abandoned = from.rounds_abandoned();
  status.waiting_for = printable(from.waiting_for());
  status.waiting_until_ms = from.waiting_until_ms();
  status.spent_devices = from.spent_devices();
  status.spent_until_ms = from.spent_until_ms();
  return status;
}

void to_wire(const RoundRecord& from, v1::RoundRecord& to) {
  to.set_task(from.task.value);
  to.set_round(from.round.value);
  to.set_outcome(static_cast<std::uint32_t>(from.outcome));
  to.set_reason(printable(from.reason));
  to.set_base_version(from.base_version.value);
  to.set_committed_version(from.committed_version.value);
  to.set_started_ms(from.started_ms);
  to.set_finished_ms(from.finished_ms);
  to.set_cohorts(from.cohorts);
  to.set_plans_given(from.plans_given);
  to.set_joined(from.joined);
  to.set_shared(from.shared);
  to.set_collected(from.collected);
  to.set_confirmed(from.confirmed);
  to.set_unmasked(from.unmasked);
  to.set_uplink_bytes(from.uplink_bytes);
  to.set_count(from.metrics.count);
  to.set_weight(from.metrics.weight);
  to.set_examples(from.metrics.examples);
  for (const std::uint64_t sum : from.metrics.sums) to.add_sums(sum);
  to.set_clipped(from.metrics.clipped);
  to.set_clip(from.clip);
}

Result<RoundRecord> from_wire(const v1::RoundRecord& from) {
  RoundRecord round;
  SOTTO_RETURN_IF_ERROR(copy_enumerator("RoundRecord.outcome", from.outcome(), round.outcome));
  SOTTO_RETURN_IF_ERROR(check_length("RoundRecord.reason", from.reason().size(), 0, limits::kReasonBytesMax));
  round.task = TaskId{from.task()};
  round.round = RoundId{from.round()};
  round.reason = printable(from.reason());
  round.base_version = ModelVersion{from.base_version()};
  round.committed_version = ModelVersion{from.committed_version()};
  round.started_ms = from.started_ms();
  round.finished_ms = from.finished_ms();
  round.cohorts = from.cohorts();
  round.plans_given = from.plans_given();
  round.joined = from.joined();
  round.shared = from.shared();
  round.collected = from.collected();
  round.confirmed = from.confirmed();
  round.unmasked = from.unmasked();
  round.uplink_bytes = from.uplink_bytes();
  round.metrics = {
      .count = from.count(), .weight = from.weight(), .examples = from.examples(), .clipped = from.clipped()};
  SOTTO_RETURN_IF_ERROR(check_integer("RoundRecord.sums (count)",
                                      static_cast<std::uint64_t>(from.sums_size()), 0, secagg::kSumsMax));
  std::copy(from.sums().begin(), from.sums().end(), round.metrics.sums.begin());
  round.clip = from.clip();
  return round;
}

void to_wire(const ModelRecord& from, v1::ModelRecord& to) {
  to.set_task(from.task.value);
  to.set_version(from.version.value);
  to.set_digest(to_string_bytes(from.digest));
  to.set_bytes(from.bytes);
  to.set_committed_ms(from.committed_ms);
  to.set_note(printable(from.note));
}

Result<ModelRecord> from_wire(const v1::ModelRecord& from) {
  ModelRecord model;
  SOTTO_RETURN_IF_ERROR(copy_exactly("ModelRecord.digest", from.digest(), model.digest));
  model.task = TaskId{from.task()};
  model.version = ModelVersion{from.version()};
  SOTTO_RETURN_IF_ERROR(check_length("ModelRecord.note", from.note().size(), 0, limits::kReasonBytesMax));
  model.bytes = from.bytes();
  model.committed_ms = from.committed_ms();
  model.note = printable(from.note());
  return model;
}

void to_wire(const SteerTaskRequest& from, v1::SteerTaskRequest& to) {
  to.set_task(from.task);
  to.set_reason(printable(from.reason));
  if (const auto* back = std::get_if<RollBackModel>(&from.act)) {
    to.mutable_roll_back()->set_version(back->version.value);
  } else if (const auto* deletion = std::get_if<DeleteTask>(&from.act)) {
    to.mutable_delete_()->set_force(deletion->force);
  } else if (const auto* edit = std::get_if<EditTask>(&from.act)) {
    to.mutable_edit()->set_fields(edit->fields);
  } else {
    to.mutable_abort();
  }
}

namespace {

Result<TaskAct> act_from_wire(const v1::SteerTaskRequest& from) {
  switch (from.act_case()) {
    case v1::SteerTaskRequest::kRollBack:
      return TaskAct(RollBackModel{ModelVersion{from.roll_back().version()}});
    case v1::SteerTaskRequest::kAbort:
      return TaskAct(AbortRounds{});
    case v1::SteerTaskRequest::kDelete:
      return TaskAct(DeleteTask{from.delete_().force()});
    case v1::SteerTaskRequest::kEdit:
      SOTTO_RETURN_IF_ERROR(check_length("EditTask.fields", from.edit().fields().size(), 2, kEditBytesMax));
      return TaskAct(EditTask{from.edit().fields()});
    case v1::SteerTaskRequest::ACT_NOT_SET:
      break;
  }
  return invalid_argument("SteerTaskRequest.act is missing, or one that this version does not know");
}

}  // namespace

Result<SteerTaskRequest> from_wire(const v1::SteerTaskRequest& from) {
  SteerTaskRequest request;
  Result<std::string> task = task_name_from_wire(from.task());
  if (!task) return task.error();
  SOTTO_RETURN_IF_ERROR(
      check_length("SteerTaskRequest.reason", from.reason().size(), 0, limits::kReasonBytesMax));
  Result<TaskAct> act = act_from_wire(from);
  if (!act) return act.error();
  request.task = std::move(*task);
  request.reason = printable(from.reason());
  request.act = std::move(*act);
  return request;
}

void to_wire(const std::vector<TaskStatus>& from, v1::ListTasksReply& to) {
  for (const TaskStatus& task : from) to_wire(task, *to.add_tasks());
}
void to_wire(const std::vector<RoundRecord>& from, v1::ListRoundsReply& to) {
  for (const RoundRecord& round : from) to_wire(round, *to.add_rounds());
}
void to_wire(const std::vector<ModelRecord>& from, v1::ListModelsReply& to) {
  for (const ModelRecord& model : from) to_wire(model, *to.add_models());
}

Result<std::vector<TaskStatus>> from_wire(const v1::ListTasksReply& from) {
  return list_from_wire<TaskStatus>(from.tasks());
}
Result<std::vector<RoundRecord>> from_wire(const v1::ListRoundsReply& from) {
  return list_from_wire<RoundRecord>(from.rounds());
}
Result<std::vector<ModelRecord>> from_wire(const v1::ListModelsReply& from) {
  return list_from_wire<ModelRecord>(from.models());
}

Result<crypto::Digest> digest_from_wire(const std::string& digest) {
  crypto::Digest to{};
  SOTTO_RETURN_IF_ERROR(copy_exactly("the digest of a model", digest, to));
  return to;
}

void to_wire(const DeviceStatus& from, v1::DeviceStatus& to) {
  to.set_id(from.id);
  if (from.identity) to.set_identity(to_string_bytes(*from.identity));
  to.set_peer(printable(from.peer));
  to.set_last_seen_ms(from.last_seen_ms);
  to.set_state(static_cast<std::uint32_t>(from.state));
  to.set_task(from.task);
  to.set_round(from.round.value);
  to.set_version(from.version.value);
  to.set_last_outcome(static_cast<std::uint32_t>(from.last_outcome));
  to.set_reason(printable(from.reason));
  to.set_failures(from.failures);
  to.set_failures_in_a_row(from.failures_in_a_row);
  to.set_plan_from_ms(from.plan_from_ms);
  to.set_clones(from.clones);
  to.set_banned(from.banned);
  to.set_ban_reason(printable(from.ban_reason));
  to.set_banned_ms(from.banned_ms);
  to.set_kept_from(printable(from.kept_from));
}

Result<DeviceStatus> from_wire(const v1::DeviceStatus& from) {
  DeviceStatus device;
  if (!from.identity().empty()) {
    SOTTO_RETURN_IF_ERROR(copy_exactly("DeviceStatus.identity", from.identity(), device.identity.emplace()));
  }
  SOTTO_RETURN_IF_ERROR(copy_enumerator("DeviceStatus.state", from.state(), device.state));
  SOTTO_RETURN_IF_ERROR(
      copy_enumerator("DeviceStatus.last_outcome", from.last_outcome(), device.last_outcome));
  device.id = printable(from.id());
  device.peer = printable(from.peer());
  device.last_seen_ms = from.last_seen_ms();
  device.task = printable(from.task());
  device.round = RoundId{from.round()};
  device.version = ModelVersion{from.version()};
  device.reason = printable(from.reason());
  device.failures = from.failures();
  device.failures_in_a_row = from.failures_in_a_row();
  device.plan_from_ms = from.plan_from_ms();
  device.clones = from.clones();
  device.banned = from.banned();
  device.ban_reason = printable(from.ban_reason());
  device.banned_ms = from.banned_ms();
  device.kept_from = printable(from.kept_from());
  return device;
}

void to_wire(const std::vector<DeviceStatus>& from, v1::ListDevicesReply& to) {
  for (const DeviceStatus& device : from) to_wire(device, *to.add_devices());
}
Result<std::vector<DeviceStatus>> from_wire(const v1::ListDevicesReply& from) {
  return list_from_wire<DeviceStatus>(from.devices());
}

void to_wire(const FleetStatus& from, v1::FleetStatus& to) {
  to.set_known(from.known);
  to.set_seen_in_minute(from.seen_in_minute);
  to.set_seen_in_hour(from.seen_in_hour);
  to.set_seen_in_day(from.seen_in_day);
  to.set_in_rounds(from.in_rounds);
  to.set_failing(from.failing);
  to.set_held_back(from.held_back);
  to.set_banned(from.banned);
  to.set_spent(from.spent);
}
Result<FleetStatus> from_wire(const v1::FleetStatus& from) {
  return FleetStatus{.known = from.known(),
                     .seen_in_minute = from.seen_in_minute(),
                     .seen_in_hour = from.seen_in_hour(),
                     .seen_in_day = from.seen_in_day(),
                     .in_rounds = from.in_rounds(),
                     .failing = from.failing(),
                     .held_back = from.held_back(),
                     .banned = from.banned(),
                     .spent = from.spent()};
}

Result<ListDevicesRequest> from_wire(const v1::ListDevicesRequest& from) {
  if (!from.device().empty()) SOTTO_RETURN_IF_ERROR(check_name("device", from.device()));
  return ListDevicesRequest{.device = from.device(), .count_max = from.count_max()};
}
Result<BanDeviceRequest> from_wire(const v1::BanDeviceRequest& from) {
  SOTTO_RETURN_IF_ERROR(check_name("device", from.device()));
  SOTTO_RETURN_IF_ERROR(
      check_length("BanDeviceRequest.reason", from.reason().size(), 0, limits::kReasonBytesMax));
  return BanDeviceRequest{.device = from.device(), .reason = printable(from.reason()), .lift = from.lift()};
}

Result<std::string> origin_from_wire(const std::string& origin) {
  SOTTO_RETURN_IF_ERROR(check_length("CreateTaskRequest.origin", origin.size(), 0, limits::kReasonBytesMax));
  return printable(origin);
}

Result<std::string> task_name_from_wire(const std::string& name) {
  SOTTO_RETURN_IF_ERROR(check_name("task", name));
  return name;
}

Result<TaskState> task_state_from_wire(std::uint32_t number) {
  TaskState state{};
  SOTTO_RETURN_IF_ERROR(copy_enumerator("state", number, state));
  return state;
}

}  // namespace sotto::proto
