// Who gets a plan, and what everybody else is told.
#include <fmt/core.h>

#include <algorithm>

#include "coordinator/core.h"
#include "sotto/base/limits.h"

namespace sotto::server {
namespace {

constexpr const char* kNameRule = " must be 1 to 64 bytes of letters, digits, '.', '_' and '-'";

Status check_version(std::uint32_t version) {
  const std::string spoken = "the device speaks protocol version " + std::to_string(version) + ", ";
  if (version < proto::kOldestProtocolVersion) {
    return invalid_argument(spoken + "this coordinator serves versions from " +
                            std::to_string(proto::kOldestProtocolVersion) +
                            " on: update the device's software");
  }
  if (version > proto::kProtocolVersion) {
    return invalid_argument(spoken + "this coordinator versions up to " +
                            std::to_string(proto::kProtocolVersion) + ": update the coordinator first");
  }
  return {};
}

bool can_train(const proto::CheckInRequest& request, const proto::ModelSpec& model) {
  if (std::ranges::find(request.trainers, model.architecture) == request.trainers.end()) return false;
  if (model.architecture == proto::Architecture::kCustom &&
      std::ranges::find(request.custom_models, model.name.view()) == request.custom_models.end()) {
    return false;
  }
  return model.parameter_count() <= request.parameters_max;
}

// Why a task that suits the device has no place for it now.
std::string no_place(Task& task, bool departed) {
  const std::string name = fmt::format("task '{}': ", task.stored.spec.name);
  if (departed && task.selecting() != nullptr) {
    return name + "this device left the present round; waiting for the next";
  }
  const Round* newest = task.newest_round();
  if (!task.active() && newest == nullptr) return name + describe_waiting(task).what;
  if (newest != nullptr && newest->joining() && task.active()) {
    return name + fmt::format("all {} plans of round {} are given; waiting for the next round",
                              newest->plans_max(), newest->id().value);
  }
  return name + "waiting for the next round (" + describe_waiting(task).what + ")";
}

}  // namespace

Status Core::validate(const proto::CheckInRequest& request) const {
  SOTTO_RETURN_IF_ERROR(check_version(request.protocol_version));
  if (!proto::valid_name(request.device_id)) return invalid_argument(std::string("device_id") + kNameRule);
  if (!proto::valid_name(request.population)) return invalid_argument(std::string("population") + kNameRule);
  if (request.trainers.size() > limits::kTrainersPerDeviceMax) {
    return invalid_argument(fmt::format("trainers has {} entries, allowed are {}", request.trainers.size(),
                                        limits::kTrainersPerDeviceMax));
  }
  if (request.custom_models.size() > limits::kTrainersPerDeviceMax) {
    return invalid_argument("custom_models has " + std::to_string(request.custom_models.size()) +
                            " entries, allowed are " + std::to_string(limits::kTrainersPerDeviceMax));
  }
  return {};
}

void Core::handle(CheckInEvent& event) {
  if (const Status status = validate(event.request); !status.ok()) return reply(event.call, status);
  replace_visit_of(event.request.device_id);
  reply(event.call, assign(event.request));
}

// A device that lost power checks in anew. While its round is joining it gives its place in it back.
void Core::replace_visit_of(const std::string& device_id) {
  Visit* visit = visits_.live_visit_of(device_id);
  if (visit == nullptr) return;
  const proto::SessionEnd replaced{.counted = false, .outcome = "the device checked in again", .window = {}};
  Round* round = round_of(*visit);
  if (visit->stage == Visit::Stage::kTraining && round != nullptr && round->joining()) {
    round->plan_returned(visit->token);
    mark(*find_task(visit->task));
    return end_visit(*visit, replaced);
  }
  // A contribution cannot be taken back; what it had joined with can: it may take another plan, should there
  // be one.
  const bool may_come_again = visit->stage != Visit::Stage::kContributing;
  depart(*visit, replaced);
  if (round != nullptr && may_come_again) round->departed.erase(device_id);
}

proto::CheckInReply Core::assign(const proto::CheckInRequest& request) {
  const auto found = populations_.find(request.population);
  if (found == populations_.end()) {
    return idle_window(options_, fmt::format("no task for population '{}'", request.population));
  }
  if (visits_.size() >= limits::kSessionsMax) visits_.forget_ended(now_, true);
  if (visits_.size() >= limits::kSessionsMax) {
    return idle_window(options_, "the coordinator serves as many devices as it can");
  }
  Population& population = found->second;
  Task* soonest = nullptr;
  bool soonest_departed = false;
  std::string unsuitable;
  for (std::size_t i = 0; i < population.tasks.size(); ++i) {
    const std::size_t position = (population.next + i) % population.tasks.size();
    Task& task = *find_task(population.tasks[position]);
    if (task.stored.state == proto::TaskState::kComplete) continue;
    if (!can_train(request, task.stored.spec.model)) {
      unsuitable = fmt::format("task '{}' trains a model that this device cannot", task.stored.spec.name);
      continue;
    }
    if (const char* spent = task.spent.reason(request.device_id, task.stored.model.version, now_)) {
      unsuitable = fmt::format("task '{}': {}", task.stored.spec.name, spent);
      continue;
    }
    const Round* newest = task.newest_round();
    const bool departed = newest != nullptr && newest->departed.contains(request.device_id);
    if (Round* round = task.selecting(); round != nullptr && !departed) {
      population.next = position + 1;
      return give_plan(task, *round, request);
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
  if (unsuitable.empty()) {
    unsuitable = fmt::format("every task of population '{}' is complete", request.population);
  }
  return idle_window(options_, unsuitable);
}

proto::PlanOffer Core::give_plan(Task& task, Round& round, const proto::CheckInRequest& request) {
  const Visit& visit = visits_.create(random_, request.device_id, task.stored.id, round.id());
  // Its times count from the first plan: later ones do not put them off.
  if (!round.issued()) {
    round.issue(now_);
    deadlines_.set({.task = task.stored.id, .kind = DeadlineKey::Kind::kJoining, .round = round.id()},
                   round.joining_until());
  }
  round.plan_given(visit.token);
  if (options_.identity != nullptr && !round.plan_credential) {
    secagg::Identity identity = *options_.identity;
    round.plan_credential = secagg::make_credential(identity.signer, identity.endorsement,
                                                    secagg::plan_statement(round.plan_bytes()));
  }
  mark(task);
  proto::PlanOffer offer{
      .token = visit.token, .plan = round.plan_bytes(), .credential = round.plan_credential};
  if (request.bulletin_edition < bulletin_edition_) offer.bulletin = bulletin_;
  return offer;
}

}  // namespace sotto::server
