// How a round ends, and when the next one begins.
#include <algorithm>
#include <cmath>

#include "coordinator/core.h"
#include "sotto/aggregator/server_optimizer.h"
#include "sotto/crypto/primitives.h"
#include "store/model_bytes.h"

namespace sotto::server {
namespace {

std::string name_of(const Task& task, RoundId round) {
  return "task '" + task.stored.spec.name + "', round " + std::to_string(round.value);
}

// The model after the round; kAborted when the update would break it.
Result<StoredModel> next_model(const Task& task, Time now) {
  const Round& round = *task.round;
  const proto::TaskSpec& spec = task.stored.spec;
  StoredModel model = task.stored.model;
  SOTTO_RETURN_IF_ERROR(aggregator::apply_update(
      round.sum, {.learning_rate = spec.server_learning_rate, .momentum = spec.server_momentum},
      model.parameters, model.optimizer_state));
  if (!std::ranges::all_of(model.parameters, [](float value) { return std::isfinite(value); })) {
    return aborted("the update would make parameters infinite: lower the learning rate or the clip");
  }
  model.version = ModelVersion{model.version.value + 1};
  model.digest = crypto::sha256({encode_floats(model.parameters)});
  model.committed_ms = now.ms;
  // The float yardstick clips nothing, so its clipped fraction says nothing.
  if (spec.adaptive_clip && spec.aggregation.kind != proto::Aggregation::kFloat) {
    model.clip = aggregator::adapt_clip(model.clip, round.sum.metrics);
  }
  return model;
}

}  // namespace

void Core::finish_round(Task& task) {
  const Round& round = *task.round;
  if (round.sum.devices >= task.stored.spec.participants_min && round.sum.metrics.weight > 0)
    return commit_round(task);
  std::string reason = std::to_string(round.sum.devices) + " devices in the sum, " +
                       std::to_string(task.stored.spec.participants_min) + " are needed";
  if (round.sum.devices >= task.stored.spec.participants_min) reason = "the devices trained on no examples";
  if (round.cohorts_abandoned > 0) {
    reason += "; " + std::to_string(round.cohorts_abandoned) + " of " + std::to_string(round.record.cohorts) +
              " cohorts were abandoned: " + round.first_failure;
  }
  abandon_round(task, reason);
}

void Core::commit_round(Task& task) {
  Round& round = *task.round;
  Result<StoredModel> model = next_model(task, now_);
  if (!model) return abandon_round(task, model.error().message());
  proto::RoundRecord record = round.record;
  record.outcome = proto::RoundOutcome::kCommitted;
  record.plans_given = round.plans_given;
  record.committed_version = model->version;
  record.finished_ms = now_.ms;
  record.collected = round.sum.devices;
  record.metrics = round.sum.metrics;
  const bool complete = task.stored.rounds_committed + 1 >= task.stored.spec.rounds;
  const proto::TaskState state = complete ? proto::TaskState::kComplete : task.stored.state;
  if (const Status status = store_.record_round(record, &*model, state); !status.ok()) {
    notice(NoticeAction::Level::kError, name_of(task, round.id) + ": the store failed: " + status.message());
    return abandon_round(task, "the model could not be stored: " + status.message(), true);
  }
  task.stored.state = state;
  ++task.stored.rounds_committed;
  task.abandoned_in_a_row = 0;
  task.publish(std::move(*model));
  const std::string version = std::to_string(task.stored.model.version.value);
  conclude(task, {.committed = true,
                  .sentence = "committed model version " + version + " with the updates of " +
                              std::to_string(record.collected) + " devices"});
}

void Core::abandon_round(Task& task, const std::string& reason, bool store_failed) {
  Round& round = *task.round;
  proto::RoundRecord record = round.record;
  record.outcome = proto::RoundOutcome::kAbandoned;
  record.reason = reason;
  record.plans_given = round.plans_given;
  record.finished_ms = now_.ms;
  if (const Status status = store_.record_round(record, nullptr, task.stored.state); !status.ok()) {
    notice(NoticeAction::Level::kError, name_of(task, round.id) + ": the store failed: " + status.message());
    store_failed = true;
  }
  ++task.stored.rounds_abandoned;
  ++task.abandoned_in_a_row;
  conclude(task, {.committed = false,
                  .sentence = "abandoned: " + reason,
                  .pause_ms = pause_after_abandoned(task, store_failed)});
}

// The first abandoned round costs nothing; when they follow one another, or the store fails, pauses double up
// to retry_max_ms.
std::int64_t Core::pause_after_abandoned(const Task& task, bool store_failed) const {
  const std::uint32_t free_rounds = store_failed ? 0 : 1;
  if (task.abandoned_in_a_row <= free_rounds) return 0;
  const std::uint32_t doublings = std::min(task.abandoned_in_a_row - free_rounds - 1, 20u);
  const std::int64_t shortest = std::max<std::int64_t>(options_.retry_min_ms, 100);
  const std::int64_t longest = std::max<std::int64_t>(options_.retry_max_ms, shortest);
  return std::min(shortest << doublings, longest);
}

void Core::schedule_next_round(Task& task, std::int64_t pause_ms) {
  if (!task.active()) return;
  if (pause_ms == 0) return task.begin_round();
  task.next_round_at = now_ + std::chrono::milliseconds(pause_ms);
  deadlines_.set({task.stored.id, std::nullopt}, task.next_round_at);
}

void Core::conclude(Task& task, const Outcome& outcome) {
  const std::unique_ptr<Round> round = std::move(task.round);
  for (const Cohort& cohort : round->cohorts) deadlines_.clear({task.stored.id, cohort.id()});
  task.stored.last_round = round->id;
  const std::int64_t took_ms = now_.ms - round->record.started_ms;
  task.round_ms = task.round_ms == 0 ? took_ms : (task.round_ms + took_ms) / 2;
  schedule_next_round(task, outcome.pause_ms);
  end_round_sessions(task, *round, outcome);
  notice(outcome.committed ? NoticeAction::Level::kInfo : NoticeAction::Level::kWarning,
         name_of(task, round->id) + " " + outcome.sentence);
  if (round->refusals.total() > 0) {
    notice(NoticeAction::Level::kWarning, name_of(task, round->id) + " refused " +
                                              std::to_string(round->refusals.total()) +
                                              " messages: " + round->refusals.summary());
  }
  if (unknown_sessions_ > 0) {
    notice(NoticeAction::Level::kWarning,
           std::to_string(unknown_sessions_) +
               " calls named a session that is unknown since the last such notice");
    unknown_sessions_ = 0;
  }
}

void Core::end_round_sessions(Task& task, const Round& round, const Outcome& outcome) {
  const std::string sentence = "round " + std::to_string(round.id.value) + " " + outcome.sentence;
  const proto::RetryWindow window = window_for(task, describe_waiting(task).what);
  for (const SessionToken& token : round.planned) {
    Session* session = sessions_.find(token);
    if (session == nullptr || session->stage == Session::Stage::kEnded) continue;
    bool counted = false;
    if (outcome.committed && session->stage == Session::Stage::kInCohort) {
      const Cohort& cohort = round.cohorts[session->cohort.value];
      counted = cohort.state() == Cohort::State::kSummed && cohort.members()[session->index.value].in_sum;
    }
    end_session(*session, proto::SessionEnd{.counted = counted, .outcome = sentence, .window = window});
  }
}

}  // namespace sotto::server
