// Who gets a plan, and what everybody else is told.
#include <algorithm>

#include "coordinator/core.h"
#include "sotto/base/limits.h"

namespace sotto::server {
namespace {

constexpr const char* kNameRule = " must be 1 to 64 bytes of letters, digits, '.', '_' and '-'";

bool can_train(const proto::CheckInRequest& request, const proto::ModelSpec& model) {
  return std::ranges::find(request.trainers, model.architecture) != request.trainers.end() &&
         model.parameter_count() <= request.parameters_max;
}

// Why a task that suits the device has no place for it now.
std::string no_place(const Task& task, bool departed) {
  const std::string name = "task '" + task.stored.spec.name + "': ";
  if (departed && task.selecting()) return name + "this device left the present round; waiting for the next";
  if (!task.active() && task.round == nullptr) return name + describe_waiting(task).what;
  if (task.round != nullptr && task.round->joining && task.active()) {
    return name + "all " + std::to_string(task.round->plans_max) + " plans of round " +
           std::to_string(task.round->id.value) + " are given; waiting for the next round";
  }
  return name + "waiting for the next round (" + describe_waiting(task).what + ")";
}

}  // namespace

Status Core::validate(const proto::CheckInRequest& request) const {
  if (request.protocol_version != proto::kProtocolVersion) {
    return invalid_argument("the device speaks protocol version " + std::to_string(request.protocol_version) +
                            ", this coordinator version " + std::to_string(proto::kProtocolVersion) +
                            ": update the older of the two");
  }
  if (!proto::valid_name(request.device_id)) return invalid_argument(std::string("device_id") + kNameRule);
  if (!proto::valid_name(request.population)) return invalid_argument(std::string("population") + kNameRule);
  if (request.trainers.size() > limits::kTrainersPerDeviceMax) {
    return invalid_argument("trainers has " + std::to_string(request.trainers.size()) +
                            " entries, allowed are " + std::to_string(limits::kTrainersPerDeviceMax));
  }
  return {};
}

void Core::handle(CheckInEvent& event) {
  if (const Status status = validate(event.request); !status.ok()) return reply(event.call, status);
  const std::optional<TaskId> left = replace_session_of(event.request.device_id);
  reply(event.call, assign(event.request));
  if (left) check_joining(*find_task(*left));
}

// A device that lost power checks in anew. While its round is joining it gives its place in it back; the task
// is returned so that its joining can be looked at once the place is taken, or not.
std::optional<TaskId> Core::replace_session_of(const std::string& device_id) {
  Session* session = sessions_.live_session_of(device_id);
  if (session == nullptr) return std::nullopt;
  const proto::SessionEnd replaced{.counted = false, .outcome = "the device checked in again", .window = {}};
  Round* round = round_of(*session);
  if (session->stage == Session::Stage::kTraining && round != nullptr && round->joining) {
    --round->plans_given;
    --round->outstanding;
    end_session(*session, replaced);
    return session->task;
  }
  depart(*session, replaced);
  // What it had joined with does not count; it may take another plan, should there be one.
  if (Round* same = round_of(*session)) same->departed.erase(device_id);
  return std::nullopt;
}

proto::CheckInReply Core::assign(const proto::CheckInRequest& request) {
  const auto found = populations_.find(request.population);
  if (found == populations_.end()) {
    return idle_window(options_, "no task for population '" + request.population + "'");
  }
  if (sessions_.size() >= limits::kSessionsMax) sessions_.forget_ended(now_, true);
  if (sessions_.size() >= limits::kSessionsMax) {
    return idle_window(options_, "the coordinator serves as many devices as it can");
  }
  Population& population = found->second;
  const Task* soonest = nullptr;
  bool soonest_departed = false;
  std::string unsuitable;
  for (std::size_t i = 0; i < population.tasks.size(); ++i) {
    const std::size_t position = (population.next + i) % population.tasks.size();
    Task& task = *find_task(population.tasks[position]);
    if (task.stored.state == proto::TaskState::kComplete) continue;
    if (!can_train(request, task.stored.spec.model)) {
      unsuitable = "task '" + task.stored.spec.name + "' trains a model that this device cannot";
      continue;
    }
    const bool departed = task.round != nullptr && task.round->departed.contains(request.device_id);
    if (task.selecting() && !departed) {
      population.next = position + 1;
      return give_plan(task, request.device_id);
    }
    ++task.turned_away;
    const std::int64_t horizon = options_.retry_max_ms;
    if (soonest == nullptr ||
        task.next_round_in_ms(now_, horizon) < soonest->next_round_in_ms(now_, horizon)) {
      soonest = &task;
      soonest_departed = departed;
    }
  }
  if (soonest != nullptr) return window_for(*soonest, no_place(*soonest, soonest_departed));
  if (unsuitable.empty()) unsuitable = "every task of population '" + request.population + "' is complete";
  return idle_window(options_, unsuitable);
}

proto::PlanOffer Core::give_plan(Task& task, const std::string& device_id) {
  Round& round = *task.round;
  if (round.joining_until == kNever) {
    round.record.started_ms = now_.ms;
    round.joining_until = now_ + std::chrono::milliseconds(task.stored.spec.report_within_ms);
    deadlines_.set({task.stored.id, std::nullopt}, round.joining_until);
  }
  if (options_.identity != nullptr && !round.plan_credential) {
    secagg::Identity identity = *options_.identity;
    round.plan_credential = secagg::make_credential(identity.signer, identity.endorsement,
                                                    secagg::plan_statement(round.plan_bytes));
  }
  ++round.plans_given;
  ++round.outstanding;
  const Session& session = sessions_.create(random_, device_id, task.stored.id, round.id);
  round.planned.push_back(session.token);
  return {.token = session.token, .plan = round.plan_bytes, .credential = round.plan_credential};
}

}  // namespace sotto::server
