// From the first READY device to the cohorts' sums.
#include <algorithm>

#include "coordinator/core.h"

namespace sotto::server {
namespace {

std::uint32_t devices_needed(const proto::TaskSpec& spec) {
  return std::max<std::uint32_t>(spec.participants_min, spec.aggregation.cohort_min);
}

}  // namespace

void Core::check_joining(Task& task) {
  Round* round = task.round.get();
  if (round == nullptr || !round->joining) return;
  // Nobody is at work: paused before anybody was, or the only device went elsewhere.
  if (round->plans_given == 0) {
    deadlines_.clear({task.stored.id, std::nullopt});
    round->joining_until = kNever;
    if (!task.active()) task.round.reset();
    return;
  }
  const bool all_heard = round->outstanding == 0 && !task.selecting();
  if (round->joined >= task.stored.spec.participants || all_heard) close_joining(task);
}

void Core::close_joining(Task& task) {
  Round& round = *task.round;
  const proto::TaskSpec& spec = task.stored.spec;
  round.joining = false;
  round.record.joined = round.joined;
  deadlines_.clear({task.stored.id, std::nullopt});
  const std::vector<std::uint32_t> sizes =
      cohort_sizes(round.joined, spec.aggregation.cohort_min, spec.cohort_max);
  if (round.joined < devices_needed(spec) || sizes.empty()) {
    return abandon_round(task, std::to_string(round.joined) + " of " + std::to_string(round.plans_given) +
                                   " devices with a plan joined, " + std::to_string(devices_needed(spec)) +
                                   " are needed");
  }
  if (!round.one_shot()) form_cohorts(task, sizes);
  if (round.cohorts.empty()) return finish_round(task);
  // Only the last cohort to end can end the round, so `round` lives until then.
  const std::size_t count = round.cohorts.size();
  for (std::size_t i = 0; i < count; ++i) {
    Cohort& cohort = round.cohorts[i];
    if (close_step(task, cohort)) advance_cohort(task, cohort);
  }
}

// Devices are dealt to cohorts in a random order drawn here, so nobody chooses its company by when it joins.
std::vector<SessionToken> Core::shuffled_joiners(const Round& round) {
  std::vector<SessionToken> tokens;
  tokens.reserve(round.joined);
  for (const SessionToken& token : round.joiners) {
    const Session* session = sessions_.find(token);
    if (session != nullptr && session->stage == Session::Stage::kJoined) tokens.push_back(token);
  }
  for (std::size_t i = tokens.size(); i > 1; --i) std::swap(tokens[i - 1], tokens[random_.below(i)]);
  return tokens;
}

void Core::form_cohorts(Task& task, const std::vector<std::uint32_t>& sizes) {
  Round& round = *task.round;
  const std::vector<SessionToken> tokens = shuffled_joiners(round);
  round.record.cohorts = static_cast<std::uint32_t>(sizes.size());
  round.cohorts.reserve(sizes.size());
  auto next = tokens.begin();
  for (const std::uint32_t size : sizes) {
    form_cohort(task, {next, next + size});
    next += size;
  }
  round.cohorts_open = static_cast<std::uint32_t>(round.cohorts.size());
  for (; next != tokens.end(); ++next) {
    end_session(*sessions_.find(*next),
                proto::SessionEnd{.counted = false,
                                  .outcome = "round " + std::to_string(round.id.value) +
                                             " went on without this device: its cohorts are full",
                                  .window = window_for(task, "waiting for the next round")});
  }
}

void Core::form_cohort(Task& task, const std::vector<SessionToken>& tokens) {
  Round& round = *task.round;
  auto session = make_session(round.plan, round.plan_bytes, {});
  if (!session) {
    ++round.cohorts_abandoned;
    if (round.first_failure.empty()) round.first_failure = session.error().message();
    return;  // its devices are told when the round ends
  }
  Cohort& cohort = round.cohorts.emplace_back(CohortId{static_cast<std::uint32_t>(round.cohorts.size())},
                                              std::move(*session));
  for (const SessionToken& token : tokens) {
    Session& device = *sessions_.find(token);
    const Rejection rejection = cohort.admit(token, device.join_payload, device.index);
    if (accepted(rejection)) {
      device.stage = Session::Stage::kInCohort;
      device.cohort = cohort.id();
      continue;
    }
    round.refusals.add(rejection);
    round.departed.insert(device.device_id);
    end_session(device, proto::Refused{rejection, window_for(task, describe(rejection))});
  }
}

void Core::advance_cohort(Task& task, Cohort& cohort) {
  while (cohort.step_complete()) {
    if (!close_step(task, cohort)) return;
  }
  const proto::TaskSpec& spec = task.stored.spec;
  if (spec.straggler_grace_ms == 0 || !cohort.grace_begins(spec.aggregation.dropout_fraction)) return;
  const Time until = now_ + std::chrono::milliseconds(spec.straggler_grace_ms);
  if (until >= cohort.step_until()) return;
  cohort.set_step_until(until);
  deadlines_.set({task.stored.id, cohort.id()}, until);
}

bool Core::close_step(Task& task, Cohort& cohort) {
  proto::RoundRecord& record = task.round->record;
  const std::uint32_t answered = cohort.answered_count();
  const proto::Step closing = cohort.open_step();
  if (closing == proto::Step::kShare) record.shared += answered;
  const bool one_shot = task.round->one_shot();
  if (closing == proto::Step::kCollect || one_shot) record.collected += answered;
  if (closing == proto::Step::kConfirm) record.confirmed += answered;
  if (closing == proto::Step::kUnmask) record.unmasked += answered;
  deadlines_.clear({task.stored.id, cohort.id()});
  const Result<aggregator::CohortSession::Progress> progress = cohort.close_step();
  if (!progress) {
    cohort_failed(task, cohort,
                  std::string("step ") + proto::to_string(closing) + ": " + progress.error().message());
    return false;
  }
  if (*progress == aggregator::CohortSession::Progress::kReadyToFinish) {
    actions_.emplace_back(
        FinishCohortAction{task.stored.id, task.round->id, cohort.id(), cohort.take_session(), one_shot});
    return false;
  }
  open_step(task, cohort);
  return true;
}

// Tells everybody in the open step what to do, and everybody who missed the last one that the cohort goes on
// without it.
void Core::open_step(Task& task, Cohort& cohort) {
  const Time until = now_ + std::chrono::milliseconds(task.stored.spec.phase_deadline_ms);
  cohort.set_step_until(until);
  deadlines_.set({task.stored.id, cohort.id()}, until);
  const std::string missed = "round " + std::to_string(task.round->id.value) +
                             " went on without this device: its answer to a step did not come in time";
  for (std::size_t i = 0; i < cohort.members().size(); ++i) {
    const Cohort::Member& member = cohort.members()[i];
    const ParticipantIndex index{static_cast<std::uint16_t>(i)};
    Session* session = member.left ? nullptr : sessions_.find(member.token);
    if (session == nullptr) continue;
    if (cohort.awaited(index)) {
      if (session->held) {
        answer_held(*session,
                    proto::NextStep{.next = cohort.open_step(), .payload = cohort.message_for(index)});
      }
    } else if (!member.in_sum) {
      cohort.leave(index);
      end_session(*session, proto::SessionEnd{.counted = false,
                                              .outcome = missed,
                                              .window = window_for(task, "waiting for the next round")});
    }
  }
}

void Core::drop_from_cohort(Task& task, Cohort& cohort, ParticipantIndex member) {
  cohort.leave(member);
  if (cohort.state() == Cohort::State::kRunning) advance_cohort(task, cohort);
}

void Core::cohort_failed(Task& task, Cohort& cohort, const std::string& reason) {
  Round& round = *task.round;
  cohort.set_abandoned();
  ++round.cohorts_abandoned;
  if (round.first_failure.empty()) round.first_failure = reason;
  const std::string outcome = "the cohort was abandoned: " + reason;
  for (const Cohort::Member& member : cohort.members()) {
    Session* session = member.left ? nullptr : sessions_.find(member.token);
    if (session == nullptr || session->stage == Session::Stage::kEnded) continue;
    end_session(*session, proto::SessionEnd{.counted = false,
                                            .outcome = outcome,
                                            .window = window_for(task, "waiting for the next round")});
  }
  cohort_settled(task);
}

void Core::handle(CohortFinishedEvent& event) {
  Task* task = find_task(event.task);
  Round* round = task == nullptr ? nullptr : task->round.get();
  if (round == nullptr || round->id != event.round || event.cohort.value >= round->cohorts.size() ||
      round->cohorts[event.cohort.value].state() != Cohort::State::kFinishing) {
    return notice(NoticeAction::Level::kWarning,
                  "a sum came for a cohort that does not wait for one; ignored");
  }
  Cohort& cohort = round->cohorts[event.cohort.value];
  for (const ParticipantIndex member : event.dishonest) {
    if (member.value >= cohort.members().size()) continue;
    if (round->one_shot()) {
      notice(NoticeAction::Level::kWarning, "task '" + task->stored.spec.name + "', round " +
                                                std::to_string(round->id.value) + ": device '" +
                                                round->one_shot_devices[member.value] +
                                                "' sent a mask that the helper refuses");
      continue;
    }
    const Session* session = sessions_.find(cohort.members()[member.value].token);
    notice(NoticeAction::Level::kWarning,
           "task '" + task->stored.spec.name + "', round " + std::to_string(round->id.value) + ": device '" +
               (session == nullptr ? std::string("(gone)") : session->device_id) +
               "' gave shares that are not what its neighbours were promised");
  }
  if (!event.sum) return cohort_failed(*task, cohort, event.sum.error().message());
  // Sums are integers: the order in which cohorts finish does not change the result.
  round->sum.merge(*event.sum);
  cohort.set_summed();
  cohort_settled(*task);
}

void Core::cohort_settled(Task& task) {
  if (--task.round->cohorts_open == 0) finish_round(task);
}

}  // namespace sotto::server
