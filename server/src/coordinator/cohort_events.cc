// What cohorts say of themselves. They may live in another process: what they name is looked up, and what
// does not fit is ignored.
#include <fmt/core.h>

#include "coordinator/core.h"
#include "sotto/aggregator/influence.h"

namespace sotto::server {
namespace {

std::string name_of(const Task& task, const Round& round) {
  return fmt::format("task '{}', round {}", task.stored.spec.name, round.id().value);
}

aggregator::InfluenceLimits limits_of(const proto::TaskSpec& spec) {
  return {.update_norm_max = spec.update_norm_max, .metrics_max = spec.metrics_max};
}

}  // namespace

void Core::handle(CohortEvent& event) {
  Task* task = find_task(event.cohort.task);
  Round* round = task == nullptr ? nullptr : task->find_round(event.cohort.round);
  Cohort* cohort = round == nullptr ? nullptr : round->find_cohort(event.cohort.cohort);
  // When a round has ended its devices still ask, and are answered, until its record is written.
  const bool answers = std::holds_alternative<CohortAnswered>(event.what);
  if (cohort == nullptr || (round->phase() == Round::Phase::kEnded && !answers)) {
    if (std::holds_alternative<CohortFinished>(event.what)) {
      notice(NoticeAction::Level::kWarning, "a sum came for a cohort that does not wait for one; ignored");
    }
    return;
  }
  const AtCohort at{*task, *round, *cohort};
  std::visit([&](auto& what) { on(at, what); }, event.what);
  mark(*task);
}

Visit* Core::visit_at(const Cohort& cohort, Seat seat) {
  if (seat.value >= cohort.places.size()) return nullptr;
  Visit* visit = visits_.find(cohort.places[seat.value].token);
  return visit == nullptr || visit->stage == Visit::Stage::kEnded ? nullptr : visit;
}

void Core::on(const AtCohort& at, CohortAdmitted& event) {
  if (event.seat.value >= at.cohort.places.size()) return;
  const Cohort::Place& place = at.cohort.places[event.seat.value];
  if (at.round.one_shot()) return contribution_admitted(at, place, event.rejection);
  if (accepted(event.rejection)) return;
  at.round.refusals.add(event.rejection);
  at.round.departed.insert(place.device);
  if (Visit* visit = visit_at(at.cohort, event.seat)) {
    device_failed(*visit, DeviceRecord::Outcome::kRefused, describe(event.rejection));
    end_visit(*visit, proto::Refused{event.rejection, window_for(at.task, describe(event.rejection))});
  }
}

void Core::contribution_admitted(const AtCohort& at, const Cohort::Place& place, Rejection rejection) {
  Visit* visit = visits_.find(place.token);
  const bool live = visit != nullptr && visit->stage == Visit::Stage::kContributing;
  // It has given what it had, or had nothing to give: no second plan in this round.
  at.round.departed.insert(place.device);
  if (!accepted(rejection)) {
    at.round.plan_lost(place.device_id, describe(rejection),
                       visit == nullptr ? Round::Place::kItsOwn : place_of(*visit));
    at.round.refusals.add(rejection);
    if (!live) return;
    device_failed(*visit, DeviceRecord::Outcome::kRefused, describe(rejection));
    return end_visit(*visit, proto::Refused{rejection, window_for(at.task, describe(rejection))});
  }
  at.round.device_joined(place.token);
  if (!live) return;
  end_visit(*visit,
            proto::SessionEnd{
                .counted = true,
                .outcome = fmt::format("round {} counts this device's update; nothing more is needed of it",
                                       at.round.id().value),
                .window = window_for(at.task, "waiting for the next round")});
}

void Core::on(const AtCohort& at, CohortAnswered& event) {
  at.cohort.answered = event.answered;
  Visit* visit = visit_at(at.cohort, event.seat);
  if (visit == nullptr || visit->stage != Visit::Stage::kInCohort) return;
  // A device that has asked again, or whose time was up, hears it when it asks the next time.
  const bool waits = visit->held == event.call;
  if (const auto* rejection = std::get_if<Rejection>(&event.answer)) {
    if (waits) {
      visit->held.reset();
      held_calls_.release(event.call);
    }
    return refuse(at.task, at.round, *visit, waits ? std::optional(event.call) : std::nullopt, *rejection);
  }
  if (!waits) return;
  if (auto* next = std::get_if<proto::NextStep>(&event.answer)) {
    return answer_held(*visit, std::move(*next));
  }
  visit->asking = false;
  if (visit->overdue) answer_held(*visit, keep_waiting(*visit));
}

void Core::on(const AtCohort& at, CohortStepOpened& event) {
  if (event.step == proto::Step::kCollect) at.task.vectors_for = at.round.plan().model_version;
  at.cohort.step = event.step;
  at.cohort.awaited = event.awaited;
  at.cohort.answered = 0;
  at.cohort.step_until = event.until;
  deadlines_.set({at.task.stored.id, DeadlineKey::Kind::kStep, at.round.id(), at.cohort.id}, event.until);
  const std::string missed = fmt::format(
      "round {} went on without this device: its answer to a step did not come in time", at.round.id().value);
  for (const Seat seat : event.missed) {
    Visit* visit = visit_at(at.cohort, seat);
    if (visit == nullptr) continue;
    device_failed(*visit, DeviceRecord::Outcome::kSilent, missed);
    end_visit(*visit, proto::SessionEnd{.counted = false,
                                        .outcome = missed,
                                        .window = window_for(at.task, "waiting for the next round")});
  }
}

void Core::on(const AtCohort& at, CohortHurries& event) {
  at.cohort.step_until = event.until;
  deadlines_.set({at.task.stored.id, DeadlineKey::Kind::kStep, at.round.id(), at.cohort.id}, event.until);
}

void Core::on(const AtCohort& at, CohortStepClosed& event) {
  deadlines_.clear({at.task.stored.id, DeadlineKey::Kind::kStep, at.round.id(), at.cohort.id});
  at.round.step_closed(event.step, static_cast<std::uint32_t>(event.answered.size()));
  if (event.step != proto::Step::kCollect) return;
  for (const Seat seat : event.answered) {
    if (seat.value < at.cohort.places.size()) at.cohort.places[seat.value].in_sum = true;
  }
}

void Core::on(const AtCohort& at, CohortReady&) {
  if (at.cohort.state != Cohort::State::kRunning) return;
  at.cohort.state = Cohort::State::kFinishing;
  actions_.emplace_back(
      FinishCohortAction{{at.task.stored.id, at.round.id(), at.cohort.id}, at.round.one_shot()});
}

void Core::on(const AtCohort& at, CohortFailed& event) {
  if (at.cohort.state == Cohort::State::kRunning) cohort_failed(at, event.reason);
}

void Core::on(const AtCohort& at, CohortFinished& event) {
  if (at.cohort.state != Cohort::State::kFinishing) {
    return notice(NoticeAction::Level::kWarning,
                  "a sum came for a cohort that does not wait for one; ignored");
  }
  const char* deed = at.round.one_shot()
                         ? "sent a mask that the helper refuses"
                         : "gave a share, a tag or a pair key that is not what it had promised";
  for (const Seat seat : event.dishonest) {
    if (seat.value >= at.cohort.places.size()) continue;
    notice(NoticeAction::Level::kWarning, fmt::format("{}: device '{}' {}", name_of(at.task, at.round),
                                                      at.cohort.places[seat.value].device_id, deed));
  }
  at.round.helper_restarted = event.helper_restarted;
  if (!event.sum) return cohort_failed(at, event.sum.error().message());
  if (!at.round.fits(*event.sum)) return cohort_failed(at, "its sum is of another form than the round's");
  const Result<double> norm =
      aggregator::check_influence(at.round.plan(), limits_of(at.round.spec()), *event.sum);
  if (!norm) return cohort_failed(at, norm.error().message());
  at.round.cohort_summed(at.cohort, std::move(*event.sum), *norm);
}

void Core::cohort_failed(const AtCohort& at, const std::string& reason) {
  at.round.cohort_failed(at.cohort, reason);
  // The only one says it when its round ends.
  if (at.round.cohorts().size() > 1) {
    notice(NoticeAction::Level::kWarning,
           fmt::format("{}: cohort {} was abandoned: {}", name_of(at.task, at.round), at.cohort.id.value,
                       reason));
  }
  deadlines_.clear({at.task.stored.id, DeadlineKey::Kind::kStep, at.round.id(), at.cohort.id});
  command(at.round, at.cohort.id, DiscardCohort{});
  if (at.round.one_shot()) return;  // the round has no other: whoever waits hears how it ends
  const std::string outcome = "the cohort was abandoned: " + reason;
  for (std::size_t i = 0; i < at.cohort.places.size(); ++i) {
    Visit* visit = visit_at(at.cohort, Seat{static_cast<std::uint32_t>(i)});
    if (visit == nullptr) continue;
    end_visit(*visit, proto::SessionEnd{.counted = false,
                                        .outcome = outcome,
                                        .window = window_for(at.task, "waiting for the next round")});
  }
}

}  // namespace sotto::server
