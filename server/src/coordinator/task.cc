#include "coordinator/task.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "coordinator/clips.h"
#include "sotto/base/limits.h"
#include "sotto/host/utc_text.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

constexpr std::int64_t kHelperBackMs = 5'000;  // a helper that stops is expected back

ModelBytes bytes_of(const StoredModel& model) {
  return std::make_shared<const std::vector<std::uint8_t>>(encode_floats(model.parameters));
}

std::string at_latest(Time time) { return fmt::format("at {} at the latest", host::utc_time(time.ms)); }

Waiting describe_joining(const Task& task, const Round& round) {
  const proto::TaskSpec& spec = round.spec();
  if (round.plans_given() == 0) {
    return {fmt::format("round {}: devices of population '{}' to check in; 0 of {} plans given",
                        round.id().value, spec.population, round.plans_max()),
            0};
  }
  return {
      fmt::format("round {}: {} of {} devices have joined, {} are training, {} of {} plans given; closes "
                  "when {} have joined or {}{}",
                  round.id().value, round.joined(), spec.participants, round.outstanding(),
                  round.places_taken(), round.plans_max(), spec.participants,
                  at_latest(round.joining_until()), task.active() ? "" : " (paused: no new plans are given)"),
      round.joining_until().ms};
}

Waiting describe_cohorts(const Round& round) {
  const Cohort* next = nullptr;
  for (const Cohort& cohort : round.cohorts()) {
    if (cohort.state != Cohort::State::kRunning) continue;
    if (next == nullptr || cohort.step_until < next->step_until) next = &cohort;
  }
  if (next != nullptr) {
    return {fmt::format("{}; goes on when all have answered or {}", describe_waiting(round, *next),
                        at_latest(next->step_until)),
            next->step_until.ms};
  }
  return {fmt::format("round {}: the sums of {} of {} cohorts are being computed", round.id().value,
                      round.cohorts_open(), round.cohorts().size()),
          0};
}

Waiting describe_recording(const EndedRound& ended) {
  const char* what = ended.committed ? "model" : "record";
  if (ended.retry_at == kNever) {
    return {fmt::format("round {}: its {} to be stored", ended.round.value, what), 0};
  }
  return {fmt::format("round {}: its {} to be stored; tried again at {}, after {} attempts that failed",
                      ended.round.value, what, host::utc_time(ended.retry_at.ms), ended.attempts),
          ended.retry_at.ms};
}

}  // namespace

Task::Task(StoredTask loaded, const HelperDigests& helpers)
    : stored(std::move(loaded)),
      model_bytes(bytes_of(stored.model)),
      helper_digests(helpers),
      last_begun(stored.last_round) {
  if (stored.last_round.value > 0) vectors_for = stored.model.version;
}

Round* Task::find_round(RoundId id) {
  const auto found = rounds.find(id);
  return found == rounds.end() ? nullptr : &found->second;
}

Round* Task::newest_round() { return rounds.empty() ? nullptr : &rounds.rbegin()->second; }

const Round* Task::newest_round() const { return rounds.empty() ? nullptr : &rounds.rbegin()->second; }

// A round that waits for a helper keeps the devices that it has, and takes no more: their vectors would be
// lost.
Round* Task::selecting() {
  if (!helpers_are.unusable.empty()) return nullptr;
  Round* newest = newest_round();
  return newest != nullptr && takes_devices(*newest) && newest->has_plans_left() ? newest : nullptr;
}

bool Task::may_begin_round(std::uint32_t rounds_open_max) const {
  if (!active() || helper_away() || next_round_at != kNever) return false;
  if (rounds.size() >= rounds_open_max) return false;
  if (last_begun >= stored.rounds_reserved || reissue_wanted) return false;
  if (!rounds.empty() && newest_round()->has_plans_left()) return false;
  return stored.rounds_committed + rounds.size() < stored.spec.rounds;
}

bool Task::runs_out_of_numbers() const {
  return active() && !reserving && reserve_at == kNever &&
         last_begun.value + limits::kRoundsReserved / 2 > stored.rounds_reserved.value;
}

bool Task::may_reissue_model() const {
  return active() && reissue_wanted && !reissuing && !writing && rounds.empty() && next_round_at == kNever;
}

std::int64_t Task::next_round_in_ms(Time now, std::int64_t horizon_ms) const {
  if (!active()) return horizon_ms;
  const Round* newest = newest_round();
  if (newest == nullptr || newest->phase() == Round::Phase::kEnded) {
    const Time retry_at = ended.empty() ? kNever : ended.front().retry_at;
    std::int64_t wait_ms = helper_away() ? kHelperBackMs : 0;
    for (const Time time : {next_round_at, retry_at, reserve_at}) {
      if (time != kNever) wait_ms = std::max(wait_ms, (time - now).count());
    }
    return wait_ms;
  }
  if (newest->plans_given() == 0) return 0;
  // Overdue, or the first: the longer it has taken, the longer it will take.
  const std::int64_t elapsed_ms = now.ms - newest->started_ms();
  return std::abs(elapsed_ms - round_ms);
}

void Task::begin_round() {
  turned_away = 0;
  cannot_train.clear();
  last_begun = RoundId{last_begun.value + 1};
  const auto begun = rounds.try_emplace(last_begun, stored, last_begun, helper_digests).first;
  begun->second.model_bytes = model_bytes;
}

void Task::publish(StoredModel model) {
  stored.model = std::move(model);
  reissue_wanted = false;
  model_bytes = bytes_of(stored.model);
}

Waiting describe_waiting(const Task& task) {
  if (task.stored.state == proto::TaskState::kComplete) {
    if (task.stored.rounds_committed >= task.stored.spec.rounds) {
      return {fmt::format("nothing: all {} rounds are committed", task.stored.spec.rounds), 0};
    }
    return {fmt::format("nothing: its stop rule ended it after {} rounds", task.stored.rounds_committed), 0};
  }
  if (const Round* round = task.newest_round(); round != nullptr && round->phase() != Round::Phase::kEnded) {
    if (!round->joining()) return describe_cohorts(*round);
    const Waiting joining = describe_joining(task, *round);
    if (task.helpers_are.unusable.empty()) return joining;
    return {fmt::format("{}; and {}", task.helpers_are.unusable, joining.what), joining.until_ms};
  }
  if (!task.ended.empty()) return describe_recording(task.ended.front());
  if (!task.active()) return {"an operator to resume the paused task", 0};
  if (task.helper_missing) {
    return {"a mask helper: the coordinator was started without one (sotto serve --helper)", 0};
  }
  if (!task.helpers_are.unusable.empty()) return {task.helpers_are.unusable, 0};
  if (task.helpers_are.stopping)
    return {"the mask helper to be back: it has said that it is about to stop", 0};
  if (task.reissue_wanted && task.next_round_at == kNever) {
    return {fmt::format("version {} of the model to be issued again: devices have sent their vectors for it",
                        task.stored.model.version.value),
            0};
  }
  if (task.next_round_at == kNever && task.last_begun >= task.stored.rounds_reserved) {
    const bool failed = task.reserve_at != kNever;
    if (!failed) return {"the store to reserve numbers for rounds", 0};
    return {fmt::format("the store to reserve numbers for rounds; tried again at {}",
                        host::utc_time(task.reserve_at.ms)),
            task.reserve_at.ms};
  }
  return {fmt::format("round {} begins at {}, after {} abandoned in a row", task.last_begun.value + 1,
                      host::utc_time(task.next_round_at.ms), task.abandoned_in_a_row),
          task.next_round_at.ms};
}

std::string describe_waiting(const Round& round, const Cohort& cohort) {
  const std::string name =
      fmt::format("round {}: cohort {} of {}", round.id().value, cohort.id.value + 1, round.cohorts().size());
  if (cohort.state != Cohort::State::kRunning) {
    return fmt::format("{} has ended its part; the round's other cohorts go on", name);
  }
  return fmt::format("{}, step {}: {} of {} devices have answered", name, proto::to_string(cohort.step),
                     cohort.answered, cohort.awaited);
}

}  // namespace sotto::server
