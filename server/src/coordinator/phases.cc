// What rounds ask for next: cohorts, an end, a successor.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "coordinator/core.h"
#include "sotto/base/check.h"

namespace sotto::server {
namespace {

constexpr std::uint32_t kReplacedInARowMax = 3;
// Nobody is late sooner: what a small fleet takes is lost in what calls and pauses between them take.
constexpr std::int64_t kLateMinMs = 300;

DeadlineKey late_of(const Task& task, const Round& round) {
  return {.task = task.stored.id, .kind = DeadlineKey::Kind::kLate, .round = round.id()};
}

// By what the task's devices usually take.
Time late_by_pace(const Task& task, const Round& round) {
  const float patience = task.stored.spec.patience;
  if (patience == 0 || task.report_times.empty()) return kNever;
  const double late_ms = static_cast<double>(patience) * static_cast<double>(task.report_times.usual_ms());
  return Time{round.started_ms()} +
         std::chrono::milliseconds(std::max(static_cast<std::int64_t>(late_ms), kLateMinMs));
}

// By the grace that stragglers have in every step.
Time late_by_grace(const proto::TaskSpec& spec, Round& round) {
  if (spec.straggler_grace_ms == 0 || round.few_missing_since == kNever) return kNever;
  return round.few_missing_since + std::chrono::milliseconds(spec.straggler_grace_ms);
}

}  // namespace

void Core::settle() {
  while (!marked_.empty()) {
    const TaskId id = *marked_.begin();
    marked_.erase(marked_.begin());
    Task* task = find_task(id);
    if (task == nullptr) continue;
    for (auto next = task->rounds.begin(); next != task->rounds.end();) {
      Round& round = (next++)->second;  // a round that vanishes takes its place along
      act_on(*task, round);
    }
    write_next(*task);
    if (task->may_reissue_model()) reissue_model(*task);
    open_rounds(*task);
    if (task->runs_out_of_numbers()) reserve_rounds(*task);
  }
}

void Core::act_on(Task& task, Round& round) {
  if (waits_for_spent_devices(task, round) || gives_way(task, round)) return;
  watch_joining(task, round);
  Round::Next next = round.next(task.takes_devices(round));
  if (const auto* close = std::get_if<Round::CloseJoining>(&next)) {
    close_joining(task, round, close->cohort_sizes);
  } else if (std::holds_alternative<Round::Commit>(next)) {
    end_round(task, round, {.round = round.id(), .committed = true});
  } else if (auto* abandon = std::get_if<Round::Abandon>(&next)) {
    end_round(task, round,
              {.round = round.id(),
               .reason = std::move(abandon->reason),
               .helper_restarted = round.helper_restarted});
  } else if (std::holds_alternative<Round::Vanish>(next)) {
    vanish(task, round);
  }
}

// The next one has its number, unless a plan went out with it.
void Core::vanish(Task& task, Round& round) {
  clear_joining_deadlines(task, round);
  if (round.id() == task.last_begun && !round.issued()) task.last_begun = RoundId{task.last_begun.value - 1};
  task.rounds.erase(round.id());
}

void Core::clear_joining_deadlines(const Task& task, const Round& round) {
  for (const auto kind :
       {DeadlineKey::Kind::kJoining, DeadlineKey::Kind::kLate, DeadlineKey::Kind::kStalled}) {
    deadlines_.clear({.task = task.stored.id, .kind = kind, .round = round.id()});
  }
}

void Core::watch_joining(Task& task, Round& round) {
  if (!round.joining() || !round.issued()) return;
  const proto::TaskSpec& spec = task.stored.spec;
  if (!round.waits_for_few(spec.aggregation.dropout_fraction)) {
    round.few_missing_since = kNever;
  } else if (round.few_missing_since == kNever) {
    round.few_missing_since = now_;
  }
  const Time late_at = std::min(late_by_pace(task, round), late_by_grace(spec, round));
  round.others_are_late(late_at <= now_);
  if (late_at > now_) {
    if (late_at < round.joining_until()) deadlines_.set(late_of(task, round), late_at);
  } else if (!round.has_enough() && !std::exchange(round.late_places_given_on, true)) {
    give_late_places_on(round);
  }
}

void Core::give_late_places_on(Round& round) {
  for (const SessionToken& token : round.planned()) {
    Visit* visit = visits_.find(token);
    if (visit == nullptr || visit->stage != Visit::Stage::kTraining || visit->place_given_on) continue;
    visit->place_given_on = round.free_place();
  }
}

// Without this the devices whose vectors left for the model would have to wait for the end of a round that
// waits for them.
bool Core::waits_for_spent_devices(Task& task, Round& round) {
  if (!task.reissue_wanted || !round.joining() || round.plans_given() == 0) return false;
  const std::uint32_t seen = population_of(task).census.count(now_);
  const std::uint32_t spent = task.spent.summary(task.stored.model.version, now_).devices;
  // More of them than are at work: one device's word ends no round.
  if (seen >= task.devices_needed() + spent || spent <= round.places_taken()) return false;
  end_round(task, round,
            {.round = round.id(),
             .reason = fmt::format("{} of {} devices seen lately have sent their vectors for this version of "
                                   "the model: it is issued again",
                                   spent, seen),
             .nobodys_fault = true});
  return true;
}

void Core::open_rounds(Task& task) {
  while (task.may_begin_round(options_.rounds_open_max)) task.begin_round();
}

void Core::close_joining(Task& task, Round& round, const std::vector<std::uint32_t>& sizes) {
  clear_joining_deadlines(task, round);
  if (round.one_shot()) {
    round.close_joining(1);
    return command(round, CohortId{0}, CloseCohortStep{proto::Step::kJoin});
  }
  round.close_joining(static_cast<std::uint32_t>(sizes.size()));
  const std::vector<SessionToken> tokens = shuffled_joiners(round);
  auto next = tokens.begin();
  for (const std::uint32_t size : sizes) {
    form_cohort(round, {next, next + size});
    next += size;
  }
  for (; next != tokens.end(); ++next) {
    end_visit(
        *visits_.find(*next),
        proto::SessionEnd{.counted = false,
                          .outcome = fmt::format("round {} went on without this device: its cohorts are full",
                                                 round.id().value),
                          .window = window_for(task, "waiting for the next round")});
  }
}

// Devices are dealt to cohorts in a random order drawn here, so nobody chooses its company by when it joins.
std::vector<SessionToken> Core::shuffled_joiners(const Round& round) {
  std::vector<SessionToken> tokens;
  tokens.reserve(round.joined());
  for (const SessionToken& token : round.joiners()) {
    const Visit* visit = visits_.find(token);
    if (visit != nullptr && visit->stage == Visit::Stage::kJoined) tokens.push_back(token);
  }
  for (std::size_t i = tokens.size(); i > 1; --i) std::swap(tokens[i - 1], tokens[random_.below(i)]);
  return tokens;
}

void Core::open_cohort(const Round& round, const Cohort& cohort) {
  const proto::TaskSpec& spec = round.spec();
  command(round, cohort.id,
          OpenCohort{.plan = round.plan_bytes(),
                     .plan_credential = round.plan_credential,
                     .check_key = round.check_key,
                     .bulletin = in_force_ ? in_force_->bulletin() : std::vector<std::uint8_t>(),
                     .phase_deadline_ms = spec.phase_deadline_ms,
                     .straggler_grace_ms = spec.straggler_grace_ms});
}

void Core::form_cohort(Round& round, const std::vector<SessionToken>& tokens) {
  Cohort& cohort = round.add_cohort();
  open_cohort(round, cohort);
  for (const SessionToken& token : tokens) {
    Visit& visit = *visits_.find(token);
    visit.stage = Visit::Stage::kInCohort;
    visit.cohort = cohort.id;
    visit.seat = Seat{static_cast<std::uint32_t>(cohort.places.size())};
    visit.asking = visit.held.has_value();
    cohort.places.push_back({.token = token, .device_id = visit.device_id(), .device = visit.key});
    command(round, cohort.id,
            AdmitToCohort{visit.seat, std::move(visit.join_payload), visit.held, is_verified(visit)});
  }
  command(round, cohort.id, CloseCohortStep{proto::Step::kJoin});
}

void Core::end_round(Task& task, Round& round, EndedRound ended) {
  clear_joining_deadlines(task, round);
  round.end();
  // What a round took that was let go says nothing about the next.
  const std::int64_t took_ms = ended.nobodys_fault ? task.round_ms : now_.ms - round.started_ms();
  task.round_ms = task.round_ms == 0 ? took_ms : (task.round_ms + took_ms) / 2;
  // Only a commit is worth waiting for.
  if (!ended.committed) release(task, round, ended);
  task.ended.push_back(std::move(ended));
}

// The first abandoned round costs nothing; when they follow one another pauses double up to retry_max_ms.
std::int64_t Core::pause_after_abandoned(std::uint32_t in_a_row) const {
  if (in_a_row <= 1) return 0;
  const std::uint32_t doublings = std::min(in_a_row - 2, 20u);
  const std::int64_t shortest = std::max<std::int64_t>(options_.retry_min_ms, 100);
  const std::int64_t longest = std::max<std::int64_t>(options_.retry_max_ms, shortest);
  return std::min(shortest << doublings, longest);
}

// A helper that starts again and again, or whose clock is far ahead, costs pauses like whatever else brings
// rounds to nothing.
bool Core::count_outcome(Task& task, const Round& round, const EndedRound& ended) {
  if (ended.committed) {
    task.abandoned_in_a_row = task.replaced_in_a_row = 0;
    return false;
  }
  if (ended.nobodys_fault) return false;
  if (!ended.helper_restarted || task.replaced_in_a_row >= kReplacedInARowMax) {
    ++task.abandoned_in_a_row;
    return false;
  }
  ++task.replaced_in_a_row;
  // Its vectors have left their devices, which send no other for the same version.
  if (round.plan().model_version == task.stored.model.version) {
    task.reissue_wanted = task.reissue_uncounted = true;
  }
  return true;
}

void Core::release(Task& task, Round& round, const EndedRound& ended) {
  for (const Cohort& cohort : round.cohorts()) {
    deadlines_.clear({task.stored.id, DeadlineKey::Kind::kStep, round.id(), cohort.id});
    command(round, cohort.id, DiscardCohort{});
  }
  const bool replaced = count_outcome(task, round, ended);
  const bool at_once = replaced || ended.nobodys_fault;
  const std::int64_t pause_ms = at_once ? 0 : pause_after_abandoned(task.abandoned_in_a_row);
  if (pause_ms > 0) {
    task.next_round_at = now_ + std::chrono::milliseconds(pause_ms);
    deadlines_.set({.task = task.stored.id, .kind = DeadlineKey::Kind::kNextRound}, task.next_round_at);
  }
  const std::string outcome = ended.committed ? ended.reason : "abandoned: " + ended.reason;
  const std::string sentence = fmt::format("round {} {}", round.id().value, outcome);
  const proto::RetryWindow window = window_for(task, describe_waiting(task).what);
  for (const SessionToken& token : round.planned()) {
    Visit* visit = visits_.find(token);
    if (visit == nullptr || visit->stage == Visit::Stage::kEnded) continue;
    bool counted = false;
    if (visit->stage == Visit::Stage::kTraining && round.has_waited()) {
      device_failed(*visit, DeviceRecord::Outcome::kSilent, "it had not joined when its round's time was up");
      visit->taken_for_silent = true;
    }
    if (ended.committed && visit->stage == Visit::Stage::kInCohort) {
      const Cohort& cohort = *round.find_cohort(visit->cohort);
      counted = cohort.state == Cohort::State::kSummed && cohort.places[visit->seat.value].in_sum;
    }
    end_visit(*visit, proto::SessionEnd{.counted = counted, .outcome = sentence, .window = window});
  }
  const std::string name = fmt::format("task '{}', round {}", task.stored.spec.name, round.id().value);
  notice(ended.committed ? NoticeAction::Level::kInfo : NoticeAction::Level::kWarning,
         ended.committed
             ? fmt::format("{} {}; the mean update's norm is {:.4g}", name, outcome, round.update_norm())
             : fmt::format("{} {}", name, outcome));
  if (replaced) {
    notice(NoticeAction::Level::kInfo,
           fmt::format("{} is replaced by a new one at once: it was lost because the mask helper has started "
                       "anew since its plan was signed",
                       name));
  }
  if (round.refusals.total() > 0) {
    notice(NoticeAction::Level::kWarning,
           fmt::format("{} refused {} messages: {}", name, round.refusals.total(), round.refusals.summary()));
  }
  if (unknown_visits_ > 0) {
    notice(NoticeAction::Level::kWarning,
           fmt::format("{} calls named a session that is unknown since the last such notice",
                       std::exchange(unknown_visits_, 0)));
  }
}

}  // namespace sotto::server
