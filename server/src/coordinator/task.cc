#include "coordinator/task.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>

#include "store/model_bytes.h"

namespace sotto::server {
namespace {

std::uint32_t plans_for(const proto::TaskSpec& spec) {
  // over_selection is a float: 10 * 1.1f is a hair above 11 and means 11.
  const double plans = static_cast<double>(spec.participants) * static_cast<double>(spec.over_selection);
  return static_cast<std::uint32_t>(std::ceil(plans * (1 - 1e-6)));
}

std::string at_latest(Time time) { return "at " + utc(time.ms) + " at the latest"; }

Waiting describe_joining(const Task& task) {
  const Round& round = *task.round;
  const proto::TaskSpec& spec = task.stored.spec;
  const std::string name = "round " + std::to_string(round.id.value);
  const std::string paused = task.active() ? "" : " (paused: no new plans are given)";
  if (round.plans_given == 0) {
    return {name + ": devices of population '" + spec.population + "' to check in; 0 of " +
                std::to_string(round.plans_max) + " plans given",
            0};
  }
  return {name + ": " + std::to_string(round.joined) + " of " + std::to_string(spec.participants) +
              " devices have joined, " + std::to_string(round.outstanding) + " are training, " +
              std::to_string(round.plans_given) + " of " + std::to_string(round.plans_max) +
              " plans given; closes when " + std::to_string(spec.participants) + " have joined or " +
              at_latest(round.joining_until) + paused,
          round.joining_until.ms};
}

Waiting describe_cohorts(const Round& round) {
  const Cohort* next = nullptr;
  for (const Cohort& cohort : round.cohorts) {
    if (cohort.state() != Cohort::State::kRunning) continue;
    if (next == nullptr || cohort.step_until() < next->step_until()) next = &cohort;
  }
  if (next != nullptr) {
    return {describe_waiting(round, *next) + "; goes on when all have answered or " +
                at_latest(next->step_until()),
            next->step_until().ms};
  }
  return {"round " + std::to_string(round.id.value) + ": the sums of " + std::to_string(round.cohorts_open) +
              " of " + std::to_string(round.cohorts.size()) + " cohorts are being computed",
          0};
}

}  // namespace

std::uint64_t RefusalCounts::total() const {
  std::uint64_t total = 0;
  for (const std::uint64_t count : counts_) total += count;
  return total;
}

std::string RefusalCounts::summary() const {
  std::string text;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    if (!text.empty()) text += ", ";
    text += std::to_string(counts_[i]) + " " + word_of(static_cast<Rejection>(i));
  }
  return text;
}

Task::Task(StoredTask loaded, const crypto::Digest& helper)
    : stored(std::move(loaded)), model_bytes(encode_floats(stored.model.parameters)), helper_digest(helper) {}

bool Task::selecting() const {
  return active() && round != nullptr && round->joining && round->plans_given < round->plans_max;
}

std::int64_t Task::next_round_in_ms(Time now, std::int64_t horizon_ms) const {
  if (!active()) return horizon_ms;
  if (round == nullptr) return (next_round_at - now).count();
  if (round->plans_given == 0) return 0;
  // Overdue, or the first: the longer it has taken, the longer it will take.
  const std::int64_t elapsed_ms = now.ms - round->record.started_ms;
  return std::abs(elapsed_ms - round_ms);
}

void Task::begin_round() {
  next_round_at = kNever;
  turned_away = 0;
  round = std::make_unique<Round>();
  round->id = RoundId{stored.last_round.value + 1};
  round->plan = make_plan(stored, helper_digest);
  round->plan_bytes = proto::encode_plan(round->plan);
  round->plan_digest = crypto::sha256({round->plan_bytes});
  round->plans_max = plans_for(stored.spec);
  proto::RoundRecord& record = round->record;
  record.task = stored.id;
  record.round = round->id;
  record.base_version = stored.model.version;
  record.committed_version = stored.model.version;
  record.clip = stored.model.clip;
}

proto::Plan make_plan(const StoredTask& task, const crypto::Digest& helper) {
  proto::Plan plan;
  plan.task = task.id;
  plan.round = RoundId{task.last_round.value + 1};
  plan.model_version = task.model.version;
  plan.model_digest = task.model.digest;
  plan.model = task.spec.model;
  plan.training = task.spec.training;
  plan.aggregation = task.spec.aggregation;
  plan.aggregation.clip = task.model.clip;
  plan.report_within_ms = task.spec.report_within_ms;
  if (plan.aggregation.kind == proto::Aggregation::kOneShot) plan.helper_digest = helper;
  return plan;
}

void Task::publish(StoredModel model) {
  stored.model = std::move(model);
  model_bytes = encode_floats(stored.model.parameters);
}

Waiting describe_waiting(const Task& task) {
  if (task.stored.state == proto::TaskState::kComplete) {
    return {"nothing: all " + std::to_string(task.stored.spec.rounds) + " rounds are committed", 0};
  }
  if (task.round != nullptr)
    return task.round->joining ? describe_joining(task) : describe_cohorts(*task.round);
  if (!task.active()) return {"an operator to resume the paused task", 0};
  return {"round " + std::to_string(task.stored.last_round.value + 1) + " begins at " +
              utc(task.next_round_at.ms) + ", after " + std::to_string(task.abandoned_in_a_row) +
              " abandoned in a row",
          task.next_round_at.ms};
}

std::string describe_waiting(const Round& round, const Cohort& cohort) {
  const std::string name = "round " + std::to_string(round.id.value) + ": cohort " +
                           std::to_string(cohort.id().value + 1) + " of " +
                           std::to_string(round.cohorts.size());
  if (cohort.state() != Cohort::State::kRunning)
    return name + " has ended its part; the round's other cohorts go on";
  return name + ", step " + proto::to_string(cohort.open_step()) + ": " +
         std::to_string(cohort.answered_count()) + " of " + std::to_string(cohort.awaited_count()) +
         " devices have answered";
}

std::string utc(std::int64_t ms) {
  const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  char text[32];
  if (gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return std::to_string(seconds) + " s after 1970";
  }
  return text;
}

}  // namespace sotto::server
